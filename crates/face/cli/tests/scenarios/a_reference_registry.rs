//! Charts and artifacts in the reference registry of the distribution specification, pushed by `helm` and `flux`.
//!
//! `cargo xtask e2e` builds the registry and the clients and names them in `REGISTRY_BIN`, `HELM_BIN` and `FLUX_BIN`;
//! without them the scenario says so in one line and passes.

use std::env;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use lode_object::Value;
use lode_yaml::Dialect;
use serde_json::json;
use tempfile::TempDir;
use tokio::task::block_in_place;

use crate::stage::{LONG, Stage};

const CHART: [(&str, &str); 2] = [
    ("Chart.yaml", "apiVersion: v2\nname: web\nversion: 0.0.0\n"),
    (
        "templates/a.yaml",
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: \"{{ .Release.Name }}\"}\n\
         data: {version: \"{{ .Chart.Version }}\"}\n",
    ),
];
const CONTENT: &str = "application/vnd.cncf.helm.chart.content.v1.tar+gzip";

/// The programs of the scenario, if all are there.
struct Programs {
    registry: OsString,
    helm: OsString,
    flux: OsString,
}

/// A running registry with its data; it ends when this is dropped.
struct Reference {
    process: Child,
    host: String,
    folder: TempDir,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_helm_and_flux_push_is_pulled_by_tag_version_and_digest() {
    let Some(programs) = Programs::find() else {
        return;
    };
    Stage::play("reference", async |stage| {
        let registry = block_in_place(|| Reference::start(&programs.registry))?;
        let push = |version| block_in_place(|| registry.push_chart(&programs.helm, version));
        let (first, second) = (push("1.0.0")?, push("1.1.0")?);
        push("2.0.0")?;

        for (name, wanted, revision) in [
            ("tag", json!({"tag": "1.0.0"}), format!("1.0.0@{first}")),
            ("semver", json!({"semver": "1.x"}), format!("1.1.0@{second}")),
            ("digest", json!({"digest": first}), first.clone()),
        ] {
            let selector = json!({"mediaType": CONTENT, "operation": "copy"});
            let spec = json!({"url": registry.url("charts/web"), "ref": wanted, "layerSelector": selector});
            source(stage, "OCIRepository", name, spec).await?;
            let pulled = stage.world.ready(("OCIRepository", &stage.namespace, name), "True", "").await?;
            let found = &pulled["status"]["artifact"]["revision"];
            ensure!(*found == revision, "{name}: {found} and not {revision}");
            let chart = json!({"chartRef": {"kind": "OCIRepository", "name": name}});
            release(stage, &format!("by-{name}"), chart).await?;
        }
        source(stage, "HelmRepository", "charts", json!({"type": "oci", "url": registry.url("charts")})).await?;
        let named = json!({"chart": "web", "version": "1.x", "interval": "1h",
            "sourceRef": {"kind": "HelmRepository", "name": "charts"}});
        release(stage, "by-name", json!({"chart": {"spec": named}})).await?;
        let first = marked("1.0.0", &first);
        for (name, version) in [
            ("by-tag", &*first),
            ("by-semver", &marked("1.1.0", &second)),
            ("by-digest", &first),
            ("by-name", "1.1.0"),
        ] {
            stage.sees("ConfigMap", name, "/data/version", json!(version)).await?;
            stage.released(name, "Ready", "True", "InstallSucceeded").await?;
        }

        // What is pushed later is found by a range, and by nothing else.
        let third = marked("1.2.0", &push("1.2.0")?);
        let chart = format!("{}-by-name", stage.namespace);
        for what in [("OCIRepository", "tag"), ("OCIRepository", "semver"), ("HelmChart", &*chart)] {
            stage.world.reconcile((what.0, &stage.namespace, what.1)).await?;
        }
        for (name, version) in [("by-semver", &*third), ("by-name", "1.2.0"), ("by-tag", &first)] {
            stage.sees("ConfigMap", name, "/data/version", json!(version)).await?;
        }
        manifests_of_flux(stage, &registry, &programs.flux).await
    })
    .await;
}

/// Returns the version of a chart whose `OCIRepository` got this digest.
fn marked(version: &str, digest: &str) -> String {
    let digits = digest.trim_start_matches("sha256:");
    format!("{version}+{}", &digits[..12.min(digits.len())])
}

/// Checks that a Kustomization builds from what `flux push artifact` pushed.
async fn manifests_of_flux(
    stage: &Stage,
    registry: &Reference,
    flux: &OsStr,
) -> anyhow::Result<()> {
    let folder = registry.folder.path().join("manifests");
    fs::create_dir_all(&folder)?;
    let object = json!({"apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"name": "pushed", "namespace": stage.namespace}, "data": {"by": "flux"}});
    fs::write(folder.join("a.yaml"), object.to_string())?;
    let address = registry.url("manifests:v1");
    let origin = "main@sha1:0123456789abcdef0123456789abcdef01234567";
    let mut push = Command::new(flux);
    push.args([
        "push",
        "artifact",
        &address,
        "--insecure-registry",
        "--output=json",
    ]);
    push.args(["--source=https://git.example/app", "--revision", origin])
        .arg("--path")
        .arg(&folder);
    let said = block_in_place(|| output(&mut push, registry.folder.path()))?;
    let pushed: Value = serde_json::from_str(&said).with_context(|| said.clone())?;

    source(
        stage,
        "OCIRepository",
        "manifests",
        json!({"url": registry.url("manifests"), "ref": {"tag": "v1"}}),
    )
    .await?;
    let pulled = stage
        .world
        .ready(("OCIRepository", &stage.namespace, "manifests"), "True", "")
        .await?;
    let artifact = &pulled["status"]["artifact"];
    let revision = format!("v1@{}", pushed["digest"].as_str().unwrap_or_default());
    ensure!(
        artifact["revision"] == *revision,
        "{} and not {revision}",
        artifact["revision"]
    );
    let source = json!({"kind": "OCIRepository", "name": "manifests"});
    stage
        .kustomization("pushed", json!({"path": "./", "sourceRef": source}))
        .await?;
    stage
        .sees("ConfigMap", "pushed", "/data/by", json!("flux"))
        .await?;
    stage
        .sees(
            "Kustomization",
            "pushed",
            "/status/lastAppliedOriginRevision",
            json!(origin),
        )
        .await
        .map(drop)
}

/// Creates a source at plain http that is looked at on request only.
async fn source(stage: &Stage, kind: &str, name: &str, mut spec: Value) -> anyhow::Result<()> {
    (spec["interval"], spec["insecure"]) = (json!("1h"), json!(true));
    let object = json!({"apiVersion": "source.toolkit.fluxcd.io/v1", "kind": kind,
        "metadata": {"name": name, "namespace": stage.namespace}, "spec": spec});
    stage.world.apply(object).await.map(drop)
}

async fn release(stage: &Stage, name: &str, mut spec: Value) -> anyhow::Result<()> {
    spec["interval"] = json!("1h");
    let object = json!({"apiVersion": "helm.toolkit.fluxcd.io/v2", "kind": "HelmRelease",
        "metadata": {"name": name, "namespace": stage.namespace}, "spec": spec});
    stage.world.apply(object).await.map(drop)
}

impl Programs {
    /// Finds the programs; prints a line if one is missing.
    fn find() -> Option<Self> {
        let found = |name: &str| {
            let program = env::var_os(name);
            if program.is_none() {
                println!("not played: {name} names no program");
            }
            program
        };
        Some(Self {
            registry: found("REGISTRY_BIN")?,
            helm: found("HELM_BIN")?,
            flux: found("FLUX_BIN")?,
        })
    }
}

impl Reference {
    /// Starts a registry with an empty folder on a free port, and waits until it answers.
    fn start(program: &OsStr) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let (host, data) = (format!("127.0.0.1:{port}"), folder.path().join("data"));
        let settings = json!({"version": 0.1, "log": {"level": "error"}, "http": {"addr": host},
            "storage": {"filesystem": {"rootdirectory": data}}});
        let file = folder.path().join("registry.yml");
        fs::write(&file, settings.to_string())?;
        fs::create_dir_all(folder.path().join("web/templates"))?;
        for (path, text) in CHART {
            fs::write(folder.path().join("web").join(path), text)?;
        }
        let mut command = Command::new(program);
        command.arg("serve").arg(&file);
        // It says of every request what it did.
        command.stdout(Stdio::null()).stderr(Stdio::null());
        // It would send traces to a collector.
        command.env("OTEL_TRACES_EXPORTER", "none");
        let process = command.spawn().context("start the registry")?;
        let registry = Self {
            process,
            host,
            folder,
        };
        let end = Instant::now() + LONG;
        while TcpStream::connect(&*registry.host).is_err() {
            ensure!(Instant::now() < end, "the registry does not answer");
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(registry)
    }

    fn url(&self, path: &str) -> String {
        format!("oci://{}/{path}", self.host)
    }

    /// Packs the chart with a version and pushes it; returns the digest that `helm` prints.
    fn push_chart(&self, helm: &OsStr, version: &str) -> anyhow::Result<String> {
        let mut package = Command::new(helm);
        package
            .args(["package", "web", "--version", version])
            .current_dir(self.folder.path());
        output(&mut package, self.folder.path())?;
        let (file, to) = (format!("web-{version}.tgz"), self.url("charts"));
        let mut push = Command::new(helm);
        push.args(["push", &file, &to, "--plain-http"])
            .current_dir(self.folder.path());
        let said = output(&mut push, self.folder.path())?;
        let digest = lode_yaml::parse(said.as_bytes(), Dialect::V3).ok();
        let digest = digest.and_then(|said| said["Digest"].as_str().map(str::to_owned));
        digest.with_context(|| format!("helm push names a digest: {said}"))
    }
}

impl Drop for Reference {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Runs a client whose home is a folder; returns what it prints.
fn output(command: &mut Command, home: &Path) -> anyhow::Result<String> {
    let run = command
        .env("HOME", home)
        .output()
        .with_context(|| format!("run {command:?}"))?;
    let [out, err] =
        [run.stdout, run.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    ensure!(run.status.success(), "{command:?}: {err}");
    // Where helm prints the digest depends on its version.
    Ok(if out.trim().is_empty() { err } else { out })
}
