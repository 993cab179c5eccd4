//! Detects a running Flux: two operators on the same objects would undo each other's changes, and a
//! Service of Flux that leads to Lodestone would cut off Flux's own controllers.

use anyhow::{Context as _, bail};
use lode_cluster::{Client, Resource};
use lode_object::Value;
use lode_object::json::text;

use super::objects;
use crate::kinds::name_of;
use crate::report::Told;

/// The controllers of Flux whose objects Lodestone also manages; sources are served under the first
/// one's name.
const CONTROLLERS: [&str; 2] = ["source-controller", "kustomize-controller"];

/// Refuses to continue if Flux runs in any namespace.
pub(super) async fn refuse_running(client: &Client) -> anyhow::Result<()> {
    let deployments = named(client, "Deployment").await?;
    let services = named(client, "Service").await?;
    let used = running(&deployments, &services);
    if used.is_empty() {
        return Ok(());
    }
    let scale = "`kubectl -n NAMESPACE scale deployment source-controller kustomize-controller --replicas=0` stops it";
    bail!(Told::new(
        format!(
            "Flux runs in this cluster and uses the same objects: {}",
            used.join(", ")
        ),
        format!("{scale}; --take-over installs anyway")
    ))
}

/// Returns the objects of all namespaces that are named like a controller of Flux.
async fn named(client: &Client, kind: &str) -> anyhow::Result<Vec<Value>> {
    let resource: Resource =
        objects::known(kind).with_context(|| format!("find the kind {kind}"))?;
    let mut found = Vec::new();
    for name in CONTROLLERS {
        let answer = client
            .list(
                &resource,
                "",
                &format!("?fieldSelector=metadata.name%3D{name}"),
            )
            .await;
        let answer = answer
            .with_context(|| format!("look for a running Flux: list {kind}s named {name}"))?;
        let list: Value = serde_json::from_slice(&answer).context("read the list")?;
        found.extend(list["items"].as_array().into_iter().flatten().cloned());
    }
    Ok(found)
}

/// Returns what a running Flux uses: its Deployments that are not scaled down, and its Services
/// that do not lead to Lodestone and whose Deployment is not scaled down.
fn running(deployments: &[Value], services: &[Value]) -> Vec<String> {
    let is_stopped = |deployment: &Value| {
        deployment.pointer("/spec/replicas").and_then(Value::as_i64) == Some(0)
    };
    let stopped: Vec<_> = deployments
        .iter()
        .filter(|deployment| is_stopped(deployment))
        .map(name_of)
        .collect();
    let running = deployments
        .iter()
        .filter(|deployment| !is_stopped(deployment));
    let running = running.map(|deployment| format!("Deployment/{}", name_of(deployment)));
    let is_theirs = |service: &&Value| {
        text(service, "/spec/selector/app") != objects::NAME && !stopped.contains(&name_of(service))
    };
    let used = services
        .iter()
        .filter(is_theirs)
        .map(|service| format!("Service/{}", name_of(service)));
    running.chain(used).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn deployment(namespace: &str, replicas: &Value) -> Value {
        json!({"metadata": {"namespace": namespace, "name": "source-controller"}, "spec": {"replicas": replicas}})
    }

    fn service(namespace: &str, app: &str) -> Value {
        json!({"metadata": {"namespace": namespace, "name": "source-controller"}, "spec": {"selector": {"app": app}}})
    }

    #[test]
    fn a_flux_that_runs_in_any_namespace_is_seen() {
        assert_eq!(
            running(&[deployment("gitops", &json!(1))], &[]),
            ["Deployment/gitops/source-controller"]
        );
        assert_eq!(
            running(&[deployment("gitops", &Value::Null)], &[]),
            ["Deployment/gitops/source-controller"]
        );
        assert_eq!(
            running(&[], &[service("gitops", "source-controller")]),
            ["Service/gitops/source-controller"]
        );
    }

    #[test]
    fn what_is_stopped_or_ours_is_no_flux() {
        let stopped = deployment("gitops", &json!(0));
        assert!(running(&[stopped], &[service("gitops", "source-controller")]).is_empty());
        assert!(running(&[], &[service("gitops", objects::NAME)]).is_empty());
    }
}
