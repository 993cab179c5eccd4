//! Many releases of one chart with four objects each, from one `OCIRepository`.

use std::sync::Arc;

use anyhow::Context as _;
use e2e::Operator;
use lode_chart::{Chart, ChartFile, LIMITS};
use lode_object::Value;
use lode_sandbox::{OciArtifact, Registry, RegistryAccess};
use lode_stdx::budget::Budget;
use serde_json::json;

use crate::bare;
use crate::bare_releases::{BareRelease, PulledChart};
use crate::fleet::Fleet;
use crate::print::{figure, line};
use crate::stage::{Stage, application};

const NAMESPACE: &str = "bench-releases";
const BARE: &str = "bench-releases-bare";
const SOURCE: &str = "app";
const VERSION: &str = "1.0.0";
/// The media type of charts in registries.
const CHART_TYPE: &str = "application/vnd.cncf.helm.chart.content.v1.tar+gzip";

/// Runs the bare loop and all three parts, and prints their figures.
pub(crate) async fn run(count: usize) -> anyhow::Result<()> {
    let stage = Stage::set().await?;
    for namespace in [BARE, NAMESPACE] {
        stage.namespace(namespace).await?;
    }
    let chart = chart()?;
    let registry = Registry::start(RegistryAccess::Open).await?;
    let digest = push(&registry, &chart)?;
    let pulled = PulledChart::new(chart, digest);
    let bare = loop_of(&stage, &pulled, count).await?;

    let operator = Operator::start(&stage.settings)?;
    stage.world.apply(source(&registry)).await?;
    let source = ("OCIRepository", NAMESPACE, SOURCE);
    stage.world.ready(source, "True", "").await?;
    let fleet = Fleet {
        stage: &stage,
        kind: "HelmRelease",
        namespace: NAMESPACE,
        objects: (0..count)
            .map(|number| release(NAMESPACE, number))
            .collect(),
        bare,
        memory: "MiB  (mark <= 80)",
    };
    fleet.measure(operator).await?;
    stage.clear(BARE).await?;
    stage.clear(NAMESPACE).await
}

/// Makes releases as a client does that knows all its requests in advance.
async fn loop_of(
    stage: &Stage,
    chart: &PulledChart,
    count: usize,
) -> anyhow::Result<std::time::Duration> {
    let releases = (0..count).map(|number| {
        let object = release(BARE, number);
        BareRelease::of(chart, object, application(BARE, number))
    });
    let releases = Arc::new(releases.collect::<anyhow::Result<Vec<_>>>()?);
    line(&format!(
        "bare loop: {count} releases, 8 connections, {} requests each",
        BareRelease::REQUESTS
    ));
    let world = stage.world.clone();
    let took = bare::each(count, move |client, number| {
        let (releases, world) = (releases.clone(), world.clone());
        async move { releases[number].make(&world, &client).await }
    });
    let took = took.await?;
    figure("time", took.as_secs_f64(), "s");
    bare::settle(&stage.world, BARE).await?;
    // The operator has nothing to do with them.
    stage.remove("HelmRelease", BARE).await?;
    Ok(took)
}

/// Returns a chart of the four objects.
fn chart() -> anyhow::Result<Chart> {
    let head = format!("apiVersion: v2\nname: app\nversion: {VERSION}\n");
    let mut files = vec![ChartFile::new("Chart.yaml", head.as_bytes())];
    for mut object in application("", 0) {
        let metadata = object["metadata"].as_object_mut().context("metadata")?;
        metadata.remove("namespace");
        let kind = object["kind"].as_str().unwrap_or_default().to_lowercase();
        let text = object.to_string().replace("app-0", "{{ .Release.Name }}");
        files.push(ChartFile::new(
            format!("templates/{kind}.yaml"),
            text.as_bytes(),
        ));
    }
    Ok(Chart::from_files(files, &Budget::new(LIMITS))?)
}

/// Pushes the chart and returns the digest that it is pulled by.
fn push(registry: &Registry, chart: &Chart) -> anyhow::Result<String> {
    let mut bytes = Vec::new();
    chart.pack(&mut bytes)?;
    let artifact = OciArtifact {
        layers: vec![(CHART_TYPE.to_owned(), bytes)],
        ..OciArtifact::default()
    };
    Ok(registry.push("charts/app", VERSION, &artifact).to_string())
}

fn source(registry: &Registry) -> Value {
    let url = format!("oci://{}/charts/app", registry.host());
    json!({"apiVersion": "source.toolkit.fluxcd.io/v1", "kind": "OCIRepository",
        "metadata": {"name": SOURCE, "namespace": NAMESPACE},
        "spec": {"interval": "1h", "url": url, "insecure": true, "ref": {"tag": VERSION},
            "layerSelector": {"mediaType": CHART_TYPE, "operation": "copy"}}})
}

fn release(namespace: &str, number: usize) -> Value {
    json!({"apiVersion": "helm.toolkit.fluxcd.io/v2", "kind": "HelmRelease",
        "metadata": {"name": format!("app-{number}"), "namespace": namespace},
        "spec": {"interval": "1h", "timeout": "10m", "chartRef": {"kind": "OCIRepository", "name": SOURCE}}})
}
