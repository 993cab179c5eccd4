//! One Kustomization of many objects.

use std::time::Instant;

use e2e::Operator;
use lode_object::Value;

use crate::bare;
use crate::follow::until;
use crate::print::{figure, line};
use crate::stage::{Stage, application, kustomization, repository};

const NAMESPACE: &str = "bench-single";
const BARE: &str = "bench-single-bare";

/// Applies `count` objects bare and through one Kustomization, and prints both.
pub(crate) async fn run(count: usize) -> anyhow::Result<()> {
    let stage = Stage::set().await?;
    for namespace in [BARE, NAMESPACE] {
        stage.namespace(namespace).await?;
    }
    let objects = |namespace: &str| {
        (0..count / 4)
            .flat_map(|n| application(namespace, n))
            .collect::<Vec<Value>>()
    };
    line(&format!("bare loop: {count} objects, 8 connections"));
    let loop_time = bare::apply(&stage.world, objects(BARE)).await?;
    figure("time", loop_time.as_secs_f64(), "s");
    bare::settle(&stage.world, BARE).await?;

    let folder = stage.git.repository("single")?;
    for (number, object) in objects(NAMESPACE).iter().enumerate() {
        folder.write(
            &format!("all/{}/{number}.yaml", number % 100),
            &object.to_string(),
        )?;
    }
    folder.push("all")?;
    let operator = Operator::start(&stage.settings)?;
    stage
        .world
        .apply(repository(NAMESPACE, &folder.url, "1h"))
        .await?;
    stage
        .world
        .ready(("GitRepository", NAMESPACE, "fleet"), "True", "")
        .await?;
    line(&format!("one Kustomization of {count} objects"));
    let mut all = kustomization(NAMESPACE, "all", "./all");
    all["spec"]["wait"] = false.into();
    let start = Instant::now();
    stage.world.apply(all).await?;
    let applied = |object: &Value| object["status"]["lastAppliedRevision"].is_string();
    until(&stage.world, ("Kustomization", NAMESPACE, 1), applied).await?;
    let took = start.elapsed();
    figure("Ready after", took.as_secs_f64(), "s");
    figure(
        "ratio to the bare loop",
        took.as_secs_f64() / loop_time.as_secs_f64(),
        "x  (mark <= 1.3)",
    );
    figure(
        "peak resident memory",
        operator.peak_mib()?,
        "MiB  (mark <= 150)",
    );
    figure("CPU", operator.cpu_seconds()?, "s");
    let before = (operator.cpu_seconds()?, operator.calls()?);
    let start = Instant::now();
    stage
        .world
        .reconcile(("Kustomization", NAMESPACE, "all"))
        .await?;
    line("again on request");
    figure("answered after", start.elapsed().as_secs_f64(), "s");
    figure("CPU", operator.cpu_seconds()? - before.0, "s");
    let calls: u64 = operator.calls()?.values().sum::<u64>() - before.1.values().sum::<u64>();
    figure("API calls", calls as f64, "");
    operator.stop()?;
    stage.clear(BARE).await?;
    stage.clear(NAMESPACE).await
}
