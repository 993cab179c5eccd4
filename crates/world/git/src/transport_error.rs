//! Why a server gives no usable answer.

use std::time::Duration;

/// Why a server gave no answer, or none that can be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TransportError {
    /// The server knows no such repository.
    #[error("repository not found")]
    NotFound,
    /// The server asks who we are, and no credentials are given.
    #[error("authentication required")]
    Unauthenticated,
    /// The server refuses the credentials given.
    #[error("authentication required: the server refused the credentials")]
    CredentialsRefused,
    /// The server knows us and says no.
    #[error("access to the repository is forbidden")]
    Forbidden,
    /// The operation did not end in time.
    #[error("no answer within {}", lode_stdx::duration::format(*.0))]
    Timeout(Duration),
    /// Nobody listens there.
    #[error("connection refused")]
    Refused,
    /// The host's name leads nowhere.
    #[error("host name cannot be resolved")]
    Dns,
    /// No connection for another reason.
    #[error("connection failed")]
    Connect,
    /// The connection ended in the middle of an answer.
    #[error("connection broke off in the middle of an answer")]
    BrokeOff,
    /// No encrypted connection that can be trusted.
    #[error("TLS failed: {0}")]
    Tls(&'static str),
    /// A certificate, key or proxy address that cannot be used.
    #[error("{0}")]
    Configuration(&'static str),
    /// A redirect that is not followed.
    #[error("redirect refused: {0}")]
    Redirect(&'static str),
    /// An HTTP status that means no answer.
    #[error("the server answered with HTTP status {0}")]
    Status(u16),
    /// More than we take.
    #[error("{what} of more than {limit} bytes, the limit")]
    TooLarge {
        /// What is too large.
        what: &'static str,
        /// The limit in bytes.
        limit: u64,
    },
    /// An answer that is not Git's protocol.
    #[error("the server does not speak Git's protocol here: {0}")]
    Protocol(&'static str),
    /// The egress policy does not allow the connection.
    #[error("{0}")]
    Egress(lode_net::Refused),
    /// What the server itself says is wrong.
    #[error("the server says: {0}")]
    Server(String),
}
