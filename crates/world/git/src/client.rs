//! HTTP clients, shared by operations whose proxy and certificates are the same.
//!
//! Input: a [`Remote`]. Output: a client that follows no redirect, reads no configuration of the machine but its
//! certificate authorities and proxy variables, and errors put in our own words.

use std::error::Error as StdError;
use std::io;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use lode_stdx::{Digest, digest::Hasher};
use reqwest::{Certificate, Client, ClientBuilder, Identity, Url};

use crate::http::Error;
use crate::remote::Remote;

/// Clients kept; each holds open connections.
const CLIENTS_MAX: usize = 16;
/// How long a connection may take to open.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(20);
/// How long a connection is kept for the next operation.
const IDLE_TIMEOUT: Duration = Duration::from_secs(30);
/// Sent because some servers answer only to names that begin with "git/".
const USER_AGENT: &str = concat!("git/lodestone-", env!("CARGO_PKG_VERSION"));

/// Clients in use, the last used at the end.
static CLIENTS: Mutex<Vec<(Digest, Client)>> = Mutex::new(Vec::new());

/// Returns a client for `url`, which may be another host than the remote's after a redirect.
pub(crate) fn of(remote: &Remote, url: &Url) -> Result<Client, Error> {
    let loopback = url.host_str().is_some_and(is_loopback);
    let key = key(remote, url.scheme() == "https", loopback);
    let mut clients = CLIENTS.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(at) = clients.iter().position(|(known, _)| *known == key) {
        let entry = clients.remove(at);
        let client = entry.1.clone();
        clients.push(entry);
        return Ok(client);
    }
    let client = build(remote, url.scheme() == "https", loopback)?;
    if clients.len() >= CLIENTS_MAX {
        clients.remove(0);
    }
    clients.push((key, client.clone()));
    Ok(client)
}

/// Puts a failed request in our own words.
pub(crate) fn failure(error: &reqwest::Error, timeout: Duration) -> Error {
    if let Some(tls) = causes(error).find_map(|cause| cause.downcast_ref::<rustls::Error>()) {
        return Error::Tls(tls_words(tls));
    }
    let refused = |cause: &io::Error| cause.kind() == io::ErrorKind::ConnectionRefused;
    match error {
        error if error.is_timeout() && error.is_connect() => Error::Timeout(timeout.min(CONNECT_TIMEOUT)),
        error if error.is_timeout() => Error::Timeout(timeout),
        error if error.is_dns() => Error::Dns,
        error if causes(error).filter_map(|cause| cause.downcast_ref()).any(refused) => Error::Refused,
        error if error.is_connect() => Error::Connect,
        error if error.is_builder() => Error::Configuration("the request cannot be built"),
        _ => Error::BrokeOff,
    }
}

fn build(remote: &Remote, https: bool, loopback: bool) -> Result<Client, Error> {
    let mut builder = ClientBuilder::new()
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(CONNECT_TIMEOUT)
        .pool_idle_timeout(IDLE_TIMEOUT)
        .user_agent(USER_AGENT);
    builder = with_proxy(builder, remote, loopback)?;
    if !https && remote.proxy.is_none() {
        // Reading the system's authorities costs milliseconds that plain http need not pay.
        return builder.tls_certs_only([]).build().map_err(|_| Error::Connect);
    }
    if let Some(own) = &remote.client_certificate {
        let identity = Identity::from_pem(&[own.key.as_slice(), b"\n", &own.certificate].concat())
            .map_err(|_| Error::Configuration("the client's certificate or key cannot be read"))?;
        builder = builder.identity(identity);
    }
    let Some(ca) = &remote.ca else {
        return builder.build().map_err(|_| Error::Configuration("the TLS client cannot be set up"));
    };
    let unreadable = || Error::Configuration("the certificate authority cannot be read");
    let authorities = Certificate::from_pem_bundle(ca).map_err(|_| unreadable())?;
    if authorities.is_empty() {
        return Err(unreadable());
    }
    builder.tls_certs_merge(authorities).build().map_err(|_| unreadable())
}

fn with_proxy(builder: ClientBuilder, remote: &Remote, loopback: bool) -> Result<ClientBuilder, Error> {
    let Some(proxy) = &remote.proxy else {
        return Ok(if loopback { builder.no_proxy() } else { builder });
    };
    let unusable = |_| Error::Configuration("the proxy's address cannot be used");
    let mut through = reqwest::Proxy::all(&proxy.address).map_err(unusable)?;
    if let Some(username) = &proxy.username {
        through = through.basic_auth(username, proxy.password.as_deref().unwrap_or_default());
    }
    Ok(builder.proxy(through))
}

fn key(remote: &Remote, https: bool, loopback: bool) -> Digest {
    let mut hasher = Hasher::default();
    let mut put = |bytes: &[u8]| {
        hasher.update(&(bytes.len() as u64).to_le_bytes());
        hasher.update(bytes);
    };
    put(&[u8::from(https), u8::from(loopback)]);
    put(remote.ca.as_deref().unwrap_or_default());
    if let Some(own) = &remote.client_certificate {
        put(&own.certificate);
        put(&own.key);
    }
    if let Some(proxy) = &remote.proxy {
        put(proxy.address.as_bytes());
        put(proxy.username.as_deref().unwrap_or_default().as_bytes());
        put(proxy.password.as_deref().unwrap_or_default().as_bytes());
    }
    hasher.finish()
}

fn is_loopback(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || bare.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// Walks an error's causes, into those that [`io::Error`] wraps.
fn causes<'e>(error: &'e (dyn StdError + 'static)) -> impl Iterator<Item = &'e (dyn StdError + 'static)> {
    std::iter::successors(Some(error), |error| cause(*error))
}

fn cause<'e>(error: &'e (dyn StdError + 'static)) -> Option<&'e (dyn StdError + 'static)> {
    let wrapped = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
    wrapped.map(|inner| inner as &'e (dyn StdError + 'static)).or_else(|| error.source())
}

fn tls_words(error: &rustls::Error) -> &'static str {
    use rustls::{CertificateError as Certificate, Error as Tls};
    match error {
        Tls::InvalidCertificate(Certificate::UnknownIssuer) => "the server's certificate is of an unknown authority",
        Tls::InvalidCertificate(Certificate::Expired | Certificate::ExpiredContext { .. }) => {
            "the server's certificate has expired"
        }
        Tls::InvalidCertificate(Certificate::NotValidForName | Certificate::NotValidForNameContext { .. }) => {
            "the server's certificate is for another name"
        }
        Tls::InvalidCertificate(_) => "the server's certificate is not valid",
        Tls::AlertReceived(_) => "the server refused the connection or the client's certificate",
        _ => "no encrypted connection could be agreed",
    }
}
