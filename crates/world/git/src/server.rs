//! [`Server`]: serves repositories in memory over http, for Git's own client and for ours.
//!
//! Input: requests of the smart protocol. Output: references, packs, and accepted pushes. [`serve`]
//! runs its own listener; an existing HTTP server can pass requests to [`Server::answer`]. Fetches
//! use protocol version 2, which every git since 2018 supports; pushes use version 0, as git still
//! does. A [`Watch`](crate::Watch) of the repository signals pushes.
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
mod limits;
mod paint;
mod receive;
mod route;
mod select;
mod unpack;
mod upload;

use std::collections::BTreeMap;
use std::sync::Arc;

use lode_net::{Caller, SocketListener, Terms};
use lode_stdx::SharedLock;
use tokio::sync::Semaphore;

use crate::repository::Repository;

pub use access::{Access, Gate, Secret};
pub use body::GitAnswer;
pub use limits::ServerLimits;

/// Most connections, in total and per peer.
const CONNECTIONS_MAX: usize = 256;
const CONNECTIONS_PER_PEER_MAX: usize = 128;
/// Most fetches whose objects are selected at the same time; sending them takes no place.
const FETCHES_MAX: usize = 16;
/// Most pushes read and unpacked at the same time; each may be held in memory completely.
const PUSHES_MAX: usize = 4;

/// Repositories by name; clones serve the same ones.
#[derive(Clone)]
pub struct Server(Arc<SharedServer>);

struct SharedServer {
    by_name: SharedLock<BTreeMap<String, Hosted>>,
    /// Hosts that requests must name; empty for any.
    hosts: SharedLock<Vec<String>>,
    limits: ServerLimits,
    fetches: Arc<Semaphore>,
    pushes: Arc<Semaphore>,
}

#[derive(Clone)]
struct Hosted {
    repository: Repository,
    access: Access,
}

impl Default for Server {
    fn default() -> Self {
        Self::with(ServerLimits::default())
    }
}

impl Server {
    /// Returns a server without repositories, with these limits for pushes.
    #[must_use]
    pub fn with(limits: ServerLimits) -> Self {
        let (fetches, pushes) = (
            Arc::new(Semaphore::new(FETCHES_MAX)),
            Arc::new(Semaphore::new(PUSHES_MAX)),
        );
        let (by_name, hosts) = (SharedLock::default(), SharedLock::default());
        Self(Arc::new(SharedServer {
            by_name,
            hosts,
            limits,
            fetches,
            pushes,
        }))
    }

    /// From now on answers only requests for one of these hosts, each with its port.
    ///
    /// A web page can make its own name resolve to this machine, but its requests still carry that
    /// name.
    pub fn answer_to(&self, hosts: impl IntoIterator<Item = String>) {
        let hosts = hosts
            .into_iter()
            .map(|host| host.to_ascii_lowercase())
            .collect();
        *self.0.hosts.write() = hosts;
    }

    /// Serves a repository as `/<name>` and `/<name>.git`; a name may contain slashes.
    pub fn put(&self, name: &str, repository: Repository, access: Access) {
        let hosted = Hosted { repository, access };
        self.0.by_name.write().insert(name.to_owned(), hosted);
    }

    /// Stops serving a repository; requests in progress are completed.
    pub fn remove(&self, name: &str) {
        self.0.by_name.write().remove(name);
    }

    fn answers_to(&self, host: Option<&str>) -> bool {
        let hosts = self.0.hosts.read();
        hosts.is_empty() || host.is_some_and(|host| hosts.contains(&host.to_ascii_lowercase()))
    }

    fn hosted(&self, name: &str) -> Option<Hosted> {
        let by_name = self.0.by_name.read();
        by_name
            .get(name)
            .or_else(|| by_name.get(name.strip_suffix(".git")?))
            .cloned()
    }
}

/// Serves until `stop` resolves, then completes responses in progress.
pub async fn serve(
    listener: impl Into<SocketListener>,
    server: Server,
    stop: impl Future<Output = ()>,
) {
    let limits = lode_net::Limits {
        connections: CONNECTIONS_MAX,
        per_peer: CONNECTIONS_PER_PEER_MAX,
        ..lode_net::Limits::default()
    };
    let terms = Terms {
        name: "git",
        tls: None,
        limits,
    };
    let greet = move |_: &Caller| {
        let server = server.clone();
        move |request| {
            let server = server.clone();
            async move { server.answer(request).await }
        }
    };
    lode_net::serve(listener.into(), terms, stop, greet).await;
}
