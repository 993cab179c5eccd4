//! `ReplicaSet`s and `ReplicationController`s: a number of pods of one template.

use lode_object::json::{int, text};
use serde_json::Value;

use super::object::{self, count, counts, deletion, is_going, is_true};
use super::plan::{Action, Plan, WorkloadKind};
use super::scene::Seen;

/// Computes what to do about a set.
pub(super) fn plan(seen: &Seen) -> Plan {
    let set = &seen.object;
    let pods: Vec<&Value> = seen.children.iter().filter(|pod| is_alive(pod)).collect();
    let mut plan = Plan::status(status(set, &pods));
    if !is_going(set) {
        plan.actions = resized(set, &pods);
    }
    plan
}

/// Returns whether a pod counts: it has neither ended nor is being deleted.
pub(super) fn is_alive(pod: &Value) -> bool {
    !is_going(pod) && !matches!(text(pod, "/status/phase"), "Succeeded" | "Failed")
}

fn resized(set: &Value, pods: &[&Value]) -> Vec<Action> {
    let wanted = usize::try_from(int(set, "/spec/replicas").unwrap_or(1)).unwrap_or_default();
    if pods.len() < wanted {
        let pod = object::pod(set, &set["spec"]["template"], &[]);
        let missing = (wanted - pods.len()).min(BURST);
        return vec![Action::Create(WorkloadKind::Pod, pod); missing];
    }
    // Pods that are not ready are deleted first, then the youngest.
    let mut going = pods.to_vec();
    going.sort_by_key(|pod| {
        (
            is_true(pod, "Ready"),
            std::cmp::Reverse(text(pod, "/metadata/creationTimestamp").to_owned()),
        )
    });
    going
        .iter()
        .take(pods.len() - wanted)
        .map(|pod| deletion(WorkloadKind::Pod, pod))
        .collect()
}

fn status(set: &Value, pods: &[&Value]) -> Value {
    let labels = set
        .pointer("/spec/template/metadata/labels")
        .and_then(Value::as_object);
    let has_all = |pod: &Value| {
        labels
            .into_iter()
            .flatten()
            .all(|(key, value)| pod["metadata"]["labels"].get(key) == Some(value))
    };
    let ready = count(pods.iter().copied(), |pod| is_true(pod, "Ready"));
    let mut status = counts(&[
        ("fullyLabeledReplicas", count(pods.iter().copied(), has_all)),
        ("readyReplicas", ready),
        ("availableReplicas", ready),
        (
            "observedGeneration",
            int(set, "/metadata/generation").unwrap_or_default(),
        ),
    ]);
    status["replicas"] = pods.len().into();
    if let Some(conditions) = set.pointer("/status/conditions") {
        status["conditions"] = conditions.clone();
    }
    status
}

/// Most pods created in one round.
const BURST: usize = 500;

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn seen(replicas: i64, pods: Vec<Value>) -> Seen {
        let object = json!({"kind": "ReplicaSet", "metadata": {"name": "web", "namespace": "shop", "uid": "u", "generation": 2},
            "spec": {"replicas": replicas, "template": {"metadata": {"labels": {"app": "web"}}, "spec": {}}}});
        Seen {
            object,
            children: pods,
            ..Seen::default()
        }
    }

    fn pod(name: &str, ready: &str) -> Value {
        json!({"metadata": {"name": name, "labels": {"app": "web"}}, "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": ready}]}})
    }

    #[test]
    fn missing_pods_are_made_and_counted_once_there() {
        assert_eq!(plan(&seen(3, vec![pod("a", "True")])).actions.len(), 2);
        let status = plan(&seen(1, vec![pod("a", "True")])).status.unwrap();
        assert_eq!(
            status,
            json!({"replicas": 1, "fullyLabeledReplicas": 1, "readyReplicas": 1, "availableReplicas": 1, "observedGeneration": 2})
        );
        assert_eq!(
            plan(&seen(0, vec![])).status.unwrap(),
            json!({"replicas": 0, "observedGeneration": 2})
        );
    }

    #[test]
    fn of_too_many_pods_those_that_are_not_ready_go_first() {
        let pods = vec![pod("a", "True"), pod("b", "False"), pod("c", "True")];
        assert_eq!(
            plan(&seen(2, pods)).actions,
            [deletion(WorkloadKind::Pod, &pod("b", "False"))]
        );
    }

    #[test]
    fn a_set_on_its_way_out_makes_no_pods() {
        let mut seen = seen(2, vec![]);
        seen.object["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z".into();
        assert_eq!(plan(&seen).actions, []);
    }
}
