//! [`Caller`]: who is at the other end of a connection.

use std::net::SocketAddr;

/// The other end of a connection.
#[derive(Debug, Clone)]
pub struct Caller {
    /// Address and port.
    pub address: SocketAddr,
    /// The verified client certificate in DER, if the connection is encrypted.
    pub certificate: Option<Vec<u8>>,
}
