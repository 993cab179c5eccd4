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
//! Left out for now: sources other than Git.

mod faults;
mod git;
mod objects;
mod sandbox;

pub use faults::{Fault, Faults, Requests};
pub use git::{Error as GitError, Git};
pub use objects::{Error as ObjectError, Objects};
pub use sandbox::{Error, Options, Sandbox};
