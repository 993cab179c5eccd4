//! [`Terms`] and [`Limits`]: the limits of a server.

use std::time::Duration;

use tokio_rustls::TlsAcceptor;

/// Name and limits of a server.
#[derive(Clone)]
pub struct Terms {
    /// Its name in logs.
    pub name: &'static str,
    /// Encrypts connections; HTTP/2 is used only then, because it is negotiated with TLS.
    pub tls: Option<TlsAcceptor>,
    /// The limits.
    pub limits: Limits,
}

/// Limits of size, number and time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Most connections.
    pub connections: usize,
    /// Most connections of one peer.
    pub per_peer: usize,
    /// Longest TLS handshake.
    pub handshake: Duration,
    /// Longest time to receive the head of a request, once the connection is ready for it.
    pub header: Duration,
    /// Largest head of a request, in bytes.
    pub header_bytes: usize,
    /// Longest time to receive the body of a request, in addition to what [`Self::body_rate`]
    /// grants for the part received.
    pub body: Duration,
    /// Minimum rate of a body, in bytes per second.
    pub body_rate: u64,
    /// How long a response may wait for a client that does not read.
    pub write: Duration,
    /// How long a response must have waited for its client before its connection may be displaced.
    pub unread_min: Duration,
    /// How long a connection without a request is kept.
    pub idle: Duration,
    /// Whether a connection may carry more than one request (HTTP/1.1).
    pub keep_alive: bool,
    /// Most concurrent requests on one HTTP/2 connection.
    pub streams: u32,
    /// How long responses may take to complete after the server was asked to stop; zero cuts all
    /// connections.
    pub drain: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 512,
            per_peer: 128,
            handshake: Duration::from_secs(10),
            header: Duration::from_secs(15),
            header_bytes: 64 << 10,
            body: Duration::from_secs(30),
            body_rate: 4 << 10,
            write: Duration::from_secs(30),
            unread_min: Duration::from_secs(1),
            idle: Duration::from_mins(1),
            keep_alive: true,
            streams: 100,
            drain: Duration::from_secs(10),
        }
    }
}
