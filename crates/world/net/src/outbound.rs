//! [`Outbound`]: how connections to others are made, and the HTTP clients that make them.
//!
//! Input: an egress policy, a proxy, certificates. Output: a client for one URL, which follows no redirect and reads no
//! configuration of the machine except its certificate authorities and proxy variables. Clients are shared by all
//! operations with the same settings; each holds open connections.

mod client;
mod error;
mod http;

use std::fmt;

use reqwest::Url;

use crate::egress::Egress;

pub use error::OutboundError;
pub use http::HttpClient;

/// How connections to others are made. The default goes where the default policy allows, without proxy or certificates
/// of its own.
#[derive(Clone)]
pub struct Outbound {
    /// Where connections may lead: to the URL's host, to where redirects lead, and to the proxy.
    pub egress: Egress,
    /// The proxy; without one the environment's (`HTTPS_PROXY`, `NO_PROXY`) is used, but never for loopback.
    pub proxy: Option<Proxy>,
    /// Certificate authorities in PEM, trusted in addition to the system's.
    pub ca: Option<Vec<u8>>,
    /// The client's certificate.
    pub client_certificate: Option<ClientCertificate>,
    /// Whether any certificate of a server is accepted, for users who explicitly ask for it.
    pub accepts_any_certificate: bool,
    /// How requests name their sender.
    pub user_agent: &'static str,
}

/// An HTTP or SOCKS proxy.
#[derive(Clone, PartialEq, Eq)]
pub struct Proxy {
    /// `http://`, `https://` or `socks5://` URL of the proxy.
    pub address: String,
    /// User for the proxy, if it requires one.
    pub username: Option<String>,
    /// Password for the proxy.
    pub password: Option<String>,
}

/// A client's own certificate, both parts in PEM.
#[derive(Clone, PartialEq, Eq)]
pub struct ClientCertificate {
    /// The certificate chain.
    pub certificate: Vec<u8>,
    /// The private key.
    pub key: Vec<u8>,
}

/// Sent unless a protocol wants another name.
const USER_AGENT: &str = concat!("lodestone/", env!("CARGO_PKG_VERSION"));

impl Default for Outbound {
    fn default() -> Self {
        Self {
            egress: Egress::default(),
            proxy: None,
            ca: None,
            client_certificate: None,
            accepts_any_certificate: false,
            user_agent: USER_AGENT,
        }
    }
}

impl Outbound {
    /// Returns the same without what is meant for one server only.
    #[must_use]
    pub fn for_others(&self) -> Self {
        Self {
            client_certificate: None,
            ..self.clone()
        }
    }
}

impl Proxy {
    /// Returns whether the policy allows the proxy's host, as far as its address shows.
    #[must_use]
    pub fn is_allowed(&self, egress: &Egress) -> bool {
        Url::parse(&self.address).is_ok_and(|url| egress.check(&url).is_ok())
    }
}

impl fmt::Debug for Outbound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outbound")
            .field("egress", &self.egress)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The address may contain a password itself.
        f.write_str("Proxy(…)")
    }
}

impl fmt::Debug for ClientCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClientCertificate(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_secret_is_shown() {
        let outbound = Outbound {
            proxy: Some(Proxy {
                address: "http://me:hunter2@proxy".to_owned(),
                username: None,
                password: Some("hunter2".to_owned()),
            }),
            client_certificate: Some(ClientCertificate {
                certificate: b"C".to_vec(),
                key: b"hunter2".to_vec(),
            }),
            ..Outbound::default()
        };
        let shown = format!(
            "{outbound:?} {:?} {:?}",
            outbound.proxy, outbound.client_certificate
        );
        assert!(
            !shown.contains("hunter2") && !shown.contains("104"),
            "{shown}"
        );
    }

    #[test]
    fn what_is_meant_for_one_server_goes_to_no_other() {
        let outbound = Outbound {
            ca: Some(b"CA".to_vec()),
            client_certificate: Some(ClientCertificate {
                certificate: b"C".to_vec(),
                key: b"K".to_vec(),
            }),
            ..Outbound::default()
        };
        let others = outbound.for_others();
        assert_eq!((others.ca, others.client_certificate), (outbound.ca, None));
    }
}
