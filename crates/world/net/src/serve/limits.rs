//! [`Terms`] and [`Limits`]: what a server grants its clients.

use std::time::Duration;

use tokio_rustls::TlsAcceptor;

/// What a server is called and what it grants.
#[derive(Clone)]
pub struct Terms {
    /// Its name in logs.
    pub name: &'static str,
    /// Encrypts connections; HTTP/2 is spoken only then, as clients choose it while they agree on encryption.
    pub tls: Option<TlsAcceptor>,
    /// How much and how long.
    pub limits: Limits,
}

/// How much and how long.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Connections at a time.
    pub connections: usize,
    /// Connections of one peer at a time.
    pub per_peer: usize,
    /// How long agreeing on encryption may take.
    pub handshake: Duration,
    /// How long the head of a request may take to come, from when the connection is ready for it.
    pub header: Duration,
    /// Bytes of the head of a request.
    pub header_bytes: usize,
    /// How long the body of a request may take to come, besides what [`Self::body_rate`] grants for what did come.
    pub body: Duration,
    /// Bytes a second at which a body has to come.
    pub body_rate: u64,
    /// How long an answer may wait for a client that does not read.
    pub write: Duration,
    /// How long an answer must have waited for its reader before its connection may be displaced.
    pub unread_min: Duration,
    /// How long a connection without a request under way is kept.
    pub idle: Duration,
    /// Whether a connection may make a request after its first one (HTTP/1.1).
    pub keep_alive: bool,
    /// Requests on one HTTP/2 connection at a time.
    pub streams: u32,
    /// How long answers may take to end once the server is to stop; without any time all connections are cut.
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
