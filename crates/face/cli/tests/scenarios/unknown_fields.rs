//! A field that its kind does not have is dropped and reported with file and line; or refused if
//! that is asked for. Flux drops it silently.

use anyhow::ensure;
use serde_json::json;

use crate::flow::holds;
use crate::stage::Stage;

/// A claim and a Deployment with a misspelt field each; quantities, and a text where the type has a
/// number.
const OBJECTS: &str = "apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: data, namespace: NS}
spec:
  accessModes: [ReadWriteOnce]
  persistentVolumeReclaimPolicy: Retain
  resources: {requests: {storage: 1024Mi}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: NS, annotations: {note: x}}
spec:
  replicas: 0
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      nodeSelector:
      containers:
      - name: c
        image: x
        imagepullPolicy: Always
        resources: {limits: {cpu: 0.5}}
";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unknown_field_is_dropped_and_told_once_with_file_and_line() {
    Stage::play("unknown-fields", async |stage| {
        let text = OBJECTS.replace("NS", &stage.namespace);
        stage.repository.write("apps/objects.yaml", &text)?;
        let commit = stage.repository.push("begin")?;
        stage.source().await?;
        stage.kustomization("apps", json!({})).await?;
        stage.applied("apps", &commit).await?;

        let limits = "/spec/template/spec/containers/0/resources/limits/cpu";
        stage
            .sees("Deployment", "web", limits, json!("500m"))
            .await?;
        stage
            .sees(
                "PersistentVolumeClaim",
                "data",
                "/spec/resources/requests/storage",
                json!("1Gi"),
            )
            .await?;
        let claim = format!(
            "PersistentVolumeClaim/{}/data: unknown field",
            stage.namespace
        );
        let parts = [
            &*claim,
            "spec.persistentVolumeReclaimPolicy",
            "apps/objects.yaml:6",
            "spec.template.spec.containers[0].imagepullPolicy",
            "apps/objects.yaml:22",
        ];
        let told = stage.told("apps", "UnknownFields", &parts).await?;
        println!("{told}");

        // Another commit without changes in the folder reports nothing again, and a dropped field
        // is not drift.
        stage.repository.write("elsewhere/a.txt", "x")?;
        let commit = stage.deliver("elsewhere").await?;
        stage.applied("apps", &commit).await?;
        let events = stage.events("apps").await?;
        let count = |reason: &str| events.iter().filter(|(found, _)| found == reason).count();
        ensure!(
            (count("UnknownFields"), count("DriftCorrected")) == (1, 0),
            "{events:#?}"
        );
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn strict_fields_refuse_an_unknown_field() {
    Stage::play("strict-fields", async |stage| {
        stage.restart_with(&["--strict-fields"])?;
        stage.repository.write(
            "apps/objects.yaml",
            &OBJECTS.replace("NS", &stage.namespace),
        )?;
        stage.repository.push("begin")?;
        stage.source().await?;
        stage.kustomization("apps", json!({})).await?;
        let text = stage.fails("apps", "BuildFailed").await?;
        holds(
            &text,
            &[
                "spec.persistentVolumeReclaimPolicy",
                "apps/objects.yaml:6",
                "apps/objects.yaml:22",
                "hint",
            ],
        )?;
        ensure!(
            stage
                .world
                .get("Deployment", &stage.namespace, "web")
                .await?
                .is_none(),
            "it was applied"
        );
        Ok(())
    })
    .await;
}
