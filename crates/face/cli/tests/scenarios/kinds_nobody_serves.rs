//! Objects of Flux's kinds that Lodestone does not serve yet: they are applied, and a warning says
//! that nothing reconciles them.

use anyhow::ensure;
use e2e::condition;
use serde_json::{Value, json};

use crate::flow::holds;
use crate::stage::{LONG, Stage};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_object_that_nobody_serves_is_told_once_and_shown() {
    const NAME: &str = "imagepolicies.image.toolkit.fluxcd.io";
    Stage::play("not-served", async |stage| {
        stage.world.apply(definition(NAME)).await?;
        let is_served = |found: Option<&Value>| {
            condition(found, "Established").is_some_and(|condition| condition["status"] == "True")
        };
        let crd = ("CustomResourceDefinition", "", NAME);
        stage.world.until(crd, LONG, is_served).await?;

        let release = json!({
            "apiVersion": "image.toolkit.fluxcd.io/v1", "kind": "ImagePolicy",
            "metadata": {"name": "podinfo", "namespace": stage.namespace}, "spec": {"interval": "1m"},
        });
        stage.write("apps/release.yaml", &[release])?;
        let commit = stage.repository.push("begin")?;
        stage.source().await?;
        stage.kustomization("apps", json!({})).await?;
        stage.applied("apps", &commit).await?;
        let object = format!("ImagePolicy/{}/podinfo", stage.namespace);
        stage.told("apps", "KindNotServed", &[&object, "hint: "]).await?;

        let shown = stage.lode(&["get", "all"])?.text;
        holds(&shown, &["imagepolicy/podinfo", "not served by Lodestone yet"])?;

        // Another revision with the same folder does not repeat the event.
        stage.repository.write("elsewhere/a.txt", "x")?;
        let commit = stage.deliver("elsewhere").await?;
        stage.applied("apps", &commit).await?;
        let events = stage.events("apps").await?;
        let told = events.iter().filter(|(reason, _)| reason == "KindNotServed");
        ensure!(told.count() == 1, "{events:#?}");

        stage
            .world
            .delete("Kustomization", &stage.namespace, "apps")
            .await?;
        stage.gone("Kustomization", "apps").await?;
        stage
            .world
            .delete("CustomResourceDefinition", "", NAME)
            .await
    })
    .await;
}

fn definition(name: &str) -> Value {
    let schema = json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true});
    json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": name},
        "spec": {
            "group": "image.toolkit.fluxcd.io", "scope": "Namespaced",
            "names": {"kind": "ImagePolicy", "listKind": "ImagePolicyList", "plural": "imagepolicies", "singular": "imagepolicy"},
            "versions": [{"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": schema}}],
        },
    })
}
