//! Objects that build but that the cluster refuses.

use anyhow::ensure;
use e2e::condition;
use serde_json::{Value, json};

use crate::flow::holds;
use crate::manifests::{config_map, definition, deployment};
use crate::stage::{LONG, Stage};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unknown_kind_stops_its_stage_before_anything_is_written() {
    Stage::play("unknown-kind", async |stage| {
        let ns = &stage.namespace;
        let widget = json!({"apiVersion": "nowhere.example.com/v1", "kind": "Widget", "metadata": {"name": "w", "namespace": ns}});
        stage.write("apps/a.yaml", &[config_map(ns, "a", json!({}))])?;
        stage.write("apps/widget.yaml", &[widget])?;
        stage.repository.push("begin")?;
        stage.source().await?;
        stage.kustomization("apps", json!({})).await?;
        let text = stage.fails("apps", "ReconciliationFailed").await?;
        println!("unknown kind: {text}");
        holds(&text, &[&format!("Widget/{ns}/w"), "nowhere.example.com/v1", "apps/widget.yaml:1"])?;
        ensure!(stage.world.get("ConfigMap", ns, "a").await?.is_none(), "the stage was written in part");
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_missing_namespace_is_named() {
    Stage::play("no-namespace", async |stage| {
        stage.write(
            "apps/a.yaml",
            &[config_map("e2e-is-nowhere", "a", json!({}))],
        )?;
        stage.repository.push("begin")?;
        stage.source().await?;
        stage.kustomization("apps", json!({})).await?;
        let text = stage.fails("apps", "ReconciliationFailed").await?;
        println!("namespace missing: {text}");
        holds(
            &text,
            &[
                "ConfigMap/e2e-is-nowhere/a",
                "namespace",
                "not found",
                "apps/a.yaml:1",
            ],
        )
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_immutable_field_stops_the_change_and_force_gets_around_it() {
    Stage::play("immutable", async |stage| {
        let ns = stage.namespace.clone();
        let objects = |selector: &str, color: &str| {
            let mut web = deployment(&ns, "web", 0);
            web["spec"]["selector"]["matchLabels"] = json!({"app": selector});
            web["spec"]["template"]["metadata"]["labels"] = json!({"app": selector});
            [web, config_map(&ns, "settings", json!({"color": color}))]
        };
        stage.apply_folder("apps", &objects("web", "blue")).await?;
        let uid = stage.object("Deployment", "web").await?["metadata"]["uid"].clone();
        stage.write("apps/objects.yaml", &objects("other", "green"))?;
        let commit = stage.deliver("change the selector").await?;
        let text = stage.fails("apps", "ReconciliationFailed").await?;
        println!("immutable: {text}");
        holds(
            &text,
            &[
                &format!("Deployment/{ns}/web"),
                "immutable",
                "apps/objects.yaml:1",
            ],
        )?;
        ensure!(stage.object("Deployment", "web").await?["metadata"]["uid"] == uid);
        let settings = stage.object("ConfigMap", "settings").await?;
        ensure!(
            settings["data"]["color"] == "blue",
            "the rest of the stage was written"
        );
        stage.kustomization("apps", json!({"force": true})).await?;
        stage.applied("apps", &commit).await?;
        let web = stage.object("Deployment", "web").await?;
        ensure!(
            web["metadata"]["uid"] != uid
                && web["spec"]["selector"]["matchLabels"]["app"] == "other"
        );
        stage
            .sees("ConfigMap", "settings", "/data/color", json!("green"))
            .await
            .map(drop)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deployment_that_does_not_come_up_fails_the_health_check() {
    Stage::play("unhealthy", async |stage| {
        let ns = &stage.namespace;
        let mut web = deployment(ns, "web", 1);
        // A timeout would take at least 30 s, as in Flux.
        web["spec"]["progressDeadlineSeconds"] = json!(1);
        web["spec"]["template"]["spec"]["nodeSelector"] = json!({"there-is": "no-such-node"});
        stage.write("apps/web.yaml", &[web])?;
        let commit = stage.repository.push("begin")?;
        stage.source().await?;
        stage
            .kustomization("apps", json!({"wait": true, "timeout": "30s"}))
            .await?;
        let text = stage.fails("apps", "HealthCheckFailed").await?;
        holds(&text, &["failed early", &format!("Deployment/{ns}/web")])?;
        stage.write("apps/web.yaml", &[deployment(ns, "web", 1)])?;
        stage.deliver("any node").await?;
        let next = stage.repository.git(&["rev-parse", "HEAD"])?;
        ensure!(next != commit);
        stage.applied("apps", &next).await.map(drop)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_definition_that_never_becomes_ready_stays_in_the_inventory() {
    const GROUP: &str = "clash.example.com";
    Stage::play("clash", async |stage| {
        let first = definition(GROUP);
        stage.world.apply(first).await?;
        let gadgets = format!("gadgets.{GROUP}");
        let established = |found: Option<&Value>| {
            condition(found, "Established")
                .is_some_and(|established| established["status"] == "True")
        };
        stage
            .world
            .until(
                ("CustomResourceDefinition", "", &gadgets),
                LONG,
                established,
            )
            .await?;
        // Another definition of a kind that exists, with a different plural: the server accepts the
        // object, but not its names.
        let mut second = definition(GROUP);
        let name = format!("widgets.{GROUP}");
        second["metadata"]["name"] = json!(name);
        second["spec"]["names"]["plural"] = json!("widgets");
        let end = clash(stage, &second).await;
        stage
            .world
            .delete("CustomResourceDefinition", "", &gadgets)
            .await?;
        if end.is_err() {
            stage
                .world
                .delete("CustomResourceDefinition", "", &name)
                .await?;
        }
        end?;
        stage
            .world
            .delete("Kustomization", &stage.namespace, "apps")
            .await?;
        stage.gone("Kustomization", "apps").await?;
        stage
            .world
            .until(("CustomResourceDefinition", "", &name), LONG, |found| {
                found.is_none()
            })
            .await
            .map(drop)
    })
    .await;
}

async fn clash(stage: &Stage, second: &Value) -> anyhow::Result<()> {
    stage.write(
        "apps/objects.yaml",
        &[second.clone(), config_map(&stage.namespace, "a", json!({}))],
    )?;
    stage.repository.push("begin")?;
    stage.source().await?;
    stage.kustomization("apps", json!({})).await?;
    let text = stage.fails("apps", "ReconciliationFailed").await?;
    println!("clash: {text}");
    let name = second["metadata"]["name"].as_str().unwrap_or_default();
    holds(&text, &[&format!("CustomResourceDefinition/{name}")])?;
    ensure!(
        stage
            .world
            .get("ConfigMap", &stage.namespace, "a")
            .await?
            .is_none(),
        "the next stage was applied"
    );
    let inventory = stage.inventory("apps").await?;
    ensure!(
        inventory.iter().any(|id| id.contains(name)),
        "what exists is not in the inventory: {inventory:?}"
    );
    Ok(())
}
