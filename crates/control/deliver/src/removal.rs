//! The end of an owner: its objects are deleted, and waited for to be gone if that is asked.

use std::time::Duration;

use lode_apply::{Applier, Known, Pruned};
use lode_object::{GroupVersionKind, Id, NamespacedName};
use lode_runtime::Failure;
use tokio::time::Instant;

use crate::inventory::StaleObject;
use crate::state::DeliveryState;
use crate::wait::exprs::HealthExprs;
use crate::wait::item::WaitItem;
use crate::wait::looker::Looker;
use crate::wait::{Wait, WaitPurpose};

/// How often whoever may not watch the objects that go looks again, as Flux does.
const GONE_POLL: Duration = Duration::from_secs(2);

/// Deletes an owner's objects, last applied first.
///
/// # Errors
/// The server cannot be asked at all; single refusals are in [`Pruned::kept`].
pub async fn delete_objects(
    applier: &Applier,
    owner: &NamespacedName,
    stale: &[StaleObject],
    state: &mut DeliveryState,
) -> Result<Pruned, Failure> {
    Ok(applier.prune(owner, stale, &mut state.kinds).await?)
}

/// How far the removal of objects has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RemovalStanding {
    /// They are gone.
    Gone,
    /// Some are there still: look again after this time at the latest. Where they are watched, the end of the last one
    /// wakes their owner before that.
    Going(Duration),
    /// The time is over, and this object is there still.
    TimedOut(Id),
}

/// Returns how far the removal of deleted objects has come. Their time begins with the first look.
///
/// # Errors
/// The server cannot be asked.
pub async fn await_gone(
    applier: &Applier,
    stale: &[StaleObject],
    timeout: Duration,
    state: &mut DeliveryState,
) -> Result<RemovalStanding, Failure> {
    if !state.awaits_removal() {
        let items = items(applier, stale, state).await?;
        let ambient = applier.cache().ambient();
        let wait = Wait::new(WaitPurpose::Removal, items, timeout, None, ambient);
        state.wait = Some(wait);
    }
    let standing = match &mut state.wait {
        Some(wait) => standing(applier, wait).await?,
        None => RemovalStanding::Gone,
    };
    if !matches!(standing, RemovalStanding::Going(_)) {
        // What is removed next has a time of its own.
        state.wait = None;
    }
    Ok(standing)
}

async fn standing(applier: &Applier, wait: &mut Wait) -> Result<RemovalStanding, Failure> {
    let looker = Looker {
        applier,
        exprs: &HealthExprs::default(),
    };
    for item in &mut wait.items {
        if looker.is_there(item).await? {
            let left = wait.until.saturating_duration_since(Instant::now());
            let left = if item.is_polled {
                left.min(GONE_POLL)
            } else {
                left
            };
            return Ok(if left.is_zero() {
                RemovalStanding::TimedOut(item.id.clone())
            } else {
                RemovalStanding::Going(left)
            });
        }
    }
    Ok(RemovalStanding::Gone)
}

/// Finds what sees deleted objects. A kind that is not served any more took its objects with it.
async fn items(
    applier: &Applier,
    stale: &[StaleObject],
    state: &mut DeliveryState,
) -> Result<Vec<WaitItem>, Failure> {
    let mut items = Vec::new();
    for (id, version) in stale {
        let gvk = id.gvk(version);
        if let Some(known) = applier.know(&gvk, &mut state.kinds).await? {
            items.extend(item(applier, id, gvk, known).await);
        }
    }
    Ok(items)
}

/// Finds what sees one deleted object; nothing where it is gone already.
async fn item(applier: &Applier, id: &Id, gvk: GroupVersionKind, known: Known) -> Option<WaitItem> {
    let (resource, exprs) = (known.resource.clone(), HealthExprs::default());
    let item = WaitItem::new(id.clone(), gvk, known, &exprs);
    if item.is_seen() {
        return Some(item);
    }
    let found = applier
        .client()
        .get(&resource, &id.namespace, &id.name)
        .await;
    match found {
        Err(error) if error.is_not_found() => None,
        // The look itself reports that somebody may not look.
        Err(_) => Some(item),
        // One without labels of ours is not among what is watched as the owner's: it is asked for.
        Ok(_) => Some(WaitItem::hidden(item.id, item.gvk, resource, &exprs)),
    }
}
