//! A wait is reported with its reason: while it lasts, when it times out, and on request. Objects
//! built with values from Secrets are reported only with their progress.

use anyhow::{Context as _, ensure};
use e2e::condition;
use lode_object::Value;
use serde_json::json;

use crate::flow::{holds, over};
use crate::stage::{LONG, Stage};

/// What keeps the Pods from running, as the scheduler says it.
const WHY: &str = "node(s) didn't match Pod's node affinity/selector";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_set_without_a_node_for_its_pods_says_so_wherever_somebody_looks() {
    Stage::play("awaited", async |stage| {
        stage.write("open/set.yaml", &[set(&stage.namespace, "db", "no-such-node")])?;
        stage.write("secret/set.yaml", &[set(&stage.namespace, "vaulted", "${canary}")])?;
        stage.repository.push("begin")?;
        stage.source().await?;
        let waits = json!({"wait": true, "timeout": "30s"});
        stage.kustomization("open", waits.clone()).await?;
        let from = json!({"postBuild": {"substituteFrom": [{"kind": "Secret", "name": "vault"}]}});
        stage.kustomization("secret", over(waits, &from)).await?;

        let namespace = stage.namespace.clone();
        let open = format!("StatefulSet/{namespace}/db: 0 of 3 ready: Pod db-0: {WHY}");
        let secret = format!("StatefulSet/{namespace}/vaulted: InProgress");
        tells_what_it_waits_for(stage, "open", &open).await?;
        tells_what_it_waits_for(stage, "secret", &secret).await?;

        let shown = stage.lode(&["get", "kustomizations"])?.text;
        holds(&shown, &["Unknown", &open, &secret])?;
        let asked = ["reconcile", "kustomization", "open", "--timeout", "3s"];
        let ran = stage.lode(&asked)?;
        ensure!(ran.code != 0, "it is not ready: {}", ran.text);
        let waiting = format!("Reconciliation in progress: waiting for {open}");
        holds(&ran.text, &[&format!("◎ Kustomization/{namespace}/open: {waiting}")])?;

        let late = format!(
            "timeout waiting for: [StatefulSet/{namespace}/db status: 'InProgress': 0 of 3 ready: Pod db-0: {WHY}"
        );
        let text = stage.fails("open", "HealthCheckFailed").await?;
        holds(&text, &[&late])?;
        stage.told("open", "HealthCheckFailed", &[&late]).await?;
        let text = stage.fails("secret", "HealthCheckFailed").await?;
        let late = format!(
            "timeout waiting for: [StatefulSet/{namespace}/vaulted status: 'InProgress']"
        );
        holds(&text, &[&late])
    })
    .await;
}

/// Waits until both conditions of an attempt that is under way say what it waits for, behind Flux's words.
async fn tells_what_it_waits_for(stage: &Stage, name: &str, awaited: &str) -> anyhow::Result<()> {
    let message = |object: Option<&Value>, kind: &str| {
        let condition = condition(object, kind)?;
        condition["message"].as_str().map(str::to_owned)
    };
    let says_so = |object: Option<&Value>| {
        let ready = message(object, "Ready");
        ready == Some(format!("Reconciliation in progress: waiting for {awaited}"))
    };
    let what = ("Kustomization", &*stage.namespace, name);
    let object = stage.world.until(what, LONG, says_so).await;
    let object = object.with_context(|| format!("wanted \"{awaited}\""))?;
    let reconciling = message(object.as_ref(), "Reconciling").context("it goes on")?;
    ensure!(
        reconciling.starts_with("Running health checks for revision main@sha1:")
            && reconciling.ends_with(&format!(" with a timeout of 30s: waiting for {awaited}")),
        "{reconciling}"
    );
    Ok(())
}

/// A set of three whose Pods want a node with a label that none has.
fn set(namespace: &str, name: &str, node: &str) -> Value {
    let labels = json!({"app": name});
    json!({"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": {"name": name, "namespace": namespace},
        "spec": {"replicas": 3, "serviceName": "none", "selector": {"matchLabels": labels},
        "template": {"metadata": {"labels": labels}, "spec": {"nodeSelector": {"there-is": node},
        "containers": [{"name": "main", "image": "registry.example.com/main:1"}]}}}})
}
