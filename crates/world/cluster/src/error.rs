//! Errors of calls to an API server.

use crate::refusal::Status;

/// Why a call failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The server refused it.
    #[error("{}", .0.message)]
    Refused(Box<Status>),
    /// No response: the server is away, the connection broke, or TLS failed.
    #[error("Kubernetes API is not reachable: {0}")]
    Unreachable(String),
    /// The response is larger than any object or page.
    #[error("response of the Kubernetes API is larger than {0} bytes")]
    TooLarge(usize),
    /// The response does not follow the API.
    #[error("response of the Kubernetes API cannot be parsed: {0}")]
    NotUnderstood(String),
    /// The namespace has reached its limit of watches.
    #[error(
        "namespace \"{namespace}\" has {max} kinds and selections of objects watched already, as many as one may \
         (--watches-per-namespace): use fewer kinds and health checks there, or raise the bound"
    )]
    TooManyWatches {
        /// The namespace of the owners.
        namespace: Box<str>,
        /// The limit.
        max: usize,
    },
    /// Nothing was sent: this process must not write, because it does not hold its Lease (any
    /// more).
    #[error("nothing was written: this replica does not hold its Lease")]
    NotLeading,
    /// The request could not be built, for instance because a name is not allowed in a URL.
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

    /// Returns whether the server refused with this HTTP code.
    #[must_use]
    pub fn is(&self, code: u16) -> bool {
        self.status().is_some_and(|status| status.code == code)
    }

    /// Returns whether the object, its namespace or its kind does not exist.
    #[must_use]
    pub fn is_not_found(&self) -> bool {
        self.is(404)
    }

    /// Returns whether the server does not know the kind; this says nothing about the object.
    #[must_use]
    pub fn is_unserved(&self) -> bool {
        let unknown = |status: &Status| status.reason.is_empty() || &*status.message == NO_RESOURCE;
        self.status()
            .is_some_and(|status| status.code == 404 && unknown(status))
    }

    /// Returns whether an object of this name exists already.
    #[must_use]
    pub fn is_already_exists(&self) -> bool {
        self.status().is_some_and(Status::is_already_exists)
    }

    /// Returns whether a retry may succeed although nothing was changed.
    #[must_use]
    pub fn is_passing(&self) -> bool {
        match self {
            Self::Refused(status) => {
                status.code == 429 || status.code >= 500 || status.is_any_modified()
            }
            Self::Unreachable(_) | Self::NotLeading => true,
            Self::TooLarge(_)
            | Self::NotUnderstood(_)
            | Self::TooManyWatches { .. }
            | Self::Request(_) => false,
        }
    }
}

/// The server's message if it serves the version but not the kind; if it serves neither, there is
/// no status at all.
const NO_RESOURCE: &str = "the server could not find the requested resource";

#[cfg(test)]
mod tests {
    use super::*;

    fn not_found(reason: &str, message: &str) -> Error {
        let status = serde_json::json!({"code": 404, "reason": reason, "message": message});
        Error::Refused(Box::new(serde_json::from_value(status).unwrap()))
    }

    #[test]
    fn a_kind_that_is_not_served_is_no_missing_object() {
        assert!(not_found("", "404 page not found").is_unserved());
        assert!(not_found("NotFound", NO_RESOURCE).is_unserved());
        assert!(!not_found("NotFound", "configmaps \"a\" not found").is_unserved());
        assert!(!not_found("NotFound", "namespaces \"a\" not found").is_unserved());
    }
}
