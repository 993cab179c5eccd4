//! The `HelmRelease` controller: installs a chart with values, and keeps the release so.
//!
//! A run reads what is wanted ([`gather`], [`values`]), names where the release stands and decides on one step
//! ([`standing`]), takes it ([`action`]) and looks again, until nothing is left to do or a remediation ends the run
//! ([`attempt`]). Records are Helm's own ([`storage`]), so that its command line sees our releases and we see its. Live
//! edits are found by watch and undone from what was kept of the release ([`drift`]).
//!
//! A run that waits for objects sleeps: it holds a task, no thread and no processor. If the process ends meanwhile, the
//! record stays pending, and the next run frees it.
//!
//! Left out so far, and refused rather than ignored: remote clusters, client-side apply, charts whose signatures are to
//! be verified.

mod acting;
mod action;
mod action_log;
mod attempt;
mod chart_object;
mod charts;
mod computing;
mod controller;
mod digest;
mod drift;
mod facts;
mod gather;
mod hooks;
mod lookup;
mod names;
mod objects;
mod options;
mod owner;
mod reasons;
mod reconcile;
mod recorded;
mod removal;
mod render;
mod rendering;
mod snapshot;
mod standing;
mod state;
mod steps;
mod storage;
mod validate;
mod values;
mod waiters;
mod working;
mod write_log;

pub use controller::{HelmReleaseParts, HelmReleases};
pub use options::{ACTING_MAX, HelmReleaseOptions, MANAGER};
