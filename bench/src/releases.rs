//! Many releases of one chart with four objects each, and a bare client loop that makes the same writes.

use std::time::{Duration, Instant};

use e2e::Operator;
use lode_cluster::Target;
use serde_json::{Value, json};

use crate::bare;
use crate::costs::{Costs, idle};
use crate::follow::until;
use crate::print::{figure, line};
use crate::stage::{Stage, application, repository};

const NAMESPACE: &str = "bench-releases";
const BARE: &str = "bench-releases-bare";
/// Bytes of a record of this chart, compressed and encoded, about.
const RECORD_BYTES: usize = 2_000;

/// Runs both parts and prints their figures.
pub(crate) async fn run(count: usize) -> anyhow::Result<()> {
    let stage = Stage::set().await?;
    for namespace in [BARE, NAMESPACE] {
        stage.namespace(namespace).await?;
    }
    let bare = loop_of(&stage, count).await?;

    let folder = stage.git.repository("fleet")?;
    folder.write(
        "chart/Chart.yaml",
        "apiVersion: v2\nname: app\nversion: 1.0.0\n",
    )?;
    for object in templates() {
        let kind = object["kind"].as_str().unwrap_or_default().to_lowercase();
        let text = object.to_string().replace("app-0", "{{ .Release.Name }}");
        folder.write(&format!("chart/templates/{kind}.yaml"), &text)?;
    }
    folder.push("fleet")?;
    let operator = Operator::start(&stage.settings)?;
    stage
        .world
        .apply(repository(NAMESPACE, &folder.url, "1h"))
        .await?;
    stage.world.apply(chart()).await?;
    stage
        .world
        .ready(("HelmChart", NAMESPACE, "app"), "True", "")
        .await?;

    let operator = first(&stage, operator, count, bare).await?;
    let operator = again(&stage, operator, count).await?;
    operator.stop()?;
    stage.clear(BARE).await?;
    stage.clear(NAMESPACE).await
}

/// Applies the same objects, and a Secret as large as a record twice: when the release begins and when it ends.
async fn loop_of(stage: &Stage, count: usize) -> anyhow::Result<Duration> {
    line(&format!(
        "bare loop: {} objects and {count} records written twice, 8 connections",
        count * 4
    ));
    let record = |number: usize, status: &str| {
        let name = format!("record-{number}");
        json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name, "namespace": BARE,
            "labels": {"status": status}}, "stringData": {"release": "x".repeat(RECORD_BYTES)}})
    };
    let all = (0..count).flat_map(|number| {
        let objects = application(BARE, number).into_iter();
        let begun = std::iter::once(record(number, "pending-install"));
        begun.chain(objects).chain([record(number, "deployed")])
    });
    let took = bare::apply(&stage.world, all.collect()).await?;
    figure("time", took.as_secs_f64(), "s");
    bare::settle(&stage.world, BARE).await?;
    Ok(took)
}

/// Returns the objects that the chart renders for the release `app-0`.
fn templates() -> [Value; 4] {
    let mut objects = application("", 0);
    for object in &mut objects {
        if let Some(metadata) = object["metadata"].as_object_mut() {
            metadata.remove("namespace");
        }
    }
    objects
}

fn chart() -> Value {
    json!({"apiVersion": "source.toolkit.fluxcd.io/v1", "kind": "HelmChart",
        "metadata": {"name": "app", "namespace": NAMESPACE}, "spec": {"interval": "1h", "chart": "./chart",
        "sourceRef": {"kind": "GitRepository", "name": "fleet"}}})
}

fn release(number: usize) -> Value {
    json!({"apiVersion": "helm.toolkit.fluxcd.io/v2", "kind": "HelmRelease",
        "metadata": {"name": format!("app-{number}"), "namespace": NAMESPACE},
        "spec": {"interval": "1h", "timeout": "10m", "chartRef": {"kind": "HelmChart", "name": "app"}}})
}

async fn first(
    stage: &Stage,
    operator: Operator,
    count: usize,
    bare: Duration,
) -> anyhow::Result<Operator> {
    line(&format!(
        "{count} HelmReleases of 4 objects, created at once"
    ));
    let before = Costs::of(&operator)?;
    let start = Instant::now();
    bare::apply(&stage.world, (0..count).map(release).collect()).await?;
    figure("created after", start.elapsed().as_secs_f64(), "s");
    until(&stage.world, ("HelmRelease", NAMESPACE, count), |object| {
        let conditions = object["status"]["conditions"].as_array();
        conditions.is_some_and(|conditions| {
            conditions
                .iter()
                .any(|condition| condition["type"] == "Ready" && condition["status"] == "True")
        })
    })
    .await?;

    let took = start.elapsed();
    figure("all Ready after", took.as_secs_f64(), "s");
    let ratio = took.as_secs_f64() / bare.as_secs_f64();
    figure("ratio to the bare loop", ratio, "x  (mark <= 2.0)");
    idle(&operator).await?;
    Costs::of(&operator)?
        .since(&before)
        .print("HelmRelease", count);
    figure(
        "peak resident memory",
        operator.peak_mib()?,
        "MiB  (mark <= 80)",
    );
    Ok(operator)
}

async fn again(stage: &Stage, operator: Operator, count: usize) -> anyhow::Result<Operator> {
    line("all of it reconciled again on request: one status write each answers");
    let before = Costs::of(&operator)?;
    let start = Instant::now();
    let resource = stage.world.resource("HelmRelease");
    let patch = json!({"metadata": {"annotations": {"reconcile.fluxcd.io/requestedAt": "again"}}});
    for number in 0..count {
        let name = format!("app-{number}");
        let target = Target {
            namespace: NAMESPACE,
            name: &name,
            manager: "bench",
            dry_run: false,
        };
        stage
            .world
            .client
            .merge(&resource, target, "", &patch)
            .await?;
    }
    until(&stage.world, ("HelmRelease", NAMESPACE, count), |object| {
        object["status"]["lastHandledReconcileAt"] == "again"
    })
    .await?;
    figure("all answered after", start.elapsed().as_secs_f64(), "s");
    idle(&operator).await?;
    Costs::of(&operator)?
        .since(&before)
        .print("HelmRelease", count);
    Ok(operator)
}
