//! The removal of what an owner no longer wants, while it goes on to want the rest.

use lode_api::reasons;
use lode_api::shared::InventoryEntry;
use lode_apply::{Pruned, Set};
use lode_runtime::Failure;

use crate::inventory::{added, entries, stale, with};
use crate::owner::{DeliveryNews, DeliveryOwner};
use crate::state::DeliveryState;
use crate::terms::DeliveryTerms;

/// Deletes what the inventory lists and the set no longer has; returns the inventory that is left.
///
/// # Errors
/// The server cannot be asked, or refuses to delete an object, which then stays in the inventory.
pub(crate) async fn prune<O: DeliveryOwner>(
    terms: &DeliveryTerms<'_>,
    owner: &O,
    state: &mut DeliveryState,
    set: &Set,
) -> Result<Vec<InventoryEntry>, Failure> {
    let new = entries(set);
    let stale = stale(&added(&new, terms.old_inventory()));
    if stale.is_empty() || !terms.prune {
        return Ok(new);
    }
    let pruned = terms
        .applier
        .prune(terms.owner, &stale, &mut state.kinds)
        .await?;
    if !pruned.changes.is_empty() {
        owner.hear(DeliveryNews::Changed {
            changes: &pruned.changes,
            revision: terms.revision,
        });
    }
    if pruned.kept.is_empty() {
        return Ok(new);
    }

    let kept = kept_of(terms.old_inventory(), &pruned);
    owner.hear(DeliveryNews::Inventory(with(&new, &kept)));
    let faults: Vec<String> = pruned.kept.iter().map(ToString::to_string).collect();
    Err(Failure::new(reasons::PRUNE_FAILED, faults.join("\n")))
}

/// Returns the entries of objects that could not be deleted.
fn kept_of(old: &[InventoryEntry], pruned: &Pruned) -> Vec<InventoryEntry> {
    let kept: Vec<String> = pruned
        .kept
        .iter()
        .map(|fault| fault.id.inventory())
        .collect();
    let is_kept = |entry: &&InventoryEntry| kept.iter().any(|id| **id == *entry.id);
    old.iter().filter(is_kept).cloned().collect()
}
