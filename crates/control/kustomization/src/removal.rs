//! The end of a Kustomization: what becomes of its objects (spec A4, "Finalize").

use std::time::Duration;

use lode_api::kustomization::DeletionPolicy;
use lode_api::{Kind as _, Kustomization, conditions, reasons};
use lode_apply::Applier;
use lode_object::{GroupVersionKind, Id};
use lode_runtime::{Failure, Told, name_of};
use tokio::time::Instant;

use crate::controller::Kustomizations;
use crate::exprs::HealthExprs;
use crate::state::State;
use crate::wait::{Item, Looker, Purpose, Wait};

/// How long objects may take to be gone where the specification does not say.
const TIMEOUT: Duration = Duration::from_secs(30);

/// An object of the inventory, and the version it was applied in.
type Stale = (Id, Box<str>);

impl Kustomizations {
    /// Deletes what the policy says; returns how long to wait for it to be gone.
    pub(crate) async fn remove_objects(
        &self,
        object: &Kustomization,
        state: &mut State,
    ) -> Result<Option<Duration>, Failure> {
        let policy = object
            .spec
            .deletion_policy()
            .unwrap_or(DeletionPolicy::MirrorPrune);
        let stale = to_delete(object, policy);
        if stale.is_empty() {
            return Ok(None);
        }
        let applier = self.acting_for(object)?;
        let wait = state
            .wait
            .as_mut()
            .filter(|wait| wait.purpose == Purpose::Removal);
        if let Some(wait) = wait {
            return still_there(wait, &applier).await;
        }

        let is_deleted = self.delete(object, &stale, &applier, state).await?;
        if !is_deleted || policy != DeletionPolicy::WaitForTermination {
            return Ok(None);
        }
        let timeout = object.spec.timeout().unwrap_or(TIMEOUT);
        let mut items = Vec::new();
        for (id, version) in stale {
            let (group, kind) = (id.group.clone(), id.kind.clone());
            let gvk = GroupVersionKind {
                group,
                version,
                kind,
            };
            if let Some(known) = applier.know(&gvk, &mut state.kinds).await? {
                items.push(Item::new(id, gvk, known, &HealthExprs::default()));
            }
        }
        let (since, until) = (Instant::now(), Instant::now() + timeout);
        let wait = Wait {
            purpose: Purpose::Removal,
            items,
            until,
            since,
        };
        still_there(state.wait.insert(wait), &applier).await
    }

    /// Deletes objects; returns whether it could, which nobody can for an account that is gone.
    async fn delete(
        &self,
        object: &Kustomization,
        stale: &[Stale],
        applier: &Applier,
        state: &mut State,
    ) -> Result<bool, Failure> {
        let pruned = applier
            .prune(&name_of(object), stale, &mut state.kinds)
            .await?;
        let revision = object
            .status
            .last_applied_revision
            .as_deref()
            .unwrap_or_default();
        if !pruned.changes.is_empty() {
            let ready = object.status.conditions.get(conditions::READY);
            let reason = ready.map_or(reasons::SUCCEEDED, |ready| &*ready.reason);
            let text = lode_apply::change_log(&pruned.changes);
            self.own
                .emit(object, Told::normal(reason, text).at(revision));
        }
        let Some(fault) = pruned.kept.first() else {
            return Ok(true);
        };
        // The object must not stay for ever because its account went first.
        if fault.cause.is(403) && self.account_is_gone(object).await? {
            let text = format!("unable to prune objects: {fault}");
            self.own.emit(
                object,
                Told::warning(reasons::PRUNE_FAILED, text).at(revision),
            );
            return Ok(false);
        }
        Err(Failure::new(reasons::PRUNE_FAILED, fault.to_string()))
    }

    async fn account_is_gone(&self, object: &Kustomization) -> Result<bool, Failure> {
        let Some(account) = self.options.account(object) else {
            return Ok(false);
        };
        let resource =
            lode_cluster::Resource::known("v1", "ServiceAccount", "serviceaccounts", true);
        let namespace = &object.metadata.namespace;
        match self.own.client().get(&resource, namespace, account).await {
            Ok(_) => Ok(false),
            Err(error) if error.is_not_found() => Ok(true),
            Err(error) => Err(error.into()),
        }
    }
}

/// Returns the objects that go with a Kustomization.
fn to_delete(object: &Kustomization, policy: DeletionPolicy) -> Vec<Stale> {
    let deletes = match policy {
        DeletionPolicy::MirrorPrune => object.spec.prune,
        DeletionPolicy::Delete | DeletionPolicy::WaitForTermination => true,
        DeletionPolicy::Orphan => false,
    };
    // The objects of one with a kubeConfig are in another cluster, which was never written to.
    if !deletes || object.spec.suspended() || object.spec.kube_config.is_some() {
        return Vec::new();
    }
    let entries = object
        .status
        .inventory
        .iter()
        .flat_map(|inventory| &inventory.entries);
    let ids =
        entries.filter_map(|entry| Some((Id::parse_inventory(&entry.id).ok()?, entry.v.clone())));
    ids.collect()
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
