//! The write of a delivery: what is wanted is applied, and what came of it is noted before anything else may fail.

use std::collections::HashSet;

use lode_apply::{Error as ApplyError, Set, change_log};
use lode_object::{GroupVersionKind, Id};
use lode_runtime::Failure;

use crate::apply::{ApplyOrder, apply};
use crate::inventory::{entry, with};
use crate::owner::{DeliveryNews, DeliveryOwner};
use crate::state::DeliveryState;
use crate::state::attempt::DeliveryAttempt;
use crate::terms::DeliveryTerms;
use crate::touch_up::hold_last_applied;
use crate::wanted::BuiltObjects;

/// What was written of a set that did not fail.
pub(crate) enum WrittenSet {
    /// All of it.
    All(BuiltObjects),
    /// The stages up to one whose objects must be ready before the next.
    UpToStage(Vec<UnreadyObject>),
}

/// An object of an early stage that is not ready, and the kind it was applied as.
pub(crate) type UnreadyObject = (Id, GroupVersionKind);

/// Writes a set.
///
/// The order is the safety argument. What the records were made from is forgotten before the first write, so that an
/// end at any moment is followed by a build and a comparison of every object. The inventory is written ahead, so that
/// nothing that was created can be orphaned. The owner hears what was written before the error is looked at, so
/// that it stays in the inventory whatever fails.
pub(crate) async fn write<O: DeliveryOwner>(
    terms: &DeliveryTerms<'_>,
    owner: &O,
    state: &mut DeliveryState,
    mut built: BuiltObjects,
) -> Result<WrittenSet, Failure> {
    let inputs = std::mem::take(&mut state.records.inputs);
    let order = ApplyOrder {
        set: &mut built.set,
        revision: terms.revision,
        inventory: Some(terms.old_inventory()),
        may_force: true,
    };
    let outcome = apply(terms, owner, state, order).await;
    if outcome.error.is_some() && outcome.changes.is_empty() {
        // Nothing was written: the records still are of what they were made from.
        state.records.inputs = inputs;
    }
    if let Some(attempt) = &mut state.attempt {
        attempt.note(&outcome);
    }
    tell_inventory(terms, owner, state, &built.set);

    if let Some(error) = outcome.error {
        return Err(failed(terms, owner, state, error).await);
    }
    if outcome.waiting.is_empty() {
        Ok(WrittenSet::All(built))
    } else {
        Ok(WrittenSet::UpToStage(outcome.waiting))
    }
}

/// Tells the owner what is in the cluster: what was there, and what was written of the set so far.
fn tell_inventory<O: DeliveryOwner>(
    terms: &DeliveryTerms<'_>,
    owner: &O,
    state: &DeliveryState,
    set: &Set,
) {
    let wanted: HashSet<&Id> = set.objects().iter().map(|desired| &desired.id).collect();
    let records = state.records.objects.iter();
    let written: Vec<_> = records
        .filter(|(id, _)| wanted.contains(id))
        .map(|(id, record)| entry(id, &record.version))
        .collect();
    let inventory = with(terms.old_inventory(), &written);
    owner.hear(DeliveryNews::Inventory(inventory));
}

/// Returns the failure of a set that could not be written as a whole, with what was.
async fn failed<O: DeliveryOwner>(
    terms: &DeliveryTerms<'_>,
    owner: &O,
    state: &mut DeliveryState,
    error: ApplyError,
) -> Failure {
    state.save(terms).await;
    hold_last_applied(terms, owner, state).await;
    let failure = Failure::from(error);
    let changes = state.attempt.as_ref().map(DeliveryAttempt::changes);
    let changes = change_log(changes.unwrap_or_default());
    Failure {
        message: format!("{}\n{changes}", failure.message),
        ..failure
    }
}
