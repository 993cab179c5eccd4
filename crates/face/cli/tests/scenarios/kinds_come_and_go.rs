//! Kinds that a server stops serving and serves again, and more kinds than fit on one connection.

use anyhow::ensure;
use e2e::condition;
use lode_object::Value;
use serde_json::json;

use crate::flow::holds;
use crate::manifests::config_map;
use crate::stage::{LONG, Stage};

/// More kinds than one connection to the API server has streams.
const KINDS: usize = 130;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_version_that_is_served_no_longer_is_told_as_that_until_it_is_served_again() {
    const GROUP: &str = "gone.e2e.example.com";
    Stage::play("kind-gone", async |stage| {
        let name = format!("floats.{GROUP}");
        let old = |size: u32| {
            json!({"apiVersion": format!("{GROUP}/v1alpha1"), "kind": "Float",
            "metadata": {"name": "f", "namespace": stage.namespace}, "spec": {"size": size}})
        };
        stage.world.apply(two_versions(GROUP, true)).await?;
        until_served(stage, &name).await?;
        stage.write("apps/float.yaml", &[old(1)])?;
        let commit = stage.repository.push("begin")?;
        stage.source().await?;
        stage
            .kustomization("apps", json!({"retryInterval": "1s"}))
            .await?;
        stage.applied("apps", &commit).await?;

        stage.world.apply(two_versions(GROUP, false)).await?;
        stage.write("apps/float.yaml", &[old(2)])?;
        let commit = stage.deliver("change it").await?;
        let wanted = [
            &*format!("no matches for kind \"Float\" in version \"{GROUP}/v1alpha1\""),
            "apps/float.yaml",
        ];
        let is_told = |found: Option<&Value>| {
            let ready = condition(found, "Ready");
            let message = ready
                .and_then(|ready| ready["message"].as_str())
                .unwrap_or_default();
            wanted.iter().all(|part| message.contains(part))
        };
        let apps = ("Kustomization", &*stage.namespace, "apps");
        stage.world.until(apps, LONG, is_told).await?;
        holds(&stage.fails("apps", "ReconciliationFailed").await?, &wanted)?;

        stage.world.apply(two_versions(GROUP, true)).await?;
        stage.applied("apps", &commit).await?;
        stage
            .world
            .delete("Kustomization", &stage.namespace, "apps")
            .await?;
        stage.gone("Kustomization", "apps").await?;
        stage
            .world
            .delete("CustomResourceDefinition", "", &name)
            .await
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn more_kinds_than_a_connection_holds_keep_nobody_waiting() {
    const GROUP: &str = "many.e2e.example.com";
    Stage::play("many-kinds", async |stage| {
        let other = format!("{}-other", stage.namespace);
        stage.add_namespace(&other).await?;
        for number in 0..KINDS {
            stage.world.apply(numbered(GROUP, number)).await?;
        }
        for number in 0..KINDS {
            until_served(stage, &format!("k{number}s.{GROUP}")).await?;
        }
        let objects: Vec<Value> = (0..KINDS)
            .map(|number| {
                json!({"apiVersion": format!("{GROUP}/v1"), "kind": format!("K{number}"),
                "metadata": {"name": "x", "namespace": stage.namespace}, "spec": {"a": "b"}})
            })
            .collect();
        stage.write("many/objects.yaml", &objects)?;
        stage.write(
            "apps/objects.yaml",
            &[config_map(&other, "honest", json!({}))],
        )?;
        let commit = stage.repository.push("begin")?;
        stage.source().await?;
        stage.kustomization("many", json!({})).await?;
        stage.applied("many", &commit).await?;
        ensure!(stage.inventory("many").await?.len() == KINDS);

        stage.kustomization("apps", json!({})).await?;
        stage.applied("apps", &commit).await?;
        let since = std::time::Instant::now();
        stage.stop()?;
        let took = since.elapsed();
        ensure!(
            took.as_secs() < 5,
            "with {KINDS} watches open it took {took:?} to end"
        );
        stage.start()?;
        for name in ["many", "apps"] {
            stage
                .world
                .delete("Kustomization", &stage.namespace, name)
                .await?;
            stage.gone("Kustomization", name).await?;
        }
        for number in 0..KINDS {
            stage
                .world
                .delete(
                    "CustomResourceDefinition",
                    "",
                    &format!("k{number}s.{GROUP}"),
                )
                .await?;
        }
        Ok(())
    })
    .await;
}

async fn until_served(stage: &Stage, definition: &str) -> anyhow::Result<()> {
    let established = |found: Option<&Value>| {
        condition(found, "Established").is_some_and(|condition| condition["status"] == "True")
    };
    stage
        .world
        .until(
            ("CustomResourceDefinition", "", definition),
            LONG,
            established,
        )
        .await
        .map(drop)
}

/// Returns a definition with an old version that is served or not.
fn two_versions(group: &str, old_is_served: bool) -> Value {
    let version = |name: &str, served: bool| {
        json!({"name": name, "served": served, "storage": name == "v1", "schema": {"openAPIV3Schema":
            {"type": "object", "x-kubernetes-preserve-unknown-fields": true}}})
    };
    json!({"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": format!("floats.{group}")}, "spec": {"group": group, "scope": "Namespaced",
        "names": {"kind": "Float", "listKind": "FloatList", "plural": "floats", "singular": "float"},
        "versions": [version("v1alpha1", old_is_served), version("v1", true)]}})
}

/// Returns the definition of one of many kinds.
fn numbered(group: &str, number: usize) -> Value {
    let schema = json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true});
    let (kind, plural, singular) = (
        format!("K{number}"),
        format!("k{number}s"),
        format!("k{number}"),
    );
    json!({"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": format!("{plural}.{group}")}, "spec": {"group": group, "scope": "Namespaced",
        "names": {"kind": kind, "listKind": format!("{kind}List"), "plural": plural, "singular": singular},
        "versions": [{"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": schema}}]}})
}
