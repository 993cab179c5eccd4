//! HTTP clients, shared by operations with the same proxy and certificates.

use std::sync::LazyLock;
use std::time::Duration;

use hyper_util::client::proxy::matcher::{Intercept, Matcher};
use lode_stdx::{Digest, Lock, digest::Hasher};
use reqwest::{Certificate, Client, ClientBuilder, Identity, Url};

use super::error::{CONNECT_TIMEOUT, OutboundError as Error};
use super::http::HttpClient;
use super::{Outbound, Proxy};

/// Clients kept; each holds open connections.
const CLIENTS_MAX: usize = 16;
/// How long a connection is kept for the next operation.
pub(super) const IDLE_TIMEOUT: Duration = Duration::from_secs(30);

/// Clients in use, the last used at the end.
static CLIENTS: Lock<Vec<(Digest, HttpClient)>> = Lock::new(Vec::new());

/// How requests reach a host.
enum Way {
    /// Directly, at an address that the egress policy allows.
    Direct,
    /// Through a proxy that a tenant may have chosen: the policy applies to it too.
    Own(Proxy),
    /// Through the environment's proxy, for which whoever runs this process is responsible.
    Environment(Intercept),
}

impl Outbound {
    /// Returns a client for a URL, if egress to it is allowed.
    ///
    /// # Errors
    /// Egress is refused, or the proxy or a certificate cannot be used.
    pub fn client(&self, url: &Url) -> Result<HttpClient, Error> {
        let way = way(self, url)?;
        let key = key(self, url.scheme() == "https", &way);
        let mut clients = CLIENTS.lock();
        if let Some(at) = clients.iter().position(|(known, _)| *known == key) {
            let entry = clients.remove(at);
            let client = entry.1.clone();
            clients.push(entry);
            return Ok(client);
        }
        let requests = build(self, url.scheme() == "https", &way)?;
        let client = HttpClient::new(requests, &self.egress.sockets(), self.user_agent);
        if clients.len() >= CLIENTS_MAX {
            clients.remove(0);
        }
        clients.push((key, client.clone()));
        Ok(client)
    }
}

/// Finds the way to a host, and applies the egress policy to what is known before a connection is
/// made.
fn way(outbound: &Outbound, url: &Url) -> Result<Way, Error> {
    let egress = &outbound.egress;
    if let Some(proxy) = &outbound.proxy {
        egress.check_proxied(url).map_err(Error::Egress)?;
        let address = Url::parse(&proxy.address).map_err(|_| unusable_proxy())?;
        // The message would show the proxy's address, which is part of a secret.
        egress
            .check(&address)
            .map_err(|_| Error::Configuration("the proxy's address is not allowed"))?;
        return Ok(Way::Own(proxy.clone()));
    }
    if let Some(intercept) = environment_proxy(url) {
        egress.check_proxied(url).map_err(Error::Egress)?;
        return Ok(Way::Environment(intercept));
    }
    egress.check(url).map_err(Error::Egress)?;
    Ok(Way::Direct)
}

/// Returns the environment's proxy for a URL; loopback has none.
fn environment_proxy(url: &Url) -> Option<Intercept> {
    static ENVIRONMENT: LazyLock<Matcher> = LazyLock::new(Matcher::from_env);
    let is_loopback = url.host_str().is_some_and(is_loopback);
    if is_loopback {
        None
    } else {
        ENVIRONMENT.intercept(&url.as_str().parse().ok()?)
    }
}

fn unusable_proxy() -> Error {
    Error::Configuration("the proxy's address cannot be used")
}

fn build(outbound: &Outbound, https: bool, way: &Way) -> Result<Client, Error> {
    let mut builder = ClientBuilder::new()
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(CONNECT_TIMEOUT)
        .pool_idle_timeout(IDLE_TIMEOUT)
        .user_agent(outbound.user_agent);
    builder = with_way(builder, outbound, way)?;
    if !https && outbound.proxy.is_none() {
        // Reading the system's authorities takes milliseconds, which plain http does not need.
        return builder
            .tls_certs_only([])
            .build()
            .map_err(|_| Error::Connect);
    }

    if let Some(own) = &outbound.client_certificate {
        let identity = Identity::from_pem(&[own.key.as_slice(), b"\n", &own.certificate].concat())
            .map_err(|_| Error::Configuration("the client's certificate or key cannot be read"))?;
        builder = builder.identity(identity);
    }
    if outbound.accepts_any_certificate {
        builder = builder.tls_danger_accept_invalid_certs(true);
    }
    let Some(ca) = &outbound.ca else {
        return builder
            .build()
            .map_err(|_| Error::Configuration("the TLS client cannot be set up"));
    };

    let unreadable = || Error::Configuration("the certificate authority cannot be read");
    let authorities = Certificate::from_pem_bundle(ca).map_err(|_| unreadable())?;
    if authorities.is_empty() {
        return Err(unreadable());
    }
    builder
        .tls_certs_merge(authorities)
        .build()
        .map_err(|_| unreadable())
}

/// Sets proxy and resolver. Our own choice of the proxy is the only one, so that a request meant to
/// go directly never uses a proxy, nor the other way round.
fn with_way(
    builder: ClientBuilder,
    outbound: &Outbound,
    way: &Way,
) -> Result<ClientBuilder, Error> {
    let builder = builder.no_proxy();
    match way {
        Way::Direct => Ok(builder.dns_resolver(outbound.egress.resolver())),
        Way::Own(proxy) => {
            let mut through = reqwest::Proxy::all(&proxy.address).map_err(|_| unusable_proxy())?;
            if let Some(username) = &proxy.username {
                through =
                    through.basic_auth(username, proxy.password.as_deref().unwrap_or_default());
            }
            Ok(builder
                .dns_resolver(outbound.egress.resolver())
                .proxy(through))
        }
        Way::Environment(intercept) => {
            let mut through =
                reqwest::Proxy::all(intercept.uri().to_string()).map_err(|_| unusable_proxy())?;
            if let Some((username, password)) = intercept.raw_auth() {
                through = through.basic_auth(username, password);
            } else if let Some(value) = intercept.basic_auth() {
                through = through.custom_http_auth(value.clone());
            }
            Ok(builder.proxy(through))
        }
    }
}

fn key(outbound: &Outbound, https: bool, way: &Way) -> Digest {
    let mut hasher = Hasher::default();
    let mut put = |bytes: &[u8]| {
        hasher.update(&(bytes.len() as u64).to_le_bytes());
        hasher.update(bytes);
    };
    put(&[
        u8::from(https),
        u8::from(outbound.accepts_any_certificate),
        u8::from(outbound.client_certificate.is_some()),
    ]);
    put(&outbound.egress.id().to_le_bytes());
    put(outbound.user_agent.as_bytes());
    put(outbound.ca.as_deref().unwrap_or_default());
    if let Some(own) = &outbound.client_certificate {
        put(&own.certificate);
        put(&own.key);
    }
    match way {
        Way::Direct => put(b"direct"),
        Way::Own(proxy) => {
            put(b"own");
            put(proxy.address.as_bytes());
            put(proxy.username.as_deref().unwrap_or_default().as_bytes());
            put(proxy.password.as_deref().unwrap_or_default().as_bytes());
        }
        // The environment does not change, so the kind of proxy identifies it.
        Way::Environment(intercept) => {
            put(b"environment");
            put(intercept.uri().to_string().as_bytes());
        }
    }
    hasher.finish()
}

fn is_loopback(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost"
        || bare
            .parse::<std::net::IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outbound::ClientCertificate;

    #[test]
    fn other_settings_are_another_client() {
        let base = Outbound::default();
        let other = |change: fn(&mut Outbound)| {
            let mut other = base.clone();
            change(&mut other);
            key(&other, true, &Way::Direct)
        };
        let keys = [
            key(&base, true, &Way::Direct),
            key(&base, false, &Way::Direct),
            other(|it| it.ca = Some(b"CA".to_vec())),
            other(|it| it.accepts_any_certificate = true),
            other(|it| it.user_agent = "another"),
            other(|it| it.egress = crate::Egress::default()),
            other(|it| {
                it.client_certificate = Some(ClientCertificate {
                    certificate: Vec::new(),
                    key: Vec::new(),
                });
            }),
        ];
        for (at, key) in keys.iter().enumerate() {
            assert!(!keys[..at].contains(key), "{at}");
        }
        assert_eq!(keys[0], key(&base.clone(), true, &Way::Direct));
    }
}
