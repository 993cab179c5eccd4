//! The network border of the process.
//!
//! - [`Sockets`] is what connections run over: the machine's sockets, or pipes within this process
//!   for tests.
//! - [`serve()`] is the one accept loop of all our servers: places per peer, deadlines, draining.
//! - [`Egress`] decides where connections that others request may lead, and resolves names
//!   accordingly.
//! - [`Outbound`] makes such connections: through a proxy, with certificates. [`Calls`] are requests over them, within
//!   one deadline, with redirects that take no credentials elsewhere.
//!
//! ```no_run
//! # async fn example() -> std::io::Result<()> {
//! use bytes::Bytes;
//! use http::Response;
//! use lode_net::{Limits, Sockets, Terms, serve};
//!
//! let listener = Sockets::default().listen(([127, 0, 0, 1], 8080).into()).await?;
//! let terms = Terms { name: "greeting", tls: None, limits: Limits::default() };
//! let answer = |_: &_| |_| async { Response::new(String::from("hello")) };
//! serve(listener, terms, std::future::pending(), answer).await;
//! # Ok(())
//! # }
//! ```

mod calls;
mod egress;
mod outbound;
mod serve;
mod sockets;

pub use calls::{Answer, Call, Calls};
pub use egress::{Egress, EgressRule, Network, Refused, Resolved, RuleError, Rules};
pub use outbound::{ClientCertificate, HttpClient, Outbound, OutboundError, Proxy};
pub use serve::{Caller, Limits, RequestBody, Terms, serve};
pub use sockets::{
    ConnectError, ReservedSocket, SocketConnector, SocketListener, SocketStream, Sockets,
};
