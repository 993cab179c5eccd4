//! HTTP clients, shared by operations with the same proxy and certificates.
//!
//! Input: a [`Remote`]. Output: a client that follows no redirect and reads no configuration of the
//! machine except its certificate authorities and proxy variables; and errors in our own words.

use std::error::Error as StdError;
use std::io;
use std::sync::LazyLock;
use std::time::Duration;

use hyper_util::client::proxy::matcher::{Intercept, Matcher};
use lode_stdx::{Digest, Lock, digest::Hasher};
use reqwest::{Certificate, Client, ClientBuilder, Identity, Url};

use crate::remote::{Proxy, Remote};
use crate::transport_error::TransportError as Error;

/// Clients kept; each holds open connections.
const CLIENTS_MAX: usize = 16;
/// Longest time to open a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(20);
/// How long a connection is kept for the next operation.
const IDLE_TIMEOUT: Duration = Duration::from_secs(30);
/// Sent because some servers answer only to names that begin with "git/".
const USER_AGENT: &str = concat!("git/lodestone-", env!("CARGO_PKG_VERSION"));

/// Clients in use, the last used at the end.
static CLIENTS: Lock<Vec<(Digest, Client)>> = Lock::new(Vec::new());

/// How requests reach a host.
enum Way {
    /// Directly, at an address that the egress policy allows.
    Direct,
    /// Through the remote's proxy, which a tenant may have chosen: the policy applies to it too.
    Own(Proxy),
    /// Through the environment's proxy, for which whoever runs this process is responsible.
    Environment(Intercept),
}

/// Returns a client for `url`, which after a redirect may be another host than the remote's, if
/// egress to it is allowed.
pub(crate) fn of(remote: &Remote, url: &Url) -> Result<Client, Error> {
    let way = way(remote, url)?;
    let key = key(remote, url.scheme() == "https", &way);
    let mut clients = CLIENTS.lock();
    if let Some(at) = clients.iter().position(|(known, _)| *known == key) {
        let entry = clients.remove(at);
        let client = entry.1.clone();
        clients.push(entry);
        return Ok(client);
    }
    let client = build(remote, url.scheme() == "https", &way)?;
    if clients.len() >= CLIENTS_MAX {
        clients.remove(0);
    }
    clients.push((key, client.clone()));
    Ok(client)
}

/// Converts a failed request into an error in our own words.
pub(crate) fn failure(error: &reqwest::Error, timeout: Duration) -> Error {
    if let Some(refused) = causes(error).find_map(|cause| cause.downcast_ref::<lode_net::Refused>())
    {
        return Error::Egress(refused.clone());
    }
    if let Some(tls) = causes(error).find_map(|cause| cause.downcast_ref::<rustls::Error>()) {
        return Error::Tls(tls_words(tls));
    }

    let refused = |cause: &io::Error| cause.kind() == io::ErrorKind::ConnectionRefused;
    match error {
        error if error.is_timeout() && error.is_connect() => {
            Error::Timeout(timeout.min(CONNECT_TIMEOUT))
        }
        error if error.is_timeout() => Error::Timeout(timeout),
        error if error.is_dns() => Error::Dns,
        error
            if causes(error)
                .filter_map(|cause| cause.downcast_ref())
                .any(refused) =>
        {
            Error::Refused
        }
        error if error.is_connect() => Error::Connect,
        error if error.is_builder() => Error::Configuration("the request cannot be built"),
        _ => Error::BrokeOff,
    }
}

/// Finds the way to a host, and applies the egress policy to what is known before a connection is
/// made.
fn way(remote: &Remote, url: &Url) -> Result<Way, Error> {
    if let Some(proxy) = &remote.proxy {
        remote.egress.check_proxied(url).map_err(Error::Egress)?;
        let address = Url::parse(&proxy.address).map_err(|_| unusable_proxy())?;
        // The message would show the proxy's address, which is part of a secret.
        remote
            .egress
            .check(&address)
            .map_err(|_| Error::Configuration("the proxy's address is not allowed"))?;
        return Ok(Way::Own(proxy.clone()));
    }
    if let Some(intercept) = environment_proxy(url) {
        remote.egress.check_proxied(url).map_err(Error::Egress)?;
        return Ok(Way::Environment(intercept));
    }
    remote.egress.check(url).map_err(Error::Egress)?;
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

fn build(remote: &Remote, https: bool, way: &Way) -> Result<Client, Error> {
    let mut builder = ClientBuilder::new()
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(CONNECT_TIMEOUT)
        .pool_idle_timeout(IDLE_TIMEOUT)
        .user_agent(USER_AGENT);
    builder = with_way(builder, remote, way)?;
    if !https && remote.proxy.is_none() {
        // Reading the system's authorities takes milliseconds, which plain http does not need.
        return builder
            .tls_certs_only([])
            .build()
            .map_err(|_| Error::Connect);
    }
    if let Some(own) = &remote.client_certificate {
        let identity = Identity::from_pem(&[own.key.as_slice(), b"\n", &own.certificate].concat())
            .map_err(|_| Error::Configuration("the client's certificate or key cannot be read"))?;
        builder = builder.identity(identity);
    }
    let Some(ca) = &remote.ca else {
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
fn with_way(builder: ClientBuilder, remote: &Remote, way: &Way) -> Result<ClientBuilder, Error> {
    let builder = builder.no_proxy();
    match way {
        Way::Direct => Ok(builder.dns_resolver(remote.egress.resolver())),
        Way::Own(proxy) => {
            let mut through = reqwest::Proxy::all(&proxy.address).map_err(|_| unusable_proxy())?;
            if let Some(username) = &proxy.username {
                through =
                    through.basic_auth(username, proxy.password.as_deref().unwrap_or_default());
            }
            Ok(builder
                .dns_resolver(remote.egress.resolver())
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

fn key(remote: &Remote, https: bool, way: &Way) -> Digest {
    let mut hasher = Hasher::default();
    let mut put = |bytes: &[u8]| {
        hasher.update(&(bytes.len() as u64).to_le_bytes());
        hasher.update(bytes);
    };
    put(&[u8::from(https)]);
    put(&remote.egress.id().to_le_bytes());
    put(remote.ca.as_deref().unwrap_or_default());
    if let Some(own) = &remote.client_certificate {
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

fn tls_words(error: &rustls::Error) -> &'static str {
    use rustls::{CertificateError as Certificate, Error as Tls};
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
