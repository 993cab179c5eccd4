//! `lode build --enable-helm` and `--helm`: charts are fetched from a repository or a registry before the build,
//! kept by digest, and read from the chart home if they are there.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::Context as _;
use lode_chart::{Chart, ChartFile};
use lode_sandbox::{Charts, OciArtifact, Registry, RegistryAccess};
use lode_stdx::budget::Budget;

use crate::ground;

const TEMPLATE: &[u8] =
    b"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: \"{{ .Release.Name }}\"}\ndata: {color: \"{{ .Values.color }}\"}\n";

/// Packs a chart with one template.
fn packed(name: &str, version: &str, values: &str) -> anyhow::Result<Vec<u8>> {
    let head = format!("apiVersion: v2\nname: {name}\nversion: {version}\n");
    let files = vec![
        ChartFile::new("Chart.yaml", head.as_bytes()),
        ChartFile::new("values.yaml", values.as_bytes()),
        ChartFile::new("templates/a.yaml", TEMPLATE),
    ];
    let chart = Chart::from_files(files, &Budget::unlimited())?;
    let mut bytes = Vec::new();
    chart.pack(&mut bytes)?;
    Ok(bytes)
}

/// Runs a build; returns its output, or what it says if it fails.
fn build(folder: &Path, cache: &Path, flags: &[&str]) -> anyhow::Result<(bool, String)> {
    let run = Command::new(ground::binary())
        .args(["build", "."])
        .args(flags)
        .current_dir(folder)
        .env("XDG_CACHE_HOME", cache)
        .output();
    let run = run.context("run lode")?;
    let text = if run.status.success() {
        run.stdout
    } else {
        run.stderr
    };
    Ok((run.status.success(), String::from_utf8(text)?))
}

const LOCAL: &[&str] = &["--enable-helm", "--egress-allow", "127.0.0.0/8"];

fn object(color: &str) -> String {
    format!("apiVersion: v1\ndata:\n  color: {color}\nkind: ConfigMap\nmetadata:\n  name: r\n")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_chart_of_a_repository_is_fetched_once_and_kept() {
    let charts = Charts::start().await.unwrap();
    charts.put("/index.yaml", "apiVersion: v1\nentries:\n  web:\n  - {name: web, version: 1.0.0, urls: [web-1.0.0.tgz]}\n  \
        - {name: web, version: 1.1.0, urls: [web-1.1.0.tgz]}\n  evil:\n  - {name: evil, version: 1.0.0, urls: [evil.tgz]}\n");
    charts.put(
        "/web-1.0.0.tgz",
        packed("web", "1.0.0", "color: blue\n").unwrap(),
    );
    charts.put(
        "/web-1.1.0.tgz",
        packed("web", "1.1.0", "color: green\n").unwrap(),
    );
    charts.put("/evil.tgz", packed("other", "1.0.0", "a: b\n").unwrap());
    let (folder, cache) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let wants = |lines: &str| {
        let url = charts.url("");
        let text = format!("helmCharts:\n- releaseName: r\n  repo: {url}\n{lines}");
        fs::write(folder.path().join("kustomization.yaml"), text).unwrap();
    };
    let build = |flags: &[&str]| build(folder.path(), cache.path(), flags).unwrap();

    wants("  name: web\n  version: 1.0.0\n");
    let (done, text) = build(&[]);
    assert!(
        !done && text.contains("must specify --enable-helm"),
        "{text}"
    );
    let (done, text) = build(&["--enable-helm"]);
    assert!(!done && text.contains("egress"), "{text}");
    let (done, text) = build(&["--enable-helm", "--offline"]);
    assert!(!done && text.contains("was not fetched before"), "{text}");
    assert_eq!(charts.take_requests().len(), 0);

    assert_eq!(build(LOCAL), (true, object("blue")));
    assert_eq!(charts.take_requests().len(), 2);
    // A version that is written out is not asked for again.
    assert_eq!(
        build(&["--enable-helm", "--offline"]),
        (true, object("blue"))
    );
    assert_eq!(build(LOCAL), (true, object("blue")));
    assert_eq!(charts.take_requests().len(), 0);

    wants("  name: web\n");
    assert_eq!(build(LOCAL), (true, object("green")));
    wants("  name: web\n  version: ~1.0\n  valuesInline: {color: red}\n");
    assert_eq!(build(LOCAL), (true, object("red")));
    wants("  name: web\n  version: 9.0.0\n");
    let (done, text) = build(LOCAL);
    assert!(
        !done
            && text
                .contains("kustomization.yaml:2: helmCharts: fetch the chart web 9.0.0 of http://"),
        "{text}"
    );
    wants("  name: evil\n");
    let (done, text) = build(LOCAL);
    assert!(!done && text.contains("is not called \"evil\""), "{text}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_chart_of_a_registry_is_fetched_and_one_in_the_chart_home_is_not() {
    let registry = Registry::start(RegistryAccess::default()).await.unwrap();
    let layer = (
        "application/vnd.cncf.helm.chart.content.v1.tar+gzip".to_owned(),
        packed("web", "1.0.0", "color: blue\n").unwrap(),
    );
    let artifact = OciArtifact {
        layers: vec![layer],
        ..OciArtifact::default()
    };
    registry.push("charts/web", "1.0.0", &artifact);
    let (folder, cache) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let text = format!(
        "helmCharts: [{{name: web, version: 1.0.0, releaseName: r, repo: \"oci://{}/charts\"}}]\n",
        registry.host()
    );
    fs::write(folder.path().join("kustomization.yaml"), text).unwrap();
    let outcome = build(folder.path(), cache.path(), LOCAL).unwrap();
    assert_eq!(outcome, (true, object("blue")));

    let home = folder.path().join("charts/web-1.0.0/web");
    fs::create_dir_all(home.join("templates")).unwrap();
    for (name, text) in [
        (
            "Chart.yaml",
            &b"apiVersion: v2\nname: web\nversion: 0.0.1\n"[..],
        ),
        ("values.yaml", b"color: home\n"),
        ("templates/a.yaml", TEMPLATE),
    ] {
        fs::write(home.join(name), text).unwrap();
    }
    let outcome = build(folder.path(), cache.path(), &["--enable-helm"]).unwrap();
    assert_eq!(outcome, (true, object("home")));
}

const RELEASES: &str = "apiVersion: source.toolkit.fluxcd.io/v1
kind: HelmRepository
metadata: {name: charts, namespace: team}
spec: {interval: 1m, url: \"CHARTS\"}
---
apiVersion: source.toolkit.fluxcd.io/v1
kind: OCIRepository
metadata: {name: web, namespace: team}
spec: {interval: 1m, url: \"oci://REGISTRY/charts/web\", ref: {semver: \">=1.0.0\"}}
---
apiVersion: helm.toolkit.fluxcd.io/v2
kind: HelmRelease
metadata: {name: one, namespace: team}
spec:
  interval: 1m
  chart: {spec: {chart: web, version: 1.x, sourceRef: {kind: HelmRepository, name: charts}}}
---
apiVersion: helm.toolkit.fluxcd.io/v2
kind: HelmRelease
metadata: {name: two, namespace: team}
spec: {interval: 1m, chartRef: {kind: OCIRepository, name: web}, values: {color: red}}
";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn releases_are_followed_to_repositories_and_registries() {
    let charts = Charts::start().await.unwrap();
    charts.put(
        "/index.yaml",
        "apiVersion: v1\nentries:\n  web:\n  - {name: web, version: 1.0.0, urls: [web.tgz]}\n",
    );
    charts.put("/web.tgz", packed("web", "1.0.0", "color: blue\n").unwrap());
    let registry = Registry::start(RegistryAccess::default()).await.unwrap();
    let artifact = OciArtifact {
        layers: vec![(
            "application/vnd.cncf.helm.chart.content.v1.tar+gzip".to_owned(),
            packed("web", "1.1.0", "color: green\n").unwrap(),
        )],
        ..OciArtifact::default()
    };
    registry.push("charts/web", "1.1.0", &artifact);
    let (folder, cache) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let text = RELEASES
        .replace("CHARTS", &charts.url(""))
        .replace("REGISTRY", &registry.host());
    fs::write(folder.path().join("a.yaml"), text).unwrap();
    let kustomization = folder.path().join("kustomization.yaml");
    fs::write(kustomization, "resources: [a.yaml]\n").unwrap();

    let local = &["--helm", "--egress-allow", "127.0.0.0/8"];
    let (done, refused) = build(folder.path(), cache.path(), &["--helm"]).unwrap();
    assert!(
        !done && refused.contains("HelmRelease/team/one (a.yaml:11)"),
        "{refused}"
    );
    let (done, text) = build(folder.path(), cache.path(), local).unwrap();
    assert!(done, "{text}");
    for (name, color) in [("one", "blue"), ("two", "red")] {
        let object = format!(
            "apiVersion: v1\ndata:\n  color: {color}\nkind: ConfigMap\nmetadata:\n  labels:\n    helm.toolkit.fluxcd.io/name: {name}\n    \
             helm.toolkit.fluxcd.io/namespace: team\n  name: {name}\n  namespace: team\n"
        );
        assert!(text.contains(&object), "{text}");
    }
    // What was fetched last counts without a network.
    let again = build(folder.path(), cache.path(), &["--helm", "--offline"]).unwrap();
    assert_eq!(again, (true, text));
}
