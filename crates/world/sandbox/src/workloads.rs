//! Plays the part of controllers and nodes: a Deployment is rolled out as soon as it is asked for.
//!
//! Input: Deployments as they change. Output: their status. There are no Pods.

use lode_cluster::{Client, Resource, Sink, Subject, Target, watch};
use lode_object::Value;
use serde_json::json;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

/// Plays until the tasks are aborted.
pub(crate) fn start(client: &Client) -> [JoinHandle<()>; 2] {
    let resource = Resource::known("apps/v1", "Deployment", "deployments", true);
    let subject = Subject { resource: resource.clone(), namespace: "".into(), labels: "".into(), fields: "".into() };
    let (sender, receiver) = mpsc::channel(CHANGES_MAX);
    let watching = tokio::spawn(watch(client.clone(), subject, Feed(sender)));
    [watching, tokio::spawn(play(client.clone(), resource, receiver))]
}

async fn play(client: Client, resource: Resource, mut changed: mpsc::Receiver<Value>) {
    while let Some(deployment) = changed.recv().await {
        let Some(status) = rolled_out(&deployment) else { continue };
        let text = |field: &str| deployment["metadata"][field].as_str().unwrap_or_default();
        let (namespace, name) = (text("namespace"), text("name"));
        let target = Target { namespace, name, manager: MANAGER, dry_run: false };
        let written = client.merge(&resource, target, "/status", &json!({"status": status})).await;
        if let Err(error) = written.map(drop)
            && !error.is_not_found()
        {
            tracing::warn!(namespace, name, %error, "Deployment not played");
        }
    }
}

/// Returns the status of a Deployment that is rolled out; nothing where it has it.
fn rolled_out(deployment: &Value) -> Option<Value> {
    let generation = &deployment["metadata"]["generation"];
    if deployment.pointer("/status/observedGeneration") == Some(generation) {
        return None;
    }
    let replicas = deployment.pointer("/spec/replicas").and_then(Value::as_i64).unwrap_or(1);
    let condition = |kind: &str, reason: &str, message: &str| json!({"type": kind, "status": "True", "reason": reason, "message": message});
    Some(json!({
        "observedGeneration": generation,
        "replicas": replicas,
        "updatedReplicas": replicas,
        "readyReplicas": replicas,
        "availableReplicas": replicas,
        "conditions": [
            condition("Available", "MinimumReplicasAvailable", "Deployment has minimum availability."),
            condition("Progressing", "NewReplicaSetAvailable", "ReplicaSet has successfully progressed."),
        ],
    }))
}

struct Feed(mpsc::Sender<Value>);

impl Sink for Feed {
    fn restart(&mut self) {}

    fn applied(&mut self, object: &[u8]) {
        let Ok(object) = serde_json::from_slice(object) else { return };
        if let Err(error) = self.0.try_send(object) {
            tracing::warn!(%error, "Deployment not played");
        }
    }

    fn deleted(&mut self, _: &[u8]) {}

    fn synced(&mut self) {}
}

/// Changes that wait to be played.
const CHANGES_MAX: usize = 10_000;
/// Who writes the status in a cluster.
const MANAGER: &str = "kube-controller-manager";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deployment_is_rolled_out_once_for_each_generation() {
        let mut deployment = json!({"metadata": {"generation": 2}, "spec": {"replicas": 3}});
        let status = rolled_out(&deployment).unwrap();
        assert_eq!((&status["observedGeneration"], &status["availableReplicas"]), (&json!(2), &json!(3)));
        deployment["status"] = status;
        assert_eq!(rolled_out(&deployment), None);
        deployment["metadata"]["generation"] = json!(3);
        assert!(rolled_out(&deployment).is_some());
    }
}
