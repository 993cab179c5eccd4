//! The call of `control/apply` for one owner: who is asked what before, and what is noted of the answer.

use std::collections::HashSet;

use lode_api::shared::InventoryEntry;
use lode_apply::{Ahead, Outcome, Request, Set};

use crate::inventory::{added, entries, with};
use crate::owner::{DeliveryNews, DeliveryOwner};
use crate::state::DeliveryState;
use crate::terms::{DeliveryTerms, DriftMode};

/// What is to be applied.
pub(crate) struct ApplyOrder<'a> {
    pub(crate) set: &'a mut Set,
    /// The revision the set is of.
    pub(crate) revision: &'a str,
    /// The inventory that what is new is written ahead into; nothing where nothing can be new.
    pub(crate) inventory: Option<&'a [InventoryEntry]>,
    /// Whether objects may be deleted and created again at all.
    pub(crate) may_force: bool,
}

/// Applies a set, and tells the owner of live edits that were met.
pub(crate) async fn apply<O: DeliveryOwner>(
    terms: &DeliveryTerms<'_>,
    owner: &O,
    state: &mut DeliveryState,
    order: ApplyOrder<'_>,
) -> Outcome {
    let ApplyOrder {
        set,
        revision,
        inventory,
        may_force,
    } = order;
    let held = if terms.is_asked {
        HashSet::new()
    } else {
        state.fights.held_now()
    };
    let ahead = inventory.and_then(|old| ahead(owner, old, &entries(set)));

    let request = Request {
        set,
        records: &mut state.records,
        kinds: &mut state.kinds,
        rules: terms.rules,
        force: may_force && terms.force,
        rerun: terms.rerun(revision),
        held: &held,
        warn: terms.drift == DriftMode::Warn,
        correction: terms.correction,
        on_fault: terms.on_fault,
        ahead,
    };
    let outcome = terms.applier.apply(request).await;

    for drift in &state.note_drifts(&outcome, terms.interval) {
        owner.hear(DeliveryNews::Drifted { drift, revision });
    }
    outcome
}

/// Returns what must be done before the first write, where objects are new to the inventory.
fn ahead<'a, O: DeliveryOwner>(
    owner: &'a O,
    old: &[InventoryEntry],
    new: &[InventoryEntry],
) -> Option<Ahead<'a>> {
    if added(old, new).is_empty() {
        return None;
    }
    let inventory = with(old, new);
    Some(Box::new(move || Box::pin(owner.write_ahead(inventory))))
}
