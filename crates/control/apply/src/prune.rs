//! Removal of what Git no longer names (spec A8).
//!
//! Only what the inventory lists and what still carries both owner labels, never by a label search: controllers copy
//! labels to objects of their own.

use lode_cluster::{Error as ClusterError, Identity};
use lode_merge::{Flags, Observed};
use lode_object::{GroupVersionKind, Id, NamespacedName, Secrecy, order};

use crate::applier::{Applier, Kinds, Known};
use crate::error::{Error, Fault};
use crate::outcome::{Action, Change};

/// What came of a removal.
#[derive(Debug, Default)]
pub struct Pruned {
    /// What was deleted, or wants to stay, in order.
    pub changes: Vec<Change>,
    /// What could not be deleted; it stays in the inventory.
    pub kept: Vec<Fault>,
}

impl Applier {
    /// Deletes stale objects, last applied first.
    ///
    /// # Errors
    /// The server cannot be asked at all; single refusals are in [`Pruned::kept`].
    pub async fn prune(
        &self,
        owner: &NamespacedName,
        stale: &[(Id, Box<str>)],
        kinds: &mut Kinds,
    ) -> Result<Pruned, Error> {
        let mut stale: Vec<&(Id, Box<str>)> = stale.iter().collect();
        stale.sort_by(|(a, _), (b, _)| {
            let rank = |id: &Id| order::rank(&id.kind);
            rank(b)
                .cmp(&rank(a))
                .then_with(|| order::key(b).cmp(&order::key(a)))
        });
        let mut pruned = Pruned::default();
        for (id, version) in stale {
            let gvk = id.gvk(version);
            let Some(known) = self.know_any_version(&gvk, kinds).await? else {
                continue;
            };
            let mut pruned_one = self.prune_one(owner, id, &known).await;
            if pruned_one.as_ref().is_err_and(ClusterError::is_unserved) {
                // A version that is served no longer: its objects live on in another.
                kinds.remove(&known.resource.gvk);
                self.discovery.ask_again(&known.resource.gvk).await?;
                let Some(known) = self.know_any_version(&gvk, kinds).await? else {
                    continue;
                };
                pruned_one = self.prune_one(owner, id, &known).await;
            }
            match pruned_one {
                Ok(Some(action)) => pruned.changes.push(Change {
                    id: id.clone(),
                    action,
                }),
                Ok(None) => {}
                Err(cause) => pruned.kept.push(Fault {
                    id: id.clone(),
                    origin: "".into(),
                    step: "delete",
                    cause,
                    note: "".into(),
                    secrecy: Secrecy::default(),
                }),
            }
        }
        Ok(pruned)
    }

    /// A version may be served no longer while the kind still is; a kind that is gone took its objects with it.
    async fn know_any_version(
        &self,
        gvk: &GroupVersionKind,
        kinds: &mut Kinds,
    ) -> Result<Option<Known>, Error> {
        if let Some(known) = self.know(gvk, kinds).await? {
            return Ok(Some(known));
        }
        let Some(resource) = self.discovery.preferred(&gvk.group_kind()).await? else {
            return Ok(None);
        };
        self.know(&resource.gvk, kinds).await
    }

    async fn prune_one(
        &self,
        owner: &NamespacedName,
        id: &Id,
        known: &Known,
    ) -> Result<Option<Action>, ClusterError> {
        for attempt in 1.. {
            let Some((owned, live)) = self.to_prune(owner, id, known, attempt).await? else {
                return Ok(Some(Action::Deleted));
            };
            if !owned {
                return Ok(None);
            }
            if stays(&live) {
                return Ok(Some(Action::Skipped));
            }
            // Labels and annotations that were looked at are those of this version; what has changed since may have
            // changed hands. An object that changes all the time is deleted by its uid in the end.
            let version = if attempt < LOOKS_MAX {
                &*live.resource_version
            } else {
                ""
            };
            let identity = Identity {
                uid: &live.uid,
                version,
            };
            match self
                .client
                .delete_only(&known.resource, &id.namespace, &id.name, identity)
                .await
            {
                Err(error) if error.is(409) && attempt < LOOKS_MAX => {}
                Err(error) if !error.is_not_found() || error.is_unserved() => return Err(error),
                _ => return Ok(Some(Action::Deleted)),
            }
        }
        Ok(None)
    }

    /// Returns whether a live object is the owner's, and what it is; nothing when it does not exist.
    async fn to_prune(
        &self,
        owner: &NamespacedName,
        id: &Id,
        known: &Known,
        attempt: usize,
    ) -> Result<Option<(bool, Observed)>, ClusterError> {
        if attempt == 1 && self.may_get(&known.resource, &id.namespace).await? {
            let name = NamespacedName::new(&id.namespace, &id.name);
            let seen = known.kind.with(&name, |seen| {
                (seen.owner.as_ref() == Some(owner), seen.observed.clone())
            });
            if seen.is_some() {
                return Ok(seen);
            }
        }
        // The cache may lag behind a write of a moment ago, or not be for this user: the server knows.
        let live = self.live(&known.resource, id).await?;
        let labels = self.cache.labels();
        Ok(live.map(|live| {
            let is_owned = labels.owner_of(&live).as_ref() == Some(owner);
            (is_owned, self.observe(&live))
        }))
    }
}

/// How often an object that changes meanwhile is looked at before it is deleted.
const LOOKS_MAX: usize = 4;

fn stays(live: &Observed) -> bool {
    [
        Flags::PRUNE_DISABLED,
        Flags::RECONCILE_DISABLED,
        Flags::SSA_IGNORE,
    ]
    .iter()
    .any(|flag| live.flags.contains(*flag))
}
