//! The node that runs all pods.

use jiff::Timestamp;
use lode_object::json::text;
use lode_stdx::time::rfc3339;
use serde_json::{Value, json};

use super::object::is_true;
use super::plan::{WorkloadKind, WorkloadPlace};
use crate::store::key::Key;

/// Returns its location.
pub(super) fn place() -> WorkloadPlace {
    WorkloadPlace {
        kind: WorkloadKind::Node,
        key: Key::new("", NAME),
    }
}

/// Returns the node to create.
pub(super) fn node() -> Value {
    json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": NAME, "labels": {
        "kubernetes.io/hostname": NAME, "kubernetes.io/os": "linux", "kubernetes.io/arch": "amd64",
    }}})
}

/// Returns its status: healthy, with free capacity.
pub(super) fn status(now: Timestamp) -> Value {
    let now = rfc3339(now);
    let condition = |(ty, status, reason, message): &(&str, &str, &str, &str)| {
        json!({"type": ty, "status": status, "reason": reason, "message": message,
            "lastHeartbeatTime": now, "lastTransitionTime": now})
    };
    let room = json!({"cpu": "1k", "memory": "1Ti", "pods": "1M"});
    json!({
        "addresses": [{"type": "InternalIP", "address": ADDRESS}, {"type": "Hostname", "address": NAME}],
        "allocatable": room, "capacity": room,
        "conditions": CONDITIONS.iter().map(condition).collect::<Vec<_>>(),
        "nodeInfo": {"architecture": "amd64", "operatingSystem": "linux", "bootID": "", "machineID": "", "systemUUID": "",
            "kernelVersion": "", "osImage": "", "containerRuntimeVersion": "none", "kubeletVersion": "none", "kubeProxyVersion": ""},
    })
}

/// Returns the node for a pod, or why none fits.
pub(super) fn choose(pod: &Value, nodes: &[Value]) -> Result<String, String> {
    if nodes.is_empty() {
        return Err("no nodes available to schedule pods".to_owned());
    }
    let fits = |node: &&Value| {
        is_true(node, "Ready") && node["spec"]["unschedulable"] != true && has_labels(pod, node)
    };
    if let Some(node) = nodes.iter().find(fits) {
        return Ok(text(node, "/metadata/name").to_owned());
    }
    let all = nodes.len();
    Err(format!(
        "0/{all} nodes are available: {all} node(s) didn't match Pod's node affinity/selector. no new claims to \
         deallocate, preemption: 0/{all} nodes are available: {all} Preemption is not helpful for scheduling."
    ))
}

/// Returns whether a node has the labels that a pod requires.
pub(super) fn has_labels(pod: &Value, node: &Value) -> bool {
    let wanted = pod
        .pointer("/spec/nodeSelector")
        .and_then(Value::as_object)
        .into_iter()
        .flatten();
    wanted
        .into_iter()
        .all(|(key, value)| node["metadata"]["labels"].get(key) == Some(value))
}

/// Its name.
pub(super) const NAME: &str = "sandbox";
/// Its address.
pub(super) const ADDRESS: &str = "10.0.0.1";
const CONDITIONS: [(&str, &str, &str, &str); 4] = [
    (
        "Ready",
        "True",
        "KubeletReady",
        "the node is played and always ready",
    ),
    (
        "MemoryPressure",
        "False",
        "KubeletHasSufficientMemory",
        "there is memory",
    ),
    (
        "DiskPressure",
        "False",
        "KubeletHasNoDiskPressure",
        "there is room on disk",
    ),
    (
        "PIDPressure",
        "False",
        "KubeletHasSufficientPID",
        "there are process numbers",
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn ready() -> Value {
        let mut node = node();
        node["status"] = status(Timestamp::UNIX_EPOCH);
        node
    }

    #[test]
    fn a_pod_goes_where_its_selector_allows() {
        let pod = |selector: Value| json!({"spec": {"nodeSelector": selector}});
        assert_eq!(choose(&json!({"spec": {}}), &[ready()]).unwrap(), "sandbox");
        assert_eq!(
            choose(&pod(json!({"kubernetes.io/os": "linux"})), &[ready()]).unwrap(),
            "sandbox"
        );
        assert!(
            choose(&pod(json!({"none": "such"})), &[ready()])
                .unwrap_err()
                .starts_with("0/1 nodes are available")
        );
        assert!(choose(&json!({}), &[]).unwrap_err().starts_with("no nodes"));
    }

    #[test]
    fn a_cordoned_node_takes_no_pods() {
        let mut node = ready();
        node["spec"] = json!({"unschedulable": true});
        assert!(choose(&json!({}), &[node]).is_err());
    }
}
