//! [`OutboundError`]: why a request got no usable response, in our own words.
//!
//! Neither URLs nor messages of the underlying libraries are part of it, because both may hold secrets.

use std::error::Error as StdError;
use std::io;
use std::time::Duration;

use crate::egress::Refused;

/// Longest time to open a connection.
pub(crate) const CONNECT_TIMEOUT: Duration = Duration::from_secs(20);

/// Why a request got no usable response.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OutboundError {
    /// The egress policy does not allow the connection.
    #[error("{0}")]
    Egress(Refused),
    /// A certificate, key or proxy address is invalid.
    #[error("{0}")]
    Configuration(&'static str),
    /// The host name cannot be resolved.
    #[error("host name cannot be resolved")]
    Dns,
    /// The connection is refused.
    #[error("connection refused")]
    Refused,
    /// The connection failed for another reason.
    #[error("connection failed")]
    Connect,
    /// TLS failed or the certificate is not trusted.
    #[error("TLS failed: {0}")]
    Tls(&'static str),
    /// The operation did not end in time.
    #[error("no answer within {}", lode_stdx::duration::format(*.0))]
    Timeout(Duration),
    /// The connection ended in the middle of a response.
    #[error("connection closed in the middle of a response")]
    BrokeOff,
    /// A redirect that is not followed.
    #[error("redirect refused: {0}")]
    Redirect(&'static str),
    /// Something exceeds a limit.
    #[error("{what} of more than {limit} bytes, the limit")]
    TooLarge {
        /// What exceeds it.
        what: &'static str,
        /// The limit in bytes.
        limit: u64,
    },
}

impl OutboundError {
    /// Returns the error of a failed request.
    #[must_use]
    pub fn of(error: &reqwest::Error, timeout: Duration) -> Self {
        if let Some(refused) = causes(error).find_map(|cause| cause.downcast_ref::<Refused>()) {
            return Self::Egress(refused.clone());
        }
        let tls =
            causes(error).find_map(|cause| cause.downcast_ref::<tokio_rustls::rustls::Error>());
        if let Some(tls) = tls {
            return Self::Tls(tls_words(tls));
        }

        match error {
            error if error.is_timeout() && error.is_connect() => {
                Self::Timeout(timeout.min(CONNECT_TIMEOUT))
            }
            error if error.is_timeout() => Self::Timeout(timeout),
            error if error.is_dns() => Self::Dns,
            error if is_refused(error) => Self::Refused,
            error if error.is_connect() => Self::Connect,
            error if error.is_builder() => Self::Configuration("the request cannot be built"),
            _ => Self::BrokeOff,
        }
    }

    /// Returns whether another try may succeed although nothing else changes.
    #[must_use]
    pub fn is_passing(&self) -> bool {
        matches!(
            self,
            Self::Dns | Self::Refused | Self::Connect | Self::BrokeOff
        )
    }
}

/// Returns whether the cause of an error is that nobody listens.
pub(super) fn is_refused(error: &(dyn StdError + 'static)) -> bool {
    causes(error)
        .filter_map(|cause| cause.downcast_ref::<io::Error>())
        .any(|cause| cause.kind() == io::ErrorKind::ConnectionRefused)
}

/// Iterates over an error's causes, including those that [`io::Error`] wraps.
fn causes<'e>(
    error: &'e (dyn StdError + 'static),
) -> impl Iterator<Item = &'e (dyn StdError + 'static)> {
    std::iter::successors(Some(error), |error| cause(*error))
}

fn cause<'e>(error: &'e (dyn StdError + 'static)) -> Option<&'e (dyn StdError + 'static)> {
    let wrapped = error
        .downcast_ref::<io::Error>()
        .and_then(io::Error::get_ref);
    wrapped
        .map(|inner| inner as &'e (dyn StdError + 'static))
        .or_else(|| error.source())
}

fn tls_words(error: &tokio_rustls::rustls::Error) -> &'static str {
    use tokio_rustls::rustls::{CertificateError as Certificate, Error as Tls};
    match error {
        Tls::InvalidCertificate(Certificate::UnknownIssuer) => {
            "the server's certificate is of an unknown authority"
        }
        Tls::InvalidCertificate(Certificate::Expired | Certificate::ExpiredContext { .. }) => {
            "the server's certificate has expired"
        }
        Tls::InvalidCertificate(
            Certificate::NotValidForName | Certificate::NotValidForNameContext { .. },
        ) => "the server's certificate is for another name",
        Tls::InvalidCertificate(_) => "the server's certificate is not valid",
        Tls::AlertReceived(_) => "the server refused the connection or the client's certificate",
        _ => "no encrypted connection could be agreed",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_try_is_made_only_where_it_can_help() {
        assert!(OutboundError::Refused.is_passing() && OutboundError::BrokeOff.is_passing());
        for error in [
            OutboundError::Tls("x"),
            OutboundError::Configuration("x"),
            OutboundError::Redirect("x"),
            OutboundError::Timeout(Duration::ZERO),
        ] {
            assert!(!error.is_passing(), "{error}");
        }
    }

    #[test]
    fn the_causes_inside_an_io_error_are_seen() {
        let inner = io::Error::from(io::ErrorKind::ConnectionRefused);
        let outer = io::Error::other(io::Error::other(inner));
        let kinds = causes(&outer).filter_map(|cause| cause.downcast_ref::<io::Error>());
        let kinds: Vec<_> = kinds.map(io::Error::kind).collect();
        assert!(
            kinds.contains(&io::ErrorKind::ConnectionRefused),
            "{kinds:?}"
        );
    }
}
