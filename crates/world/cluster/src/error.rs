//! What can go wrong between us and an API server.

use crate::refusal::Status;

/// Why a call gave no answer to use.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The server answered and said no.
    #[error("{}", .0.message)]
    Refused(Box<Status>),
    /// No answer: the server is away, the connection broke, TLS failed.
    #[error("Kubernetes API is not reachable: {0}")]
    Unreachable(String),
    /// The answer is larger than any object or page is.
    #[error("answer of the Kubernetes API is larger than {0} bytes")]
    TooLarge(usize),
    /// The answer is not what the API promises.
    #[error("answer of the Kubernetes API is not understood: {0}")]
    NotUnderstood(String),
    /// The request could not be put together, for instance from a name no URL may hold.
    #[error("request to the Kubernetes API is not valid: {0}")]
    Request(String),
}

impl Error {
    /// Returns the server's refusal, if it is one.
    #[must_use]
    pub fn status(&self) -> Option<&Status> {
        match self {
            Self::Refused(status) => Some(status),
            _ => None,
        }
    }

    /// Tells whether the server refused with this HTTP code.
    #[must_use]
    pub fn is(&self, code: u16) -> bool {
        self.status().is_some_and(|status| status.code == code)
    }

    /// Tells whether the object, its namespace or its kind does not exist.
    #[must_use]
    pub fn is_not_found(&self) -> bool {
        self.is(404)
    }

    /// Returns whether an object of this name exists already.
    #[must_use]
    pub fn is_already_exists(&self) -> bool {
        self.status().is_some_and(Status::is_already_exists)
    }

    /// Returns whether asking again later may help although nothing changed.
    #[must_use]
    pub fn is_passing(&self) -> bool {
        match self {
            Self::Refused(status) => status.code == 429 || status.code >= 500 || status.is_any_modified(),
            Self::Unreachable(_) => true,
            Self::TooLarge(_) | Self::NotUnderstood(_) | Self::Request(_) => false,
        }
    }
}
