//! Bringing back objects that have left what was applied, and only those: without the source, and without a build where
//! the objects were kept.

use std::collections::HashSet;

use lode_object::Id;
use lode_runtime::Failure;

use crate::apply::{ApplyOrder, apply};
use crate::end::DeliveryEnd;
use crate::last_applied;
use crate::owner::{DeliveryNews, DeliveryOwner};
use crate::state::DeliveryState;
use crate::terms::DeliveryTerms;

/// Brings back the objects that have left what was applied.
///
/// # Errors
/// An object cannot be looked at or written.
pub async fn touch_up<O: DeliveryOwner>(
    terms: &DeliveryTerms<'_>,
    owner: &O,
    state: &mut DeliveryState,
) -> Result<DeliveryEnd, Failure> {
    bring_back(terms, owner, state, true).await?;
    Ok(DeliveryEnd::TouchedUp)
}

/// Goes on to undo live edits of what was applied last: a revision that cannot be brought about is no reason to let go
/// of the one before it.
pub async fn hold_last_applied<O: DeliveryOwner>(
    terms: &DeliveryTerms<'_>,
    owner: &O,
    state: &mut DeliveryState,
) {
    if state.kept.is_empty() || state.records.inputs.is_empty() {
        return;
    }
    // What the failed revision deleted and created again stays: to go back would delete it once more.
    if let Err(failure) = bring_back(terms, owner, state, false).await {
        owner.hear(DeliveryNews::NotHeld(&failure));
    }
}

async fn bring_back<O: DeliveryOwner>(
    terms: &DeliveryTerms<'_>,
    owner: &O,
    state: &mut DeliveryState,
    may_force: bool,
) -> Result<(), Failure> {
    let strayed = strayed(terms, state).await?;
    if strayed.is_empty() {
        return Ok(());
    }
    let mut objects = last_applied::objects(owner, state).await?;
    objects.retain(|desired| strayed.contains(&desired.id));
    let mut set = last_applied::in_their_order(terms, objects);

    let revision = state.records.revision.clone();
    let order = ApplyOrder {
        set: &mut set,
        revision: &revision,
        inventory: None,
        may_force,
    };
    let outcome = apply(terms, owner, state, order).await;
    if !outcome.changes.is_empty() {
        owner.hear(DeliveryNews::Changed {
            changes: &outcome.changes,
            revision: &revision,
        });
    }
    state.save(terms).await;
    outcome.error.map_or(Ok(()), |error| Err(error.into()))
}

/// Returns the objects that have left what was applied, without those that are fought over and have to wait. A live edit
/// that was told and left counts as told only for as long as it lasts.
async fn strayed(
    terms: &DeliveryTerms<'_>,
    state: &mut DeliveryState,
) -> Result<HashSet<Id>, Failure> {
    let strayed = terms
        .applier
        .drifted_in_sight(&state.records, &state.kinds)
        .await?;
    let mut strayed: HashSet<Id> = strayed.into_iter().collect();
    state.left.retain(|drift| strayed.contains(&drift.id));
    strayed.retain(|id| state.fights.held(id).is_none());
    Ok(strayed)
}
