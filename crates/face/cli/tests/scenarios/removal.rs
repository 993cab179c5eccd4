//! Objects that Git drops are deleted unless they are to be kept; and what happens to objects when
//! their Kustomization is deleted.

use std::collections::BTreeSet;

use anyhow::ensure;
use lode_object::Value;
use serde_json::json;

use crate::manifests::{config_map, noted};
use crate::stage::{LONG, Stage};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_git_drops_or_renames_goes() {
    Stage::play("drop", async |stage| {
        let ns = &stage.namespace;
        let one = |name: &str| config_map(ns, name, json!({"a": "b"}));
        stage
            .apply_folder("apps", &[one("stays"), one("drops"), one("old-name")])
            .await?;
        let uid = stage.object("ConfigMap", "stays").await?["metadata"]["uid"].clone();
        stage.write("apps/objects.yaml", &[one("stays"), one("new-name")])?;
        let commit = stage.deliver("drop and rename").await?;
        stage.applied("apps", &commit).await?;
        for name in ["drops", "old-name"] {
            stage.gone("ConfigMap", name).await?;
            stage
                .told(
                    "apps",
                    "Progressing",
                    &[&format!("ConfigMap/{ns}/{name} deleted")],
                )
                .await?;
        }
        ensure!(stage.object("ConfigMap", "stays").await?["metadata"]["uid"] == uid);
        let wanted = ["stays", "new-name"].map(|name| format!("{ns}_{name}__ConfigMap"));
        ensure!(stage.inventory("apps").await? == BTreeSet::from(wanted));
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_marked_to_stay_stays() {
    Stage::play("keep", async |stage| {
        let ns = &stage.namespace;
        let keep = json!({"kustomize.toolkit.fluxcd.io/prune": "disabled"});
        let kept = noted(config_map(ns, "kept", json!({})), keep);
        let other = config_map(ns, "other", json!({}));
        stage
            .apply_folder(
                "apps",
                &[kept, other.clone(), config_map(ns, "goes", json!({}))],
            )
            .await?;
        stage.write("apps/objects.yaml", &[other])?;
        let commit = stage.deliver("drop").await?;
        stage.applied("apps", &commit).await?;
        stage.gone("ConfigMap", "goes").await?;
        stage.object("ConfigMap", "kept").await.map(drop)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_prune_nothing_goes() {
    Stage::play("no-prune", async |stage| {
        let ns = &stage.namespace;
        let one = |name: &str| config_map(ns, name, json!({}));
        stage.apply_folder("apps", &[one("a"), one("b")]).await?;
        stage.kustomization("apps", json!({"prune": false})).await?;
        stage.write("apps/objects.yaml", &[one("a")])?;
        let commit = stage.deliver("drop").await?;
        stage.applied("apps", &commit).await?;
        stage.object("ConfigMap", "b").await?;
        stage.world.delete("Kustomization", ns, "apps").await?;
        stage.gone("Kustomization", "apps").await?;
        stage.object("ConfigMap", "a").await.map(drop)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_object_that_moves_to_another_kustomization_is_not_deleted() {
    Stage::play("move", async |stage| {
        let ns = &stage.namespace;
        let one = |name: &str| config_map(ns, name, json!({}));
        stage.write("other/objects.yaml", &[one("other")])?;
        stage
            .apply_folder("apps", &[one("apps"), one("moves")])
            .await?;
        stage.kustomization("other", json!({})).await?;
        stage
            .world
            .ready(("Kustomization", ns, "other"), "True", "")
            .await?;
        let uid = stage.object("ConfigMap", "moves").await?["metadata"]["uid"].clone();
        // The new owner is reconciled first; otherwise the old one would be right to delete the
        // object.
        stage.write("other/objects.yaml", &[one("other"), one("moves")])?;
        let commit = stage.deliver("take").await?;
        stage.applied("other", &commit).await?;
        stage.write("apps/objects.yaml", &[one("apps")])?;
        let commit = stage.deliver("let go").await?;
        stage.applied("apps", &commit).await?;
        stage.applied("other", &commit).await?;
        let moved = stage.object("ConfigMap", "moves").await?;
        ensure!(
            moved["metadata"]["uid"] == uid,
            "it was deleted and made again"
        );
        ensure!(moved["metadata"]["labels"]["kustomize.toolkit.fluxcd.io/name"] == "other");
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deleted_kustomization_takes_its_objects_along() {
    Stage::play("finalizer", async |stage| {
        let ns = &stage.namespace;
        let applied = stage
            .apply_folder("apps", &[config_map(ns, "a", json!({}))])
            .await?;
        ensure!(
            applied["metadata"]["finalizers"] == json!(["finalizers.fluxcd.io"]),
            "{}",
            applied["metadata"]
        );
        stage.world.delete("Kustomization", ns, "apps").await?;
        stage.gone("Kustomization", "apps").await?;
        stage.gone("ConfigMap", "a").await
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_deleted_while_it_waits_for_health_takes_its_objects_along() {
    Stage::play("waiting", async |stage| {
        let ns = &stage.namespace;
        stage.write("apps/objects.yaml", &[config_map(ns, "a", json!({}))])?;
        stage.repository.push("begin")?;
        stage.source().await?;
        let never = json!([{"apiVersion": "apps/v1", "kind": "Deployment", "name": "never", "namespace": ns}]);
        stage.kustomization("apps", json!({"healthChecks": never, "timeout": "5m"})).await?;
        stage.world.ready(("Kustomization", ns, "apps"), "Unknown", "Progressing").await?;
        stage.object("ConfigMap", "a").await?;
        stage.world.delete("Kustomization", ns, "apps").await?;
        stage.gone("Kustomization", "apps").await?;
        stage.gone("ConfigMap", "a").await
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_orphan_a_deleted_kustomization_leaves_its_objects() {
    Stage::play("orphan", async |stage| {
        let ns = &stage.namespace;
        stage.write("apps/objects.yaml", &[config_map(ns, "a", json!({}))])?;
        let commit = stage.repository.push("begin")?;
        stage.source().await?;
        stage
            .kustomization("apps", json!({"deletionPolicy": "Orphan"}))
            .await?;
        stage.applied("apps", &commit).await?;
        stage.world.delete("Kustomization", ns, "apps").await?;
        stage.gone("Kustomization", "apps").await?;
        let left = stage.object("ConfigMap", "a").await?;
        ensure!(left["metadata"]["deletionTimestamp"].is_null());
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_wait_for_termination_a_kustomization_goes_after_its_objects() {
    Stage::play("terminate", async |stage| {
        let ns = &stage.namespace;
        let mut held = config_map(ns, "held", json!({}));
        held["metadata"]["finalizers"] = json!(["e2e.example.com/hold"]);
        stage.write("apps/objects.yaml", &[held])?;
        let commit = stage.repository.push("begin")?;
        stage.source().await?;
        stage
            .kustomization(
                "apps",
                json!({"deletionPolicy": "WaitForTermination", "timeout": "50s"}),
            )
            .await?;
        stage.applied("apps", &commit).await?;
        stage.world.delete("Kustomization", ns, "apps").await?;
        let going = |found: Option<&Value>| {
            found.is_some_and(|found| found["metadata"]["deletionTimestamp"].is_string())
        };
        stage
            .world
            .until(("ConfigMap", ns, "held"), LONG, going)
            .await?;
        // Without waiting, the object would be deleted within this time.
        let gone = stage
            .world
            .until(("Kustomization", ns, "apps"), LONG / 20, |found| {
                found.is_none()
            })
            .await;
        ensure!(gone.is_err(), "it went before its object");
        stage
            .world
            .patch(
                "ConfigMap",
                ns,
                "held",
                json!({"metadata": {"finalizers": null}}),
            )
            .await?;
        stage.gone("ConfigMap", "held").await?;
        stage.gone("Kustomization", "apps").await
    })
    .await;
}
