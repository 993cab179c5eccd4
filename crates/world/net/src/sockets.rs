//! [`Sockets`]: what connections run over: sockets of the machine, or pipes within this process.
//!
//! Listeners and connectors of the whole process come from here, so that a test can run clients and servers without the
//! kernel: what arrives when then depends on nothing but the program.

mod in_process;
mod stream;

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http::Uri;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpSocket};
use tower::Service;

use self::in_process::{InProcess, InProcessListener};

pub use stream::SocketStream;

/// Connections that may wait to be accepted.
const BACKLOG: u32 = 1024;

/// Where listeners listen and connections lead. Cloning is cheap and stays in the same network; the default is the
/// machine's.
#[derive(Clone, Default)]
pub struct Sockets(Option<Arc<InProcess>>);

impl fmt::Debug for Sockets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sockets")
    }
}

impl Sockets {
    /// Returns a network of its own within this process. It knows addresses but no names.
    #[must_use]
    pub fn in_process() -> Self {
        Self(Some(Arc::default()))
    }

    /// Returns whether connections stay within this process.
    #[must_use]
    pub fn are_in_process(&self) -> bool {
        self.0.is_some()
    }

    /// Listens on an address; port 0 picks a free port.
    ///
    /// # Errors
    /// The address is taken, or not one of this machine.
    pub async fn listen(&self, address: SocketAddr) -> io::Result<SocketListener> {
        match &self.0 {
            Some(network) => network.reserve(address)?.listen(),
            None => Ok(TcpListener::bind(address).await?.into()),
        }
    }

    /// Takes an address without listening: connections to it are refused.
    ///
    /// # Errors
    /// The address is taken, or not one of this machine.
    pub fn reserve(&self, address: SocketAddr) -> io::Result<ReservedSocket> {
        if let Some(network) = &self.0 {
            return network.reserve(address);
        }
        let socket = if address.is_ipv4() {
            TcpSocket::new_v4()?
        } else {
            TcpSocket::new_v6()?
        };
        socket.set_reuseaddr(true)?;
        socket.bind(address)?;
        Ok(ReservedSocket(Reserved::Machine(socket)))
    }

    /// Returns what opens connections to the hosts of URLs.
    ///
    /// Within this process it opens them at once; `timeout` and `keep_alive` are of sockets.
    #[must_use]
    pub fn connector(&self, timeout: Duration, keep_alive: Option<Duration>) -> SocketConnector {
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        tcp.set_connect_timeout(Some(timeout));
        tcp.set_keepalive(keep_alive);
        SocketConnector {
            network: self.0.clone(),
            tcp,
        }
    }
}

/// An address that is taken, at which nobody listens yet.
pub struct ReservedSocket(Reserved);

enum Reserved {
    Machine(TcpSocket),
    InProcess(InProcessListener),
}

impl ReservedSocket {
    /// Listens.
    ///
    /// # Errors
    /// The machine has no room for another listener.
    pub fn listen(self) -> io::Result<SocketListener> {
        match self.0 {
            Reserved::Machine(socket) => Ok(socket.listen(BACKLOG)?.into()),
            Reserved::InProcess(listener) => {
                listener.open();
                Ok(SocketListener(Listening::InProcess(listener)))
            }
        }
    }
}

/// Accepts connections.
pub struct SocketListener(Listening);

enum Listening {
    Machine(TcpListener),
    InProcess(InProcessListener),
}

impl SocketListener {
    /// Returns the address it listens on.
    ///
    /// # Errors
    /// The socket is broken.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        match &self.0 {
            Listening::Machine(listener) => listener.local_addr(),
            Listening::InProcess(listener) => Ok(listener.address()),
        }
    }

    /// Waits for a connection; returns it and its other end's address.
    ///
    /// # Errors
    /// None can be accepted at the moment.
    pub async fn accept(&self) -> io::Result<(SocketStream, SocketAddr)> {
        match &self.0 {
            Listening::Machine(listener) => {
                let (stream, address) = listener.accept().await?;
                // Frames of a watch are small, and the client waits for each.
                let _ = stream.set_nodelay(true);
                Ok((stream.into(), address))
            }
            Listening::InProcess(listener) => Ok(listener.accept().await),
        }
    }
}

impl From<TcpListener> for SocketListener {
    fn from(listener: TcpListener) -> Self {
        Self(Listening::Machine(listener))
    }
}

/// Opens connections to the hosts of URLs.
#[derive(Debug, Clone)]
pub struct SocketConnector {
    network: Option<Arc<InProcess>>,
    tcp: HttpConnector,
}

/// A connection that is being opened.
type Opening = Pin<Box<dyn Future<Output = Result<TokioIo<SocketStream>, ConnectError>> + Send>>;

/// Why a connection was not opened; an [`io::Error`] is among its causes if there was one.
pub type ConnectError = Box<dyn std::error::Error + Send + Sync>;

impl Service<Uri> for SocketConnector {
    type Response = TokioIo<SocketStream>;
    type Error = ConnectError;
    type Future = Opening;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.tcp.poll_ready(context).map_err(ConnectError::from)
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        if let Some(network) = self.network.clone() {
            return Box::pin(async move { Ok(TokioIo::new(network.connect(&uri).await?.into())) });
        }
        let opened = self.tcp.call(uri);
        Box::pin(async move { Ok(TokioIo::new(opened.await?.into_inner().into())) })
    }
}

#[cfg(test)]
mod tests;
