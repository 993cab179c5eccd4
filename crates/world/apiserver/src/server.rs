//! [`Server`]: the API on a socket.
//!
//! TLS always, as clients send no credentials without it; the authority is made anew each time. HTTP/1.1 and HTTP/2.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper::Request;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use lode_admit::Status;
use lode_rbac::User;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
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
        let listener = TcpListener::bind(config.listen).await.map_err(|error| Error::Listen(config.listen, error))?;
        let address = listener.local_addr().map_err(|error| Error::Listen(config.listen, error))?;
        let authority = Authority::new(address.ip())?;
        let (users, token) = (Users::default(), random::token());
        users.put(token.clone(), auth::admin());
        for (token, user) in auth::read_tokens(&config.tokens)? {
            users.put(token, user);
        }
        let acceptor = authority.acceptor()?;
        let api = Arc::new(Api::new(users, authority.certificate(), config.clock, config.faults));
        let mut tasks = controllers::start(&api, config.controllers);
        bootstrap::run(&api, address.port())?;
        let (open, is_open) = watch::channel(true);
        tasks.push(tokio::spawn(accept(listener, acceptor, Arc::clone(&api), is_open)));
        Ok(Self { address, authority, token, api, open, tasks })
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
    pub fn client_certificate(&self, name: &str, groups: &[&str]) -> Result<(String, String), authority::Error> {
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

async fn accept(listener: TcpListener, acceptor: TlsAcceptor, api: Arc<Api>, open: watch::Receiver<bool>) {
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    loop {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
        let Ok((stream, _)) = listener.accept().await else {
            tokio::time::sleep(ACCEPT_PAUSE).await;
            continue;
        };
        let (acceptor, api, mut open) = (acceptor.clone(), Arc::clone(&api), open.clone());
        tokio::spawn(async move {
            tokio::select! {
                () = connection(stream, acceptor, api) => {}
                _ = open.wait_for(|open| !open) => {}
            }
            drop(place);
        });
    }
}

async fn connection(stream: TcpStream, acceptor: TlsAcceptor, api: Arc<Api>) {
    // Frames of a watch are small and each is waited for.
    let _ = stream.set_nodelay(true);
    let Ok(Ok(stream)) = tokio::time::timeout(HANDSHAKE_MAX, acceptor.accept(stream)).await else { return };
    let certificates = stream.get_ref().1.peer_certificates();
    let user: Option<Arc<User>> =
        certificates.and_then(<[_]>::first).and_then(|der| auth::certified(der)).map(Arc::new);
    let service = service_fn(move |request: Request<Incoming>| {
        let (api, user) = (Arc::clone(&api), user.clone());
        async move { Ok::<_, std::convert::Infallible>(dispatch::answer(&api, user.as_deref(), request).await) }
    });
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(HEADER_MAX);
    builder.http2().timer(TokioTimer::new()).max_concurrent_streams(STREAMS_MAX);
    if let Err(error) = builder.serve_connection(TokioIo::new(stream), service).await {
        tracing::debug!(%error, "connection ended");
    }
}

/// Connections served at the same time.
const CONNECTIONS_MAX: usize = 2048;
/// Requests on one connection at the same time; a watch is one for as long as it lasts.
const STREAMS_MAX: u32 = 1000;
/// How long a client may take to agree on encryption.
const HANDSHAKE_MAX: Duration = Duration::from_secs(10);
/// How long a client may take to send the head of a request.
const HEADER_MAX: Duration = Duration::from_secs(30);
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
