//! Objects that exist before Git contains them.

use anyhow::ensure;
use serde_json::json;

use crate::manifests::config_map;
use crate::stage::Stage;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_object_made_with_kubectl_is_adopted_and_cleaned_up() {
    Stage::play("adopt", async |stage| {
        let ns = &stage.namespace;
        // As kubectl leaves them: applied server-side, then edited.
        stage
            .world
            .apply_as(
                "kubectl",
                config_map(ns, "a", json!({"color": "red", "left": "over"})),
            )
            .await?;
        stage
            .world
            .patch(
                "ConfigMap",
                ns,
                "a",
                json!({"data": {"color": "pink", "more": "over"}}),
            )
            .await?;
        let uid = stage.object("ConfigMap", "a").await?["metadata"]["uid"].clone();
        let objects = [
            config_map(ns, "a", json!({"color": "blue"})),
            config_map(ns, "new", json!({"color": "blue"})),
        ];
        stage.apply_folder("apps", &objects).await?;
        let adopted = stage.object("ConfigMap", "a").await?;
        ensure!(
            adopted["metadata"]["uid"] == uid,
            "it was deleted and made again"
        );
        ensure!(
            adopted["data"] == json!({"color": "blue"}),
            "{}",
            adopted["data"]
        );
        ensure!(adopted["metadata"]["labels"]["kustomize.toolkit.fluxcd.io/name"] == "apps");
        let managers = adopted["metadata"]["managedFields"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        ensure!(
            managers
                .iter()
                .map(|manager| &manager["manager"])
                .eq(["kustomize-controller"]),
            "{managers:?}"
        );
        stage
            .told(
                "apps",
                "Progressing",
                &[
                    &format!("ConfigMap/{ns}/a configured"),
                    &format!("ConfigMap/{ns}/new created"),
                ],
            )
            .await?;
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fields_of_other_managers_survive_adoption() {
    Stage::play("adopt-foreign", async |stage| {
        let ns = &stage.namespace;
        stage
            .world
            .apply_as("autoscaler", config_map(ns, "a", json!({"size": "7"})))
            .await?;
        stage
            .apply_folder("apps", &[config_map(ns, "a", json!({"color": "blue"}))])
            .await?;
        let adopted = stage.object("ConfigMap", "a").await?;
        ensure!(
            adopted["data"] == json!({"color": "blue", "size": "7"}),
            "{}",
            adopted["data"]
        );
        Ok(())
    })
    .await;
}
