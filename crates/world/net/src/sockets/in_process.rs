//! [`InProcess`]: addresses of listeners within this process, and the connections that wait at them.

use std::collections::BTreeMap;
use std::io::{self, ErrorKind};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use http::Uri;
use lode_stdx::Lock;
use tokio::io::{DuplexStream, duplex};
use tokio::sync::{Mutex, mpsc};

use super::{BACKLOG, Reserved, ReservedSocket, SocketStream};

/// Bytes that a connection holds in each direction until its other end reads them.
const BUFFER: usize = 64 << 10;
/// First port of those that are picked.
const FIRST_PORT: u16 = 10_000;

/// A connection that waits to be accepted, and the address that it comes from.
type Waiting = (DuplexStream, SocketAddr);

/// The listeners of one network.
#[derive(Debug)]
pub(super) struct InProcess(Lock<Addresses>);

#[derive(Debug)]
struct Addresses {
    /// Which addresses are taken; a reserved one has nobody who accepts.
    taken: BTreeMap<SocketAddr, Option<mpsc::Sender<Waiting>>>,
    next_port: u16,
}

impl Default for InProcess {
    fn default() -> Self {
        Self(Lock::new(Addresses {
            taken: BTreeMap::new(),
            next_port: FIRST_PORT,
        }))
    }
}

impl InProcess {
    /// Takes an address; port 0 picks a free port.
    pub(super) fn reserve(self: &Arc<Self>, address: SocketAddr) -> io::Result<ReservedSocket> {
        let mut addresses = self.0.lock();
        let address = match address.port() {
            0 => SocketAddr::new(address.ip(), addresses.pick()?),
            _ => address,
        };
        if addresses.taken.contains_key(&address) {
            return Err(ErrorKind::AddrInUse.into());
        }
        addresses.taken.insert(address, None);
        let (sender, waiting) = mpsc::channel(BACKLOG as usize);
        Ok(ReservedSocket(Reserved::InProcess(InProcessListener {
            network: Arc::clone(self),
            address,
            sender,
            waiting: Mutex::new(waiting),
        })))
    }

    /// Opens a connection to the host of a URL, which must be an address or `localhost`.
    pub(super) async fn connect(&self, uri: &Uri) -> io::Result<DuplexStream> {
        let to = address_of(uri)?;
        let (sender, from) = {
            let mut addresses = self.0.lock();
            let sender = addresses.taken.get(&to).cloned().flatten();
            (sender, SocketAddr::new(to.ip(), addresses.pick()?))
        };
        let sender = sender.ok_or(ErrorKind::ConnectionRefused)?;
        let (ours, theirs) = duplex(BUFFER);
        let sent = sender.send((theirs, from)).await;
        sent.map_err(|_| ErrorKind::ConnectionRefused)?;
        Ok(ours)
    }
}

impl Addresses {
    /// Returns a port that is not taken, each in turn, so that none is used again soon.
    fn pick(&mut self) -> io::Result<u16> {
        for _ in FIRST_PORT..=u16::MAX {
            let port = self.next_port;
            self.next_port = port.checked_add(1).unwrap_or(FIRST_PORT);
            if !self.taken.keys().any(|address| address.port() == port) {
                return Ok(port);
            }
        }
        Err(ErrorKind::AddrNotAvailable.into())
    }
}

/// A taken address, which is free again when this is dropped.
pub(super) struct InProcessListener {
    network: Arc<InProcess>,
    address: SocketAddr,
    sender: mpsc::Sender<Waiting>,
    waiting: Mutex<mpsc::Receiver<Waiting>>,
}

impl InProcessListener {
    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Lets others connect.
    pub(super) fn open(&self) {
        let mut addresses = self.network.0.lock();
        let sender = self.sender.clone();
        addresses.taken.insert(self.address, Some(sender));
    }

    pub(super) async fn accept(&self) -> (SocketStream, SocketAddr) {
        let next = self.waiting.lock().await.recv().await;
        let Some((stream, from)) = next else {
            // The listener holds a sender itself, so the channel does not end.
            return std::future::pending().await;
        };
        (stream.into(), from)
    }
}

impl Drop for InProcessListener {
    fn drop(&mut self) {
        self.network.0.lock().taken.remove(&self.address);
    }
}

fn address_of(uri: &Uri) -> io::Result<SocketAddr> {
    let host = uri.host().ok_or(ErrorKind::InvalidInput)?;
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let ip = match bare {
        "localhost" => IpAddr::V4(Ipv4Addr::LOCALHOST),
        address => address.parse().map_err(|_| {
            io::Error::new(
                ErrorKind::NotFound,
                "a network within a process knows no names",
            )
        })?,
    };
    let usual = if uri.scheme_str() == Some("https") {
        443
    } else {
        80
    };
    Ok(SocketAddr::new(ip, uri.port_u16().unwrap_or(usual)))
}
