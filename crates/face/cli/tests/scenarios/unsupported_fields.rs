//! A field of the contract that is not implemented is never ignored, because ignoring it could do
//! harm.

use anyhow::ensure;
use e2e::condition;
use serde_json::{Value, json};

use crate::flow::holds;
use crate::manifests::config_map;
use crate::stage::Stage;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn decryption_and_remote_clusters_are_refused_and_nothing_is_applied() {
    Stage::play("unsupported", async |stage| {
        let ns = &stage.namespace;
        let cases: [(&str, Value, &str); 3] = [
            ("decrypt", json!({"decryption": {"provider": "sops"}}), "decryption"),
            ("remote", json!({"kubeConfig": {"secretRef": {"name": "remote"}}}), "kubeConfig"),
            ("remote-map", json!({"kubeConfig": {"configMapRef": {"name": "remote"}}}), "kubeConfig"),
        ];
        let config = json!({"apiVersion": "v1", "kind": "Config", "contexts": [], "users": [
            {"name": "me", "user": {"token": stage.canary}}], "clusters": [
            {"name": "far", "cluster": {"server": "https://127.0.0.1:1"}}]});
        stage
            .world
            .apply(json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "remote", "namespace": ns},
            "stringData": {"value": config.to_string()}}))
            .await?;
        for (name, ..) in &cases {
            stage.write(&format!("{name}/a.yaml"), &[config_map(ns, name, json!({}))])?;
        }
        stage.repository.push("begin")?;
        stage.source().await?;
        for (name, spec, field) in cases {
            stage.kustomization(name, spec).await?;
            let text = stage.fails(name, "Unsupported").await?;
            println!("{name}: {text}");
            holds(&text, &[field, "not supported"])?;
            let found = stage.object("Kustomization", name).await?;
            let stalled = condition(Some(&found), "Stalled");
            ensure!(stalled.is_some_and(|stalled| stalled["status"] == "True"), "{}", found["status"]);
            ensure!(stage.world.get("ConfigMap", ns, name).await?.is_none(), "{name} was applied");
        }
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_source_with_a_field_that_is_not_built_is_not_fetched() {
    Stage::play("unsupported-source", async |stage| {
        stage.repository.push("begin")?;
        let url = &stage.repository.url;
        let cases: [(&str, Value, &str); 2] = [
            (
                "submodules",
                json!({"url": url, "recurseSubmodules": true}),
                "recurseSubmodules",
            ),
            (
                "azure",
                json!({"url": url, "provider": "azure"}),
                "provider",
            ),
        ];
        for (name, spec, field) in cases {
            stage.source_of(name, spec).await?;
            let text = stage.says_no("GitRepository", name, "Unsupported").await?;
            holds(&text, &[field, "not supported"])?;
            let found = stage.object("GitRepository", name).await?;
            ensure!(found["status"]["artifact"].is_null(), "{}", found["status"]);
        }
        Ok(())
    })
    .await;
}
