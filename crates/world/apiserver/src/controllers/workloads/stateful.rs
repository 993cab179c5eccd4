//! `StatefulSet`s: numbered pods with their own claims, one after the other.

use lode_object::json::{int, text};
use serde_json::{Value, json};

use super::object::{self, count, counts, deletion, hash, is_going, is_true};
use super::plan::{Action, Plan, WorkloadKind};
use super::scene::Seen;

/// Computes what to do about a set.
pub(super) fn plan(seen: &Seen) -> Plan {
    let set = &seen.object;
    let name = text(set, "/metadata/name");
    let update = format!("{name}-{}", hash(&set["spec"]["template"]));
    let pods: Vec<&Value> = seen
        .children
        .iter()
        .filter(|child| child["kind"] == "Pod")
        .collect();
    let mut plan = Plan::status(status(set, &pods, &update));
    if !is_going(set) {
        plan.actions = next(set, &pods, &update);
    }
    plan
}

/// Returns the next actions: missing pods, then surplus ones, then those of an old template.
fn next(set: &Value, pods: &[&Value], update: &str) -> Vec<Action> {
    let first = int(set, "/spec/ordinals/start").unwrap_or_default();
    let end = first + int(set, "/spec/replicas").unwrap_or(1);
    let parallel = text(set, "/spec/podManagementPolicy") == "Parallel";
    let named = |ordinal: i64| {
        let name = format!("{}-{ordinal}", text(set, "/metadata/name"));
        pods.iter()
            .find(|pod| text(pod, "/metadata/name") == name)
            .copied()
    };
    let mut actions = Vec::new();
    for ordinal in first..end {
        match named(ordinal) {
            None => actions.extend(made(set, ordinal, update)),
            Some(pod) if parallel || is_true(pod, "Ready") && !is_going(pod) => continue,
            Some(_) => return actions,
        }
        if !parallel || actions.len() > BURST {
            return actions;
        }
    }
    let ordinal = |pod: &Value| {
        text(pod, "/metadata/name")
            .rsplit('-')
            .next()
            .and_then(|end| end.parse::<i64>().ok())
    };
    let mut beyond: Vec<_> = pods
        .iter()
        .filter(|pod| !is_going(pod))
        .filter_map(|pod| Some((ordinal(pod)?, *pod)))
        .collect();
    beyond.retain(|(ordinal, _)| !(first..end).contains(ordinal));
    beyond.sort_by_key(|(ordinal, _)| std::cmp::Reverse(*ordinal));
    let most = if parallel { beyond.len() } else { 1 };
    actions.extend(
        beyond
            .into_iter()
            .take(most)
            .map(|(_, pod)| deletion(WorkloadKind::Pod, pod)),
    );
    if actions.is_empty() && text(set, "/spec/updateStrategy/type") != "OnDelete" {
        let partition =
            int(set, "/spec/updateStrategy/rollingUpdate/partition").unwrap_or_default();
        let mut later = (first.max(first + partition)..end).rev().filter_map(named);
        let stale = later.find(|pod| text(pod, REVISION_PATH) != update);
        actions.extend(
            stale
                .filter(|pod| !is_going(pod))
                .map(|pod| deletion(WorkloadKind::Pod, pod)),
        );
    }
    actions
}

/// Returns the creation of a numbered pod: its claims, then the pod.
fn made(set: &Value, ordinal: i64, update: &str) -> Vec<Action> {
    let name = format!("{}-{ordinal}", text(set, "/metadata/name"));
    // Below the partition a pod is recreated from the old template, as far as it is known; it is
    // not stored.
    let index = ordinal.to_string();
    let labels = [
        (REVISION, update),
        ("statefulset.kubernetes.io/pod-name", &name),
        ("apps.kubernetes.io/pod-index", &index),
    ];
    let mut pod = object::pod(set, &set["spec"]["template"], &labels);
    pod["metadata"]["name"] = name.as_str().into();
    pod["spec"]["hostname"] = name.as_str().into();
    if let Some(service) = set["spec"].get("serviceName") {
        pod["spec"]["subdomain"] = service.clone();
    }
    let templates = set["spec"]
        .get("volumeClaimTemplates")
        .and_then(Value::as_array)
        .into_iter()
        .flatten();
    let (mut actions, mut volumes) = (Vec::new(), Vec::new());
    for template in templates {
        let of = text(template, "/metadata/name");
        let claim = format!("{of}-{name}");
        volumes.push(json!({"name": of, "persistentVolumeClaim": {"claimName": claim}}));
        actions.push(Action::Create(
            WorkloadKind::Claim,
            claimed(set, template, &claim),
        ));
    }
    let own = pod["spec"]
        .get("volumes")
        .and_then(Value::as_array)
        .cloned()
        .unwrap_or_default();
    let is_claimed = |volume: &Value| volumes.iter().any(|claim| claim["name"] == volume["name"]);
    let own: Vec<Value> = own
        .into_iter()
        .filter(|volume| !is_claimed(volume))
        .collect();
    if !volumes.is_empty() {
        pod["spec"]["volumes"] = volumes.iter().cloned().chain(own).collect();
    }
    actions.push(Action::Create(WorkloadKind::Pod, pod));
    actions
}

fn claimed(set: &Value, template: &Value, name: &str) -> Value {
    let mut labels = template
        .pointer("/metadata/labels")
        .and_then(Value::as_object)
        .cloned()
        .unwrap_or_default();
    labels.extend(
        set.pointer("/spec/selector/matchLabels")
            .and_then(Value::as_object)
            .cloned()
            .unwrap_or_default(),
    );
    let mut claim = json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "spec": template["spec"],
        "metadata": {"name": name, "namespace": set["metadata"]["namespace"], "labels": labels}});
    if let Some(annotations) = template.pointer("/metadata/annotations") {
        claim["metadata"]["annotations"] = annotations.clone();
    }
    claim
}

fn status(set: &Value, pods: &[&Value], update: &str) -> Value {
    let wanted = int(set, "/spec/replicas").unwrap_or(1);
    let is_of =
        |revision: &str, pod: &Value| text(pod, REVISION_PATH) == revision && !is_going(pod);
    let of = |revision: &str| count(pods.iter().copied(), |pod| is_of(revision, pod));
    let ready = count(pods.iter().copied(), |pod| {
        is_true(pod, "Ready") && !is_going(pod)
    });
    let all = count(pods.iter().copied(), |pod| !is_going(pod));
    let before = text(set, "/status/currentRevision");
    // All pods are of the new template, so it is the current one.
    let done = before.is_empty() || [of(update), ready, all] == [wanted; 3];
    let current = if done { update } else { before };
    let mut status = counts(&[
        (
            "observedGeneration",
            int(set, "/metadata/generation").unwrap_or_default(),
        ),
        ("readyReplicas", ready),
        ("currentReplicas", of(current)),
        ("updatedReplicas", of(update)),
    ]);
    status["replicas"] = all.into();
    status["availableReplicas"] = ready.into();
    status["currentRevision"] = current.into();
    status["updateRevision"] = update.into();
    status["collisionCount"] = 0.into();
    status
}

const REVISION: &str = "controller-revision-hash";
const REVISION_PATH: &str = "/metadata/labels/controller-revision-hash";
/// Most objects created in one round.
const BURST: usize = 500;

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(spec: &Value, pods: Vec<Value>) -> Seen {
        let mut object = json!({"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": {"name": "db", "namespace": "shop", "uid": "u"},
            "spec": {"replicas": 2, "serviceName": "db", "template": {"metadata": {"labels": {"app": "db"}}, "spec": {"containers": [{"image": "a"}]}},
                "volumeClaimTemplates": [{"metadata": {"name": "data"}, "spec": {"accessModes": ["ReadWriteOnce"]}}]}});
        json_patch::merge(&mut object["spec"], spec);
        Seen {
            object,
            children: pods,
            ..Seen::default()
        }
    }

    fn pods(plan: &Plan) -> Vec<Value> {
        let pod = |action: &Action| match action {
            Action::Create(WorkloadKind::Pod, pod) => Some(pod.clone()),
            _ => None,
        };
        plan.actions.iter().filter_map(pod).collect()
    }

    fn ready(mut pod: Value) -> Value {
        pod["status"] =
            json!({"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]});
        pod
    }

    #[test]
    fn pods_come_one_after_the_other_with_their_claims() {
        let first = plan(&seen(&json!({}), vec![]));
        assert!(
            matches!(&first.actions[0], Action::Create(WorkloadKind::Claim, claim) if claim["metadata"]["name"] == "data-db-0")
        );
        let pod = pods(&first).remove(0);
        assert_eq!(pod["metadata"]["name"], "db-0");
        assert_eq!(
            pod["spec"]["volumes"][0]["persistentVolumeClaim"]["claimName"],
            "data-db-0"
        );
        assert_eq!(plan(&seen(&json!({}), vec![pod.clone()])).actions, []);
        let second = pods(&plan(&seen(&json!({}), vec![ready(pod)])));
        assert_eq!(second[0]["metadata"]["name"], "db-1");
    }

    #[test]
    fn parallel_pods_come_together() {
        assert_eq!(
            pods(&plan(&seen(
                &json!({"podManagementPolicy": "Parallel"}),
                vec![]
            )))
            .len(),
            2
        );
    }

    #[test]
    fn another_template_replaces_pods_from_the_last() {
        let all: Vec<Value> = pods(&plan(&seen(
            &json!({"podManagementPolicy": "Parallel"}),
            vec![],
        )))
        .into_iter()
        .map(ready)
        .collect();
        let done = plan(&seen(&json!({}), all.clone()));
        assert_eq!(
            (
                &done.actions[..],
                &done.status.as_ref().unwrap()["updatedReplicas"]
            ),
            (&[][..], &json!(2))
        );
        let other = json!({"template": {"spec": {"containers": [{"image": "b"}]}}});
        assert_eq!(
            plan(&seen(&other, all.clone())).actions,
            [deletion(WorkloadKind::Pod, &all[1])]
        );
        let held = json!({"template": {"spec": {"containers": [{"image": "b"}]}}, "updateStrategy": {"rollingUpdate": {"partition": 2}}});
        assert_eq!(plan(&seen(&held, all)).actions, []);
    }

    #[test]
    fn of_too_many_pods_the_last_goes() {
        let all: Vec<Value> = pods(&plan(&seen(
            &json!({"podManagementPolicy": "Parallel"}),
            vec![],
        )))
        .into_iter()
        .map(ready)
        .collect();
        assert_eq!(
            plan(&seen(&json!({"replicas": 1}), all.clone())).actions,
            [deletion(WorkloadKind::Pod, &all[1])]
        );
    }
}
