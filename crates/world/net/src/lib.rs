//! The network border of the process.
//!
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
//! use lode_net::{Limits, Terms, serve};
//!
//! let listener = tokio::net::TcpListener::bind("127.0.0.1:8080").await?;
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

pub use calls::{Answer, Call, Calls};
pub use egress::{Egress, EgressRule, Network, Refused, Resolved, RuleError, Rules};
pub use outbound::{ClientCertificate, Outbound, OutboundError, Proxy};
pub use serve::{Caller, Limits, RequestBody, Terms, serve};
