//! [`ShelfError`]: why there is no chart.

use lode_net::Refused;

use crate::repository::FetchError;

/// Why there is no chart.
#[derive(Debug)]
pub enum ShelfError {
    /// The index does not have what is meant.
    Reference(String),
    /// Something does not answer as it should.
    Pull(String),
    /// The egress policy forbids the connection.
    Denied(Refused),
}

impl std::error::Error for ShelfError {}

impl std::fmt::Display for ShelfError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Reference(text) | Self::Pull(text) => f.write_str(text),
            Self::Denied(refused) => refused.fmt(f),
        }
    }
}

impl From<&FetchError> for ShelfError {
    fn from(error: &FetchError) -> Self {
        match error.egress() {
            Some(refused) => Self::Denied(refused.clone()),
            None => Self::Pull(error.to_string()),
        }
    }
}
