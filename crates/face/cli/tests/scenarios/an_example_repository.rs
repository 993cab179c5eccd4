//! A repository as teams have it converges: controllers as charts of a registry, configuration of them, apps with
//! values by cluster; each waits for the one before. Then everything goes again.
//!
//! The repository is `example/`; `cargo xtask example` names another one in `LODE_EXAMPLE`, its cluster in
//! `LODE_EXAMPLE_CLUSTER`, and the folders of its charts in `LODE_EXAMPLE_CHARTS`, by lines, as `FOLDER` or
//! `FOLDER=VERSION`. Sources with `https` and `oci` addresses are pointed at servers of the test, as where a mirror
//! is used; the rest stays as it is.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use e2e::condition;
use lode_chart::{Chart, ChartFile};
use lode_cluster::{Resource, Target};
use lode_object::Value;
use lode_sandbox::{Charts, OciArtifact, Registry, RegistryAccess};
use lode_stdx::budget::Budget;
use lode_yaml::Dialect;
use serde_json::json;

use crate::stage::Stage;

/// Where the objects of Flux are.
const SYSTEM: &str = "flux-system";
/// Kinds in the order they appear: when all of one are ready, all of the next exist.
const KINDS: [&str; 6] = [
    "GitRepository",
    "Kustomization",
    "OCIRepository",
    "HelmRepository",
    "HelmChart",
    "HelmRelease",
];
const WEBHOOKS: [(&str, &str); 2] = [
    (
        "ValidatingWebhookConfiguration",
        "validatingwebhookconfigurations",
    ),
    (
        "MutatingWebhookConfiguration",
        "mutatingwebhookconfigurations",
    ),
];
/// Longest wait for all objects, and for all of them to be gone.
const CONVERGES: Duration = Duration::from_mins(4);
const CONFIG: &str = "application/vnd.cncf.helm.config.v1+json";
const CONTENT: &str = "application/vnd.cncf.helm.chart.content.v1.tar+gzip";

/// What is played.
struct Example {
    repository: PathBuf,
    cluster: String,
    charts: Vec<Packed>,
    is_ours: bool,
}

struct Packed {
    name: String,
    version: String,
    bytes: Vec<u8>,
}

/// The servers that stand for those of the internet.
struct Mirror {
    registry: Registry,
    charts: Charts,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_converges_by_layers_and_goes_again() {
    Stage::play("example", async |stage| {
        let example = Example::find()?;
        let mirror = Mirror {
            registry: Registry::start(RegistryAccess::default()).await?,
            charts: Charts::start().await?,
        };
        stage.add_namespace(SYSTEM).await?;
        stage.repository.copy(&example.repository, "")?;
        rewrite(stage.repository.folder(), &mirror, &example.charts)?;
        begin(stage, &example.cluster).await?;

        let rows = converged(stage).await;
        if example.is_ours {
            is_as_the_cluster_wants(stage).await?;
        }
        rows?;
        goes(stage).await
    })
    .await;
}

impl Example {
    /// Finds the repository: the one that the environment names, else ours.
    fn find() -> anyhow::Result<Self> {
        let ours = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios/example");
        let Some(repository) = env::var_os("LODE_EXAMPLE") else {
            let charts =
                ["certificates", "web"].map(|name| pack(&ours.join("charts").join(name), None));
            return Ok(Self {
                repository: ours.join("repository"),
                cluster: "production".to_owned(),
                charts: charts.into_iter().collect::<anyhow::Result<_>>()?,
                is_ours: true,
            });
        };
        let charts = env::var("LODE_EXAMPLE_CHARTS").unwrap_or_default();
        let charts = charts.lines().map(|line| match line.rsplit_once('=') {
            Some((folder, version)) => pack(Path::new(folder), Some(version)),
            None => pack(Path::new(line), None),
        });
        Ok(Self {
            repository: repository.into(),
            cluster: env::var("LODE_EXAMPLE_CLUSTER")
                .context("LODE_EXAMPLE_CLUSTER names a cluster")?,
            charts: charts.collect::<anyhow::Result<_>>()?,
            is_ours: false,
        })
    }
}

/// Packs the chart in a folder, with another version if one is given.
fn pack(folder: &Path, version: Option<&str>) -> anyhow::Result<Packed> {
    let mut files = Vec::new();
    read(folder, "", &mut files)?;
    let chart = Chart::from_files(files, &Budget::unlimited());
    let mut chart = chart.with_context(|| format!("load the chart in {}", folder.display()))?;
    if let Some(version) = version {
        chart = chart.with_version(version);
    }
    let mut bytes = Vec::new();
    chart.pack(&mut bytes)?;
    Ok(Packed {
        name: chart.metadata().name.clone(),
        version: chart.metadata().version.clone(),
        bytes,
    })
}

fn read(folder: &Path, at: &str, files: &mut Vec<ChartFile>) -> anyhow::Result<()> {
    for entry in fs::read_dir(folder).with_context(|| format!("list {}", folder.display()))? {
        let entry = entry?;
        let path = format!("{at}{}", entry.file_name().to_string_lossy());
        if entry.file_type()?.is_dir() {
            read(&entry.path(), &format!("{path}/"), files)?;
        } else {
            files.push(ChartFile::new(path, &fs::read(entry.path())?));
        }
    }
    Ok(())
}

/// Rewrites the YAML files of a folder: addresses lead to the mirror, which gets what they name.
fn rewrite(folder: &Path, mirror: &Mirror, charts: &[Packed]) -> anyhow::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() && !path.ends_with(".git") {
            rewrite(&path, mirror, charts)?;
        } else if path.extension().is_some_and(|kind| kind == "yaml") {
            let text = fs::read_to_string(&path)?;
            if text.contains("kind: ArtifactGenerator") {
                fs::remove_file(&path)?;
                continue;
            }
            let text = of_the_repository(&mirrored(&text, mirror, charts));
            fs::write(&path, text)?;
        }
    }
    Ok(())
}

/// Returns a file with the addresses of sources replaced.
fn mirrored(text: &str, mirror: &Mirror, charts: &[Packed]) -> String {
    let mut lines = String::new();
    for line in text.lines() {
        let indent = &line[..line.len() - line.trim_start().len()];
        let line = if let Some(path) = line.trim().strip_prefix("url: oci://") {
            mirror.shelve(path, charts);
            format!(
                "{indent}url: oci://{}/{path}\n{indent}insecure: true",
                mirror.registry.host()
            )
        } else if let Some(path) = line.trim().strip_prefix("url: https://") {
            mirror.list(path, charts);
            format!("{indent}url: {}", mirror.charts.url(&format!("/{path}")))
        } else {
            line.to_owned()
        };
        lines.extend([&*line, "\n"]);
    }
    lines
}

/// Returns a file whose Kustomizations read folders of the repository instead of artifacts made of them. The operator
/// serves no `ArtifactGenerator` yet, and the artifact `NAME` of the example is the folder `NAME`.
fn of_the_repository(text: &str) -> String {
    let mut lines = String::new();
    let (mut artifact, mut is_named) = (None, false);
    for line in text.lines() {
        let line = if line.trim() == "kind: ExternalArtifact" {
            is_named = true;
            line.replace("ExternalArtifact", "GitRepository")
        } else if is_named && let Some((before, name)) = line.split_once("name: ") {
            (artifact, is_named) = (Some(name), false);
            format!("{before}name: {SYSTEM}")
        } else if let (Some(name), Some((before, path))) = (artifact, line.split_once("path: ./")) {
            artifact = None;
            format!("{before}path: ./{name}/{path}")
        } else {
            line.to_owned()
        };
        lines.extend([&*line, "\n"]);
    }
    lines
}

impl Mirror {
    /// Puts the charts into the registry where an address wants them: it names a chart, or the folder of one.
    fn shelve(&self, path: &str, charts: &[Packed]) {
        for chart in charts {
            let artifact = OciArtifact {
                config_type: CONFIG.to_owned(),
                config: json!({"name": chart.name, "version": chart.version})
                    .to_string()
                    .into(),
                layers: vec![(CONTENT.to_owned(), chart.bytes.clone())],
                annotations: Vec::new(),
            };
            let place = match path.strip_suffix(&chart.name) {
                Some(above) if above.ends_with('/') => path.to_owned(),
                _ => format!("{path}/{}", chart.name),
            };
            self.registry.push(&place, &chart.version, &artifact);
        }
    }

    /// Puts an index with all charts where an address wants it.
    fn list(&self, path: &str, charts: &[Packed]) {
        let mut entries = json!({});
        for Packed {
            name,
            version,
            bytes,
        } in charts
        {
            let file = format!("{name}-{version}.tgz");
            entries[name] =
                json!([{"apiVersion": "v2", "name": name, "version": version, "urls": [file]}]);
            self.charts.put(&format!("/{path}/{file}"), bytes.clone());
        }
        let index = json!({"apiVersion": "v1", "entries": entries});
        self.charts
            .put(&format!("/{path}/index.yaml"), index.to_string());
    }
}

/// Writes what a bootstrap writes, into the repository and the cluster.
async fn begin(stage: &Stage, cluster: &str) -> anyhow::Result<()> {
    let metadata = json!({"name": SYSTEM, "namespace": SYSTEM});
    let source = json!({"apiVersion": "source.toolkit.fluxcd.io/v1", "kind": "GitRepository", "metadata": metadata,
        "spec": {"interval": "1m", "url": stage.repository.url, "ref": {"branch": "main"}}});
    let root = json!({"apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization", "metadata": metadata,
        "spec": {"interval": "10m", "path": format!("./clusters/{cluster}"), "prune": true,
            "sourceRef": {"kind": "GitRepository", "name": SYSTEM}}});
    let objects = [source, root];
    stage.write(
        &format!("clusters/{cluster}/flux-system/gotk-sync.yaml"),
        &objects,
    )?;
    stage.repository.push("begin")?;
    for object in objects {
        stage.world.apply(object).await?;
    }
    Ok(())
}

/// Waits until every object of our kinds is ready, and prints them.
async fn converged(stage: &Stage) -> anyhow::Result<()> {
    let since = Instant::now();
    loop {
        pass_webhooks(stage).await?;
        let found = listed(stage).await?;
        let is_whole = found
            .iter()
            .any(|(object, _)| object.starts_with("HelmRelease/"));
        let is_ready = found.iter().all(|(_, ready)| ready["status"] == "True");
        let is_late = since.elapsed() > CONVERGES;
        if !(is_whole && is_ready || is_late) {
            tokio::time::sleep(Duration::from_millis(50)).await;
            continue;
        }
        for (object, ready) in &found {
            let text = |field: &str| ready[field].as_str().unwrap_or("-");
            println!(
                "{object:<54} Ready={:<7} {:<24} {}",
                text("status"),
                text("reason"),
                text("message")
            );
        }
        println!(
            "{} objects after {:.1} s",
            found.len(),
            since.elapsed().as_secs_f64()
        );
        if is_late {
            bail!("not everything is ready, see above");
        }
        return Ok(());
    }
}

/// Lets requests pass the webhooks that charts bring: pods run nothing here, so nobody answers the API server.
async fn pass_webhooks(stage: &Stage) -> anyhow::Result<()> {
    let client = &stage.world.client;
    for (kind, plural) in WEBHOOKS {
        let resource = Resource::known("admissionregistration.k8s.io/v1", kind, plural, false);
        let mut list: Value = serde_json::from_slice(&client.list(&resource, "", "").await?)?;
        for object in list["items"].as_array_mut().into_iter().flatten() {
            let mut is_changed = false;
            for webhook in object["webhooks"].as_array_mut().into_iter().flatten() {
                is_changed |= webhook["failurePolicy"] != "Ignore";
                webhook["failurePolicy"] = json!("Ignore");
            }
            let name = object["metadata"]["name"].as_str().unwrap_or_default();
            let target = Target {
                namespace: "",
                name,
                manager: "e2e",
                dry_run: false,
            };
            if is_changed {
                let patch = json!({"webhooks": object["webhooks"]});
                client.merge(&resource, target, "", &patch).await?;
            }
        }
    }
    Ok(())
}

/// Returns all objects of our kinds in the cluster with their condition Ready, if it is that of their generation.
async fn listed(stage: &Stage) -> anyhow::Result<Vec<(String, Value)>> {
    let mut found = Vec::new();
    for kind in KINDS {
        for object in stage.world.list(kind, "", "").await? {
            let metadata = &object["metadata"];
            let text = |field: &str| metadata[field].as_str().unwrap_or_default();
            let ready = condition(Some(&object), "Ready");
            let is_current = object["status"]["observedGeneration"] == metadata["generation"];
            let ready = ready.filter(|_| is_current).cloned().unwrap_or_default();
            found.push((
                format!("{kind}/{}/{}", text("namespace"), text("name")),
                ready,
            ));
        }
    }
    Ok(found)
}

/// Checks that our example has the values of its cluster, in both layers.
async fn is_as_the_cluster_wants(stage: &Stage) -> anyhow::Result<()> {
    let get = async |kind, name| {
        let found = stage.world.get(kind, "example-web", name).await?;
        found.with_context(|| format!("{kind} {name} exists"))
    };
    let hosts = &get("ConfigMap", "web").await?["data"];
    ensure!(
        *hosts == json!({"hosts": "web.production", "version": "1.2.0"}),
        "{hosts}"
    );
    let ready = &get("Deployment", "web").await?["status"]["readyReplicas"];
    ensure!(*ready == 2, "{ready}");
    get("ConfigMap", "web-cache").await?;

    let issuers = Resource::known("certificates.example/v1", "Issuer", "issuers", false);
    let issuer = stage.world.client.get(&issuers, "", "public").await?;
    let server = &issuer["spec"]["server"];
    ensure!(
        *server == "https://authority.example/production",
        "{server}"
    );
    Ok(())
}

/// Deletes the Kustomization at the top and waits until nothing that came with it is left.
async fn goes(stage: &Stage) -> anyhow::Result<()> {
    stage.world.delete("Kustomization", SYSTEM, SYSTEM).await?;
    let since = Instant::now();
    loop {
        let left = listed(stage).await?;
        if left.is_empty() {
            return Ok(());
        }
        let names: Vec<_> = left.into_iter().map(|(object, _)| object).collect();
        ensure!(
            since.elapsed() < CONVERGES,
            "still there: {}",
            names.join(", ")
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[test]
fn a_kustomization_of_an_artifact_reads_the_folder_of_its_name() {
    let text = "  sourceRef:\n    kind: ExternalArtifact\n    name: apps\n  path: ./production\n  prune: true\n";
    let read = "  sourceRef:\n    kind: GitRepository\n    name: flux-system\n  path: ./apps/production\n  prune: true\n";
    assert_eq!(of_the_repository(text), read);
    assert!(lode_yaml::parse(read.as_bytes(), Dialect::V3).is_ok());
}
