//! A delivery: wanted → written → pruned → settled → healthy.
//!
//! ```text
//! wanted ─┬─ as it was, and nothing has strayed ────────────────────────────┬→ healthy? ─┬→ done
//!         └─ write ─┬─ prune ── settle (records are of this revision again) ┘            └→ parked
//!                   └─ an early stage is not ready ──────────────────────────────────────→ parked
//! ```
//!
//! Each step hands on what the next one needs, and none is skipped: what failed is begun again by the next run, which
//! finds done what is done.

use std::collections::HashSet;

use lode_api::shared::InventoryEntry;
use lode_apply::{Correction, Error as ApplyError, Outcome, Records, Request, Set};
use lode_object::Id;
use lode_runtime::Failure;

use crate::apply::{ApplyOrder, apply};
use crate::end::DeliveryEnd;
use crate::health::{await_health, await_stage};
use crate::inventory::{in_order, recorded};
use crate::last_applied::last_applied;
use crate::owner::{DeliveryNews, DeliveryOwner};
use crate::prune::prune;
use crate::state::DeliveryState;
use crate::state::attempt::DeliveryAttempt;
use crate::state::kept::KeptObjects;
use crate::terms::{DeliveryTerms, DriftMode};
use crate::wanted::{BuiltObjects, WantedObjects};
use crate::write::{UnreadyObject, WrittenSet, write};

/// Makes the cluster equal to what an owner wants, and waits for it to be healthy. Safe to run again after any end:
/// what is done is not done twice.
///
/// # Errors
/// An object is refused, cannot be deleted, or does not become healthy; the server cannot be asked.
pub async fn deliver<O: DeliveryOwner>(
    terms: &DeliveryTerms<'_>,
    owner: &O,
    state: &mut DeliveryState,
    wanted: WantedObjects,
) -> Result<DeliveryEnd, Failure> {
    owner.hear(DeliveryNews::Doing("Detecting drift"));
    match place(terms, owner, state, wanted).await? {
        Placed::All(inventory) => await_health(terms, owner, state, inventory).await,
        Placed::UpToStage(unready) => await_stage(terms, state, unready).await,
    }
}

/// How far the objects of a delivery have come into the cluster.
enum Placed {
    /// All are there, and nothing else is; with their inventory.
    All(Vec<InventoryEntry>),
    /// Objects of an early stage must be ready before the rest.
    UpToStage(Vec<UnreadyObject>),
}

/// Brings what is wanted into the cluster, and takes out what no longer is.
async fn place<O: DeliveryOwner>(
    terms: &DeliveryTerms<'_>,
    owner: &O,
    state: &mut DeliveryState,
    wanted: WantedObjects,
) -> Result<Placed, Failure> {
    let WantedObjects { inputs, built } = wanted;
    if built.is_none() && is_unchanged(terms, state).await? {
        return Ok(Placed::All(confirm(terms, owner, state, inputs).await));
    }
    let built = match built {
        Some(built) => built,
        None => last_applied(terms, owner, state).await?,
    };
    owner.hear(DeliveryNews::Text(&built.text_digest));
    owner.hear(DeliveryNews::Hidden(built.set.hidden()));

    let built = match write(terms, owner, state, built).await? {
        WrittenSet::All(built) => built,
        WrittenSet::UpToStage(unready) => return Ok(Placed::UpToStage(unready)),
    };
    tell_changes(terms, owner, state);
    // Deleted is last: what replaces an object is there before the object goes.
    let inventory = prune(terms, owner, state, &built.set).await?;
    settle(terms, state, built, inputs).await;
    Ok(Placed::All(inventory))
}

/// Returns whether the cluster has what was applied last, as far as the caches know.
async fn is_unchanged(
    terms: &DeliveryTerms<'_>,
    state: &mut DeliveryState,
) -> Result<bool, Failure> {
    let rerun = terms.rerun(terms.revision);
    let unchanged = terms
        .applier
        .is_unchanged(&state.records, &mut state.kinds, &rerun)
        .await?;
    Ok(unchanged)
}

/// Notes that what was applied last is what is wanted now; returns its inventory.
async fn confirm<O: DeliveryOwner>(
    terms: &DeliveryTerms<'_>,
    owner: &O,
    state: &mut DeliveryState,
    inputs: String,
) -> Vec<InventoryEntry> {
    owner.hear(DeliveryNews::Text(&state.records.text_digest));
    state.records.inputs = inputs;
    terms.revision.clone_into(&mut state.records.revision);
    state.save(terms).await;
    in_order(terms.old_inventory(), recorded(&state.records))
}

/// Tells the owner what was written, once all is: over several runs if an early stage had to be waited for.
fn tell_changes<O: DeliveryOwner>(terms: &DeliveryTerms<'_>, owner: &O, state: &mut DeliveryState) {
    let attempt = state.attempt.as_mut();
    let changes = attempt
        .map(DeliveryAttempt::take_changes)
        .unwrap_or_default();
    if !changes.is_empty() {
        owner.hear(DeliveryNews::Changed {
            changes: &changes,
            revision: terms.revision,
        });
    }
}

/// Writes objects, for an owner that has steps of its own around that: nothing is removed and nothing waited for, and
/// what is new is not written ahead. Safe to run again after any end.
///
/// # Errors
/// An object is refused, or the server cannot be asked; what was written is remembered.
pub async fn bring_in<O: DeliveryOwner>(
    terms: &DeliveryTerms<'_>,
    owner: &O,
    state: &mut DeliveryState,
    wanted: BuiltObjects,
    inputs: String,
) -> Result<(), ApplyError> {
    let mut built = wanted;
    // What the records were made from is not what the cluster has from here on.
    state.records.inputs.clear();
    let order = ApplyOrder {
        set: &mut built.set,
        revision: terms.revision,
        inventory: None,
        may_force: true,
    };
    let outcome = apply(terms, owner, state, order).await;
    if let Some(attempt) = &mut state.attempt {
        attempt.note_versions(&outcome);
    }
    if !outcome.changes.is_empty() {
        owner.hear(DeliveryNews::Changed {
            changes: &outcome.changes,
            revision: terms.revision,
        });
    }
    if let Some(error) = outcome.error {
        state.save(terms).await;
        return Err(error);
    }
    settle(terms, state, built, inputs).await;
    Ok(())
}

/// Writes objects that are not among those of the owner: nothing of them is remembered but what a wait for them needs.
pub async fn write_beside(
    terms: &DeliveryTerms<'_>,
    state: &mut DeliveryState,
    set: &mut Set,
) -> Outcome {
    let (mut records, held) = (Records::default(), HashSet::new());
    let request = Request {
        set,
        records: &mut records,
        kinds: &mut state.kinds,
        rules: &[],
        force: false,
        rerun: terms.rerun(terms.revision),
        held: &held,
        warn: false,
        correction: Correction::Apply,
        on_fault: terms.on_fault,
        ahead: None,
    };
    let outcome = terms.applier.apply(request).await;
    if let Some(attempt) = &mut state.attempt {
        attempt.note_versions(&outcome);
    }
    outcome
}

/// Notes that the records are of this revision, now that the cluster has all of it and nothing else.
async fn settle(
    terms: &DeliveryTerms<'_>,
    state: &mut DeliveryState,
    built: BuiltObjects,
    inputs: String,
) {
    let BuiltObjects { set, text_digest } = built;
    let ids: HashSet<&Id> = set.objects().iter().map(|desired| &desired.id).collect();
    state.keep_only(&ids);
    state.kept = if terms.drift == DriftMode::Ignore {
        KeptObjects::default()
    } else {
        KeptObjects::of(&set)
    };
    state.records.inputs = inputs;
    state.records.text_digest = text_digest;
    terms.revision.clone_into(&mut state.records.revision);
    state.save(terms).await;
}
