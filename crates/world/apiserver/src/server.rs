//! [`Server`]: the API on a socket.
//!
//! TLS always, as clients send no credentials without it; the authority is made anew each time. HTTP/1.1 and HTTP/2.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http::Request;
use lode_admit::Status;
use lode_net::{Caller, Limits, RequestBody, Terms};
use lode_rbac::User;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

use crate::api::{Api, Clock};
use crate::auth::authority::{self, Authority};
use crate::auth::{self, Users};
use crate::faults::Faults;
use crate::{bootstrap, controllers, dispatch, random};

/// How an API is served.
#[derive(Clone)]
pub struct Config {
    /// Where; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Who else there is, as kube-apiserver's `--token-auth-file` has it.
    pub tokens: String,
    /// Controllers run: namespaces and dependents go, workloads are played. Without them this is an API and no cluster.
    pub controllers: bool,
    /// What time it is.
    pub clock: Clock,
    /// What goes wrong on purpose.
    pub faults: Option<Arc<dyn Faults>>,
}

/// An API that is being served; it ends when this is dropped.
pub struct Server {
    address: SocketAddr,
    authority: Authority,
    token: String,
    api: Arc<Api>,
    /// Whether it takes and keeps connections.
    open: watch::Sender<bool>,
    tasks: Vec<JoinHandle<()>>,
}

/// Why an API cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The socket cannot be had.
    #[error("listen on {0}")]
    Listen(SocketAddr, #[source] std::io::Error),
    /// A certificate cannot be made.
    #[error("make certificates")]
    Certificates(#[from] authority::Error),
    /// The file of tokens cannot be read.
    #[error("read tokens")]
    Tokens(#[from] auth::TokensError),
    /// What a cluster begins with is refused.
    #[error("create what a cluster begins with: {0}")]
    Bootstrap(#[from] Status),
}

impl Default for Config {
    /// On a free port of the loopback interface, without other users or faults, with controllers, and with
    /// the clock of the system.
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            tokens: String::new(),
            controllers: true,
            clock: Arc::new(jiff::Timestamp::now),
            faults: None,
        }
    }
}

impl Server {
    /// Serves an API without objects but those that every cluster begins with.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn start(config: Config) -> Result<Self, Error> {
        let listener = TcpListener::bind(config.listen)
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

    /// Returns where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns the token of who may do everything.
    #[must_use]
    pub fn token(&self) -> &str {
        &self.token
    }

    /// Returns the certificate by which clients know it, as PEM.
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

    /// Returns a kubeconfig of who may do everything.
    #[must_use]
    pub fn kubeconfig(&self) -> String {
        self.authority.kubeconfig(self.address, &self.token)
    }

    /// Cuts all connections and takes no others, or takes them again.
    pub fn open(&self, open: bool) {
        self.open.send_replace(open);
    }

    /// Ends the watches that are under way, as a server does with those whose time is up.
    pub fn end_watches(&self) {
        self.api.end_watches.send_replace(());
    }

    /// Forgets all changes so far: a watch that goes on from before is told that its place is gone (410).
    pub fn compact(&self) {
        self.api.store.compact();
    }

    /// Ends it.
    pub async fn stop(mut self) {
        self.open.send_replace(false);
        for task in std::mem::take(&mut self.tasks) {
            task.abort();
            // It was told to end; how it did makes no difference.
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

/// Serves whenever the API is open; cuts all connections and takes no others while it is not.
async fn accept(
    listener: TcpListener,
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
                    // The connection is about to be cut, and nothing is answered meanwhile.
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

/// Connections served at the same time, in all and of one peer; a controller opens few, a cluster's worth of them many.
const CONNECTIONS_MAX: usize = 4096;
const CONNECTIONS_PER_PEER_MAX: usize = 2048;
/// Requests on one connection at the same time; a watch is one for as long as it lasts.
const STREAMS_MAX: u32 = 1000;
/// How long a client may take to agree on encryption.
const HANDSHAKE_MAX: Duration = Duration::from_secs(10);
/// How long a client may take to send the head of a request.
const HEADER_MAX: Duration = Duration::from_secs(30);
/// How long a connection is kept for the next request; clients themselves keep one for 90 seconds.
const IDLE_MAX: Duration = Duration::from_mins(3);
