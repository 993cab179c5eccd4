//! [`Session`]: one operation's requests to one repository, within one deadline.
//!
//! Input: a [`Remote`]. Output: bodies as bounded streams. Waiting holds no thread, and dropping
//! the future ends the request. Only the first request follows redirects; a redirect to another
//! scheme, host or port is followed without credentials and without the client certificate. Errors
//! are in our own words: neither URLs nor messages of the underlying libraries leave this file.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::{Buf as _, Bytes};
use lode_net::HttpClient;
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderValue, LOCATION};
use reqwest::{Method, RequestBuilder, Response, Url};
use tokio::time::{Instant, timeout_at};

use crate::client;
use crate::pktline::printable;
use crate::remote::{Credentials, Remote};
use crate::transport_error::TransportError as Error;

/// Redirects followed before they count as a circle.
const REDIRECTS_MAX: usize = 5;
/// Longest timeout, whatever is requested: short enough to be added to any clock.
const TIMEOUT_MAX: Duration = Duration::from_hours(24 * 365);

const ADVERTISEMENT: &str = "application/x-git-upload-pack-advertisement";

/// One operation's requests.
pub(crate) struct Session {
    client: HttpClient,
    remote: Remote,
    base: Url,
    authorization: Option<HeaderValue>,
    deadline: Instant,
}

impl Session {
    /// Prepares an operation; nothing is sent yet.
    pub(crate) fn new(remote: &Remote) -> Result<Self, Error> {
        let authorization = authorization(&remote.credentials)?;
        let deadline = Instant::now() + remote.timeout.min(TIMEOUT_MAX);
        let (client, base) = (
            client::of(remote, remote.parsed())?,
            remote.parsed().clone(),
        );
        Ok(Self {
            client,
            remote: remote.clone(),
            base,
            authorization,
            deadline,
        })
    }

    /// Returns the deadline of the operation.
    pub(crate) fn deadline(&self) -> Instant {
        self.deadline
    }

    /// Extends the deadline by time that was not spent waiting for the server.
    pub(crate) fn extend(&mut self, waited: Duration) {
        self.deadline += waited;
    }

    /// Returns the error of an operation that missed its deadline.
    pub(crate) fn late(&self) -> Error {
        Error::Timeout(self.remote.timeout)
    }

    /// Requests the server's capabilities, following redirects.
    pub(crate) async fn advertisement(&mut self, limit: u64) -> Result<ResponseBytes, Error> {
        let mut url = below(&self.base, "/info/refs");
        url.set_query(Some("service=git-upload-pack"));
        for _ in 0..=REDIRECTS_MAX {
            let response = self
                .send(
                    self.client
                        .request(Method::GET, url.clone())
                        .header(ACCEPT, "*/*"),
                )
                .await?;
            if !response.status().is_redirection() {
                let body = self.body(response, "a list of references", limit)?;
                return body.of_type(ADVERTISEMENT);
            }
            url = self.redirected(&url, &response)?;
        }
        Err(Error::Redirect("they may lead in a circle"))
    }

    /// Sends a request of the protocol.
    pub(crate) async fn upload_pack(
        &self,
        request: Vec<u8>,
        what: &'static str,
        limit: u64,
    ) -> Result<ResponseBytes, Error> {
        let url = below(&self.base, "/git-upload-pack");
        let post = self.client.request(Method::POST, url);
        let post = post
            .header(CONTENT_TYPE, "application/x-git-upload-pack-request")
            .header(ACCEPT, "application/x-git-upload-pack-result")
            .body(request);
        let response = self.send(post).await?;
        if response.status().is_redirection() {
            return Err(Error::Redirect(
                "only the first request of an operation may be redirected",
            ));
        }
        self.body(response, what, limit)?
            .of_type("application/x-git-upload-pack-result")
    }

    /// Returns an error with text that the server sent, without any of our secrets that it may have
    /// echoed.
    pub(crate) fn said(&self, text: &[u8]) -> Error {
        let mut text = String::from_utf8_lossy(text).into_owned();
        let header = self
            .authorization
            .as_ref()
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default();
        let encoded = header.rsplit(' ').next().unwrap_or_default();
        let secrets = match &self.remote.credentials {
            Credentials::None => ["", ""],
            Credentials::Basic { password, .. } => [password.as_str(), encoded],
            Credentials::Bearer(token) => [token.as_str(), encoded],
        };
        for secret in secrets.into_iter().filter(|secret| !secret.is_empty()) {
            text = text.replace(secret, "***");
        }
        // It is cut only now, because a part of a secret would not be found.
        Error::Server(printable(text.as_bytes()))
    }

    async fn send(&self, request: RequestBuilder) -> Result<Response, Error> {
        let mut request = request.header("Git-Protocol", "version=2");
        if let Some(value) = &self.authorization {
            request = request.header(AUTHORIZATION, value.clone());
        }
        let sent = self.client.send(request, self.remote.timeout);
        let answer = timeout_at(self.deadline, sent).await;
        answer.map_err(|_| self.late())?.map_err(Error::from)
    }

    fn body(
        &self,
        response: Response,
        what: &'static str,
        limit: u64,
    ) -> Result<ResponseBytes, Error> {
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
        Ok(ResponseBytes {
            response,
            chunk: Bytes::new(),
            taken: 0,
            limit,
            what,
            deadline,
            timeout,
        })
    }

    /// Reads the target of a redirect and moves the session there.
    fn redirected(&mut self, from: &Url, response: &Response) -> Result<Url, Error> {
        let location = response
            .headers()
            .get(LOCATION)
            .and_then(|value| value.to_str().ok());
        let mut to = location
            .and_then(|text| from.join(text).ok())
            .ok_or(Error::Redirect("it names no URL"))?;
        match (from.scheme(), to.scheme()) {
            ("http", "http" | "https") | ("https", "https") => {}
            ("https", "http") => return Err(Error::Redirect("it leads from https to http")),
            _ => return Err(Error::Redirect("it leads away from http and https")),
        }

        if to
            .set_username("")
            .and_then(|()| to.set_password(None))
            .is_err()
        {
            return Err(Error::Redirect("it names no host"));
        }
        let Some(path) = to.path().strip_suffix("/info/refs") else {
            return Err(Error::Redirect(
                "it leads to something else than a repository",
            ));
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

/// The bytes of a response, within limit and deadline.
pub(crate) struct ResponseBytes {
    response: Response,
    /// Received but not yet read.
    chunk: Bytes,
    taken: u64,
    limit: u64,
    what: &'static str,
    deadline: Instant,
    timeout: Duration,
}

impl ResponseBytes {
    /// Fills `out`, or returns false if the response ends before its first byte.
    pub(crate) async fn fill(&mut self, out: &mut [u8]) -> Result<bool, Error> {
        let mut filled = 0;
        while filled < out.len() {
            if self.chunk.is_empty() && !self.advance().await? {
                return if filled == 0 {
                    Ok(false)
                } else {
                    Err(Error::BrokeOff)
                };
            }
            let count = self.chunk.len().min(out.len() - filled);
            self.chunk.copy_to_slice(&mut out[filled..filled + count]);
            filled += count;
        }
        Ok(true)
    }

    /// Waits for more, or returns false at the end.
    async fn advance(&mut self) -> Result<bool, Error> {
        while self.chunk.is_empty() {
            let next = timeout_at(self.deadline, self.response.chunk()).await;
            let next = next
                .map_err(|_| Error::Timeout(self.timeout))?
                .map_err(|_| Error::BrokeOff)?;
            let Some(next) = next else { return Ok(false) };
            self.taken += next.len() as u64;
            if self.taken > self.limit {
                return Err(Error::TooLarge {
                    what: self.what,
                    limit: self.limit,
                });
            }
            self.chunk = next;
        }
        Ok(true)
    }

    fn of_type(self, wanted: &'static str) -> Result<Self, Error> {
        let found = self
            .response
            .headers()
            .get(CONTENT_TYPE)
            .and_then(|value| value.to_str().ok());
        if found.is_some_and(|found| {
            found
                .split(';')
                .next()
                .is_some_and(|found| found.trim() == wanted)
        }) {
            return Ok(self);
        }
        Err(Error::Protocol(
            "the response has an unexpected content type",
        ))
    }
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
            format!(
                "Basic {}",
                STANDARD.encode(format!("{username}:{password}"))
            )
        }
        Credentials::Bearer(token) => format!("Bearer {token}"),
    };
    let mut value = HeaderValue::try_from(text).map_err(|_| {
        Error::Configuration("the token holds characters that no HTTP header may hold")
    })?;
    value.set_sensitive(true);
    Ok(Some(value))
}

#[cfg(test)]
mod tests {
    use lode_net::{Egress, Rules};

    use super::*;

    #[test]
    fn a_server_that_echoes_a_secret_is_not_quoted() {
        let mut remote = Remote::new("http://127.0.0.1/x").unwrap();
        remote.credentials = Credentials::Basic {
            username: "git".into(),
            password: "hunter2".into(),
        };
        remote.egress = Egress::new(Rules {
            allow: vec!["127.0.0.0/8".parse().unwrap()],
            deny: Vec::new(),
        });
        let session = Session::new(&remote).unwrap();
        let said = session
            .said(b"no: hunter2, Basic Z2l0Omh1bnRlcjI=")
            .to_string();
        assert_eq!(said, "the server says: no: ***, Basic ***");

        // Where a long text is cut, no part of a secret remains.
        for at in 190..=200 {
            let said = session
                .said(format!("{}hunter2", ".".repeat(at)).as_bytes())
                .to_string();
            assert!(!said.contains(".h"), "{said}");
        }
    }
}
