//! The smallest living cluster: a Kubernetes API and a Git server in one call, for the demo and for
//! tests.
//!
//! ```
//! use lode_sandbox::{Options, Sandbox};
//! use serde_json::json;
//!
//! # #[tokio::main]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let sandbox = Sandbox::start(Options::default()).await?;
//! let map = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"namespace": "default", "name": "a"}});
//! sandbox.objects().apply("somebody", &map).await?;
//! sandbox.git().commit("fleet", &[("a.yaml", Some("kind: ConfigMap\n"))], "add a")?;
//! println!("{} {}", sandbox.kubeconfig().display(), sandbox.git().url("fleet"));
//! # Ok(())
//! # }
//! ```
//!
//! Everything is in memory and on free ports of the loopback interface, so that many can run side
//! by side; it ends when the [`Sandbox`] is dropped. Workloads are ready as soon as they are
//! created, and nothing runs in them.
//!
//! Faults can be injected: see [`Sandbox::faults`].
//!
//! [`Registry`] is a registry of OCI artifacts and [`Charts`] a server of Helm repositories; both start on their own, on
//! free ports, and misbehave on demand ([`WebFault`]).

mod charts;
mod faults;
mod git;
mod objects;
mod registry;
mod sandbox;
mod web;

pub use charts::{CHARTS_PASSWORD, CHARTS_USER, Charts};
pub use faults::{Fault, Faults, Requests};
pub use git::{Error as GitError, Git};
pub use objects::{Error as ObjectError, Objects};
pub use registry::{OciArtifact, REGISTRY_PASSWORD, REGISTRY_USER, Registry, RegistryAccess};
pub use sandbox::{Error, Options, Sandbox};
pub use web::{WebFault, WebRequest};
