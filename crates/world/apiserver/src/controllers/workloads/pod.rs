//! Pods: they are scheduled, run at once, and end at once when deleted. Pods of jobs succeed; all
//! others keep running.
//!
//! As kwok simulates pods with its default stages ("fast"): containers run or have ended, without
//! failures.

use jiff::Timestamp;
use lode_object::json::{list, text};
use lode_stdx::time::rfc3339;
use serde_json::{Value, json};

use super::condition::{self, Condition};
use super::node;
use super::object::{is_going, is_true, key};
use super::plan::{Action, Plan, WorkloadKind, WorkloadPlace};
use super::scene::Seen;

/// Computes the next step of a pod.
pub(super) fn plan(seen: &Seen) -> Plan {
    let pod = &seen.object;
    if is_going(pod) {
        let place = WorkloadPlace {
            kind: WorkloadKind::Pod,
            key: key(pod),
        };
        let gone = Action::Delete {
            place,
            uid: text(pod, "/metadata/uid").to_owned(),
            now: true,
        };
        return Plan {
            actions: vec![gone],
            ..Plan::default()
        };
    }
    if text(pod, "/spec/nodeName").is_empty() {
        return schedule(seen);
    }
    match text(pod, "/status/phase") {
        "Pending" | "" if !is_true(pod, "Ready") => Plan::status(running(pod, seen.now)),
        "Running" if is_of_job(pod) => Plan::status(completed(pod, seen.now)),
        _ => Plan::default(),
    }
}

fn schedule(seen: &Seen) -> Plan {
    let pod = &seen.object;
    let gated = pod
        .pointer("/spec/schedulingGates")
        .and_then(Value::as_array)
        .is_some_and(|gates| !gates.is_empty());
    let others = !matches!(text(pod, "/spec/schedulerName"), "" | "default-scheduler");
    let (reason, message) = match node::choose(pod, &seen.nodes) {
        _ if others => return Plan::default(),
        _ if gated => (
            "SchedulingGated",
            "Scheduling is blocked due to non-empty scheduling gates".to_owned(),
        ),
        Ok(node) => {
            return Plan {
                actions: vec![Action::Bind(node)],
                ..Plan::default()
            };
        }
        Err(why) => ("Unschedulable", why),
    };
    let mut conditions = condition::of(pod);
    let condition = Condition {
        ty: "PodScheduled",
        status: "False",
        reason,
        message: &message,
    };
    condition::set(&mut conditions, &condition, "", seen.now);
    let mut status = pod["status"].clone();
    status["conditions"] = conditions.into();
    Plan::status(status)
}

/// Returns the condition of a scheduled pod.
pub(super) fn scheduled(now: Timestamp) -> Value {
    json!({"type": "PodScheduled", "status": "True", "lastProbeTime": null, "lastTransitionTime": rfc3339(now)})
}

fn running(pod: &Value, now: Timestamp) -> Value {
    let time = rfc3339(now);
    let gates = list(pod, "/spec/readinessGates").iter();
    let gates = gates.into_iter().map(|gate| text(gate, "/conditionType"));
    let kept = condition::of(pod)
        .into_iter()
        .filter(|condition| text(condition, "/type") == "PodScheduled");
    let said = |ty: &str| json!({"type": ty, "status": "True", "lastProbeTime": null, "lastTransitionTime": time});
    let conditions: Vec<Value> = kept
        .chain(
            ["Initialized", "Ready", "ContainersReady"]
                .into_iter()
                .chain(gates)
                .map(said),
        )
        .collect();
    let address = address(pod);
    let mut status = pod.get("status").cloned().unwrap_or_else(|| json!({}));
    status["phase"] = "Running".into();
    status["conditions"] = conditions.into();
    status["startTime"] = time.as_str().into();
    status["hostIP"] = node::ADDRESS.into();
    status["hostIPs"] = json!([{"ip": node::ADDRESS}]);
    status["podIP"] = address.as_str().into();
    status["podIPs"] = json!([{"ip": address}]);
    status["containerStatuses"] = containers(
        pod,
        "containers",
        |_| json!({"running": {"startedAt": time}}),
    );
    if pod["spec"].get("initContainers").is_some() {
        status["initContainerStatuses"] = containers(pod, "initContainers", |container| {
            match container["restartPolicy"] {
                Value::String(ref policy) if policy == "Always" => {
                    json!({"running": {"startedAt": time}})
                }
                _ => ended(&time),
            }
        });
    }
    status
}

fn completed(pod: &Value, now: Timestamp) -> Value {
    let time = rfc3339(now);
    let mut status = pod["status"].clone();
    status["phase"] = "Succeeded".into();
    status["containerStatuses"] = containers(pod, "containers", |_| ended(&time));
    let mut conditions = condition::of(pod);
    for ty in ["Ready", "ContainersReady"] {
        let condition = Condition {
            ty,
            status: "False",
            reason: "PodCompleted",
            message: "",
        };
        condition::set(&mut conditions, &condition, "", now);
    }
    for condition in conditions.iter_mut().filter_map(Value::as_object_mut) {
        condition.retain(|_, value| value != "");
    }
    status["conditions"] = conditions.into();
    status
}

fn ended(time: &str) -> Value {
    json!({"terminated": {"exitCode": 0, "reason": "Completed", "startedAt": time, "finishedAt": time}})
}

fn containers(pod: &Value, field: &str, state: impl Fn(&Value) -> Value) -> Value {
    let of = pod["spec"]
        .get(field)
        .and_then(Value::as_array)
        .into_iter()
        .flatten();
    let status = |container: &Value| {
        let state = state(container);
        let runs = state.get("running").is_some();
        // An init container that has ended is ready; a sidecar that has ended is not.
        let ready = runs || field == "initContainers";
        json!({"name": container["name"], "image": container["image"], "imageID": "", "ready": ready, "started": runs,
            "restartCount": 0, "state": state})
    };
    of.into_iter().map(status).collect()
}

fn is_of_job(pod: &Value) -> bool {
    let owners = list(pod, "/metadata/ownerReferences").iter();
    owners.into_iter().any(|owner| owner["kind"] == "Job")
}

/// Returns an address derived from the pod, so it is stable; two pods may share one.
fn address(pod: &Value) -> String {
    if pod["spec"]["hostNetwork"] == true {
        return node::ADDRESS.to_owned();
    }
    let uid = text(pod, "/metadata/uid");
    let sum = uid.bytes().fold(0_u16, |sum, byte| {
        sum.wrapping_mul(31).wrapping_add(byte.into())
    });
    let [high, low] = sum.to_be_bytes();
    format!("10.244.{high}.{}", low.clamp(1, 254))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(pod: Value) -> Seen {
        let mut node = node::node();
        node["status"] = node::status(Timestamp::UNIX_EPOCH);
        Seen {
            object: pod,
            nodes: vec![node],
            ..Seen::default()
        }
    }

    #[test]
    fn a_new_pod_is_put_on_the_node_and_runs_then() {
        let mut pod = json!({"metadata": {"uid": "u"}, "status": {"phase": "Pending"}, "spec": {"containers": [{"name": "c", "image": "i"}]}});
        assert_eq!(
            plan(&seen(pod.clone())).actions,
            [Action::Bind("sandbox".to_owned())]
        );
        pod["spec"]["nodeName"] = "sandbox".into();
        pod["status"] = plan(&seen(pod.clone())).status.unwrap();
        assert!(is_true(&pod, "Ready") && is_true(&pod, "ContainersReady"));
        assert_eq!(
            (
                &pod["status"]["phase"],
                &pod["status"]["containerStatuses"][0]["ready"]
            ),
            (&json!("Running"), &json!(true))
        );
        assert_eq!(plan(&seen(pod)), Plan::default());
    }

    #[test]
    fn a_pod_of_a_job_succeeds() {
        let pod = json!({"metadata": {"ownerReferences": [{"kind": "Job"}]}, "status": {"phase": "Running"},
            "spec": {"nodeName": "sandbox", "containers": [{"name": "c", "image": "i"}]}});
        let status = plan(&seen(pod)).status.unwrap();
        assert_eq!(status["phase"], "Succeeded");
        assert_eq!(
            status["containerStatuses"][0]["state"]["terminated"]["exitCode"],
            0
        );
    }

    #[test]
    fn a_pod_that_no_node_takes_says_so() {
        let pod = json!({"metadata": {}, "status": {"phase": "Pending"}, "spec": {"nodeSelector": {"none": "such"}}});
        let planned = plan(&seen(pod.clone()));
        assert_eq!(
            planned.status.as_ref().unwrap()["conditions"][0]["reason"],
            "Unschedulable"
        );
        let mut again = pod;
        again["status"] = planned.status.clone().unwrap();
        assert_eq!(plan(&seen(again)), planned);
    }

    #[test]
    fn a_pod_on_its_way_out_goes_at_once() {
        let pod = json!({"metadata": {"name": "a", "uid": "u", "deletionTimestamp": "2026-01-01T00:00:00Z"}, "status": {"phase": "Running"}});
        assert!(matches!(
            plan(&seen(pod)).actions[..],
            [Action::Delete { now: true, .. }]
        ));
    }
}
