//! The errors of requests to a registry.

use http::Method;
use lode_net::{Answer, OutboundError};
use lode_stdx::bare_url;
use url::Url;

use crate::error::{Error, Refusal, Said};
use crate::repository::Repository;

/// Largest body of an error, in bytes.
const SAID_BYTES_MAX: u64 = 64 << 10;

/// Returns the error of a request that got no answer.
pub(super) fn outbound(method: &Method, url: &Url, source: OutboundError) -> Error {
    Error::Outbound {
        method: word(method),
        url: shown(url),
        source,
    }
}

/// Returns what a registry says in an answer that is no success.
pub(super) async fn refused(method: Method, answer: Answer) -> Error {
    let (status, url) = (answer.status, shown(&answer.url));
    let body = answer.bytes("an error", SAID_BYTES_MAX).await;
    Error::Refused(Box::new(Refusal {
        method: word(&method),
        url,
        status,
        said: Said::read(&body.unwrap_or_default()),
    }))
}

fn word(method: &Method) -> &'static str {
    match *method {
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        _ => "GET",
    }
}

/// Returns a URL without its query, which may hold a token.
fn shown(url: &Url) -> Box<str> {
    let mut bare = url.clone();
    bare.set_query(None);
    bare_url(bare.as_str()).into()
}

/// Returns the error of an answer that the specification does not allow.
pub(super) fn unexpected(repository: &Repository, what: &'static str) -> Error {
    Error::Protocol {
        url: repository.to_string().into(),
        what,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_shown_without_its_query() {
        let url = Url::parse("https://host/token?password=hunter2").unwrap();
        assert_eq!(&*shown(&url), "https://host/token");
    }
}
