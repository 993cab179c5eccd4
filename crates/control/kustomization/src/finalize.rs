//! The end of a Kustomization: what becomes of its objects (spec A4, "Finalize").

use std::sync::Arc;
use std::time::Duration;

use lode_api::kustomization::DeletionPolicy;
use lode_api::{Kind as _, Kustomization, conditions, reasons};
use lode_apply::Applier;
use lode_object::{Id, meta};
use lode_runtime::{EventKind, Next};
use tokio::time::Instant;
use tracing::{info, warn};

use crate::attempt::RECORDS;
use crate::controller::{Kustomizations, key};
use crate::exprs::HealthExprs;
use crate::failure::Failure;
use crate::reconcile::postpone;
use crate::state::State;
use crate::wait::{Item, Looker, Purpose, Wait};

impl Kustomizations {
    pub(crate) async fn finalize(&self, object: &Arc<Kustomization>, state: &mut State) -> Next {
        if !object.metadata.has_finalizer(meta::FINALIZER) {
            return Next::Idle;
        }
        match self.remove_objects(object, state).await {
            Ok(None) => {}
            Ok(Some(wait)) => return Next::After(wait),
            Err(failure) => {
                self.emit(
                    object,
                    EventKind::Warning,
                    reasons::PRUNE_FAILED,
                    failure.message.clone(),
                    "",
                );
                warn!(name = %key(object), error = failure.message, "objects not removed");
                return Next::Backoff;
            }
        }
        if let Err(error) = self.without_finalizer(object).await {
            warn!(name = %key(object), %error, "finalizer not removed");
            return postpone(object, &error);
        }
        let (store, uid) = (self.records.clone(), object.metadata.uid.to_string());
        // A record nobody asks for any more costs some bytes until the store is made anew.
        let _ = tokio::task::spawn_blocking(move || store.remove(RECORDS, &uid)).await;
        info!(name = %key(object), "Kustomization removed");
        Next::Idle
    }

    /// Deletes what the policy says; returns how long to wait for it to be gone.
    async fn remove_objects(
        &self,
        object: &Kustomization,
        state: &mut State,
    ) -> Result<Option<Duration>, Failure> {
        let policy = object
            .spec
            .deletion_policy()
            .unwrap_or(DeletionPolicy::MirrorPrune);
        let deletes = match policy {
            DeletionPolicy::MirrorPrune => object.spec.prune,
            DeletionPolicy::Delete | DeletionPolicy::WaitForTermination => true,
            DeletionPolicy::Orphan => false,
        };
        let entries = object
            .status
            .inventory
            .as_ref()
            .map(|inventory| &*inventory.entries)
            .unwrap_or_default();
        if !deletes || object.spec.suspended() || entries.is_empty() {
            return Ok(None);
        }
        if object.spec.kube_config.is_some() {
            // Its objects are in another cluster, which was never written to.
            return Ok(None);
        }
        let stale: Vec<(Id, Box<str>)> = entries
            .iter()
            .filter_map(|entry| Some((Id::parse_inventory(&entry.id).ok()?, entry.v.clone())))
            .collect();
        let applier = self.acting_for(object)?;
        if let Some(wait) = state
            .wait
            .as_mut()
            .filter(|wait| wait.purpose == Purpose::Removal)
        {
            return still_there(wait, &applier).await;
        }
        let pruned = applier
            .prune(&key(object), &stale, &mut state.kinds)
            .await?;
        let revision = object
            .status
            .last_applied_revision
            .as_deref()
            .unwrap_or_default();
        if !pruned.changes.is_empty() {
            let reason = object
                .status
                .conditions
                .get(conditions::READY)
                .map_or(reasons::SUCCEEDED, |ready| &*ready.reason);
            self.emit(
                object,
                EventKind::Normal,
                reason,
                lode_apply::change_log(&pruned.changes),
                revision,
            );
        }
        if let Some(fault) = pruned.kept.first() {
            // The account it acted as is gone: nobody can delete for it any more, and it must not stay for ever.
            if fault.cause.is(403) && self.account_is_gone(object).await? {
                let text = format!("unable to prune objects: {fault}");
                self.emit(
                    object,
                    EventKind::Warning,
                    reasons::PRUNE_FAILED,
                    text,
                    revision,
                );
                return Ok(None);
            }
            return Err(Failure::new(reasons::PRUNE_FAILED, fault.to_string()));
        }
        if policy != DeletionPolicy::WaitForTermination {
            return Ok(None);
        }
        let until = Instant::now() + object.spec.timeout().unwrap_or(Duration::from_secs(30));
        let mut items = Vec::new();
        for (id, version) in stale {
            let gvk = lode_object::GroupVersionKind {
                group: id.group.clone(),
                version,
                kind: id.kind.clone(),
            };
            if let Some(known) = applier.know(&gvk, &mut state.kinds).await? {
                items.push(Item::new(id, gvk, known, &HealthExprs::default()));
            }
        }
        let wait = state.wait.insert(Wait {
            purpose: Purpose::Removal,
            items,
            until,
            since: Instant::now(),
        });
        still_there(wait, &applier).await
    }

    async fn account_is_gone(&self, object: &Kustomization) -> Result<bool, Failure> {
        let Some(account) = self.options.account(object) else {
            return Ok(false);
        };
        let resource =
            lode_cluster::Resource::known("v1", "ServiceAccount", "serviceaccounts", true);
        match self
            .client
            .get(&resource, &object.metadata.namespace, account)
            .await
        {
            Ok(_) => Ok(false),
            Err(error) if error.is_not_found() => Ok(true),
            Err(error) => Err(error.into()),
        }
    }
}

/// How long to wait for objects to be gone: nothing when they are, or when it has taken long enough. Where they are
/// watched, the end of the last one wakes their owner before that.
async fn still_there(wait: &mut Wait, applier: &Applier) -> Result<Option<Duration>, Failure> {
    let looker = Looker {
        applier,
        exprs: &HealthExprs::default(),
    };
    for item in &mut wait.items {
        if looker.is_there(item).await? {
            let left = wait.until.saturating_duration_since(Instant::now());
            let left = if item.is_polled() {
                left.min(GONE_POLL)
            } else {
                left
            };
            return Ok((!left.is_zero()).then_some(left));
        }
    }
    Ok(None)
}

/// How often whoever may not watch the objects that go looks again, as Flux does.
const GONE_POLL: Duration = Duration::from_secs(2);
