//! [`Request`]: what a caller wants to have applied, and how.

use std::collections::HashSet;

use futures::future::BoxFuture;
use lode_cluster::Error as ClusterError;
use lode_object::Id;

use crate::applier::Kinds;
use crate::ignore::Rule;
use crate::record::Records;
use crate::rerun::Rerun;
use crate::set::Set;

/// What to apply, and how.
pub struct Request<'a> {
    /// The objects.
    pub set: &'a mut Set,
    /// What is remembered of them; brought up to date as objects are written, also when it ends early.
    pub records: &'a mut Records,
    /// The owner's kinds.
    pub kinds: &'a mut Kinds,
    /// Fields left to others.
    pub rules: &'a [Rule],
    /// Objects whose immutable fields change are deleted and created again, once per revision.
    pub force: bool,
    /// The revision that is brought about, and when what has ended is due again.
    pub rerun: Rerun<'a>,
    /// Objects that are fought over: a live edit of theirs is left for now.
    pub held: &'a HashSet<Id>,
    /// Live edits are reported, not undone.
    pub warn: bool,
    /// How live edits are undone.
    pub correction: Correction,
    /// What follows where an object could not be written.
    pub on_fault: OnFault,
    /// Called once before the first write.
    pub ahead: Option<Ahead<'a>>,
}

/// What follows where an object could not be written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum OnFault {
    /// Nothing new is begun.
    #[default]
    Stop,
    /// The objects after it are written all the same.
    GoOn,
}

/// How live edits are undone.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Correction {
    /// By applying the object again.
    #[default]
    Apply,
    /// By a patch of what was edited, or by creating the object: what is left of it is not applied again.
    Patch,
}

/// Called once before the first write; what it does must be done before anything is written.
pub type Ahead<'a> =
    Box<dyn FnOnce() -> BoxFuture<'a, Result<(), ClusterError>> + Send + Sync + 'a>;
