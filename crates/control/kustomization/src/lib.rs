//! The Kustomization controller: builds a folder of a source and makes the cluster equal to it.
//!
//! A reconcile is five steps, a file each: [`gather`] reads, [`validate`] checks, [`build()`] renders, `control/apply`
//! writes, [`status`] tells. [`attempt`] puts them in order; [`reconcile`] is what happens around an attempt;
//! [`controller`] knows what wakes it. Waiting ([`wait`]) ends a run: a change of the objects waited for starts the
//! next. [`state`] is what is remembered in between.
//!
//! Left out so far, and refused rather than ignored: decryption, remote clusters, sources other than Git.

mod attempt;
mod build;
mod building;
mod controller;
mod depends;
mod exprs;
mod failure;
mod finalize;
mod gather;
#[cfg(test)]
mod guarded_writes;
mod health;
mod kept;
mod options;
mod progress;
mod reconcile;
mod state;
mod status;
mod validate;
mod wait;

pub use build::{Built, Options as BuildOptions, build, desired, dropped, plan};
pub use controller::{Kustomizations, Parts};
pub use failure::Failure;
pub use gather::{Variables, variables, variables_among};
pub use options::Options;
pub use validate::check;
