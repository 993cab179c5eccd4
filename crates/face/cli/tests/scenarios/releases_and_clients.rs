//! Releases beside the unmodified clients: what `helm` says of ours, a release of `helm` that is taken over, and the
//! commands of `flux`.

use std::collections::BTreeMap;

use anyhow::{Context as _, ensure};
use lode_object::Value;
use lode_sandbox::{Charts, Registry, RegistryAccess};
use serde_json::json;

use crate::flow::holds;
use crate::ground;
use crate::real_charts::{Market, Played};
use crate::stage::Stage;

/// A small chart with a hook, a workload, and a value that is another one in each render.
const CHART: [(&str, &str); 4] = [
    (
        "Chart.yaml",
        "apiVersion: v2\nname: web\nversion: 1.0.0\nappVersion: \"7\"\n",
    ),
    ("values.yaml", "color: blue\nreplicas: 1\nnodes: {}\n"),
    (
        "templates/hook.yaml",
        "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {{ .Release.Name }}-hook\n  annotations:\n    \
         helm.sh/hook: pre-install,pre-upgrade\ndata:\n  color: {{ .Values.color }}\n",
    ),
    (
        "templates/all.yaml",
        "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {{ .Release.Name }}\ndata:\n  color: {{ .Values.color }}\n  \
         random: {{ randAlpha 8 }}\n---\napiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: {{ .Release.Name }}\nspec:\n  \
         replicas: {{ .Values.replicas }}\n  selector:\n    matchLabels: {app: web}\n  template:\n    metadata:\n      \
         labels: {app: web}\n    spec:\n      nodeSelector: {{- toYaml .Values.nodes | nindent 8 }}\n      containers:\n      \
         - {name: web, image: \"registry.example/web:1\"}\n",
    ),
];

/// Commands of the flux client, their exit codes, and what they say.
const COMMANDS: &[(&str, i32, &[&str])] = &[
    (
        "get helmreleases",
        0,
        &[
            "web",
            "1.0.0",
            "False",
            "True",
            "Helm install succeeded for release NS/web.v1",
        ],
    ),
    ("debug helmrelease web --show-values", 0, &["color: red"]),
    (
        "debug helmrelease web --show-status",
        0,
        &["InstallSucceeded", "lastAttemptedRevision: 1.0.0"],
    ),
    (
        "debug helmrelease web --show-history",
        0,
        &["chartName: web", "status: deployed", "version: 1"],
    ),
    (
        "reconcile helmrelease web",
        0,
        &["HelmRelease annotated", "applied revision 1.0.0"],
    ),
    (
        "reconcile helmrelease web --with-source",
        0,
        &["fetched revision", "applied revision 1.0.0"],
    ),
    (
        "get helmreleases web",
        0,
        &["Helm install succeeded for release NS/web.v1"],
    ),
    (
        "reconcile helmrelease web --force",
        0,
        &["applied revision 1.0.0"],
    ),
    (
        "get helmreleases web",
        0,
        &["Helm upgrade succeeded for release NS/web.v2"],
    ),
    (
        "reconcile helmrelease web --reset",
        0,
        &["applied revision 1.0.0"],
    ),
    ("suspend helmrelease web", 0, &["helmrelease suspended"]),
    ("get helmreleases web", 0, &["True", "web.v2"]),
    ("reconcile helmrelease web", 1, &["resource is suspended"]),
    (
        "resume helmrelease web",
        0,
        &["helmrelease resumed", "applied revision 1.0.0"],
    ),
    (
        "export helmrelease web",
        0,
        &["kind: HelmRelease", "color: red"],
    ),
    (
        "delete helmrelease web --silent",
        0,
        &["helmrelease deleted"],
    ),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn helm_and_the_status_agree_on_a_release_from_installation_to_deletion() {
    if !ground::has_helm() {
        return;
    }
    Stage::play("helm-agrees", async |stage| {
        let played = release(stage, json!({"color": "red"})).await?;
        let mut steps = 0;
        let compared = played.play(stage, &mut steps).await;
        ensure!(
            compared.differences.is_empty(),
            "{}",
            compared.differences.join("\n")
        );
        ensure!(
            compared.count > 40 && steps == 6,
            "{} comparisons in {steps} steps",
            compared.count
        );
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_release_of_helm_is_taken_over_without_a_restart() {
    if !ground::has_helm() {
        return;
    }
    Stage::play("takeover", async |stage| {
        let played = release(stage, json!({"replicas": 2})).await?;
        let package = played.package.to_string_lossy();
        stage.helm(&["install", "web", &*package, "--set", "replicas=2"])?;
        let before = running(stage).await?;
        ensure!(before.len() == 3, "{before:?}");

        // Flux upgrades what it did not make, also to what it is already.
        played.release(stage, &played.values, "1m").await?;
        let taken = played
            .until(stage, ("Ready", "True", "UpgradeSucceeded"), 2)
            .await?;
        ensure!(taken["status"]["history"][0]["version"] == 2, "{taken}");
        let after = running(stage).await?;
        ensure!(before == after, "{before:?} {after:?}");
        let rows = stage.helm_json(&["history", "web"])?;
        let told = json!([rows[0]["status"], rows[1]["status"], rows[1]["description"]]);
        ensure!(
            told == json!(["superseded", "deployed", "Upgrade complete"]),
            "{rows}"
        );
        stage
            .sees(
                "ConfigMap",
                "web",
                "/metadata/labels/helm.toolkit.fluxcd.io~1name",
                json!("web"),
            )
            .await
            .map(drop)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_unmodified_flux_client_works_on_releases() {
    if !ground::has_flux() || !ground::has_helm() {
        return;
    }
    Stage::play("flux-releases", async |stage| {
        let played = release(stage, json!({"color": "red"})).await?;
        played.release(stage, &played.values, "1m").await?;
        played
            .until(stage, ("Ready", "True", "InstallSucceeded"), 1)
            .await?;
        let mut faults = Vec::new();
        for (line, code, parts) in COMMANDS {
            let ran = stage.flux(&line.split(' ').collect::<Vec<_>>())?;
            let last = ran.text.lines().last().unwrap_or_default();
            println!("flux {line}: exit code {}, {last}", ran.code);
            let parts: Vec<String> = parts
                .iter()
                .map(|part| part.replace("NS", &stage.namespace))
                .collect();
            let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
            if let (true, Ok(())) = (ran.code == *code, holds(&ran.text, &parts)) {
                continue;
            }
            faults.push(format!(
                "flux {line}: exit code {}, wanted {code} and {parts:?}:\n{}",
                ran.code, ran.text
            ));
        }
        ensure!(faults.is_empty(), "{}", faults.join("\n"));
        stage.gone("ConfigMap", "web").await
    })
    .await;
}

/// Serves the chart; nothing is released yet.
async fn release(stage: &Stage, values: Value) -> anyhow::Result<Played> {
    let market = Market {
        charts: Charts::start().await?,
        registry: Registry::start(RegistryAccess::Open).await?,
    };
    let folder = stage.folder().join("corpus/web/chart");
    for (path, text) in CHART {
        let file = folder.join(path);
        std::fs::create_dir_all(file.parent().context("a file is in a folder")?)?;
        std::fs::write(file, text)?;
    }
    let row = json!({"name": "web", "folder": "web", "way": "git", "values": values,
        "changed": {"color": "green", "replicas": 2}, "broken": {"nodes": {"nowhere": "true"}}});
    market.offer(stage, &row).await
}

/// Returns the uids of the running pods, and the generation of the Deployment that they are of.
async fn running(stage: &Stage) -> anyhow::Result<BTreeMap<String, String>> {
    stage
        .sees("Deployment", "web", "/status/readyReplicas", json!(2))
        .await?;
    let deployment = stage.object("Deployment", "web").await?;
    let generation = deployment["metadata"]["generation"].to_string();
    let mut found = BTreeMap::from([("generation".to_owned(), generation)]);
    for pod in stage.world.list("Pod", &stage.namespace, "").await? {
        let metadata = &pod["metadata"];
        found.insert(metadata["name"].to_string(), metadata["uid"].to_string());
    }
    Ok(found)
}
