//! A `ReplicaSet` or `StatefulSet` whose Pods fail has failed, though its own status only says that it is not ready.

use serde_json::Value;

use crate::{
    kinds::POD_UNSCHEDULABLE,
    rules::{self, Seconds},
    status::{Health, Status},
};

/// Returns the health of a `ReplicaSet` or `StatefulSet` in the light of its Pods (those its selector selects).
#[must_use]
pub fn pods_failed<'p>(health: Health, pods: impl IntoIterator<Item = &'p Value>, now: Seconds) -> Health {
    if health.status != Status::InProgress {
        return health;
    }
    let failed = pods.into_iter().filter(|pod| pod_failed(&rules::kstatus(pod, now))).count();
    with_failed_pods(health, failed)
}

/// Tells whether a Pod counts as failed for its owner: one that only finds no node does not.
#[must_use]
pub fn pod_failed(pod: &Health) -> bool {
    pod.status == Status::Failed && pod.reason != POD_UNSCHEDULABLE
}

/// As [`pods_failed`], for who has counted the failed Pods already.
#[must_use]
pub fn with_failed_pods(health: Health, failed: usize) -> Health {
    if health.status == Status::InProgress && failed > 0 {
        return Health::failed("PodsFailed", format!("{failed} pods have failed"));
    }
    health
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn failing_pods_fail_their_owner_while_it_is_not_ready() {
        let pod = |state: Value, metadata: Value| {
            json!({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "status": {"phase": "Running",
                "containerStatuses": [{"name": "a", "state": state}]}})
        };
        let looping = pod(json!({"waiting": {"reason": "CrashLoopBackOff"}}), json!({}));
        let leaving = pod(
            json!({"waiting": {"reason": "CrashLoopBackOff"}}),
            json!({"deletionTimestamp": "2026-01-01T00:00:00Z"}),
        );
        let starting = pod(json!({"waiting": {"reason": "ContainerCreating"}}), json!({}));
        let homeless = json!({"apiVersion": "v1", "kind": "Pod", "status": {"phase": "Pending", "conditions": [
            {"type": "PodScheduled", "status": "False", "reason": "Unschedulable"}]}});
        let progress = || Health::progress("LessReady", "Ready: 0/2");
        let pods = [looping.clone(), leaving.clone(), homeless.clone(), starting.clone(), looping];
        let failed = pods_failed(progress(), &pods, 100);
        assert_eq!((failed.status, &*failed.message), (Status::Failed, "2 pods have failed"));
        assert_eq!(pods_failed(progress(), &[leaving, homeless, starting], 100), progress());
        assert_eq!(pods_failed(Health::current("ok"), &pods, 100), Health::current("ok"));
    }
}
