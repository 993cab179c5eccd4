//! The `GitRepository` controller: fetches a repository and stores it as an artifact.
//!
//! ```text
//! spec ─validate→ Plan ─gather (secrets)→ Remote ─fetch→ which commit? ─→ as stored: nothing to do
//!                                                        └─ new: Tree ─artifact (include, ignore)→ store ─→ status
//! ```
//!
//! A reconcile's steps are a file each: [`validate`] checks, [`gather`] reads what the spec names, [`fetch`] asks Git,
//! [`mod@include`] finds other repositories' artifacts, [`artifact`] stores, [`status`] tells. [`attempt`] puts them in
//! order; [`reconcile`] puts them into the frame of all controllers; [`traffic`] bounds and calls back who waits for a server.
//!
//! Left out so far, and refused rather than ignored: ssh, submodules, signatures, identities of cloud providers.

mod artifact;
mod attempt;
mod controller;
mod fetch;
mod found;
mod gather;
mod include;
mod options;
mod reconcile;
#[cfg(test)]
mod recorded;
mod status;
mod step;
mod traffic;
mod validate;

pub use controller::{GitRepositories, Parts};
pub use options::Options;
pub use traffic::UNDER_WAY_MAX;
