//! The `GitRepository` controller: fetches a repository and stores it as an artifact.
//!
//! ```text
//! spec ─validate→ Plan ─gather (secrets)→ Remote ─fetch→ which commit? ─→ as stored: nothing to do
//!                                                        └─ new: Tree ─artifact (include, ignore)→ store ─→ status
//! ```
//!
//! A reconcile's steps are a file each: [`validate`] checks, [`gather`] reads what the spec names, [`fetch`] asks Git,
//! [`mod@include`] finds other repositories' artifacts, [`artifact`] stores, [`status`] tells. [`attempt`] puts them in
//! order; [`reconcile`] is what happens around an attempt; [`traffic`] bounds and calls back who waits for a server; [`finalize`] is the end; [`controller`] knows what wakes it.
//!
//! Left out so far, and refused rather than ignored: ssh, submodules, signatures, identities of cloud providers.

mod artifact;
mod attempt;
mod controller;
mod failure;
mod fetch;
mod finalize;
mod gather;
mod include;
mod options;
mod reconcile;
#[cfg(test)]
mod recorded;
mod status;
mod traffic;
mod validate;

pub use controller::{GitRepositories, Parts};
pub use options::Options;
pub use traffic::UNDER_WAY_MAX;
