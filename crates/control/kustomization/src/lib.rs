//! The Kustomization controller: builds a folder of a source and makes the cluster equal to it.
//!
//! A reconcile is five steps: [`validate`] checks, [`gather`] reads, [`build()`] renders, `control/deliver` brings the
//! objects about, [`status`] tells. [`attempt`] puts them in order; [`reconcile`] puts it into the frame of all
//! controllers; [`controller`] knows what of the cluster wakes it. [`owner`] is what a delivery needs of us, [`state`]
//! what is remembered between two runs.
//!
//! Left out so far, and refused rather than ignored: decryption, remote clusters, sources other than Git.

mod attempt;
mod build;
mod building;
mod controller;
mod facts;
mod gather;
mod job;
mod options;
mod owner;
mod reconcile;
mod removal;
mod state;
mod status;
mod unserved;
mod validate;

pub use build::{Built, Options as BuildOptions, build, desired, dropped, plan, unrendered};
pub use controller::{Kustomizations, Parts};
pub use gather::{Variables, variables, variables_among};
pub use lode_runtime::Failure;
pub use options::Options;
pub use validate::check;
