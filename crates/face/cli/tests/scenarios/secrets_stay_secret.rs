//! Variables put values of Secrets into manifests; when those are refused, no message may contain
//! the values.
//!
//! At the end of a scenario every stage searches conditions, events, logs and metrics for its
//! planted value. Here the value is used where the server is bound to complain about it.

use anyhow::{Context as _, ensure};
use serde_json::json;

use crate::flow::holds;
use crate::manifests::config_map;
use crate::stage::Stage;

/// Folder, manifest, reason, and what the message must contain.
const CASES: &[(&str, &str, &str, &[&str])] = &[
    (
        "as-number",
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: a}\nspec:\n  replicas: ${canary}\n  selector: {matchLabels: {a: b}}\n  template: {metadata: {labels: {a: b}}, spec: {containers: [{name: a, image: a}]}}\n",
        "ReconciliationFailed",
        &["Deployment/", "as-number/a.yaml:1"],
    ),
    (
        "as-port",
        "apiVersion: v1\nkind: Service\nmetadata: {name: a}\nspec: {ports: [{port: 80, targetPort: \"${canary}_\"}]}\n",
        "ReconciliationFailed",
        &["Service/", "as-port/a.yaml:1"],
    ),
    (
        "as-label",
        "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\n  labels:\n    a: \"-${canary}-\"\n",
        "ReconciliationFailed",
        &["ConfigMap/", "as-label/a.yaml:1"],
    ),
    (
        "as-key",
        "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\ndata:\n  ${canary}/: a\n",
        "ReconciliationFailed",
        &["ConfigMap/", "as-key/a.yaml:1"],
    ),
    (
        "as-yaml",
        "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\ndata:\n  a: ${broken}\n",
        "BuildFailed",
        &["ConfigMap/", "as-yaml/a.yaml:6"],
    ),
    (
        "as-secret",
        "apiVersion: v1\nkind: Secret\nmetadata:\n  name: a\ndata:\n  a: \"${canary}\"\n",
        "ReconciliationFailed",
        &["Secret/", "as-secret/a.yaml:1"],
    ),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_value_that_is_refused_is_not_quoted() {
    Stage::play("secrets", async |stage| {
        for (folder, text, ..) in CASES {
            stage.repository.write(&format!("{folder}/a.yaml"), text)?;
        }
        stage.repository.push("begin")?;
        stage.source().await?;
        for (name, ..) in CASES {
            let from = json!({"substituteFrom": [{"kind": "Secret", "name": "vault"}]});
            stage
                .kustomization(
                    name,
                    json!({"targetNamespace": stage.namespace, "postBuild": from}),
                )
                .await?;
        }
        let mut faults = Vec::new();
        for (name, _, reason, parts) in CASES {
            let text = stage
                .fails(name, reason)
                .await
                .with_context(|| format!("folder {name}"))?;
            println!("{name}: {text}");
            if text.contains(&stage.canary) {
                faults.push(format!("{name}: the value is shown: {text}"));
            }
            faults.extend(
                holds(&text, parts)
                    .err()
                    .map(|error| format!("{name}: {error:#}")),
            );
        }
        ensure!(faults.is_empty(), "{}", faults.join("\n"));
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_live_edit_of_a_secret_is_told_without_its_value() {
    Stage::play("secret-edit", async |stage| {
        let ns = &stage.namespace;
        let mut secret = config_map(ns, "token", json!(null));
        secret["kind"] = json!("Secret");
        secret
            .as_object_mut()
            .expect("a manifest is a mapping")
            .remove("data");
        secret["stringData"] = json!({"token": "${canary}"});
        stage.write("apps/objects.yaml", &[secret])?;
        let commit = stage.repository.push("begin")?;
        stage.source().await?;
        let from = json!({"substituteFrom": [{"kind": "Secret", "name": "vault"}]});
        stage
            .kustomization("apps", json!({"postBuild": from}))
            .await?;
        stage.applied("apps", &commit).await?;
        let before = stage.object("Secret", "token").await?["data"].clone();
        stage
            .world
            .patch_as(
                "somebody",
                ("Secret", ns, "token"),
                json!({"stringData": {"token": "stolen"}}),
            )
            .await?;
        stage
            .told(
                "apps",
                "DriftCorrected",
                &[&format!("Secret/{ns}/token"), ".data.token", "somebody"],
            )
            .await?;
        stage
            .sees("Secret", "token", "/data", before)
            .await
            .map(drop)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_value_is_not_told_in_another_form_either() {
    /// Expressions that transform the value, each used where the server refuses the result.
    const FORMS: &[(&str, &str)] = &[
        ("quoted", "  labels: {l: '${quoted}'}\n"),
        ("escaped", "  labels: {l: '${escaped}'}\n"),
        ("sliced", "  labels: {l: '${canary:0:20}!'}\n"),
        ("upper", "  labels: {l: '${canary^^}!'}\n"),
        ("changed", "  labels: {l: '${canary//-/_}!'}\n"),
        ("encoded", "  labels: {l: '${encoded}!'}\n"),
        ("default", "  labels: {l: '${nothing:=${canary,,}}!'}\n"),
        ("structured", "data: ${structured}\n"),
        ("keyed", "data: {'${canary}!': x}\n"),
        (
            "named",
            "  annotations: {a: '${canary}'}\n  finalizers: ['${canary}!']\n",
        ),
    ];
    /// Values that the build itself copies from a Secret in the source.
    const COPIES: &[(&str, &str)] = &[
        (
            "copied",
            "replacements: [{source: {kind: Secret, fieldPath: stringData.plain}, targets: [{select: {kind: ConfigMap}, fieldPaths: [metadata.labels.l]}]}]\n",
        ),
        (
            "copied-quoted",
            "replacements: [{source: {kind: Secret, fieldPath: stringData.quoted}, targets: [{select: {kind: ConfigMap}, fieldPaths: [metadata.labels.l]}]}]\n",
        ),
        (
            "copied-upper",
            "replacements: [{source: {kind: Secret, fieldPath: stringData.upper}, targets: [{select: {kind: ConfigMap}, fieldPaths: [metadata.labels.l]}]}]\n",
        ),
        (
            "copied-encoded",
            "vars: [{name: V, objref: {kind: Secret, name: from, apiVersion: v1}, fieldref: {fieldPath: stringData.encoded}}]\n",
        ),
        (
            "copied-part",
            "replacements: [{source: {kind: Secret, fieldPath: stringData.url, options: {delimiter: ':', index: 1}}, targets: [{select: {kind: ConfigMap}, fieldPaths: [metadata.labels.l]}]}]\n",
        ),
        (
            "copied-on",
            "replacements:\n- {source: {kind: Secret, fieldPath: stringData.plain}, targets: [{select: {kind: ConfigMap}, fieldPaths: [metadata.annotations.a]}]}\n\
            - {source: {kind: ConfigMap, fieldPath: metadata.annotations.a}, targets: [{select: {kind: ConfigMap}, fieldPaths: [metadata.labels.l]}]}\n",
        ),
    ];
    Stage::play("secret-forms", async |stage| {
        let (ns, canary) = (stage.namespace.clone(), stage.canary.clone());
        let encoded = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, &canary);
        stage
            .world
            .apply(json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "forms", "namespace": ns},
            "stringData": {"quoted": format!("{canary}\"{canary}"), "escaped": format!("{canary}\\\\\t{canary}"),
            "encoded": encoded, "structured": format!("{{a: [{canary}, 2]}}"), "nothing": ""}}))
            .await?;
        for (folder, rest) in FORMS {
            let text = format!("apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {folder}\n{rest}");
            stage.repository.write(&format!("{folder}/a.yaml"), &text)?;
        }
        for (folder, settings) in COPIES {
            let values = [
                ("plain", format!("{canary}!")),
                ("quoted", format!("{canary}\"{canary}")),
                ("upper", canary.to_uppercase() + "!"),
                ("encoded", format!("{encoded}!")),
                ("url", format!("user:{}!", &canary[..20])),
            ];
            let mut secret = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "from"}});
            secret["stringData"] = values
                .into_iter()
                .map(|(key, value)| (key.to_owned(), json!(value)))
                .collect::<serde_json::Map<_, _>>()
                .into();
            let map = json!({"apiVersion": "v1", "kind": "ConfigMap",
                "metadata": {"name": folder, "labels": {"l": "$(V)"}, "annotations": {"a": "b"}}});
            stage.repository.write(&format!("{folder}/a.yaml"), &format!("{map}\n---\n{secret}\n"))?;
            stage
                .repository
                .write(&format!("{folder}/kustomization.yaml"), &format!("resources: [a.yaml]\n{settings}"))?;
        }
        stage.repository.write("name/a.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: '${canary}_'}\n")?;
        stage.repository.push("begin")?;
        stage.source().await?;
        let from =
            json!({"substituteFrom": [{"kind": "Secret", "name": "vault"}, {"kind": "Secret", "name": "forms"}]});
        let spec = json!({"targetNamespace": stage.namespace, "postBuild": from});
        for name in FORMS.iter().chain(COPIES).map(|(folder, _)| *folder).chain(["name"]) {
            stage.kustomization(name, spec.clone()).await?;
        }
        let mut faults = Vec::new();
        for (name, _) in FORMS.iter().chain(COPIES) {
            let text = stage.fails(name, "ReconciliationFailed").await.with_context(|| format!("folder {name}"))?;
            println!("{name}: {text}");
            faults.extend(holds(&text, &["ConfigMap/", &format!("{name}/a.yaml:1")]).err());
            faults
                .extend(crate::canary::found_in(&canary, &text).map(|form| anyhow::anyhow!("{name}: {form}: {text}")));
        }
        let text = stage.fails("name", "ReconciliationFailed").await?;
        println!("name: {text}");
        ensure!(faults.is_empty(), "{faults:#?}");
        holds(&text, &["ConfigMap/", "name/a.yaml:1"])
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_diff_shows_where_a_value_would_change_and_not_the_value() {
    Stage::play("secret-diff", async |stage| {
        let checkout = tempfile::tempdir()?;
        let manifest = |host: &str, color: &str| {
            format!(
                "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: from}}\ndata:\n  url: postgres://u:${{canary}}@{host}\n  \
                 color: {color}\n---\napiVersion: v1\nkind: Secret\nmetadata: {{name: s}}\nstringData: {{conf: 'pw=${{canary}}{host}'}}\n"
            )
        };
        // The build itself copies a value within the file.
        let copy = "resources: [a.yaml]\nreplacements:\n- source: {kind: Secret, fieldPath: stringData.plain}\n  \
                    targets: [{select: {kind: ConfigMap, name: to}, fieldPaths: [data.url]}]\n";
        let canary = stage.canary.clone();
        let copied = |host: &str, color: &str| {
            let secret = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "plain"}, "stringData": {"plain": format!("{canary}{host}")}});
            let map = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "to"}, "data": {"url": "x", "tint": color}});
            format!("{secret}\n---\n{map}\n")
        };
        stage.repository.write("copied/kustomization.yaml", copy)?;
        stage.repository.write("copied/a.yaml", &copied("one", "red"))?;
        stage.repository.write("apps/a.yaml", &manifest("one", "red"))?;
        let commit = stage.repository.push("begin")?;
        stage.source().await?;
        let from = json!({"substituteFrom": [{"kind": "Secret", "name": "vault"}]});
        let spec = json!({"targetNamespace": stage.namespace, "postBuild": from});
        stage.kustomization("apps", spec).await?;
        stage.kustomization("copied", json!({"targetNamespace": stage.namespace})).await?;
        stage.applied("apps", &commit).await?;
        stage.applied("copied", &commit).await?;

        std::fs::create_dir_all(checkout.path().join("apps"))?;
        std::fs::write(checkout.path().join("apps/a.yaml"), manifest("two", "blue"))?;
        let path = checkout.path().to_str().context("a path is text")?.to_owned();
        let ran = stage.lode(&["diff", "kustomization", "apps", "--path", &path])?;
        println!("{}", ran.text);
        ensure!(ran.code == 1, "{}", ran.text);
        holds(&ran.text, &[".data.url: *** (before) → *** (after)", ".data.color: *** (before) → blue", ".data.conf: ***"])?;

        std::fs::create_dir_all(checkout.path().join("copied"))?;
        std::fs::write(checkout.path().join("copied/kustomization.yaml"), copy)?;
        std::fs::write(checkout.path().join("copied/a.yaml"), copied("two", "blue"))?;
        let ran = stage.lode(&["diff", "kustomization", "copied", "--path", &path])?;
        println!("{}", ran.text);
        ensure!(ran.code == 1, "{}", ran.text);
        let form = crate::canary::found_in(&stage.canary, &ran.text);
        ensure!(form.is_none(), "{form:?}: {}", ran.text);
        holds(&ran.text, &[".data.url: *** (before) → *** (after)", ".data.tint: *** (before) → blue", ".data.plain: ***"])?;

        // A live edit of it is reported by its field name.
        let edit = json!({"data": {"color": "green"}});
        stage.world.patch_as("somebody", ("ConfigMap", &stage.namespace, "from"), edit).await?;
        stage.told("apps", "DriftCorrected", &["ConfigMap/", ".data.color", "somebody"]).await?;
        Ok(())
    })
    .await;
}
