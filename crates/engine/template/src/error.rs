//! Why a function or a template failed.

use std::fmt;

use lode_stdx::budget::Exceeded;

/// The failure of a function or of a template, as Go words it.
///
/// It is one pointer wide, because every evaluation returns one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error(Box<Reason>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Reason {
    Message(String),
    Bound(String),
}

impl Error {
    /// Fails as a Go function that returns an error, or panics, with this text.
    pub fn new(message: impl Into<String>) -> Self {
        Self(Box::new(Reason::Message(message.into())))
    }

    /// Fails because a bound is reached; `message` names the bound and its limit.
    pub fn bound(message: impl Into<String>) -> Self {
        Self(Box::new(Reason::Bound(message.into())))
    }

    /// Returns the text alone.
    pub fn message(&self) -> &str {
        match &*self.0 {
            Reason::Message(message) | Reason::Bound(message) => message,
        }
    }

    /// Returns whether a bound of ours was reached, so that the same input would fail again.
    pub fn is_bound(&self) -> bool {
        matches!(&*self.0, Reason::Bound(_))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.message())
    }
}

impl std::error::Error for Error {}

impl From<Exceeded> for Error {
    fn from(exceeded: Exceeded) -> Self {
        Self::bound(exceeded.to_string())
    }
}
