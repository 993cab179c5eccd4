//! [`Remote`]: a repository's address and credentials.
//!
//! Input: the URL and secrets of a spec. Output: a checked [`Remote`] that prints no secret.
//! Schemes other than http and https are refused here, before anything is opened.

use std::fmt;
use std::time::Duration;

use lode_net::{ClientCertificate, Egress, Proxy};
use lode_stdx::{Digest, digest::Hasher};
use reqwest::Url;

/// Longest URL read, in bytes.
const URL_MAX: usize = 2048;

/// Credentials for a server.
#[derive(Clone, Default, PartialEq, Eq)]
pub enum Credentials {
    /// Nothing is sent.
    #[default]
    None,
    /// A user name and password.
    Basic {
        /// The user.
        username: String,
        /// The password or token.
        password: String,
    },
    /// A token.
    Bearer(String),
}

/// A repository's address and how to access it.
#[derive(Clone)]
pub struct Remote {
    url: Url,
    /// Credentials; sent to the URL's own scheme, host and port only.
    pub credentials: Credentials,
    /// Certificate authorities in PEM, trusted in addition to the system's.
    pub ca: Option<Vec<u8>>,
    /// The client's certificate, shown to the URL's own host only.
    pub client_certificate: Option<ClientCertificate>,
    /// The proxy; without one the environment's (`HTTPS_PROXY`, `NO_PROXY`) is used, but never for loopback.
    pub proxy: Option<Proxy>,
    /// Timeout of one operation as a whole.
    pub timeout: Duration,
    /// Where connections may lead: to the URL's host, to where redirects lead, and to the proxy.
    pub egress: Egress,
}

/// Why a URL is not a [`Remote`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// ssh is not implemented yet.
    #[error("repositories over ssh are not supported yet: use an https URL")]
    Ssh,
    /// A scheme other than http and https.
    #[error("repositories over \"{0}\" are not supported: use an http or https URL")]
    Scheme(String),
    /// Not a URL, or one without a host.
    #[error("the repository's URL cannot be read")]
    Url,
}

impl Remote {
    /// Parses a URL; a user and password in it become the credentials.
    ///
    /// # Errors
    /// It is not a URL, or has another scheme than http and https.
    pub fn new(url: &str) -> Result<Self, Error> {
        if url.len() > URL_MAX {
            return Err(Error::Url);
        }

        let mut url = Url::parse(url).map_err(|_| Error::Url)?;
        match url.scheme() {
            "http" | "https" => {}
            "ssh" | "git+ssh" => return Err(Error::Ssh),
            scheme => return Err(Error::Scheme(scheme.to_owned())),
        }

        let credentials = match (url.username(), url.password()) {
            ("", None) => Credentials::None,
            (username, password) => Credentials::Basic {
                username: percent_decoded(username),
                password: percent_decoded(password.unwrap_or_default()),
            },
        };
        let bare = url.set_username("").and_then(|()| url.set_password(None));
        bare.map_err(|()| Error::Url)?;
        url.set_fragment(None);
        let timeout = Duration::from_mins(1);
        Ok(Self {
            url,
            credentials,
            ca: None,
            client_certificate: None,
            proxy: None,
            timeout,
            egress: Egress::default(),
        })
    }

    /// Returns the URL, without user and password.
    #[must_use]
    pub fn url(&self) -> &str {
        self.url.as_str()
    }

    /// Restricts connections to those that this policy allows.
    ///
    /// # Errors
    /// The URL itself shows that none would be allowed.
    pub fn with_egress(&mut self, egress: &Egress) -> Result<(), lode_net::Refused> {
        self.egress = egress.clone();
        egress.check(&self.url)
    }

    pub(crate) fn parsed(&self) -> &Url {
        &self.url
    }

    /// Returns a digest of everything that decides what the server shows us, mixed with `salt`.
    ///
    /// Two tenants share an object store only if they use the same URL with the same secret.
    pub(crate) fn fingerprint(&self, salt: &[u8]) -> Digest {
        let mut hasher = Hasher::default();
        let mut put = |bytes: &[u8]| {
            hasher.update(&(bytes.len() as u64).to_le_bytes());
            hasher.update(bytes);
        };
        put(salt);
        put(self.url().as_bytes());
        match &self.credentials {
            Credentials::None => put(b"none"),
            Credentials::Basic { username, password } => {
                put(b"basic");
                put(username.as_bytes());
                put(password.as_bytes());
            }
            Credentials::Bearer(token) => {
                put(b"bearer");
                put(token.as_bytes());
            }
        }
        if let Some(own) = &self.client_certificate {
            put(&own.certificate);
            put(&own.key);
        }
        // These two determine which server answers for a name: another proxy or authority may mean
        // another server.
        put(self.ca.as_deref().unwrap_or_default());
        put(self
            .proxy
            .as_ref()
            .map(|proxy| proxy.address.as_bytes())
            .unwrap_or_default());
        hasher.finish()
    }
}

impl fmt::Debug for Remote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Remote")
            .field("url", &lode_stdx::bare_url(self.url()))
            .field("credentials", &self.credentials)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "None",
            Self::Basic { .. } => "Basic(…)",
            Self::Bearer(_) => "Bearer(…)",
        })
    }
}

fn percent_decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        let code = (*first == b'%').then(|| tail.get(..2)).flatten();
        let code = code.and_then(|hex| u8::from_str_radix(std::str::from_utf8(hex).ok()?, 16).ok());
        bytes.push(code.unwrap_or(*first));
        rest = if code.is_some() { &tail[2..] } else { tail };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_http_and_https_come_in() {
        assert_eq!(Remote::new("ssh://git@host/x").unwrap_err(), Error::Ssh);
        for (url, scheme) in [
            ("file:///etc", "file"),
            ("git://host/x", "git"),
            ("ftp://h/x", "ftp"),
        ] {
            assert_eq!(
                Remote::new(url).unwrap_err(),
                Error::Scheme(scheme.to_owned())
            );
        }
        for url in [
            "ext::sh -c id",
            "git@host:x.git",
            "https://",
            "-oProxyCommand=id",
            "",
        ] {
            assert!(Remote::new(url).is_err(), "{url}");
        }
        assert_eq!(
            Remote::new("https://host/x.git").unwrap().url(),
            "https://host/x.git"
        );
    }

    #[test]
    fn a_secret_in_the_url_moves_out_of_it() {
        let remote = Remote::new("https://me:p%40ss@host/x.git").unwrap();
        assert_eq!(remote.url(), "https://host/x.git");
        assert_eq!(
            remote.credentials,
            Credentials::Basic {
                username: "me".into(),
                password: "p@ss".into()
            }
        );
        assert!(!format!("{remote:?}").contains("ss@") && !format!("{remote:?}").contains("p@"));
    }

    #[test]
    fn another_secret_is_another_fingerprint() {
        let mut remote = Remote::new("https://host/x.git").unwrap();
        let open = remote.fingerprint(b"salt");
        assert_eq!(open, remote.fingerprint(b"salt"));
        assert_ne!(open, remote.fingerprint(b"pepper"));
        remote.credentials = Credentials::Bearer("t".into());
        assert_ne!(open, remote.fingerprint(b"salt"));
    }
}
