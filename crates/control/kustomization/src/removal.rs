//! The end of a Kustomization: what becomes of its objects (spec A4, "Finalize").

use std::time::Duration;

use lode_api::kustomization::DeletionPolicy;
use lode_api::{Kind as _, Kustomization, conditions, reasons};
use lode_apply::Applier;
use lode_deliver::{
    DeliveryState, RemovalStanding, StaleObject, await_gone, delete_objects, stale,
};
use lode_runtime::{Failure, Told, is_account_gone, name_of};

use crate::controller::Kustomizations;

/// How long objects may take to be gone where the specification does not say.
const TIMEOUT: Duration = Duration::from_secs(30);

impl Kustomizations {
    /// Deletes what the policy says; returns how long to wait for it to be gone.
    pub(crate) async fn remove_objects(
        &self,
        object: &Kustomization,
        state: &mut DeliveryState,
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
        if !state.awaits_removal() {
            let is_deleted = self.delete(object, &stale, &applier, state).await?;
            if !is_deleted || policy != DeletionPolicy::WaitForTermination {
                return Ok(None);
            }
        }
        let timeout = object.spec.timeout().unwrap_or(TIMEOUT);
        let standing = await_gone(&applier, &stale, timeout, state).await?;
        Ok(match standing {
            RemovalStanding::Going(left) => Some(left),
            // What outlives the time is left to go by itself, as in Flux.
            RemovalStanding::Gone | RemovalStanding::TimedOut(_) => None,
        })
    }

    /// Deletes objects; returns whether it could, which nobody can for an account that is gone.
    async fn delete(
        &self,
        object: &Kustomization,
        stale: &[StaleObject],
        applier: &Applier,
        state: &mut DeliveryState,
    ) -> Result<bool, Failure> {
        let pruned = delete_objects(applier, &name_of(object), stale, state).await?;
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
        let (client, namespace) = (self.own.client(), &object.metadata.namespace);
        let account = self.options.account(object);
        if fault.cause.is(403) && is_account_gone(client, namespace, account).await? {
            let text = format!("unable to prune objects: {fault}");
            self.own.emit(
                object,
                Told::warning(reasons::PRUNE_FAILED, text).at(revision),
            );
            return Ok(false);
        }
        Err(Failure::new(reasons::PRUNE_FAILED, fault.to_string()))
    }
}

/// Returns the objects that go with a Kustomization.
fn to_delete(object: &Kustomization, policy: DeletionPolicy) -> Vec<StaleObject> {
    let deletes = match policy {
        DeletionPolicy::MirrorPrune => object.spec.prune,
        DeletionPolicy::Delete | DeletionPolicy::WaitForTermination => true,
        DeletionPolicy::Orphan => false,
    };
    // The objects of one with a kubeConfig are in another cluster, which was never written to.
    if !deletes || object.spec.suspended() || object.spec.kube_config.is_some() {
        return Vec::new();
    }
    let inventory = object.status.inventory.as_ref();
    stale(inventory.map_or(&[], |inventory| &*inventory.entries))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn object(spec: &serde_json::Value) -> Kustomization {
        let entries = json!([{"id": "ns_a__ConfigMap", "v": "v1"}]);
        let object = json!({"metadata": {"name": "app", "namespace": "ns"}, "spec": spec,
            "status": {"inventory": {"entries": entries}}});
        Kustomization::parse(&object).unwrap()
    }

    #[test]
    fn the_policy_says_what_goes_with_a_kustomization() {
        use DeletionPolicy::{Delete, MirrorPrune, Orphan, WaitForTermination};
        let deleted =
            |prune: bool, policy| to_delete(&object(&json!({"prune": prune})), policy).len();
        assert_eq!(
            (deleted(true, MirrorPrune), deleted(false, MirrorPrune)),
            (1, 0)
        );
        assert_eq!((deleted(true, Orphan), deleted(false, Orphan)), (0, 0));
        for policy in [Delete, WaitForTermination] {
            assert_eq!(deleted(false, policy), 1);
        }
    }

    #[test]
    fn nothing_goes_with_a_kustomization_that_is_suspended_or_was_for_another_cluster() {
        for spec in [
            json!({"prune": true, "suspend": true}),
            json!({"prune": true, "kubeConfig": {"secretRef": {"name": "remote"}}}),
        ] {
            let stale = to_delete(&object(&spec), DeletionPolicy::Delete);
            assert!(stale.is_empty());
        }
    }

    #[test]
    fn what_was_never_applied_is_not_deleted() {
        let object = Kustomization::default();
        assert!(to_delete(&object, DeletionPolicy::Delete).is_empty());
    }
}
