//! A Kubernetes API in one process: for the demo, for tests, and wherever there is no cluster.
//!
//! ```no_run
//! # async fn example() -> Result<(), lode_apiserver::Error> {
//! use lode_apiserver::{Config, Server};
//!
//! let server = Server::start(Config::default()).await?;
//! println!("{}", server.kubeconfig());
//! # Ok(())
//! # }
//! ```
//!
//! A request goes from [`dispatch`](mod@dispatch) (authentication, routing, authorisation) to one
//! of a few handlers that serve every kind: `read`, `watch`, `write`, `delete`. `engine/admit` and
//! `engine/merge` compute what a request does to an object; this crate keeps the `store` with its
//! revisions and its log of changes. Controllers do in the background what a cluster does.
//!
//! Left out: disk, webhooks, aggregation, quotas, autoscaling, and everything inside pods.

mod addresses;
mod api;
mod auth;
mod bodies;
mod bootstrap;
mod controllers;
mod dispatch;
mod documents;
mod faults;
mod fields;
mod handlers;
mod random;
mod served;
mod server;
mod store;
mod wire;

pub use api::Clock;
pub use auth::TokensError;
pub use auth::authority::Error as AuthorityError;
pub use faults::{Faults, InjectedFault, Request};
pub use server::{Config, Error, Server};
