//! The network border of the process.
//!
//! - [`serve()`] is the one accept loop of all our servers: places per peer, deadlines, draining.
//! - [`Egress`] decides where connections that others request may lead, and resolves names
//!   accordingly.
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

mod egress;
mod serve;

pub use egress::{Egress, Network, Refused, Resolved, Rule, RuleError, Rules};
pub use serve::{Caller, Limits, RequestBody, Terms, serve};
