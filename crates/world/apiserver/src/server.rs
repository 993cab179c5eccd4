//! [`Server`]: the API at an address.
//!
//! TLS is always used, because clients send no credentials without it; the certificate authority is
//! new for each server. HTTP/1.1 and HTTP/2.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http::Request;
use lode_admit::Status;
use lode_net::{Caller, Limits, RequestBody, SocketListener, Sockets, Terms};
use lode_rbac::User;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

use crate::api::{Api, Clock};
use crate::auth::authority::{self, Authority};
use crate::auth::{self, Users};
use crate::faults::Faults;
use crate::{bootstrap, controllers, dispatch, random};

/// Settings of an API server.
#[derive(Clone)]
pub struct Config {
    /// Address to listen on; port 0 picks a free port.
    pub listen: SocketAddr,
    /// What connections run over.
    pub sockets: Sockets,
    /// Further users, in the format of kube-apiserver's `--token-auth-file`.
    pub tokens: String,
    /// Whether controllers run (namespace deletion, garbage collection, simulated workloads).
    /// Without them this is an API but not a cluster.
    pub controllers: bool,
    /// The clock.
    pub clock: Clock,
    /// Injected faults.
    pub faults: Option<Arc<dyn Faults>>,
}

/// A running API server; it stops when this is dropped.
pub struct Server {
    address: SocketAddr,
    authority: Authority,
    token: String,
    api: Arc<Api>,
    /// Whether connections are accepted and kept.
    open: watch::Sender<bool>,
    tasks: Vec<JoinHandle<()>>,
}

/// Why the API server could not start.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The socket could not be opened.
    #[error("listen on {0}")]
    Listen(SocketAddr, #[source] std::io::Error),
    /// A certificate could not be created.
    #[error("make certificates")]
    Certificates(#[from] authority::Error),
    /// The tokens are invalid.
    #[error("read tokens")]
    Tokens(#[from] auth::TokensError),
    /// An initial object was refused.
    #[error("create the initial objects of the cluster: {0}")]
    Bootstrap(#[from] Status),
}

impl Default for Config {
    /// On a free port of the loopback interface, without further users or faults, with controllers
    /// and the system clock.
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            sockets: Sockets::default(),
            tokens: String::new(),
            controllers: true,
            clock: Arc::new(jiff::Timestamp::now),
            faults: None,
        }
    }
}

impl Server {
    /// Starts an API server with only the initial objects of a cluster.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn start(config: Config) -> Result<Self, Error> {
        let listener = config
            .sockets
            .listen(config.listen)
            .await
            .map_err(|error| Error::Listen(config.listen, error))?;
        let address = listener
            .local_addr()
            .map_err(|error| Error::Listen(config.listen, error))?;
        let authority = Authority::new(address.ip())?;
        let (users, token) = (Users::default(), random::token());
        users.put(token.clone(), auth::admin());
        for (token, user) in auth::read_tokens(&config.tokens)? {
            users.put(token, user);
        }

        let acceptor = authority.acceptor()?;
        let api = Arc::new(Api::new(
            users,
            authority.certificate(),
            config.clock,
            config.faults,
        ));
        let mut tasks = controllers::start(&api, config.controllers);
        bootstrap::run(&api, address.port())?;
        let (open, is_open) = watch::channel(true);
        tasks.push(tokio::spawn(accept(
            listener,
            acceptor,
            Arc::clone(&api),
            is_open,
        )));
        Ok(Self {
            address,
            authority,
            token,
            api,
            open,
            tasks,
        })
    }

    /// Returns the address it listens on.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns the token of the user who may do everything.
    #[must_use]
    pub fn token(&self) -> &str {
        &self.token
    }

    /// Returns the certificate that clients must trust, as PEM.
    #[must_use]
    pub fn certificate(&self) -> &str {
        self.authority.certificate()
    }

    /// Returns a certificate for a client, and its key, both as PEM.
    ///
    /// # Errors
    /// It cannot be signed.
    pub fn client_certificate(
        &self,
        name: &str,
        groups: &[&str],
    ) -> Result<(String, String), authority::Error> {
        self.authority.client(name, groups)
    }

    /// Returns a kubeconfig of the user who may do everything.
    #[must_use]
    pub fn kubeconfig(&self) -> String {
        self.authority.kubeconfig(self.address, &self.token)
    }

    /// Cuts all connections and refuses new ones, or accepts them again.
    pub fn open(&self, open: bool) {
        self.open.send_replace(open);
    }

    /// Ends all running watches, as a server does after their timeout.
    pub fn end_watches(&self) {
        self.api.end_watches.send_replace(());
    }

    /// Forgets all changes so far: a watch that resumes from an earlier revision gets 410.
    pub fn compact(&self) {
        self.api.store.compact();
    }

    /// Stops the server.
    pub async fn stop(mut self) {
        self.open.send_replace(false);
        for task in std::mem::take(&mut self.tasks) {
            task.abort();
            // It was asked to stop; how it ended makes no difference.
            let _ = task.await;
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.open.send_replace(false);
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

/// Serves while the API is open; otherwise cuts all connections and refuses new ones.
async fn accept(
    listener: SocketListener,
    acceptor: TlsAcceptor,
    api: Arc<Api>,
    mut open: watch::Receiver<bool>,
) {
    let limits = Limits {
        connections: CONNECTIONS_MAX,
        per_peer: CONNECTIONS_PER_PEER_MAX,
        handshake: HANDSHAKE_MAX,
        header: HEADER_MAX,
        idle: IDLE_MAX,
        streams: STREAMS_MAX,
        drain: Duration::ZERO,
        ..Limits::default()
    };
    let terms = Terms {
        name: "api",
        tls: Some(acceptor),
        limits,
    };
    let is_open = open.clone();
    let greet = move |caller: &Caller| {
        let user: Option<Arc<User>> = caller
            .certificate
            .as_deref()
            .and_then(auth::certified)
            .map(Arc::new);
        let (api, is_open) = (Arc::clone(&api), is_open.clone());
        move |request: Request<RequestBody>| {
            let (api, user, is_open) = (Arc::clone(&api), user.clone(), is_open.clone());
            async move {
                if !*is_open.borrow() {
                    // The connection is about to be cut, so nothing is answered.
                    std::future::pending::<()>().await;
                }
                dispatch::answer(&api, user.as_deref(), request).await
            }
        }
    };
    loop {
        let mut is_open = open.clone();
        let closed = async { drop(is_open.wait_for(|open| !open).await) };
        lode_net::serve(&listener, terms.clone(), closed, greet.clone()).await;
        loop {
            tokio::select! {
                opened = open.wait_for(|open| *open) => match opened {
                    Ok(_) => break,
                    Err(_) => return,
                },
                _ = listener.accept() => {}
            }
        }
    }
}

/// Most connections, in total and per peer; a controller opens few, all controllers of a cluster
/// together many.
const CONNECTIONS_MAX: usize = 4096;
const CONNECTIONS_PER_PEER_MAX: usize = 2048;
/// Most concurrent requests per connection; a watch counts for as long as it runs.
const STREAMS_MAX: u32 = 1000;
/// Longest TLS handshake.
const HANDSHAKE_MAX: Duration = Duration::from_secs(10);
/// Longest time for the head of a request.
const HEADER_MAX: Duration = Duration::from_secs(30);
/// How long an idle connection is kept; clients keep theirs for 90 seconds.
const IDLE_MAX: Duration = Duration::from_mins(3);
