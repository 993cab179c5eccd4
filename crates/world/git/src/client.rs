//! HTTP clients for a [`Remote`], made by `lode_net`.

use lode_net::{HttpClient, Outbound};
use reqwest::Url;

use crate::remote::Remote;
use crate::transport_error::TransportError as Error;

/// Sent because some servers answer only to names that begin with "git/".
const USER_AGENT: &str = concat!("git/lodestone-", env!("CARGO_PKG_VERSION"));

/// Returns a client for `url`, which after a redirect may be another host than the remote's, if
/// egress to it is allowed.
pub(crate) fn of(remote: &Remote, url: &Url) -> Result<HttpClient, Error> {
    let outbound = Outbound {
        egress: remote.egress.clone(),
        proxy: remote.proxy.clone(),
        ca: remote.ca.clone(),
        client_certificate: remote.client_certificate.clone(),
        accepts_any_certificate: false,
        user_agent: USER_AGENT,
    };
    outbound.client(url).map_err(Error::from)
}
