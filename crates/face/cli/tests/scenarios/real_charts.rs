//! Real charts as releases: installed, upgraded, failed and rolled back, changed and removed by hand, deleted, and after
//! every step what `helm` says of them.
//!
//! All of them are played by `cargo xtask charts`, which sets `LODE_CHARTS`: how the names of the charts to play begin,
//! with commas between; empty for all. They come from Helm repositories, registries and Git.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use cases::Content;
use e2e::condition;
use lode_object::Value;
use lode_sandbox::{Charts, OciArtifact, Registry, RegistryAccess};
use lode_yaml::Dialect;
use serde_json::json;

use crate::flow::over;
use crate::ground;
use crate::helm_client::{Compared, HelmRender, Wanted};
use crate::stage::Stage;

/// Longest wait for a step of a release.
const STEP_MAX: Duration = Duration::from_mins(5);
/// How long an upgrade may take that cannot succeed.
const BROKEN_MAX: &str = "12s";
/// The annotation of objects that outlive their release.
const POLICY: &str = "helm.sh/resource-policy";

/// Where charts are served.
pub(crate) struct Market {
    pub(crate) charts: Charts,
    pub(crate) registry: Registry,
}

/// One chart that is played.
pub(crate) struct Played {
    pub(crate) name: String,
    /// Where the release gets the chart from.
    pub(crate) from: Value,
    /// The same chart for helm.
    pub(crate) package: PathBuf,
    pub(crate) values: Value,
    pub(crate) changed: Value,
    pub(crate) broken: Value,
    pub(crate) waits: bool,
}

/// Steps of a release, in their order.
#[derive(Debug, Clone, Copy)]
enum Step {
    Install,
    Upgrade,
    FailAndRollBack,
    RollBackByHand,
    UninstallByHand,
    Delete,
}

const STEPS: [Step; 6] = [
    Step::Install,
    Step::Upgrade,
    Step::FailAndRollBack,
    Step::RollBackByHand,
    Step::UninstallByHand,
    Step::Delete,
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn real_charts_are_released_as_helm_would() {
    let Ok(only) = std::env::var("LODE_CHARTS") else {
        println!("not played: LODE_CHARTS names no charts");
        return;
    };
    if !ground::has_helm() {
        return;
    }
    Stage::play("real-charts", async |stage| {
        let rows = include_bytes!("real_charts/charts.yaml");
        let rows = lode_yaml::parse(rows, Dialect::V3)?;
        let rows = rows.as_array().context("the charts are a list")?;
        let market = Market {
            charts: Charts::start().await?,
            registry: Registry::start(RegistryAccess::Open).await?,
        };
        let is_named = |row: &&Value| {
            let name = row["name"].as_str().unwrap_or_default();
            only.split(',').any(|part| name.starts_with(part))
        };
        let named = rows.iter().filter(is_named);
        let named: Vec<&Value> = named.collect();
        unpack(stage, &named)?;
        let (mut compared, mut steps) = (Compared::default(), 0);
        for row in &named {
            let name = row["name"].as_str().unwrap_or_default();
            stage.namespace = format!("e2e-chart-{name}");
            stage.add_namespace(&stage.namespace.clone()).await?;
            let way = row["way"].as_str().unwrap_or_default();
            let note = row["note"]
                .as_str()
                .map(|note| format!(", waits for nothing: {note}"));
            println!("{name} ({way}{})", note.unwrap_or_default());
            let played = market.offer(stage, row).await?;
            let one = played.play(stage, &mut steps).await;
            compared.count += one.count;
            compared
                .differences
                .extend(one.differences.iter().map(|it| format!("{name}: {it}")));
        }
        println!(
            "{} charts, {steps} steps, {} comparisons, {} differences",
            named.len(),
            compared.count,
            compared.differences.len()
        );
        ensure!(!named.is_empty(), "no chart is named like that");
        ensure!(
            compared.differences.is_empty(),
            "{}",
            compared.differences.join("\n")
        );
        Ok(())
    })
    .await;
}

/// Unpacks the charts from the corpus.
fn unpack(stage: &Stage, rows: &[&Value]) -> anyhow::Result<()> {
    let folders: BTreeSet<&str> = rows
        .iter()
        .filter_map(|row| row["folder"].as_str())
        .collect();
    let root = stage.folder().join("corpus");
    let mut failed = None;
    let is_here = cases::visit(cases::CHARTS, |path, content| {
        let mut parts = path
            .strip_prefix("helm/charts/")
            .unwrap_or(&path)
            .splitn(2, '/');
        let is_wanted = parts.next().is_some_and(|folder| folders.contains(folder));
        let file = root.join(path.strip_prefix("helm/charts/").unwrap_or(&path));
        if let (true, Content::File(bytes), Some(parent)) = (is_wanted, content, file.parent()) {
            let written = fs::create_dir_all(parent).and_then(|()| fs::write(&file, bytes));
            failed = failed.take().or(written.err());
        }
    });
    ensure!(is_here, "the corpus is not here");
    failed.map_or(Ok(()), |error| Err(error.into()))
}

impl Market {
    /// Serves a chart in the way of its row.
    pub(crate) async fn offer(&self, stage: &Stage, row: &Value) -> anyhow::Result<Played> {
        let text = |field: &str| row[field].as_str().unwrap_or_default();
        let name = text("name");
        let folder = stage
            .folder()
            .join("corpus")
            .join(text("folder"))
            .join("chart");
        let mut package = packed(stage, &folder.to_string_lossy(), &[])?;
        let from = match text("way") {
            "git" => {
                stage.repository.copy(&folder, &format!("charts/{name}"))?;
                stage.repository.push("chart")?;
                stage.source().await?;
                let source = json!({"kind": "GitRepository", "name": "app"});
                json!({"chart": {"spec": {"chart": format!("./charts/{name}"), "sourceRef": source}}})
            }
            "oci" => {
                let (tag, digest) = self.push(name, &package)?;
                let url = format!("oci://{}/{name}", self.registry.host());
                let spec = json!({"interval": "1h", "url": url, "insecure": true, "ref": {"tag": tag},
                    "layerSelector": {"mediaType": LAYER, "operation": "copy"}});
                apply(
                    stage,
                    "source.toolkit.fluxcd.io/v1",
                    "OCIRepository",
                    name,
                    spec,
                )
                .await?;
                // Flux tells charts of a registry apart by their digest.
                let version = version_of(&package, name)?;
                let version = format!("{version}+{digest:.12}");
                package = packed(stage, &folder.to_string_lossy(), &["--version", &version])?;
                json!({"chartRef": {"kind": "OCIRepository", "name": name}})
            }
            way => self.list(stage, name, &package, way).await?,
        };
        Ok(Played {
            name: name.to_owned(),
            from,
            package,
            values: row["values"].clone(),
            changed: row["changed"].clone(),
            broken: row["broken"].clone(),
            waits: row["note"].is_null(),
        })
    }

    /// Serves a chart in a Helm repository of its own.
    async fn list(
        &self,
        stage: &Stage,
        name: &str,
        package: &Path,
        way: &str,
    ) -> anyhow::Result<Value> {
        let folder = package.parent().context("a package is in a folder")?;
        stage.helm(&["repo", "index", &folder.to_string_lossy()])?;
        for file in [&folder.join("index.yaml"), package] {
            let file_name = file.file_name().unwrap_or_default().to_string_lossy();
            self.charts
                .put(&format!("/{name}/{file_name}"), fs::read(file)?);
        }
        let url = self.charts.url(&format!("/{name}"));
        let group = "source.toolkit.fluxcd.io/v1";
        let spec = json!({"interval": "1h", "url": url});
        apply(stage, group, "HelmRepository", name, spec).await?;
        let source = json!({"kind": "HelmRepository", "name": name});
        if way == "chart" {
            let spec = json!({"interval": "1h", "chart": name, "sourceRef": source});
            apply(stage, group, "HelmChart", name, spec).await?;
            return Ok(json!({"chartRef": {"kind": "HelmChart", "name": name}}));
        }
        Ok(json!({"chart": {"spec": {"chart": name, "sourceRef": source}}}))
    }

    /// Pushes a package as `helm push` does; returns the tag and the digest of the manifest.
    fn push(&self, name: &str, package: &Path) -> anyhow::Result<(String, String)> {
        let version = version_of(package, name)?;
        let artifact = OciArtifact {
            config_type: "application/vnd.cncf.helm.config.v1+json".to_owned(),
            config: json!({"name": name, "version": version})
                .to_string()
                .into_bytes(),
            layers: vec![(LAYER.to_owned(), fs::read(package)?)],
            annotations: Vec::new(),
        };
        let tag = version.replace('+', "_");
        let digest = self.registry.push(name, &tag, &artifact);
        Ok((tag, digest.hex()))
    }
}

/// Media type of a packed chart.
const LAYER: &str = "application/vnd.cncf.helm.chart.content.v1.tar+gzip";

/// Packs a chart into a new folder.
fn packed(stage: &Stage, folder: &str, flags: &[&str]) -> anyhow::Result<PathBuf> {
    let to = tempfile::tempdir_in(stage.folder())?.keep();
    let target = to.to_string_lossy();
    stage.helm(&[&["package", folder, "--destination", &*target], flags].concat())?;
    let packed = fs::read_dir(&to)?.next().context("helm packs a chart")?;
    Ok(packed?.path())
}

/// Returns the version in the name of a package.
fn version_of(package: &Path, name: &str) -> anyhow::Result<String> {
    let file = package
        .file_stem()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    let version = file
        .strip_prefix(name)
        .and_then(|rest| rest.strip_prefix('-'));
    Ok(version
        .with_context(|| format!("{file} is {name} with a version"))?
        .to_owned())
}

async fn apply(
    stage: &Stage,
    api_version: &str,
    kind: &str,
    name: &str,
    spec: Value,
) -> anyhow::Result<()> {
    let metadata = json!({"name": name, "namespace": stage.namespace});
    let object =
        json!({"apiVersion": api_version, "kind": kind, "metadata": metadata, "spec": spec});
    stage.world.apply(object).await.map(drop)
}

impl Played {
    /// Plays all steps; one that does not come to its end is a difference, and the release is deleted all the same.
    pub(crate) async fn play(&self, stage: &Stage, steps: &mut usize) -> Compared {
        let mut all = Compared::default();
        let mut is_broken = false;
        for step in STEPS {
            if is_broken && !matches!(step, Step::Delete) {
                continue;
            }
            let (since, mut compared) = (Instant::now(), Compared::default());
            let ended = self.step(stage, step, &mut compared).await;
            if let Err(error) = ended {
                is_broken = true;
                compared.holds(false, || format!("does not end: {error:#}"));
            }
            *steps += 1;
            let (count, seconds) = (compared.count, since.elapsed().as_secs_f64());
            let different = compared.differences.len();
            println!(
                "  {step:<16?} {seconds:>6.1} s {count:>4} comparisons {different:>3} differences"
            );
            for difference in &compared.differences {
                println!("      {difference}");
            }
            all.count += count;
            let told = compared.differences.iter();
            all.differences
                .extend(told.map(|it| format!("{step:?}: {it}")));
        }
        all
    }

    async fn step(&self, stage: &Stage, step: Step, compared: &mut Compared) -> anyhow::Result<()> {
        match step {
            Step::Install => self.install(stage, compared).await,
            Step::Upgrade => self.upgrade(stage, compared).await,
            Step::FailAndRollBack => self.fail(stage, compared).await,
            Step::RollBackByHand => self.roll_back_by_hand(stage, compared).await,
            Step::UninstallByHand => self.uninstall_by_hand(stage, compared).await,
            Step::Delete => self.delete(stage, compared).await,
        }
    }

    async fn install(&self, stage: &Stage, compared: &mut Compared) -> anyhow::Result<()> {
        let render = self.would_install(stage).await?;
        self.release(stage, &self.values, "3m").await?;
        self.until(stage, ("Ready", "True", "InstallSucceeded"), 1)
            .await?;
        self.compare(stage, &self.values, render.as_ref(), compared)
            .await
    }

    /// Returns what helm would install. It cannot render objects whose definitions are missing, so they exist
    /// meanwhile.
    async fn would_install(&self, stage: &Stage) -> anyhow::Result<Option<HelmRender>> {
        if let Ok(render) = self.would(stage, "install", &self.values) {
            return Ok(render);
        }
        let crds = stage.helm(&["show", "crds", &self.package.to_string_lossy()])?;
        let mut names = Vec::new();
        for document in lode_chart::manifest::split(&crds) {
            let crd = lode_yaml::parse(document.as_bytes(), Dialect::V2)?;
            if let Some(name) = crd["metadata"]["name"].as_str() {
                names.push(name.to_owned());
                stage.world.apply(crd).await?;
            }
        }
        let kind = "CustomResourceDefinition";
        for name in &names {
            let is_served = |found: Option<&Value>| {
                condition(found, "Established").is_some_and(|it| it["status"] == "True")
            };
            stage
                .world
                .until((kind, "", name), STEP_MAX, is_served)
                .await?;
        }
        let render = self.would(stage, "install", &self.values);
        for name in &names {
            stage.world.delete(kind, "", name).await?;
        }
        for name in &names {
            let is_gone = |found: Option<&Value>| found.is_none();
            stage
                .world
                .until((kind, "", name), STEP_MAX, is_gone)
                .await?;
        }
        render
    }

    async fn upgrade(&self, stage: &Stage, compared: &mut Compared) -> anyhow::Result<()> {
        let render = self.would(stage, "upgrade", &self.changed)?;
        self.release(stage, &self.changed, "3m").await?;
        self.until(stage, ("Ready", "True", "UpgradeSucceeded"), 2)
            .await?;
        self.compare(stage, &self.changed, render.as_ref(), compared)
            .await
    }

    /// An upgrade fails and is rolled back: the release is what it was.
    async fn fail(&self, stage: &Stage, compared: &mut Compared) -> anyhow::Result<()> {
        let manifest = stage.helm(&["get", "manifest", &self.name])?;
        self.release(stage, &self.broken, BROKEN_MAX).await?;
        self.until(stage, ("Stalled", "True", "RetriesExceeded"), 4)
            .await?;
        let object = self
            .until(stage, ("Remediated", "True", "RollbackSucceeded"), 4)
            .await?;
        let why = condition(Some(&object), "Released").map(|it| it["message"].to_string());
        let why = why.unwrap_or_default();
        let why = why.rsplit("chart ").next().unwrap_or_default();
        println!("      failed as meant: {why:.120}");
        compared.holds(!why.contains("succeeded"), || {
            format!("the upgrade did not fail: {why}")
        });
        let after = stage.helm(&["get", "manifest", &self.name])?;
        compared.holds(after == manifest, || {
            "the manifest is another one after the rollback".to_owned()
        });
        let states = self.states(stage)?;
        let wanted = ["superseded", "superseded", "failed", "deployed"];
        compared.equal("states in helm history", &json!(wanted), &json!(states));
        self.compare(stage, &self.changed, None, compared).await
    }

    /// Somebody rolls back with helm: the operator upgrades to what is wanted.
    async fn roll_back_by_hand(
        &self,
        stage: &Stage,
        compared: &mut Compared,
    ) -> anyhow::Result<()> {
        self.release(stage, &self.changed, "3m").await?;
        self.until(stage, ("Ready", "True", "UpgradeSucceeded"), 4)
            .await?;
        stage.helm(&["rollback", &self.name, "1", "--force-conflicts"])?;
        let values = stage.helm_json(&["get", "values", &self.name])?;
        let values = if values.is_null() { json!({}) } else { values };
        compared.equal("values after helm rollback", &self.values, &values);
        let render = self.would(stage, "upgrade", &self.changed)?;
        self.reconcile(stage).await?;
        self.until(stage, ("Ready", "True", "UpgradeSucceeded"), 6)
            .await?;
        self.compare(stage, &self.changed, render.as_ref(), compared)
            .await
    }

    /// Somebody uninstalls with helm: the operator installs again.
    async fn uninstall_by_hand(
        &self,
        stage: &Stage,
        compared: &mut Compared,
    ) -> anyhow::Result<()> {
        stage.helm(&["uninstall", &self.name])?;
        let render = self.would(stage, "install", &self.changed)?;
        self.reconcile(stage).await?;
        self.until(stage, ("Ready", "True", "InstallSucceeded"), 1)
            .await?;
        self.compare(stage, &self.changed, render.as_ref(), compared)
            .await
    }

    /// The `HelmRelease` is deleted: only what wants to stay stays.
    async fn delete(&self, stage: &Stage, compared: &mut Compared) -> anyhow::Result<()> {
        let manifest = stage
            .helm(&["get", "manifest", &self.name])
            .unwrap_or_default();
        stage
            .world
            .delete("HelmRelease", &stage.namespace, &self.name)
            .await?;
        let what = ("HelmRelease", &*stage.namespace, &*self.name);
        stage
            .world
            .until(what, STEP_MAX, |found| found.is_none())
            .await?;
        let listed = stage.helm_json(&["list", "--filter", &format!("^{}$", self.name)])?;
        compared.equal("helm list", &json!([]), &listed);
        let secrets = stage
            .world
            .list("Secret", &stage.namespace, "?labelSelector=owner%3Dhelm")
            .await?;
        compared.holds(secrets.is_empty(), || {
            format!("{} records are left", secrets.len())
        });
        let mut left = stage.live(&manifest).await?.0;
        left.retain(|object| {
            let metadata = &object["metadata"];
            metadata["annotations"][POLICY] != "keep" && metadata["deletionTimestamp"].is_null()
        });
        let names: Vec<String> = left
            .iter()
            .map(|it| format!("{}/{}", it["kind"], it["metadata"]["name"]))
            .collect();
        compared.holds(left.is_empty(), || {
            format!("left behind: {}", names.join(", "))
        });
        Ok(())
    }

    /// Creates or changes the release.
    pub(crate) async fn release(
        &self,
        stage: &Stage,
        values: &Value,
        upgrade_timeout: &str,
    ) -> anyhow::Result<()> {
        let how = json!({"disableWait": !self.waits});
        let remediation =
            json!({"retries": 0, "remediateLastFailure": true, "strategy": "rollback"});
        let upgrade = over(
            how.clone(),
            &json!({"timeout": upgrade_timeout, "remediation": remediation}),
        );
        let spec = json!({"interval": "1h", "timeout": "3m", "values": values, "install": how, "upgrade": upgrade,
            "rollback": how});
        apply(
            stage,
            "helm.toolkit.fluxcd.io/v2",
            "HelmRelease",
            &self.name,
            over(spec, &self.from),
        )
        .await
    }

    /// Waits until the release has a revision and a condition of its generation; another end is an error.
    pub(crate) async fn until(
        &self,
        stage: &Stage,
        (of, status, reason): (&str, &str, &str),
        version: i64,
    ) -> anyhow::Result<Value> {
        let what = ("HelmRelease", &*stage.namespace, &*self.name);
        let is = |found: Option<&Value>, of: &str, status: &str, reason: &str| {
            let condition = condition(found, of);
            condition.is_some_and(|it| {
                it["status"] == status
                    && (reason.is_empty() || it["reason"] == reason)
                    && Some(&it["observedGeneration"])
                        == found.map(|found| &found["metadata"]["generation"])
            })
        };
        let has_ended = |found: Option<&Value>| {
            let is_latest =
                found.is_some_and(|it| it["status"]["history"][0]["version"] == version);
            is_latest && is(found, of, status, reason)
                || is(found, "Stalled", "True", "") && of != "Remediated"
                || of == "Remediated" && is(found, of, "False", "")
        };
        let found = stage.world.until(what, STEP_MAX, has_ended).await?;
        let (_, seen) = (
            is(found.as_ref(), of, status, reason),
            found.context("the release exists")?,
        );
        if !is(Some(&seen), of, status, reason) {
            let ready = condition(Some(&seen), "Ready").cloned().unwrap_or_default();
            bail!(
                "wanted {of}={status} {reason}, but {}: {}",
                ready["reason"],
                ready["message"]
            );
        }
        Ok(seen)
    }

    /// Requests a reconcile.
    async fn reconcile(&self, stage: &Stage) -> anyhow::Result<()> {
        let token = format!("{:?}", Instant::now());
        let notes =
            json!({"metadata": {"annotations": {"reconcile.fluxcd.io/requestedAt": token}}});
        stage
            .world
            .patch("HelmRelease", &stage.namespace, &self.name, notes)
            .await
            .map(drop)
    }

    /// Returns the states in helm's history, the oldest first.
    fn states(&self, stage: &Stage) -> anyhow::Result<Vec<String>> {
        let rows = stage.helm_json(&["history", &self.name])?;
        let states = rows.as_array().into_iter().flatten();
        Ok(states
            .map(|row| row["status"].as_str().unwrap_or_default().to_owned())
            .collect())
    }

    fn would(
        &self,
        stage: &Stage,
        action: &str,
        values: &Value,
    ) -> anyhow::Result<Option<HelmRender>> {
        stage.helm_would(action, (&self.name, &self.package), values)
    }

    async fn compare(
        &self,
        stage: &Stage,
        values: &Value,
        render: Option<&HelmRender>,
        compared: &mut Compared,
    ) -> anyhow::Result<()> {
        let name = &self.name;
        stage
            .agrees(
                &Wanted {
                    name,
                    values,
                    render,
                },
                compared,
            )
            .await
    }
}
