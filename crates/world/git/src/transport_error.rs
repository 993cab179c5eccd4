//! Errors of requests to a server.

use std::time::Duration;

use lode_net::OutboundError;

/// Why a server gave no usable response.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TransportError {
    /// The server knows no such repository.
    #[error("repository not found")]
    NotFound,
    /// The server requires credentials, and none are given.
    #[error("authentication required")]
    Unauthenticated,
    /// The server refuses the given credentials.
    #[error("authentication required: the server refused the credentials")]
    CredentialsRefused,
    /// The server refuses access.
    #[error("access to the repository is forbidden")]
    Forbidden,
    /// The operation did not end in time.
    #[error("no answer within {}", lode_stdx::duration::format(*.0))]
    Timeout(Duration),
    /// The connection is refused.
    #[error("connection refused")]
    Refused,
    /// The host name cannot be resolved.
    #[error("host name cannot be resolved")]
    Dns,
    /// The connection failed for another reason.
    #[error("connection failed")]
    Connect,
    /// The connection ended in the middle of a response.
    #[error("connection closed in the middle of a response")]
    BrokeOff,
    /// TLS failed or the certificate is not trusted.
    #[error("TLS failed: {0}")]
    Tls(&'static str),
    /// A certificate, key or proxy address is invalid.
    #[error("{0}")]
    Configuration(&'static str),
    /// A redirect that is not followed.
    #[error("redirect refused: {0}")]
    Redirect(&'static str),
    /// An unexpected HTTP status.
    #[error("the server answered with HTTP status {0}")]
    Status(u16),
    /// Something exceeds a limit.
    #[error("{what} of more than {limit} bytes, the limit")]
    TooLarge {
        /// What exceeds it.
        what: &'static str,
        /// The limit in bytes.
        limit: u64,
    },
    /// A response that is not Git's protocol.
    #[error("the server does not speak Git's protocol here: {0}")]
    Protocol(&'static str),
    /// The egress policy does not allow the connection.
    #[error("{0}")]
    Egress(lode_net::Refused),
    /// An error message of the server.
    #[error("the server says: {0}")]
    Server(String),
}

impl From<OutboundError> for TransportError {
    fn from(error: OutboundError) -> Self {
        match error {
            OutboundError::Egress(refused) => Self::Egress(refused),
            OutboundError::Configuration(text) => Self::Configuration(text),
            OutboundError::Dns => Self::Dns,
            OutboundError::Refused => Self::Refused,
            OutboundError::Connect => Self::Connect,
            OutboundError::Tls(text) => Self::Tls(text),
            OutboundError::Timeout(time) => Self::Timeout(time),
            OutboundError::BrokeOff => Self::BrokeOff,
            OutboundError::Redirect(text) => Self::Redirect(text),
            OutboundError::TooLarge { what, limit } => Self::TooLarge { what, limit },
        }
    }
}
