//! Why a body is no object.

use crate::decode::quantity;

/// Why a body cannot be decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// It is empty.
    #[error("empty data")]
    Empty,
    /// It does not begin with the magic bytes.
    #[error(
        "provided data does not appear to be a protobuf message, expected prefix [107 56 115 0]"
    )]
    Prefix,
    /// There is nothing after the magic bytes.
    #[error("empty body")]
    EmptyBody,
    /// It is truncated, or not protobuf.
    #[error("proto: unexpected end of message or illegal tag")]
    Malformed,
    /// A field has the wrong wire type.
    #[error("proto: wrong wireType for field {0}")]
    WireType(&'static str),
    /// A part that should be JSON is not.
    #[error("a field that holds JSON holds none")]
    Json,
    /// A malformed quantity.
    #[error(transparent)]
    Quantity(#[from] QuantityError),
    /// Messages are nested too deeply.
    #[error("messages are nested deeper than {DEPTH_MAX}")]
    TooDeep,
    /// There are too many messages.
    #[error("there are more than {MESSAGES_MAX} messages")]
    TooMany,
}

/// Why a text in a message is not a quantity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(transparent)]
pub struct QuantityError(#[from] quantity::Error);

impl From<quantity::Error> for Error {
    fn from(error: quantity::Error) -> Self {
        Self::Quantity(QuantityError(error))
    }
}

/// Deepest nesting of messages.
pub(super) const DEPTH_MAX: usize = 200;

/// Most messages of one object; a few bytes can each become a struct with many fields.
pub(super) const MESSAGES_MAX: usize = 250_000;
