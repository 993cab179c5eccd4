//! [`ChartRepository`]: a server of charts and its index.
//!
//! Input: the URL of a specification, credentials, settings of connections. Output: the index as a file with its digest,
//! and charts. References in an index are strangers' texts: they are followed to http and https only, where the egress
//! policy allows, and elsewhere than at the repository's own server without its credentials.

use std::fmt;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{HeaderValue, StatusCode};
use lode_net::{Answer, Call, Calls, Outbound, OutboundError, Refused};
use lode_stdx::digest::Hasher;
use lode_stdx::{Digest, bare_url};
use url::Url;

/// Longest URL read, in bytes.
const URL_MAX: usize = 2048;

/// A server of charts and its index.
#[derive(Clone)]
pub struct ChartRepository {
    /// Ends with a slash.
    base: Url,
    authorization: Option<HeaderValue>,
    /// Whether credentials are sent to every server that the index names.
    passes_credentials: bool,
    outbound: Outbound,
    timeout: Duration,
}

/// An index as it comes.
pub struct Download {
    answer: Answer,
    limit: u64,
    hasher: Hasher,
}

/// Why a URL is not that of a repository.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UrlError {
    /// Not a URL, or one without a host.
    #[error("the URL cannot be read")]
    Form,
    /// A scheme other than http and https.
    #[error("repositories over \"{0}\" are not supported: use http or https")]
    Scheme(String),
    /// Credentials that no header may hold.
    #[error("the username or password holds characters that no HTTP header may hold")]
    Credentials,
}

/// Why something was not fetched.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// No answer came.
    #[error("failed to fetch {url} : {source}")]
    Outbound {
        /// The URL, without secrets.
        url: Box<str>,
        /// The reason.
        source: OutboundError,
    },
    /// The server refused.
    #[error("failed to fetch {url} : {status}")]
    Status {
        /// The URL, without secrets.
        url: Box<str>,
        /// The status code with its usual words.
        status: StatusCode,
    },
    /// A reference of an index leads nowhere.
    #[error("\"{reference}\" in the index is not a URL of a chart: {source}")]
    Reference {
        /// The reference, without secrets.
        reference: Box<str>,
        /// The reason.
        source: UrlError,
    },
}

impl FetchError {
    /// Returns the refusal of the egress policy, if that is the reason.
    #[must_use]
    pub fn egress(&self) -> Option<&Refused> {
        match self {
            Self::Outbound {
                source: OutboundError::Egress(refused),
                ..
            } => Some(refused),
            _ => None,
        }
    }
}

impl ChartRepository {
    /// Prepares a repository at a URL; a query stays part of it, a user and password in it are not sent.
    ///
    /// # Errors
    /// See [`UrlError`].
    pub fn new(url: &str, outbound: Outbound, timeout: Duration) -> Result<Self, UrlError> {
        let mut base = parsed(url)?;
        let path = format!("{}/", base.path().trim_end_matches('/'));
        base.set_path(&path);
        Ok(Self {
            base,
            authorization: None,
            passes_credentials: false,
            outbound,
            timeout,
        })
    }

    /// Sets name and password, and whether they go to every server that the index names.
    ///
    /// # Errors
    /// No header may hold them.
    pub fn with_credentials(
        mut self,
        (username, password): (&str, &str),
        passes_credentials: bool,
    ) -> Result<Self, UrlError> {
        let pair = STANDARD.encode(format!("{username}:{password}"));
        let mut value =
            HeaderValue::try_from(format!("Basic {pair}")).map_err(|_| UrlError::Credentials)?;
        value.set_sensitive(true);
        self.authorization = Some(value);
        self.passes_credentials = passes_credentials;
        Ok(self)
    }

    /// Checks what can be checked without a request: the egress policy, as far as the URL shows, and the certificates.
    ///
    /// # Errors
    /// [`OutboundError::Egress`] or [`OutboundError::Configuration`].
    pub fn check(&self) -> Result<(), OutboundError> {
        self.outbound.client(&self.base).map(drop)
    }

    /// Starts to read the index, which may have at most `limit` bytes.
    ///
    /// # Errors
    /// It cannot be fetched.
    pub async fn index(&self, limit: u64) -> Result<Download, FetchError> {
        let mut url = self.base.clone();
        url.set_path(&format!("{}index.yaml", self.base.path()));
        Ok(Download {
            answer: self.get(&url).await?,
            limit,
            hasher: Hasher::default(),
        })
    }

    /// Fetches a chart, by its reference in the index.
    ///
    /// # Errors
    /// The reference leads nowhere, or the chart cannot be fetched or has more than `limit` bytes.
    pub async fn chart(&self, reference: &str, limit: u64) -> Result<Vec<u8>, FetchError> {
        let url = self
            .resolve(reference)
            .map_err(|source| FetchError::Reference {
                reference: bare_url(reference)
                    .chars()
                    .take(URL_MAX)
                    .collect::<String>()
                    .into(),
                source,
            })?;
        let answer = self.get(&url).await?;
        let bytes = answer.bytes("a chart", limit).await;
        bytes.map_err(|source| failed(&url, source))
    }

    /// Returns the URL of a reference: a relative one is below the repository, and has its query.
    fn resolve(&self, reference: &str) -> Result<Url, UrlError> {
        if reference.len() > URL_MAX {
            return Err(UrlError::Form);
        }
        match parsed(reference) {
            Ok(url) => return Ok(url),
            Err(UrlError::Form) => {}
            Err(error) => return Err(error),
        }
        let mut url = self.base.join(reference).map_err(|_| UrlError::Form)?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(UrlError::Scheme(url.scheme().to_owned()));
        }
        url.set_query(self.base.query());
        Ok(url)
    }

    async fn get(&self, url: &Url) -> Result<Answer, FetchError> {
        let is_own = self.passes_credentials || url.origin() == self.base.origin();
        let outbound = if is_own {
            self.outbound.clone()
        } else {
            self.outbound.for_others()
        };
        let call = Call {
            authorization: self.authorization.clone().filter(|_| is_own),
            ..Call::get(url.clone())
        };
        let calls = Calls::new(outbound, self.timeout);
        let answer = calls
            .send(&call)
            .await
            .map_err(|source| failed(url, source))?;
        match StatusCode::from_u16(answer.status) {
            Ok(StatusCode::OK) => Ok(answer),
            Ok(status) => Err(FetchError::Status {
                url: shown(url),
                status,
            }),
            Err(_) => Err(failed(url, OutboundError::BrokeOff)),
        }
    }
}

impl Download {
    /// Returns the next bytes; nothing at the end.
    ///
    /// # Errors
    /// They do not come, or there are more than the limit.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, FetchError> {
        let chunk = self.answer.chunk("an index", self.limit).await;
        let chunk = chunk.map_err(|source| failed(&self.answer.url, source))?;
        if let Some(chunk) = &chunk {
            self.hasher.update(chunk);
        }
        Ok(chunk)
    }

    /// Returns the digest of all bytes so far.
    #[must_use]
    pub fn digest(&self) -> Digest {
        self.hasher.clone().finish()
    }
}

impl fmt::Debug for ChartRepository {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ChartRepository")
            .field(&shown(&self.base))
            .finish()
    }
}

fn parsed(text: &str) -> Result<Url, UrlError> {
    if text.len() > URL_MAX {
        return Err(UrlError::Form);
    }
    let url = Url::parse(text).map_err(|_| UrlError::Form)?;
    match url.scheme() {
        "http" | "https" => Ok(url),
        scheme => Err(UrlError::Scheme(scheme.to_owned())),
    }
}

fn failed(url: &Url, source: OutboundError) -> FetchError {
    FetchError::Outbound {
        url: shown(url),
        source,
    }
}

fn shown(url: &Url) -> Box<str> {
    bare_url(url.as_str()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn repository(url: &str) -> ChartRepository {
        ChartRepository::new(url, Outbound::default(), Duration::from_secs(1)).unwrap()
    }

    #[test]
    fn references_are_below_the_repository_unless_they_are_whole() {
        for (base, reference, expected) in [
            (
                "https://host/charts",
                "app-1.tgz",
                "https://host/charts/app-1.tgz",
            ),
            (
                "https://host/charts/",
                "app-1.tgz",
                "https://host/charts/app-1.tgz",
            ),
            (
                "https://host/charts",
                "/app-1.tgz",
                "https://host/app-1.tgz",
            ),
            (
                "https://host/a/b",
                "../app-1.tgz",
                "https://host/a/app-1.tgz",
            ),
            (
                "https://host/charts?token=t",
                "app-1.tgz",
                "https://host/charts/app-1.tgz?token=t",
            ),
            (
                "https://host/charts",
                "http://other/app-1.tgz?x=1",
                "http://other/app-1.tgz?x=1",
            ),
            (
                "https://host",
                "app-1.0.0+a.tgz",
                "https://host/app-1.0.0+a.tgz",
            ),
        ] {
            let url = repository(base).resolve(reference).unwrap();
            assert_eq!(url.as_str(), expected, "{reference} at {base}");
        }
    }

    #[test]
    fn a_reference_elsewhere_than_http_is_refused() {
        let repository = repository("https://host/charts");
        for reference in ["file:///etc/passwd", "oci://host/app", "ftp://host/app.tgz"] {
            let refused = repository.resolve(reference);
            assert!(matches!(refused, Err(UrlError::Scheme(_))), "{reference}");
        }
        let long = "x".repeat(URL_MAX + 1);
        assert_eq!(repository.resolve(&long), Err(UrlError::Form));
    }

    #[test]
    fn only_http_and_https_come_in() {
        let of = |url: &str| {
            let made = ChartRepository::new(url, Outbound::default(), Duration::from_secs(1));
            made.map(drop)
        };
        assert_eq!(of("oci://host/x"), Err(UrlError::Scheme("oci".to_owned())));
        assert_eq!(of("host/x"), Err(UrlError::Form));
        assert_eq!(of("https://"), Err(UrlError::Form));
        assert_eq!(of("https://host"), Ok(()));
    }

    #[test]
    fn a_secret_in_the_url_is_not_shown() {
        let repository = repository("https://me:hunter2@host/x?token=hunter2");
        assert!(!format!("{repository:?}").contains("hunter2"));
        let error = failed(&repository.base, OutboundError::Refused);
        assert!(!error.to_string().contains("hunter2"), "{error}");
    }
}
