//! Many Kustomizations of four objects each, from one repository, `wait: true`.

use std::time::{Duration, Instant};

use e2e::Operator;
use lode_cluster::Target;
use serde_json::json;

use crate::bare;
use crate::costs::{Costs, idle};
use crate::follow::until;
use crate::print::{figure, line};
use crate::stage::{Stage, application, kustomization, repository};

const NAMESPACE: &str = "bench-fleet";
const BARE: &str = "bench-fleet-bare";
const WITHIN: Duration = Duration::from_mins(30);

/// Runs all three parts and prints their figures.
pub(crate) async fn run(count: usize) -> anyhow::Result<()> {
    let stage = Stage::set().await?;
    for namespace in [BARE, NAMESPACE] {
        stage.namespace(namespace).await?;
    }
    line(&format!(
        "bare loop: {} objects, 8 connections, one server-side apply each",
        count * 4
    ));
    let loop_time = bare::apply(
        &stage.world,
        (0..count).flat_map(|n| application(BARE, n)).collect(),
    )
    .await?;
    figure("time", loop_time.as_secs_f64(), "s");
    bare::settle(&stage.world, BARE).await?;

    let folder = stage.git.repository("fleet")?;
    for number in 0..count {
        for object in application(NAMESPACE, number) {
            let file = format!(
                "apps/{number}/{}.yaml",
                object["kind"].as_str().unwrap_or_default().to_lowercase()
            );
            folder.write(&file, &object.to_string())?;
        }
    }
    folder.push("fleet")?;
    let operator = Operator::start(&stage.settings)?;
    stage
        .world
        .apply(repository(NAMESPACE, &folder.url, "1h"))
        .await?;
    stage
        .world
        .ready(("GitRepository", NAMESPACE, "fleet"), "True", "")
        .await?;

    let operator = first(&stage, operator, count, loop_time).await?;
    let operator = again(&stage, operator, count).await?;
    restart(&stage, operator, count).await?;
    stage.clear(BARE).await?;
    stage.clear(NAMESPACE).await
}

async fn first(
    stage: &Stage,
    operator: Operator,
    count: usize,
    bare: Duration,
) -> anyhow::Result<Operator> {
    line(&format!(
        "{count} Kustomizations of 4 objects, created at once"
    ));

    let before = Costs::of(&operator)?;
    let start = Instant::now();
    let all =
        (0..count).map(|n| kustomization(NAMESPACE, &format!("app-{n}"), &format!("./apps/{n}")));
    bare::apply(&stage.world, all.collect()).await?;
    figure("created after", start.elapsed().as_secs_f64(), "s");
    until(
        &stage.world,
        ("Kustomization", NAMESPACE, count),
        |object| {
            object["status"]["conditions"]
                .as_array()
                .is_some_and(|conditions| {
                    conditions.iter().any(|condition| {
                        condition["type"] == "Ready" && condition["status"] == "True"
                    })
                })
        },
    )
    .await?;

    let took = start.elapsed();
    figure("all Ready after", took.as_secs_f64(), "s");
    figure(
        "ratio to the bare loop",
        took.as_secs_f64() / bare.as_secs_f64(),
        "x  (mark <= 2.0)",
    );
    idle(&operator).await?;
    Costs::of(&operator)?
        .since(&before)
        .print("Kustomization", count);
    figure(
        "peak resident memory",
        operator.peak_mib()?,
        "MiB  (mark <= 60)",
    );
    Ok(operator)
}

async fn again(stage: &Stage, operator: Operator, count: usize) -> anyhow::Result<Operator> {
    line("all of it reconciled again on request");
    let before = Costs::of(&operator)?;
    let start = Instant::now();
    let resource = stage.world.resource("Kustomization");
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

    until(
        &stage.world,
        ("Kustomization", NAMESPACE, count),
        |object| object["status"]["lastHandledReconcileAt"] == "again",
    )
    .await?;
    figure("all answered after", start.elapsed().as_secs_f64(), "s");
    idle(&operator).await?;
    Costs::of(&operator)?
        .since(&before)
        .print("Kustomization", count);
    Ok(operator)
}

async fn restart(stage: &Stage, operator: Operator, count: usize) -> anyhow::Result<()> {
    line("the operator restarted");
    operator.stop()?;
    let start = Instant::now();
    let operator = Operator::start(&stage.settings)?;
    let end = Instant::now() + WITHIN;
    loop {
        let runs = operator.metric("controller_runtime_reconcile_total")?;
        let runs: f64 = runs
            .iter()
            .filter(|(labels, _)| labels.contains("kustomization"))
            .map(|(_, value)| value)
            .sum();
        if runs >= count as f64 || Instant::now() > end {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }

    figure("all looked at after", start.elapsed().as_secs_f64(), "s");
    idle(&operator).await?;
    Costs::of(&operator)?
        .since(&Costs::default())
        .print("Kustomization", count);
    figure("resident memory", operator.rss_mib()?, "MiB");
    operator.stop()
}
