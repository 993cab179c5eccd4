//! `DaemonSet`s: one pod on the only node, if its template can be scheduled there.

use lode_object::json::{int, text};
use serde_json::{Value, json};

use super::node;
use super::object::{self, count, deletion, hash, is_going, is_true};
use super::plan::{Action, Plan, WorkloadKind};
use super::replicas::is_alive;
use super::scene::Seen;

/// Computes what to do about a set.
pub(super) fn plan(seen: &Seen) -> Plan {
    let set = &seen.object;
    let template = &set["spec"]["template"];
    let hash = hash(template);
    let wanted = node::has_labels(template, &node::node());
    let pods: Vec<&Value> = seen.children.iter().filter(|pod| is_alive(pod)).collect();
    let mut plan = Plan::status(status(set, &pods, &hash, wanted));
    if is_going(set) {
        return plan;
    }
    let stale = |pod: &Value| {
        text(pod, HASH_PATH) != hash && text(set, "/spec/updateStrategy/type") != "OnDelete"
    };
    let kept = pods.iter().position(|pod| wanted && !stale(pod));
    let going = pods.iter().enumerate().filter(|(at, _)| Some(*at) != kept);
    plan.actions = going
        .map(|(_, pod)| deletion(WorkloadKind::Pod, pod))
        .collect();
    if wanted && pods.is_empty() {
        let generation = int(set, "/metadata/generation").unwrap_or(1).to_string();
        let mut pod = object::pod(
            set,
            template,
            &[(HASH, &hash), ("pod-template-generation", &generation)],
        );
        pod["spec"]["nodeName"] = node::NAME.into();
        plan.actions.push(Action::Create(WorkloadKind::Pod, pod));
    }
    plan
}

fn status(set: &Value, pods: &[&Value], hash: &str, wanted: bool) -> Value {
    let ready = count(pods.iter().copied(), |pod| is_true(pod, "Ready"));
    let updated = count(pods.iter().copied(), |pod| text(pod, HASH_PATH) == hash);
    let wanted = i64::from(wanted);
    let mut status = object::counts(&[
        (
            "observedGeneration",
            int(set, "/metadata/generation").unwrap_or_default(),
        ),
        ("updatedNumberScheduled", updated),
        ("numberAvailable", ready),
        ("numberUnavailable", (wanted - ready).max(0)),
    ]);
    let said = json!({"currentNumberScheduled": pods.len(), "desiredNumberScheduled": wanted, "numberMisscheduled": 0, "numberReady": ready});
    json_patch::merge(&mut status, &said);
    status
}

const HASH: &str = "controller-revision-hash";
const HASH_PATH: &str = "/metadata/labels/controller-revision-hash";

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(spec: &Value, pods: Vec<Value>) -> Seen {
        let object = json!({"kind": "DaemonSet", "metadata": {"name": "ds", "uid": "u", "generation": 1}, "spec": {"template": {"spec": spec}}});
        Seen {
            object,
            children: pods,
            ..Seen::default()
        }
    }

    #[test]
    fn one_pod_runs_and_another_template_replaces_it() {
        let first = plan(&seen(&json!({"a": 1}), vec![]));
        let [Action::Create(WorkloadKind::Pod, pod)] = &first.actions[..] else {
            panic!("{first:?}")
        };
        assert_eq!(pod["spec"]["nodeName"], "sandbox");
        let mut pod = pod.clone();
        pod["status"] = json!({"conditions": [{"type": "Ready", "status": "True"}]});
        let done = plan(&seen(&json!({"a": 1}), vec![pod.clone()]));
        assert_eq!(
            (&done.actions[..], &done.status.unwrap()["numberReady"]),
            (&[][..], &json!(1))
        );
        assert_eq!(
            plan(&seen(&json!({"a": 2}), vec![pod.clone()])).actions,
            [deletion(WorkloadKind::Pod, &pod)]
        );
    }

    #[test]
    fn a_template_that_may_not_go_there_makes_no_pod() {
        let planned = plan(&seen(&json!({"nodeSelector": {"none": "such"}}), vec![]));
        assert_eq!(
            (
                &planned.actions[..],
                &planned.status.unwrap()["desiredNumberScheduled"]
            ),
            (&[][..], &json!(0))
        );
    }
}
