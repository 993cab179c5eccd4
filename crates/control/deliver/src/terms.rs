//! [`DeliveryTerms`]: what holds for one delivery, whatever the kind of the owner.

use std::time::Duration;

use lode_ambient::Ambient;
use lode_api::shared::{InventoryEntry, ObjRef};
use lode_apply::{Applier, Correction, OnFault, Rerun, Rule};
use lode_object::{GroupKind, NamespacedName};

use crate::state::keeper::RecordKeeper;
use crate::wait::exprs::HealthExprs;

/// What holds for one delivery: whose objects they are, who acts, and what the owner asks for.
#[derive(Clone, Copy)]
pub struct DeliveryTerms<'a> {
    /// Namespace and name of the owner.
    pub owner: &'a NamespacedName,
    /// The owner's kind: a delivery never waits for its own owner, which waits for the delivery.
    pub kind: &'a GroupKind,
    /// Which object the owner is: what is remembered is not another one's of the same name.
    pub uid: &'a str,
    /// Keeps records over a restart.
    pub keeper: &'a RecordKeeper,
    /// Applies, reads and deletes, as whom the owner acts as.
    pub applier: &'a Applier,
    /// The revision that is brought about.
    pub revision: &'a str,
    /// What the owner's status lists as applied; nothing if it was never written.
    pub inventory: Option<&'a [InventoryEntry]>,
    /// Kinds with an apply stage of their own.
    pub custom_stage_kinds: &'a [String],
    /// Fields that are left to others.
    pub rules: &'a [Rule],
    /// The user's own expressions for health.
    pub exprs: &'a HealthExprs,
    /// What must be healthy in the end.
    pub checks: HealthChecks<'a>,
    /// What is done about live edits.
    pub drift: DriftMode,
    /// How live edits are undone.
    pub correction: Correction,
    /// What follows where an object could not be written.
    pub on_fault: OnFault,
    /// Objects that are wanted no more are deleted.
    pub prune: bool,
    /// Objects whose immutable fields change are deleted and created again.
    pub force: bool,
    /// Somebody asked for this very run: nothing is held back.
    pub is_asked: bool,
    /// The longest wait before an object is brought back that is fought over.
    pub interval: Duration,
    /// How long after the last run an object is due again that ends by itself.
    pub rerun_every: Duration,
    /// How long objects may take to become healthy.
    pub timeout: Duration,
}

/// What must be healthy in the end.
#[derive(Debug, Clone, Copy)]
pub enum HealthChecks<'a> {
    /// All that was applied.
    All,
    /// These objects, which may be anybody's; none at all for an owner that does not wait.
    Named(&'a [ObjRef]),
}

/// What is done about live edits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DriftMode {
    /// They are reported and undone.
    Correct,
    /// They are reported and left.
    Warn,
    /// They are nobody's concern, and what would undo them is not kept.
    Ignore,
}

impl DeliveryTerms<'_> {
    /// Returns the inventory as it was; empty if it was never written.
    pub(crate) fn old_inventory(&self) -> &[InventoryEntry] {
        self.inventory.unwrap_or_default()
    }

    /// Returns the times that this delivery goes by: those by which the watch cache judges health.
    pub(crate) fn ambient(&self) -> &Ambient {
        self.applier.cache().ambient()
    }

    /// Returns when what has ended is due again.
    pub(crate) fn rerun<'r>(&self, revision: &'r str) -> Rerun<'r> {
        Rerun {
            revision,
            now_s: self.ambient().now().as_second(),
            // Both times are of whole seconds.
            every_s: i64::try_from(self.rerun_every.as_secs())
                .unwrap_or(i64::MAX)
                .saturating_sub(1),
            is_asked: self.is_asked,
        }
    }
}
