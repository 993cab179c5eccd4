//! The API server: one client, discovery, and one shared watch cache.
//!
//! - [`Client`] makes calls, as the operator itself or as a service account; [`Error`] says why one
//!   failed.
//! - [`WriteGate`] says until when this process may write; a client behind it sends no write after
//!   that.
//! - [`Discovery`] maps kinds to resources.
//! - [`watch()`] follows a kind without end and passes every object to a [`Sink`].
//! - [`Reviews`] says which of the objects that the operator sees an account may see.
//! - [`Cache`] is the sink that all controllers share: digests and health per object, not objects.
//!
//! Left out on purpose: typed objects (`model/api`), retries of refused writes (their caller knows
//! what they mean), and kube's own runtime, which keeps whole objects.

mod account;
mod cache;
mod changes;
mod client;
mod connect;
mod discovery;
mod error;
mod fresh;
mod gate;
mod kind;
mod ledger;
mod lines;
mod refusal;
mod resource;
mod review;
mod seen;
mod side;
mod watch;
mod write;

pub use account::Account;
pub use cache::Cache;
pub use changes::Changes;
pub use client::{Client, Identity, Target};
pub use discovery::Discovery;
pub use error::Error;
pub use fresh::Fresh;
pub use gate::WriteGate;
pub use kind::WatchedKind;
pub use ledger::{Subscription, Watched};
pub use refusal::{Cause, Details, Status};
pub use resource::Resource;
pub use review::Reviews;
pub use seen::{Gone, Seen};
pub use watch::{Head, Sink, Subject, watch};
pub use write::Propagation;
