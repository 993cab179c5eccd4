//! How long a live edit lasts, and how long a push takes to be applied.

use std::time::{Duration, Instant};

use e2e::Operator;
use lode_object::Value;
use serde_json::json;

use crate::print::{figure, line};
use crate::stage::{Stage, application, kustomization, repository};

const NAMESPACE: &str = "bench-latency";
const WITHIN: Duration = Duration::from_mins(1);
/// Edits per object before the next one is used: a third edit within a minute would count as a
/// fight.
const EDITS_EACH: usize = 2;

/// Prints the distribution of both.
pub(crate) async fn run(count: usize) -> anyhow::Result<()> {
    let stage = Stage::set().await?;
    stage.namespace(NAMESPACE).await?;
    let folder = stage.git.repository("latency")?;
    let applications = count.div_ceil(EDITS_EACH);
    for object in (0..applications).flat_map(|n| application(NAMESPACE, n)) {
        let name = format!(
            "{}-{}",
            object["kind"].as_str().unwrap_or_default(),
            object["metadata"]["name"].as_str().unwrap_or_default()
        );
        folder.write(&format!("all/{name}.yaml"), &object.to_string())?;
    }
    folder.push("first")?;
    let operator = Operator::start(&stage.settings)?;
    stage
        .world
        .apply(repository(NAMESPACE, &folder.url, "1h"))
        .await?;
    stage
        .world
        .ready(("GitRepository", NAMESPACE, "fleet"), "True", "")
        .await?;
    stage
        .world
        .apply(kustomization(NAMESPACE, "all", "./all"))
        .await?;
    stage
        .world
        .ready(("Kustomization", NAMESPACE, "all"), "True", "")
        .await?;

    let mut reverts = Vec::new();
    for edit in 0..count {
        let name = format!("app-{}", edit % applications);
        let start = Instant::now();
        stage
            .world
            .patch(
                "Deployment",
                NAMESPACE,
                &name,
                json!({"spec": {"replicas": 3}}),
            )
            .await?;
        let back =
            |object: Option<&Value>| object.is_some_and(|object| object["spec"]["replicas"] == 0);
        stage
            .world
            .until(("Deployment", NAMESPACE, &name), WITHIN, back)
            .await?;
        reverts.push(start.elapsed());
    }
    line(&format!(
        "{count} live edits (replicas of a Deployment) until undone"
    ));
    spread(reverts);
    pushes(&stage, &folder, "requested reconcile", 20, true).await?;
    stage
        .world
        .apply(repository(NAMESPACE, &folder.url, "5s"))
        .await?;
    pushes(&stage, &folder, "interval of 5 s", 10, false).await?;
    operator.stop()?;
    stage.clear(NAMESPACE).await
}

async fn pushes(
    stage: &Stage,
    folder: &e2e::Repository,
    how: &str,
    count: usize,
    ask: bool,
) -> anyhow::Result<()> {
    let mut times = Vec::new();
    for number in 0..count {
        let color = format!("{how} {number}");
        let mut object = application(NAMESPACE, 0)[0].clone();
        object["data"]["color"] = color.as_str().into();
        folder.write("all/ConfigMap-app-0.yaml", &object.to_string())?;
        let start = Instant::now();
        folder.push(&color)?;
        if ask {
            let token =
                json!({"metadata": {"annotations": {"reconcile.fluxcd.io/requestedAt": color}}});
            stage
                .world
                .patch("GitRepository", NAMESPACE, "fleet", token)
                .await?;
        }
        let arrived =
            |found: Option<&Value>| found.is_some_and(|found| found["data"]["color"] == *color);
        stage
            .world
            .until(("ConfigMap", NAMESPACE, "app-0"), WITHIN, arrived)
            .await?;
        times.push(start.elapsed());
    }

    line(&format!("{count} pushes until applied, {how}"));
    spread(times);
    Ok(())
}

fn spread(mut times: Vec<Duration>) {
    times.sort();
    let ms = |time: Option<&Duration>| time.map_or(0.0, |time| time.as_secs_f64() * 1000.0);
    figure("median", ms(times.get(times.len() / 2)), "ms");
    figure("worst", ms(times.last()), "ms");
}
