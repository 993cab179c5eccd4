//! [`serve()`]: accepts connections and passes requests to a function.
//!
//! Input: a listener, [`Terms`], and a function that answers. Every connection holds a place,
//! counted by peer: an IPv4 address, or the 64-bit network part of an IPv6 address. If its peer's
//! places or all places are taken, a new connection displaces an idle one: one without a request in
//! progress, or one whose client does not read. Of those, the one that has waited longest is
//! chosen, from the peer that holds most. If there is none, a peer at its own limit is refused, and
//! a new connection to a full server waits for a free place.
//!
//! Time is limited, too: TLS handshake, receiving a head, receiving a body (at least at
//! [`Limits::body_rate`]), sending a response, and being idle. A response may take as long as its
//! service needs, so watches keep running.

mod body;
mod caller;
mod connection;
mod limits;
mod places;
mod stream;

use std::borrow::Borrow;
use std::error::Error as StdError;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use hyper::body::Body;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::Instant;

use self::places::{ConnectionPlace, Places};
use crate::sockets::{SocketListener, SocketStream};

pub use body::RequestBody;
pub use caller::Caller;
pub use limits::{Limits, Terms};

/// Pause when no connection can be accepted, for instance because file descriptors are exhausted.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// How often a new connection to a full server checks for one that can be displaced.
const FULL_PAUSE: Duration = Duration::from_millis(100);
/// Shortest time between log lines about refused connections.
const REFUSED_LOG_INTERVAL: Duration = Duration::from_mins(1);

/// Serves until `stop` resolves, then completes responses in progress within [`Limits::drain`].
///
/// `greet` is called once per connection and returns the function that answers its requests. The
/// listener may be borrowed, so that it stays open afterwards.
pub async fn serve<L, G, A, F, B>(
    listener: L,
    terms: Terms,
    stop: impl Future<Output = ()>,
    greet: G,
) where
    L: Borrow<SocketListener>,
    G: Fn(&Caller) -> A + Clone + Send + Sync + 'static,
    A: Fn(Request<RequestBody>) -> F + Send + Sync + 'static,
    F: Future<Output = Response<B>> + Send + 'static,
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<Box<dyn StdError + Send + Sync>>,
{
    let terms = Arc::new(terms);
    let places = Places::new(
        terms.limits.connections,
        terms.limits.per_peer,
        terms.limits.unread_min,
    );
    let (stopping, stopped) = watch::channel(false);
    let mut connections = JoinSet::new();
    let mut refused = RefusedCount::default();

    let mut stop = std::pin::pin!(stop);
    loop {
        let entered = tokio::select! {
            () = &mut stop => break,
            entered = enter(listener.borrow(), &places, &terms, &mut refused) => entered,
        };
        while connections.try_join_next().is_some() {}
        let Some((stream, address, place)) = entered else {
            continue;
        };

        let (terms, greet, stopped) = (Arc::clone(&terms), greet.clone(), stopped.clone());
        connections.spawn(connection::converse(
            stream, address, place, terms, greet, stopped,
        ));
        // An accepted connection gets its turn before the next one may displace it.
        tokio::task::yield_now().await;
    }
    drop(listener);
    stopping.send_replace(true);

    let drained = async { while connections.join_next().await.is_some() {} };
    let is_drained = tokio::time::timeout(terms.limits.drain, drained)
        .await
        .is_ok();
    if !is_drained && !terms.limits.drain.is_zero() {
        tracing::warn!(
            server = terms.name,
            left = connections.len(),
            "server stopped with responses in progress"
        );
    }
}

/// Accepts one connection and finds it a place. Returns nothing if there was none to accept or no
/// place for it.
async fn enter(
    listener: &SocketListener,
    places: &Arc<Places>,
    terms: &Terms,
    refused: &mut RefusedCount,
) -> Option<(SocketStream, SocketAddr, ConnectionPlace)> {
    let (stream, address) = match listener.accept().await {
        Ok(accepted) => accepted,
        Err(error) => {
            tracing::warn!(server = terms.name, %error, "connection not accepted");
            places.displace_one();
            tokio::time::sleep(ACCEPT_PAUSE).await;
            return None;
        }
    };

    loop {
        match places.take(address.ip()) {
            Ok(place) => return Some((stream, address, place)),
            Err(places::Full::Peer) => {
                refused.note(terms.name, address);
                return None;
            }
            Err(places::Full::Server) => {
                let _ = tokio::time::timeout(FULL_PAUSE, places.freed()).await;
            }
        }
    }
}

/// Counts refused connections and logs them now and then: one log line for each would itself be an
/// attack.
#[derive(Default)]
struct RefusedCount {
    count: u64,
    logged_at: Option<Instant>,
}

impl RefusedCount {
    fn note(&mut self, server: &str, address: SocketAddr) {
        self.count = self.count.saturating_add(1);
        if self
            .logged_at
            .is_none_or(|at| at.elapsed() >= REFUSED_LOG_INTERVAL)
        {
            tracing::warn!(
                server,
                peer = %address.ip(),
                refused = self.count,
                "connection refused: this peer has reached its limit of connections"
            );
            self.logged_at = Some(Instant::now());
            self.count = 0;
        }
    }
}

#[cfg(test)]
mod tests;
