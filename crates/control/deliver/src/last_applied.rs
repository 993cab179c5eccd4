//! The objects that were applied last: as they were kept, or built once more.

use lode_apply::{Desired, Manner, Set};
use lode_runtime::Failure;

use crate::owner::{DeliveryNews, DeliveryOwner};
use crate::state::DeliveryState;
use crate::state::kept::KeptObjects;
use crate::terms::DeliveryTerms;
use crate::wanted::BuiltObjects;

/// Returns the objects that were applied last.
///
/// # Errors
/// They must be built once more, and that fails.
pub(crate) async fn last_applied<O: DeliveryOwner>(
    terms: &DeliveryTerms<'_>,
    owner: &O,
    state: &mut DeliveryState,
) -> Result<BuiltObjects, Failure> {
    let objects = objects(owner, state).await?;
    Ok(BuiltObjects {
        set: in_their_order(terms, objects),
        text_digest: state.records.text_digest.clone(),
    })
}

/// Puts objects that were applied before into the order of their owner.
pub(crate) fn in_their_order(terms: &DeliveryTerms<'_>, objects: Vec<Desired>) -> Set {
    match objects.first().map(|desired| desired.manner) {
        Some(Manner::Helm) => Set::in_order(objects),
        _ => Set::new(objects, terms.custom_stage_kinds),
    }
}

/// Returns the objects themselves.
///
/// # Errors
/// As [`last_applied`].
pub(crate) async fn objects<O: DeliveryOwner>(
    owner: &O,
    state: &mut DeliveryState,
) -> Result<Vec<Desired>, Failure> {
    if !state.kept.is_empty() {
        return Ok(state.kept.objects(|_| true));
    }
    let set = owner.rebuild().await?;
    owner.hear(DeliveryNews::Hidden(set.hidden()));
    state.kept = KeptObjects::of(&set);
    Ok(set.into_objects())
}
