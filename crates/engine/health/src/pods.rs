//! A `ReplicaSet` or `StatefulSet` with failing Pods has failed, although its own status only says
//! that it is not ready.

use serde_json::Value;

use crate::{
    kinds::POD_UNSCHEDULABLE,
    rules,
    status::Seconds,
    status::{Health, Status},
};

/// Returns the health of a `ReplicaSet` or `StatefulSet`, given its Pods (those its selector
/// selects).
#[must_use]
pub fn pods_failed<'p>(
    health: Health,
    pods: impl IntoIterator<Item = &'p Value>,
    now: Seconds,
) -> Health {
    if health.status != Status::InProgress {
        return health;
    }
    let failed = pods
        .into_iter()
        .filter(|pod| pod_failed(&rules::kstatus(pod, now)))
        .count();
    with_failed_pods(health, failed)
}

/// Returns the label query (`a=b,c in (d,e),!f`) for the Pods that affect an object's health: those
/// of a `ReplicaSet` or `StatefulSet` with a selector. Other kinds report about their Pods
/// themselves.
#[must_use]
pub fn pod_query(object: &Value) -> Option<String> {
    let by_pods = matches!(
        rules::group_kind(object),
        ("apps", "ReplicaSet" | "StatefulSet")
    );
    let query = if by_pods {
        query(object)
    } else {
        String::new()
    };
    (!query.is_empty()).then_some(query)
}

fn query(object: &Value) -> String {
    let mut terms = Vec::new();
    let labels = object
        .pointer("/spec/selector/matchLabels")
        .and_then(Value::as_object);
    for (key, value) in labels.into_iter().flatten() {
        terms.push(format!("{key}={}", value.as_str().unwrap_or_default()));
    }

    let expressions = object
        .pointer("/spec/selector/matchExpressions")
        .and_then(Value::as_array);
    for expression in expressions.into_iter().flatten() {
        let key = expression["key"].as_str().unwrap_or_default();
        let values = expression["values"].as_array().into_iter().flatten();
        let values = values
            .filter_map(Value::as_str)
            .collect::<Vec<_>>()
            .join(",");
        match expression["operator"].as_str().unwrap_or_default() {
            "In" => terms.push(format!("{key} in ({values})")),
            "NotIn" => terms.push(format!("{key} notin ({values})")),
            "Exists" => terms.push(key.to_owned()),
            "DoesNotExist" => terms.push(format!("!{key}")),
            _ => {}
        }
    }
    terms.join(",")
}

/// Returns whether a Pod counts as failed for its owner: one that cannot be scheduled does not.
#[must_use]
pub fn pod_failed(pod: &Health) -> bool {
    pod.status == Status::Failed && pod.reason != POD_UNSCHEDULABLE
}

/// As [`pods_failed`], if the failed Pods are already counted.
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
    fn the_pods_of_a_set_are_found_by_its_selector() {
        let set = |kind: &str, selector: Value| json!({"apiVersion": "apps/v1", "kind": kind, "spec": {"selector": selector}});
        let selector = json!({"matchLabels": {"app": "db"}, "matchExpressions": [
            {"key": "tier", "operator": "In", "values": ["a", "b"]}, {"key": "old", "operator": "DoesNotExist"}]});
        let query = pod_query(&set("StatefulSet", selector.clone()));
        assert_eq!(query.as_deref(), Some("app=db,tier in (a,b),!old"));
        assert_eq!(
            pod_query(&set("Deployment", selector)),
            None,
            "its ReplicaSets tell it of them"
        );
        assert_eq!(
            pod_query(&set("ReplicaSet", json!({}))),
            None,
            "all Pods of the namespace are not its own"
        );
    }

    #[test]
    fn failing_pods_fail_their_owner_while_it_is_not_ready() {
        let pod = |state: Value, metadata: Value| {
            json!({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "status": {"phase": "Running",
                "containerStatuses": [{"name": "a", "state": state}]}})
        };
        let looping = pod(
            json!({"waiting": {"reason": "CrashLoopBackOff"}}),
            json!({}),
        );
        let leaving = pod(
            json!({"waiting": {"reason": "CrashLoopBackOff"}}),
            json!({"deletionTimestamp": "2026-01-01T00:00:00Z"}),
        );
        let starting = pod(
            json!({"waiting": {"reason": "ContainerCreating"}}),
            json!({}),
        );
        let homeless = json!({"apiVersion": "v1", "kind": "Pod", "status": {"phase": "Pending", "conditions": [
            {"type": "PodScheduled", "status": "False", "reason": "Unschedulable"}]}});
        let progress = || Health::progress("LessReady", "Ready: 0/2");
        let pods = [
            looping.clone(),
            leaving.clone(),
            homeless.clone(),
            starting.clone(),
            looping,
        ];
        let failed = pods_failed(progress(), &pods, 100);
        assert_eq!(
            (failed.status, &*failed.message),
            (Status::Failed, "2 pods have failed")
        );
        assert_eq!(
            pods_failed(progress(), &[leaving, homeless, starting], 100),
            progress()
        );
        assert_eq!(
            pods_failed(Health::current("ok"), &pods, 100),
            Health::current("ok")
        );
    }
}
