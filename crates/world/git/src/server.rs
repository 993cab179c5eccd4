//! [`Server`]: repositories in memory over http, for Git's own client and for ours.
//!
//! Input: requests of the smart protocol. Output: references, packs, and pushes taken. [`serve`] owns a listener;
//! whoever has an HTTP server already passes requests to [`Server::answer`]. Fetching is protocol version 2, which
//! every git since 2018 speaks; pushing is version 0, as git does it to this day. Whoever needs to know of a push asks
//! the repository for a [`Watch`](crate::Watch).
//!
//! ```no_run
//! # async fn example() -> std::io::Result<()> {
//! use lode_git::{Access, Repository, Server, serve};
//!
//! let server = Server::default();
//! server.put("fleet", Repository::new("main"), Access::default());
//! let listener = tokio::net::TcpListener::bind("127.0.0.1:8418").await?;
//! // git clone http://127.0.0.1:8418/fleet.git
//! serve(listener, server, std::future::pending()).await;
//! # Ok(())
//! # }
//! ```
//!
//! Left out: the older protocol for fetches, filters, push options, signed pushes.

mod access;
mod body;
mod depth;
mod paint;
mod receive;
mod route;
mod select;
mod unpack;
mod upload;

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use hyper::body::{Body, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;

use crate::repository::Repository;

pub use access::{Access, Gate, Secret};
pub use body::Answer;

/// Connections served at the same time.
const CONNECTIONS_MAX: usize = 128;
/// Fetches whose objects are chosen at the same time; sending them takes no place.
const FETCHES_MAX: usize = 16;
/// Pushes read and unpacked at the same time; each may be in memory whole.
const PUSHES_MAX: usize = 4;
/// How long a client may take to send a request's head.
const HEADER_TIMEOUT: Duration = Duration::from_secs(15);
/// How long answers may take to end once the server is to stop.
const STOP_TIMEOUT: Duration = Duration::from_secs(10);
/// How long to wait when no connection can be accepted, as when files are used up.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// How large a push may be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of a push as received.
    pub pack_bytes: u64,
    /// Bytes of one object when unpacked.
    pub object_bytes: u64,
    /// Bytes of all objects of a push when unpacked.
    pub unpacked_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { pack_bytes: 64 << 20, object_bytes: 64 << 20, unpacked_bytes: 1 << 30 }
    }
}

/// Repositories by name; clones serve the same ones.
#[derive(Clone)]
pub struct Server(Arc<Shared>);

struct Shared {
    by_name: RwLock<BTreeMap<String, Hosted>>,
    limits: Limits,
    fetches: Semaphore,
    pushes: Semaphore,
}

#[derive(Clone)]
struct Hosted {
    repository: Repository,
    access: Access,
}

impl Default for Server {
    fn default() -> Self {
        Self::with(Limits::default())
    }
}

impl Server {
    /// Returns a server without repositories that takes pushes up to the limits.
    #[must_use]
    pub fn with(limits: Limits) -> Self {
        let (fetches, pushes) = (Semaphore::new(FETCHES_MAX), Semaphore::new(PUSHES_MAX));
        Self(Arc::new(Shared { by_name: RwLock::default(), limits, fetches, pushes }))
    }

    /// Serves a repository as `/<name>` and `/<name>.git`; a name may hold slashes.
    pub fn put(&self, name: &str, repository: Repository, access: Access) {
        let hosted = Hosted { repository, access };
        self.0.by_name.write().unwrap_or_else(PoisonError::into_inner).insert(name.to_owned(), hosted);
    }

    /// Serves a repository no more; what is under way ends.
    pub fn remove(&self, name: &str) {
        self.0.by_name.write().unwrap_or_else(PoisonError::into_inner).remove(name);
    }

    /// Answers one request; its path is that of a repository and what Git puts behind it.
    pub async fn answer<B>(&self, request: Request<B>) -> Response<Answer>
    where
        B: Body<Data = Bytes, Error: Into<Box<dyn std::error::Error + Send + Sync>>>,
    {
        route::answer(self, request).await
    }

    fn hosted(&self, name: &str) -> Option<Hosted> {
        let by_name = self.0.by_name.read().unwrap_or_else(PoisonError::into_inner);
        by_name.get(name).or_else(|| by_name.get(name.strip_suffix(".git")?)).cloned()
    }
}

/// Serves until `stop` ends, then lets answers under way end.
pub async fn serve(listener: TcpListener, server: Server, stop: impl Future<Output = ()>) {
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let (stopping, stopped) = watch::channel(false);
    let mut connections = JoinSet::new();
    let mut stop = std::pin::pin!(stop);
    loop {
        let place = tokio::select! {
            () = &mut stop => break,
            place = Arc::clone(&places).acquire_owned() => place,
        };
        let accepted = tokio::select! {
            () = &mut stop => break,
            accepted = listener.accept() => accepted,
        };
        while connections.try_join_next().is_some() {}
        let Ok((stream, _)) = accepted else {
            tokio::time::sleep(ACCEPT_PAUSE).await;
            continue;
        };
        let (server, stopped) = (server.clone(), stopped.clone());
        connections.spawn(async move {
            connection(stream, server, stopped).await;
            drop(place);
        });
    }
    drop(listener);
    stopping.send_replace(true);
    let ended = tokio::time::timeout(STOP_TIMEOUT, async { while connections.join_next().await.is_some() {} }).await;
    if ended.is_err() {
        tracing::warn!(left = connections.len(), "Git server stopped with answers under way");
    }
}

async fn connection(stream: TcpStream, server: Server, mut stopped: watch::Receiver<bool>) {
    let service = service_fn(move |request: Request<Incoming>| {
        let server = server.clone();
        async move { Ok::<_, Infallible>(server.answer(request).await) }
    });
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(HEADER_TIMEOUT);
    let mut served = std::pin::pin!(builder.serve_connection(TokioIo::new(stream), service));
    let result = tokio::select! {
        result = served.as_mut() => result,
        () = async { drop(stopped.wait_for(|stopped| *stopped).await) } => {
            served.as_mut().graceful_shutdown();
            served.await
        }
    };
    if let Err(error) = result {
        tracing::debug!(%error, "Git connection ended");
    }
}
