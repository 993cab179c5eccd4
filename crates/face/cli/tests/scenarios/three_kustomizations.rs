//! Definitions, infrastructure and apps, each waiting for the one before; and Flux's own client
//! reading them.

use std::collections::BTreeSet;

use anyhow::ensure;
use lode_object::Value;
use serde_json::json;

use crate::flow::{holds, inventory_of};
use crate::ground;
use crate::manifests::{config_map, definition, deployment, service};
use crate::stage::Stage;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn they_converge_in_order_and_follow_a_push() {
    Stage::play("three", async |stage| {
        let commit = begin(stage, "three.example.com").await?;
        let ns = &stage.namespace;
        let apps = stage.applied("apps", &commit).await?;
        let text = stage
            .told("apps", "DependencyNotReady", &["infrastructure"])
            .await?;
        ensure!(!text.is_empty());
        let wanted = [
            format!("{ns}_web_apps_Deployment"),
            format!("{ns}_web__Service"),
            format!("{ns}_web__ConfigMap"),
        ];
        ensure!(
            inventory_of(&apps) == BTreeSet::from(wanted),
            "{}",
            apps["status"]["inventory"]
        );
        let last = &apps["status"]["history"][0];
        ensure!(
            last["lastReconciledStatus"] == "ReconciliationSucceeded",
            "{last}"
        );
        ensure!(
            last["metadata"]["revision"] == format!("main@sha1:{commit}"),
            "{last}"
        );
        let deployment = stage.object("Deployment", "web").await?;
        is_owned(&deployment, "apps", ns)?;
        ensure!(
            deployment["status"]["readyReplicas"] == 2,
            "wait: true waits for pods: {}",
            deployment["status"]
        );
        is_owned(
            &stage.object("ConfigMap", "base").await?,
            "infrastructure",
            ns,
        )?;

        stage.write(
            "apps/settings.yaml",
            &[config_map(ns, "web", json!({"color": "green"}))],
        )?;
        let next = stage.deliver("paint it green").await?;
        let apps = stage.applied("apps", &next).await?;
        stage
            .sees("ConfigMap", "web", "/data/color", json!("green"))
            .await?;
        ensure!(
            apps["status"]["history"][0]["totalReconciliations"] == 1,
            "{}",
            apps["status"]["history"]
        );
        ensure!(
            apps["status"]["history"][1]["metadata"]["revision"] == format!("main@sha1:{commit}")
        );
        stage
            .told(
                "apps",
                "Progressing",
                &[&format!("ConfigMap/{ns}/web configured")],
            )
            .await?;
        let text = stage
            .told(
                "apps",
                "Progressing",
                &[&format!("Deployment/{ns}/web created")],
            )
            .await?;
        holds(&text, &[&format!("Service/{ns}/web created")])
    })
    .await;
}

/// Flux's commands: arguments, exit code, and what the output must contain. `NS` stands for the
/// namespace, `COMMIT` for the commit.
const COMMANDS: &[(&str, i32, &[&str])] = &[
    (
        "get all",
        0,
        &[
            "gitrepository/app",
            "kustomization/apps",
            "kustomization/crds",
            "main@sha1:",
        ],
    ),
    (
        "get sources git",
        0,
        &["app", "True", "stored artifact for revision 'main@sha1:"],
    ),
    (
        "get all --all-namespaces",
        0,
        &["gitrepository/app", "kustomization/apps"],
    ),
    ("get helmreleases", 1, &["no HelmRelease objects found"]),
    (
        "check",
        1,
        &[
            "✔ kustomizations.kustomize.toolkit.fluxcd.io/v1",
            "✗ no controllers found",
        ],
    ),
    ("version", 1, &["no deployments found"]),
    (
        "suspend kustomization --all",
        0,
        &["✔ kustomization suspended"],
    ),
    (
        "resume kustomization --all",
        0,
        &["✔ kustomization resumed"],
    ),
    ("get sources all", 0, &["gitrepository/app"]),
    (
        "get kustomizations",
        0,
        &["apps", "Applied revision: main@sha1:", "True"],
    ),
    (
        "get kustomization apps --status-selector ready=true",
        0,
        &["apps"],
    ),
    (
        "reconcile source git app",
        0,
        &["✔ fetched revision main@sha1:COMMIT"],
    ),
    (
        "reconcile kustomization apps",
        0,
        &["✔ applied revision main@sha1:COMMIT"],
    ),
    (
        "reconcile kustomization apps --with-source",
        0,
        &["✔ fetched revision", "✔ applied revision main@sha1:COMMIT"],
    ),
    (
        "suspend kustomization apps",
        0,
        &["✔ kustomization suspended"],
    ),
    ("get kustomization apps", 0, &["True", "apps"]),
    (
        "resume kustomization apps",
        0,
        &["✔ applied revision main@sha1:COMMIT"],
    ),
    ("suspend source git app", 0, &["✔ source git suspended"]),
    (
        "resume source git app",
        0,
        &["✔ fetched revision main@sha1:COMMIT"],
    ),
    (
        "tree kustomization apps",
        0,
        &[
            "Kustomization/NS/apps",
            "Deployment/NS/web",
            "Service/NS/web",
            "ConfigMap/NS/web",
        ],
    ),
    (
        "tree kustomization crds --compact",
        0,
        &["Kustomization/NS/crds"],
    ),
    (
        "events",
        0,
        &[
            "ReconciliationSucceeded",
            "Kustomization/apps",
            "NewArtifact",
            "GitRepository/app",
        ],
    ),
    (
        "events --for Kustomization/apps",
        0,
        &["Reconciliation finished in"],
    ),
    (
        "trace web --kind deployment --api-version apps/v1",
        0,
        &[
            "deployment/web",
            "Managed by Flux",
            "Kustomization:   apps",
            "GitRepository:   app",
            "main@sha1:COMMIT",
        ],
    ),
    ("trace kustomization apps", 0, &["not managed by Flux"]),
    ("stats", 0, &["GitRepository", "Kustomization"]),
    (
        "export kustomization apps",
        0,
        &["kind: Kustomization", "name: apps", "path: ./apps"],
    ),
    (
        "export source git app",
        0,
        &["kind: GitRepository", "branch: main"],
    ),
    (
        "build kustomization apps --path ./apps",
        0,
        &["kind: Deployment", "kustomize.toolkit.fluxcd.io/name: apps"],
    ),
    ("diff kustomization apps --path ./apps", 0, &[]),
    (
        "debug kustomization apps --show-status",
        0,
        &[
            "lastAppliedRevision: main@sha1:COMMIT",
            "ReconciliationSucceeded",
        ],
    ),
    (
        "debug kustomization apps --show-history",
        0,
        &["ReconciliationSucceeded"],
    ),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_unmodified_flux_client_works_on_them() {
    if !ground::has_flux() {
        return;
    }
    Stage::play("flux-client", async |stage| {
        let commit = begin(stage, "client.example.com").await?;
        stage.applied("apps", &commit).await?;
        let mut faults = Vec::new();
        for (line, code, parts) in COMMANDS {
            let ran = stage.flux(&line.split(' ').collect::<Vec<_>>())?;
            println!(
                "flux {line}: exit code {}, {}",
                ran.code,
                ran.text.lines().last().unwrap_or_default()
            );
            let parts = parts.iter().map(|part| {
                part.replace("NS", &stage.namespace)
                    .replace("COMMIT", &commit)
            });
            let missing: Vec<String> = parts.filter(|part| !ran.text.contains(part)).collect();
            if ran.code != *code || !missing.is_empty() {
                faults.push(format!(
                    "flux {line}: exit code {}, without {missing:?}:\n{}",
                    ran.code, ran.text
                ));
            }
        }
        ensure!(faults.is_empty(), "{}", faults.join("\n"));
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn flux_diff_create_and_delete_work() {
    if !ground::has_flux() {
        return;
    }
    Stage::play("flux-writes", async |stage| {
        let commit = begin(stage, "writes.example.com").await?;
        stage.applied("apps", &commit).await?;
        stage.write("apps/settings.yaml", &[config_map(&stage.namespace, "web", json!({"color": "green"}))])?;
        let diff = stage.flux(&["diff", "kustomization", "apps", "--path", "./apps"])?;
        println!("flux diff kustomization apps --path ./apps, with a change: exit code {}", diff.code);
        ensure!(diff.code == 1, "a difference ends with 1: {}", diff.text);
        holds(&diff.text, &[&format!("ConfigMap/{}/web drifted", stage.namespace), "data.color", "blue", "green"])?;

        let line = "create kustomization more --source GitRepository/app --path ./apps --prune true --interval 1h";
        let create = stage.flux(&line.split(' ').collect::<Vec<_>>())?;
        println!("flux {line}: exit code {}", create.code);
        ensure!(create.code == 0, "{}", create.text);
        holds(&create.text, &["✔ Kustomization more is ready", &format!("✔ applied revision main@sha1:{commit}")])?;
        let delete = stage.flux(&["delete", "kustomization", "more", "--silent"])?;
        println!("flux delete kustomization more --silent: exit code {}", delete.code);
        ensure!(delete.code == 0, "{}", delete.text);
        stage.gone("Kustomization", "more").await
    })
    .await;
}

/// Pushes three folders and creates their Kustomizations, the last one first.
async fn begin(stage: &Stage, group: &str) -> anyhow::Result<String> {
    let ns = &stage.namespace;
    let gadget = json!({"apiVersion": format!("{group}/v1"), "kind": "Gadget",
        "metadata": {"name": "one", "namespace": ns}, "spec": {"size": 1}});
    stage.write("crds/gadget.yaml", &[definition(group)])?;
    stage.write(
        "infrastructure/base.yaml",
        &[gadget, config_map(ns, "base", json!({"region": "north"}))],
    )?;
    stage.write(
        "apps/web.yaml",
        &[deployment(ns, "web", 2), service(ns, "web")],
    )?;
    stage.write(
        "apps/settings.yaml",
        &[config_map(ns, "web", json!({"color": "blue"}))],
    )?;
    let commit = stage.repository.push("three folders")?;
    stage.source().await?;
    stage
        .world
        .ready(("GitRepository", ns, "app"), "True", "Succeeded")
        .await?;
    stage
        .kustomization(
            "apps",
            json!({"dependsOn": [{"name": "infrastructure"}], "wait": true}),
        )
        .await?;
    stage.told("apps", "DependencyNotReady", &[]).await?;
    stage
        .kustomization("infrastructure", json!({"dependsOn": [{"name": "crds"}]}))
        .await?;
    stage.kustomization("crds", json!({"wait": true})).await?;
    Ok(commit)
}

fn is_owned(object: &Value, name: &str, namespace: &str) -> anyhow::Result<()> {
    let labels = &object["metadata"]["labels"];
    ensure!(
        labels["kustomize.toolkit.fluxcd.io/name"] == name,
        "{labels}"
    );
    ensure!(
        labels["kustomize.toolkit.fluxcd.io/namespace"] == namespace,
        "{labels}"
    );
    let managers = object["metadata"]["managedFields"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    let applied = managers
        .iter()
        .filter(|manager| manager["operation"] == "Apply")
        .map(|manager| &manager["manager"]);
    ensure!(applied.eq(["kustomize-controller"]), "{managers:?}");
    Ok(())
}
