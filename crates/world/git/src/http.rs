//! [`Session`]: one operation's requests to one repository, within one deadline.
//!
//! Input: a [`Remote`]. Output: bodies as bounded streams. Only the first request follows redirects; one to another
//! scheme, host or port goes on without credentials and without the client's certificate. Failures come in our own
//! words: neither URLs nor what the libraries below say about them leave this file.

use std::cell::Cell;
use std::io::{self, Read};
use std::rc::Rc;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::Url;
use reqwest::blocking::{Client, RequestBuilder, Response};
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderValue, LOCATION};

use crate::client;
use crate::pktline::printable;
use crate::remote::{Credentials, Remote};

/// Redirects followed before they count as a circle.
const REDIRECTS_MAX: usize = 5;

const ADVERTISEMENT: &str = "application/x-git-upload-pack-advertisement";

/// Why a server gave no answer, or none that can be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
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
    /// What the server itself says is wrong.
    #[error("the server says: {0}")]
    Server(String),
}

/// One operation's requests.
pub(crate) struct Session {
    client: Client,
    remote: Remote,
    base: Url,
    authorization: Option<HeaderValue>,
    deadline: Instant,
}

impl Session {
    /// Prepares an operation; nothing is sent yet.
    pub(crate) fn new(remote: &Remote) -> Result<Self, Error> {
        let authorization = authorization(&remote.credentials)?;
        let deadline = Instant::now() + remote.timeout;
        let (client, base) = (client::of(remote, remote.parsed())?, remote.parsed().clone());
        Ok(Self { client, remote: remote.clone(), base, authorization, deadline })
    }

    /// Returns when the operation must have ended.
    pub(crate) fn deadline(&self) -> Instant {
        self.deadline
    }

    /// Returns how a late operation failed.
    pub(crate) fn late(&self) -> Error {
        Error::Timeout(self.remote.timeout)
    }

    /// Asks for what the server can do, following redirects.
    pub(crate) fn advertisement(&mut self, limit: u64) -> Result<Body, Error> {
        let mut url = below(&self.base, "/info/refs");
        url.set_query(Some("service=git-upload-pack"));
        for _ in 0..=REDIRECTS_MAX {
            let response = self.send(self.client.get(url.clone()).header(ACCEPT, "*/*"))?;
            if !response.status().is_redirection() {
                let body = self.body(response, "a list of references", limit)?;
                return body.of_type(ADVERTISEMENT);
            }
            url = self.redirected(&url, &response)?;
        }
        Err(Error::Redirect("they may lead in a circle"))
    }

    /// Sends a request of the protocol.
    pub(crate) fn upload_pack(&self, request: Vec<u8>, what: &'static str, limit: u64) -> Result<Body, Error> {
        let post = self.client.post(below(&self.base, "/git-upload-pack"));
        let post = post
            .header(CONTENT_TYPE, "application/x-git-upload-pack-request")
            .header(ACCEPT, "application/x-git-upload-pack-result")
            .body(request);
        let response = self.send(post)?;
        if response.status().is_redirection() {
            return Err(Error::Redirect("only the first request of an operation may be redirected"));
        }
        self.body(response, what, limit)?.of_type("application/x-git-upload-pack-result")
    }

    /// Returns text a server sent, without any secret of ours it may have echoed.
    pub(crate) fn said(&self, text: &[u8]) -> Error {
        let mut text = printable(text);
        let header = self.authorization.as_ref().and_then(|value| value.to_str().ok()).unwrap_or_default();
        let encoded = header.rsplit(' ').next().unwrap_or_default();
        let secrets = match &self.remote.credentials {
            Credentials::None => ["", ""],
            Credentials::Basic { password, .. } => [password.as_str(), encoded],
            Credentials::Bearer(token) => [token.as_str(), encoded],
        };
        for secret in secrets.into_iter().filter(|secret| !secret.is_empty()) {
            text = text.replace(secret, "***");
        }
        Error::Server(text)
    }

    fn send(&self, request: RequestBuilder) -> Result<Response, Error> {
        let left = self.deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(self.late());
        }
        let mut request = request.header("Git-Protocol", "version=2").timeout(left);
        if let Some(value) = &self.authorization {
            request = request.header(AUTHORIZATION, value.clone());
        }
        request.send().map_err(|error| client::failure(&error, self.remote.timeout))
    }

    fn body(&self, response: Response, what: &'static str, limit: u64) -> Result<Body, Error> {
        let status = response.status().as_u16();
        match status {
            200 => {}
            401 if self.authorization.is_some() => return Err(Error::CredentialsRefused),
            401 => return Err(Error::Unauthenticated),
            403 => return Err(Error::Forbidden),
            404 | 410 => return Err(Error::NotFound),
            407 => return Err(Error::Configuration("the proxy asks for other credentials")),
            status => return Err(Error::Status(status)),
        }
        let (deadline, timeout) = (self.deadline, self.remote.timeout);
        Ok(Body { response, taken: 0, limit, what, deadline, timeout, failure: Failure::default() })
    }

    /// Reads where a redirect leads and moves the session there.
    fn redirected(&mut self, from: &Url, response: &Response) -> Result<Url, Error> {
        let location = response.headers().get(LOCATION).and_then(|value| value.to_str().ok());
        let mut to = location.and_then(|text| from.join(text).ok()).ok_or(Error::Redirect("it names no URL"))?;
        match (from.scheme(), to.scheme()) {
            ("http", "http" | "https") | ("https", "https") => {}
            ("https", "http") => return Err(Error::Redirect("it leads from https to http")),
            _ => return Err(Error::Redirect("it leads away from http and https")),
        }
        if to.set_username("").and_then(|()| to.set_password(None)).is_err() {
            return Err(Error::Redirect("it names no host"));
        }
        let Some(path) = to.path().strip_suffix("/info/refs") else {
            return Err(Error::Redirect("it leads to something else than a repository"));
        };
        let mut base = to.clone();
        base.set_path(path);
        base.set_query(None);
        if to.origin() != self.base.origin() {
            self.authorization = None;
            self.remote.client_certificate = None;
            self.client = client::of(&self.remote, &to)?;
        }
        self.base = base;
        Ok(to)
    }
}

/// The reason why a body ended early, kept beside the reader because readers below know [`io::Error`] only.
pub(crate) type Failure = Rc<Cell<Option<Error>>>;

/// An answer's bytes, as far as limit and deadline allow.
pub(crate) struct Body {
    response: Response,
    taken: u64,
    limit: u64,
    what: &'static str,
    deadline: Instant,
    timeout: Duration,
    failure: Failure,
}

impl Body {
    /// Returns where the reason will be found when reading fails.
    pub(crate) fn failure(&self) -> Failure {
        Rc::clone(&self.failure)
    }

    fn of_type(self, wanted: &'static str) -> Result<Self, Error> {
        let found = self.response.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
        if found.is_some_and(|found| found.split(';').next().is_some_and(|found| found.trim() == wanted)) {
            return Ok(self);
        }
        Err(Error::Protocol("the answer is of another content type"))
    }

    fn fail(&self, error: Error) -> io::Error {
        let shown = io::Error::other(error.clone());
        self.failure.set(Some(error));
        shown
    }
}

impl Read for Body {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if Instant::now() >= self.deadline {
            return Err(self.fail(Error::Timeout(self.timeout)));
        }
        let count = match self.response.read(out) {
            Ok(count) => count,
            Err(error) if is_timeout(&error) => return Err(self.fail(Error::Timeout(self.timeout))),
            Err(_) => return Err(self.fail(Error::BrokeOff)),
        };
        self.taken += count as u64;
        if self.taken > self.limit {
            return Err(self.fail(Error::TooLarge { what: self.what, limit: self.limit }));
        }
        Ok(count)
    }
}

fn is_timeout(error: &io::Error) -> bool {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<reqwest::Error>());
    error.kind() == io::ErrorKind::TimedOut || inner.is_some_and(reqwest::Error::is_timeout)
}

fn below(base: &Url, suffix: &str) -> Url {
    let mut url = base.clone();
    url.set_path(&format!("{}{suffix}", base.path().trim_end_matches('/')));
    url
}

fn authorization(credentials: &Credentials) -> Result<Option<HeaderValue>, Error> {
    let text = match credentials {
        Credentials::None => return Ok(None),
        Credentials::Basic { username, password } => {
            format!("Basic {}", STANDARD.encode(format!("{username}:{password}")))
        }
        Credentials::Bearer(token) => format!("Bearer {token}"),
    };
    let mut value = HeaderValue::try_from(text)
        .map_err(|_| Error::Configuration("the token holds characters that no HTTP header may hold"))?;
    value.set_sensitive(true);
    Ok(Some(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_echoes_a_secret_is_not_quoted() {
        let mut remote = Remote::new("http://127.0.0.1/x").unwrap();
        remote.credentials = Credentials::Basic { username: "git".into(), password: "hunter2".into() };
        let session = Session::new(&remote).unwrap();
        let said = session.said(b"no: hunter2, Basic Z2l0Omh1bnRlcjI=").to_string();
        assert_eq!(said, "the server says: no: ***, Basic ***");
    }
}
