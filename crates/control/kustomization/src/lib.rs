//! The Kustomization controller: builds a folder of a source and makes the cluster equal to it.
//!
//! A reconcile is five steps, a file each: [`gather`] reads, [`validate`] checks, [`build()`] renders, `control/apply`
//! writes, [`status`] tells. [`attempt`] puts them in order; [`reconcile`] puts it into the frame of all controllers;
//! [`controller`] knows what of the cluster wakes it. Waiting ([`wait`]) ends a run: a change of the objects waited for starts the
//! next. [`state`] is what is remembered in between.
//!
//! Left out so far, and refused rather than ignored: decryption, remote clusters, sources other than Git.

mod attempt;
mod build;
mod building;
mod controller;
mod exprs;
mod facts;
mod gather;
mod health;
mod kept;
mod options;
mod reconcile;
mod removal;
mod state;
mod status;
mod unserved;
mod validate;
mod wait;

pub use build::{Built, Options as BuildOptions, build, desired, dropped, plan, unrendered};
pub use controller::{Kustomizations, Parts};
pub use gather::{Variables, variables, variables_among};
pub use lode_runtime::Failure;
pub use options::Options;
pub use validate::check;
