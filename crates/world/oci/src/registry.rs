//! [`Registry`]: one operation's requests to one repository.
//!
//! ```text
//! request ─→ no TLS there? ─→ plain http, if allowed
//!    │ 401: log in, once a request
//!    │ a fault that passes: again
//!    ↓
//! answer, or what the registry says
//! ```

mod blob;
mod failed;
mod login;
mod tags;

use std::time::Duration;

use http::header::ACCEPT;
use http::{HeaderMap, HeaderValue, Method};
use lode_net::{Answer, Call, Calls, Outbound, OutboundError};
use lode_stdx::Digest;
use url::Url;

use crate::credentials::Credentials;
use crate::error::Error;
use crate::manifest::{ACCEPTED, MANIFEST_MAX, Manifest, ManifestDocument};
use crate::repository::{Repository, is_tag};
use crate::retry::{Tries, is_passing};

use self::failed::{outbound, refused, unexpected};
use self::login::Login;

pub use blob::Blob;

/// Header with the digest of a manifest.
const CONTENT_DIGEST: &str = "docker-content-digest";

/// How a registry is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// By https.
    Https,
    /// By plain http.
    Http,
    /// By https, and by plain http if nothing there speaks TLS.
    Either,
    /// As [`Scheme::Either`], but credentials are sent by https only.
    EitherWithoutCredentials,
}

/// One operation with one repository.
pub struct Registry {
    repository: Repository,
    credentials: Credentials,
    calls: Calls,
    scheme: Scheme,
    /// Found out with the first request: whether it is plain http.
    is_plain: Option<bool>,
    authorization: Option<HeaderValue>,
}

/// One request to the registry.
struct Ask {
    method: Method,
    /// Behind the repository's name.
    path: String,
    query: Option<String>,
    accept: &'static [&'static str],
}

impl Ask {
    fn get(path: String) -> Self {
        Self {
            method: Method::GET,
            path,
            query: None,
            accept: &[],
        }
    }

    /// Returns the request for a manifest, by tag or digest.
    fn of_manifest(reference: &str) -> Result<Self, Error> {
        if !is_tag(reference) && reference.parse::<Digest>().is_err() {
            return Err(Error::Tag(crate::error::short(reference)));
        }
        Ok(Self {
            accept: &ACCEPTED,
            ..Self::get(format!("manifests/{reference}"))
        })
    }
}

impl Registry {
    /// Prepares an operation; its time begins now.
    #[must_use]
    pub fn new(
        repository: Repository,
        credentials: Credentials,
        scheme: Scheme,
        outbound: Outbound,
        timeout: Duration,
    ) -> Self {
        Self {
            repository,
            credentials,
            calls: Calls::new(outbound, timeout),
            scheme,
            is_plain: match scheme {
                Scheme::Https => Some(false),
                Scheme::Http => Some(true),
                Scheme::Either | Scheme::EitherWithoutCredentials => None,
            },
            authorization: None,
        }
    }

    /// Returns the repository.
    #[must_use]
    pub fn repository(&self) -> &Repository {
        &self.repository
    }

    /// Checks what can be checked without a request: the egress policy, as far as the host shows, the proxy and the
    /// certificates.
    ///
    /// # Errors
    /// See [`Error::Outbound`].
    pub fn check(&self) -> Result<(), Error> {
        let url = self.url(&Ask::get(String::new()))?;
        let checked = self.calls.check(&url);
        checked.map_err(|source| outbound(&Method::GET, &url, source))
    }

    /// Returns the digest of the manifest, or index, that a tag names.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn digest(&mut self, tag: &str) -> Result<Digest, Error> {
        let ask = Ask {
            method: Method::HEAD,
            ..Ask::of_manifest(tag)?
        };
        // The body of an answer to HEAD is empty, so whatever is wrong is asked for again to be explained.
        if let Ok(answer) = self.send(&ask).await
            && let Some(digest) = answer.header(CONTENT_DIGEST)
            && let Ok(digest) = digest.parse()
        {
            return Ok(digest);
        }

        let ask = Ask::of_manifest(tag)?;
        let (digest, _, _) = self.document(&ask).await?;
        Ok(digest)
    }

    /// Returns the manifest with a digest; if that is an index, the manifest of it for linux/amd64.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn manifest(&mut self, digest: Digest) -> Result<Manifest, Error> {
        match self.found(digest).await? {
            ManifestDocument::Manifest(manifest) => return Ok(manifest),
            ManifestDocument::Index(None) => return Err(Error::Platform(digest)),
            ManifestDocument::Index(Some(child)) => match self.found(parsed(&child)?).await? {
                ManifestDocument::Manifest(manifest) => return Ok(manifest),
                ManifestDocument::Index(_) => {}
            },
        }
        Err(self.unexpected("an index within an index"))
    }

    async fn found(&mut self, digest: Digest) -> Result<ManifestDocument, Error> {
        let ask = Ask::of_manifest(&digest.to_string())?;
        let (found, header, body) = self.document(&ask).await?;
        if found != digest {
            return Err(Error::Changed {
                what: "manifest",
                wanted: digest,
                found,
            });
        }
        ManifestDocument::read(&body, &header).ok_or_else(|| self.unexpected("not a manifest"))
    }

    /// Returns digest, media type and bytes of a manifest or index.
    async fn document(&mut self, ask: &Ask) -> Result<(Digest, String, Vec<u8>), Error> {
        let answer = self.send(ask).await?;
        let header = answer.header("content-type").unwrap_or_default().to_owned();
        let url = answer.url.clone();
        let body = answer.bytes("a manifest", MANIFEST_MAX).await;
        let body = body.map_err(|source| outbound(&ask.method, &url, source))?;
        Ok((Digest::of(&body), header, body))
    }

    /// Sends a request until it succeeds, is refused, or fails in a way that does not pass.
    async fn send(&mut self, ask: &Ask) -> Result<Answer, Error> {
        let mut tries = Tries::default();
        let mut has_logged_in = false;
        loop {
            let answer = match self.once(ask).await {
                Ok(answer) => answer,
                Err(Error::Outbound { source, .. }) if source.is_passing() => {
                    match tries.next(None) {
                        Some(wait) => self.wait(wait, ask).await?,
                        None => return Err(outbound(&ask.method, &self.url(ask)?, source)),
                    }
                    continue;
                }
                Err(error) => return Err(error),
            };

            if answer.status == 401 && !has_logged_in {
                has_logged_in = true;
                if self.log_in(&answer).await? {
                    continue;
                }
            }
            if (200..300).contains(&answer.status) {
                return Ok(answer);
            }
            let wait = is_passing(answer.status).then(|| tries.next(answer.header("retry-after")));
            match wait.flatten() {
                Some(wait) => self.wait(wait, ask).await?,
                None => return Err(refused(ask.method.clone(), answer).await),
            }
        }
    }

    /// Sends a request once, by plain http if that is allowed and nothing there speaks TLS.
    async fn once(&mut self, ask: &Ask) -> Result<Answer, Error> {
        let first = self.at(ask).await;
        if self.is_plain.is_some() {
            return first;
        }
        match first {
            Err(Error::Outbound { source, .. }) if speaks_no_tls(&source) => {
                self.is_plain = Some(true);
                let second = self.at(ask).await;
                if second.is_err() {
                    self.is_plain = None;
                }
                second
            }
            first => {
                if first.is_ok() {
                    self.is_plain = Some(false);
                }
                first
            }
        }
    }

    async fn at(&self, ask: &Ask) -> Result<Answer, Error> {
        let url = self.url(ask)?;
        let mut headers = HeaderMap::new();
        for accepted in ask.accept {
            headers.append(ACCEPT, HeaderValue::from_static(accepted));
        }
        let call = Call {
            method: ask.method.clone(),
            headers,
            authorization: self.authorization.clone(),
            ..Call::get(url.clone())
        };
        let answer = self.calls.send(&call).await;
        answer.map_err(|source| outbound(&ask.method, &url, source))
    }

    fn url(&self, ask: &Ask) -> Result<Url, Error> {
        let scheme = if self.is_plain == Some(true) {
            "http"
        } else {
            "https"
        };
        let (host, name) = (self.repository.host(), self.repository.name());
        let text = format!("{scheme}://{host}/v2/{name}/{}", ask.path);
        let mut url = Url::parse(&text).map_err(|_| self.unexpected("the URL cannot be built"))?;
        url.set_query(ask.query.as_deref());
        Ok(url)
    }

    async fn wait(&self, time: Duration, ask: &Ask) -> Result<(), Error> {
        let waited = self.calls.wait(time).await;
        let url = self.url(ask)?;
        waited.map_err(|source| outbound(&ask.method, &url, source))
    }

    /// Does what an answer of 401 asks for; returns whether the request is worth another try.
    async fn log_in(&mut self, answer: &Answer) -> Result<bool, Error> {
        let held = self.authorization.take();
        let login = Login {
            calls: &self.calls,
            repository: &self.repository,
            credentials: self.sendable(),
            is_plain: self.is_plain == Some(true),
        };
        let Some(granted) = login.answer(answer).await? else {
            return Ok(false);
        };
        let is_other = granted.is_fresh || held.as_ref() != Some(&granted.authorization);
        self.authorization = Some(granted.authorization);
        Ok(is_other)
    }

    /// Returns the credentials that may be sent the way the registry is reached.
    fn sendable(&self) -> &Credentials {
        let is_open =
            self.is_plain == Some(true) && self.scheme == Scheme::EitherWithoutCredentials;
        if is_open {
            &Credentials::None
        } else {
            &self.credentials
        }
    }

    fn unexpected(&self, what: &'static str) -> Error {
        unexpected(&self.repository, what)
    }
}

fn parsed(text: &str) -> Result<Digest, Error> {
    text.parse().map_err(|source| Error::Digest {
        text: crate::error::short(text),
        source,
    })
}

/// Returns whether a failure may mean that a server speaks plain http only. A certificate that is not trusted does not:
/// there is TLS, and a connection without it would defeat it.
fn speaks_no_tls(error: &OutboundError) -> bool {
    match error {
        OutboundError::Tls(text) => !text.contains("certificate"),
        OutboundError::Refused | OutboundError::Connect | OutboundError::BrokeOff => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn registry(scheme: Scheme) -> Registry {
        let credentials = Credentials::Basic {
            username: "git".to_owned(),
            password: "secret".to_owned(),
        };
        let repository = Repository::parse("registry.example/a/b").unwrap();
        let time = Duration::from_secs(1);
        Registry::new(repository, credentials, scheme, Outbound::default(), time)
    }

    #[test]
    fn a_reference_that_could_name_another_path_is_not_asked_for() {
        for reference in ["../../other", "a/b", "a?b", "sha256:00", ""] {
            let refused = Ask::of_manifest(reference).err();
            assert!(matches!(refused, Some(Error::Tag(_))), "{reference}");
        }
        let digest = Digest::of(b"").to_string();
        let ask = Ask::of_manifest(&digest).unwrap();
        let url = registry(Scheme::Https).url(&ask).unwrap();
        let expected = format!("https://registry.example/v2/a/b/manifests/{digest}");
        assert_eq!(url.as_str(), expected);
    }

    #[test]
    fn credentials_go_over_plain_http_only_if_that_was_asked_for() {
        let mut open = registry(Scheme::EitherWithoutCredentials);
        assert!(!open.sendable().is_none(), "https so far");
        open.is_plain = Some(true);
        assert!(open.sendable().is_none());
        let mut asked = registry(Scheme::Either);
        asked.is_plain = Some(true);
        assert!(!asked.sendable().is_none());
    }

    #[test]
    fn a_bad_certificate_leads_to_no_plain_http() {
        for text in [
            "the server's certificate is of an unknown authority",
            "the server refused the connection or the client's certificate",
        ] {
            assert!(!speaks_no_tls(&OutboundError::Tls(text)), "{text}");
        }
        let no_tls = OutboundError::Tls("no encrypted connection could be agreed");
        assert!(speaks_no_tls(&no_tls));
        assert!(!speaks_no_tls(&OutboundError::Timeout(Duration::ZERO)));
    }
}
