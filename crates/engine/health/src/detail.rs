//! What keeps an object from being ready, in a few words: more than kstatus says, whose messages users match.
//!
//! Input: objects as JSON. Output: a text, of which [`Health::detail`] keeps one short line.

use lode_object::json::text;
use serde_json::Value;

use crate::conditions::{Condition, Conditions};
use crate::status::{Health, Status};

/// Reasons of a waiting container that say no more than that it starts.
const STARTING: [&str; 2] = ["ContainerCreating", "PodInitializing"];

/// Returns the health of an object that runs Pods, with how many of them are ready and why no more are made.
pub(crate) fn with_count(
    health: Health,
    ready: i64,
    wanted: i64,
    conditions: Option<Conditions<'_>>,
) -> Health {
    if health.status != Status::InProgress || ready >= wanted {
        return health;
    }
    let count = format!("{ready} of {wanted} ready");
    let failure = conditions
        .and_then(|conditions| conditions.find("ReplicaFailure"))
        .filter(|condition| condition.is_true() && !condition.message.is_empty());
    health.with_detail(&match failure {
        Some(failure) => format!("{count}: {}", failure.message),
        None => count,
    })
}

/// Returns why a Pod does not run: why it finds no node, or what the first container that does not start waits for.
pub(crate) fn of_pod(pod: &Value, conditions: Conditions<'_>) -> Option<String> {
    let unscheduled = conditions.find("PodScheduled").filter(Condition::is_false);
    if let Some(unscheduled) = unscheduled {
        let why = without_nodes(unscheduled.message);
        let why = if why.is_empty() {
            unscheduled.reason
        } else {
            why
        };
        return Some(why.to_owned()).filter(|why| !why.is_empty());
    }
    let lists = ["/status/initContainerStatuses", "/status/containerStatuses"];
    let containers = lists
        .iter()
        .filter_map(|list| pod.pointer(list)?.as_array())
        .flatten();
    // The reason alone: the message of a container may quote its command and its environment.
    containers
        .map(|container| text(container, "/state/waiting/reason"))
        .find(|reason| is_word(reason) && !STARTING.contains(reason))
        .map(str::to_owned)
}

/// Returns the part of a scheduler's message that says why: `0/3 nodes are available: 3 Insufficient cpu. preemption: …`
/// is `Insufficient cpu`. The count is left out where one reason holds for all nodes.
fn without_nodes(message: &str) -> &str {
    let Some((_, why)) = message.split_once(" nodes are available: ") else {
        return message;
    };
    let why = why.split_once(". ").map_or(why, |(why, _)| why);
    let why = why.trim_end_matches('.');
    let is_single = !why.contains(", ");
    let counted = why.split_once(' ');
    match counted {
        Some((count, why)) if is_single && is_number(count) => why,
        _ => why,
    }
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_word(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::rules::{compute, kstatus};

    fn detail(object: &Value) -> Option<String> {
        compute(object, 0).detail.map(String::from)
    }

    #[test]
    fn a_scheduler_s_message_is_cut_to_its_reasons() {
        for (message, why) in [
            (
                "0/3 nodes are available: 3 Insufficient cpu. preemption: 0/3 nodes are available: 3 No preemption \
                 victims found for incoming pod.",
                "Insufficient cpu",
            ),
            (
                "0/2 nodes are available: 1 Insufficient memory, 1 node(s) had untolerated taint {a: b}. no new claims to \
                 deallocate",
                "1 Insufficient memory, 1 node(s) had untolerated taint {a: b}",
            ),
            ("0/0 nodes are available: .", ""),
            (
                "no nodes available to schedule pods",
                "no nodes available to schedule pods",
            ),
        ] {
            assert_eq!(without_nodes(message), why);
        }
    }

    #[test]
    fn a_pod_without_a_node_says_why_before_and_after_it_has_failed() {
        let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"creationTimestamp": "1970-01-01T00:01:40Z"},
            "status": {"phase": "Pending", "conditions": [{"type": "PodScheduled", "status": "False",
                "reason": "Unschedulable", "message": "0/1 nodes are available: 1 Insufficient cpu."}]}});
        for second in [101, 115] {
            let health = kstatus(&pod, 101);
            let detail = health.at(second).detail.as_deref();
            assert_eq!(detail, Some("Insufficient cpu"), "{second}");
        }
    }

    #[test]
    fn a_container_that_waits_says_its_reason_and_nothing_else() {
        let pod = |reason: &str| {
            let state =
                json!({"waiting": {"reason": reason, "message": "command: --password=hunter2"}});
            json!({"apiVersion": "v1", "kind": "Pod", "status": {"phase": "Pending", "containerStatuses": [
                {"name": "a", "state": {"running": {}}}, {"name": "b", "state": state}]}})
        };
        assert_eq!(
            detail(&pod("ImagePullBackOff")).as_deref(),
            Some("ImagePullBackOff")
        );
        for starts in ["ContainerCreating", "PodInitializing", "not a word"] {
            assert_eq!(detail(&pod(starts)), None);
        }
    }

    #[test]
    fn a_workload_counts_its_ready_pods() {
        let set = |kind: &str, ready: i64| {
            json!({"apiVersion": "apps/v1", "kind": kind, "spec": {"replicas": 3},
                "metadata": {"generation": 1}, "status": {"observedGeneration": 1, "replicas": 3,
                "desiredNumberScheduled": 3, "readyReplicas": ready, "numberReady": ready}})
        };
        for kind in ["Deployment", "StatefulSet", "DaemonSet", "ReplicaSet"] {
            let some = detail(&set(kind, 1));
            assert_eq!(some.as_deref(), Some("1 of 3 ready"), "{kind}");
            assert_eq!(detail(&set(kind, 3)), None, "{kind}");
        }
    }

    #[test]
    fn a_refused_pod_is_told_behind_the_count() {
        let refused = json!([{"type": "ReplicaFailure", "status": "True", "message": "pods \"web-\" is forbidden:\n exceeded quota"}]);
        let deployment = json!({"apiVersion": "apps/v1", "kind": "Deployment", "spec": {"replicas": 2},
            "status": {"conditions": refused}});
        assert_eq!(
            detail(&deployment).as_deref(),
            Some("0 of 2 ready: pods \"web-\" is forbidden: exceeded quota")
        );
    }
}
