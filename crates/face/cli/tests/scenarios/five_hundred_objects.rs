//! Many objects in one Kustomization, and what a small change, a request and a restart cost.

use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use e2e::Calls;
use serde_json::json;

use crate::manifests::config_map;
use crate::stage::{LONG, Stage};

const OBJECTS: usize = 500;
const FILES: usize = 10;
/// Verbs that change something in the cluster, or would without a dry-run.
const WRITES: [&str; 5] = ["apply", "dry-run", "patch", "create", "delete"];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_that_touches_one_of_them_writes_one_and_a_restart_none() {
    Stage::play("many", async |stage| {
        (0..FILES).try_for_each(|file| write(stage, file, "blue"))?;
        let commit = stage.repository.push("begin")?;
        stage.source().await?;
        stage.kustomization("apps", json!({})).await?;
        stage.applied("apps", &commit).await?;
        ensure!(stage.inventory("apps").await?.len() == OBJECTS);
        ensure!(stage.owned("ConfigMap", "apps").await?.len() == OBJECTS);
        stage.told("apps", "ReconciliationSucceeded", &[]).await?;

        let before = counted(stage).await?;
        let mut object = config_map(&stage.namespace, "object-0-0", json!({"color": "red"}));
        object["data"]["more"] = json!("1");
        stage.write("apps/file-0.yaml", &objects(stage, 0, "blue", Some(object)))?;
        let commit = stage.deliver("touch one").await?;
        stage.applied("apps", &commit).await?;
        stage
            .told("apps", "Progressing", &["object-0-0 configured"])
            .await?;
        let calls = since(&before, &stage.operator()?.calls()?);
        println!("a commit that touches one of {OBJECTS}: {calls:?}");
        ensure!(calls.get("apply") == Some(&1), "{calls:?}");
        ensure!(
            calls.get("dry-run").is_none_or(|calls| *calls <= 1) && !calls.contains_key("delete"),
            "{calls:?}"
        );

        stage.told("apps", "ReconciliationSucceeded", &[]).await?;
        let before = counted(stage).await?;
        stage.reconcile("apps").await?;
        let mut calls = since(&before, &stage.operator()?.calls()?);
        let end = Instant::now() + LONG;
        while !calls.contains_key("patch") && Instant::now() < end {
            tokio::time::sleep(Duration::from_millis(20)).await;
            calls = since(&before, &stage.operator()?.calls()?);
        }
        println!("a request with nothing new: {calls:?}");
        ensure!(
            calls.get("patch") == Some(&1),
            "one status write: {calls:?}"
        );
        ensure!(
            WRITES
                .iter()
                .filter(|verb| **verb != "patch")
                .all(|verb| !calls.contains_key(*verb)),
            "{calls:?}"
        );

        stage.stop()?;
        stage.start()?;
        looked(stage).await?;
        let calls = stage.operator()?.calls()?;
        println!("a restart with nothing new: {calls:?}");
        ensure!(
            WRITES
                .iter()
                .all(|verb| calls.get(*verb).is_none_or(|calls| *calls == 0)),
            "{calls:?}"
        );
        Ok(())
    })
    .await;
}

fn write(stage: &Stage, file: usize, color: &str) -> anyhow::Result<()> {
    stage.write(
        &format!("apps/file-{file}.yaml"),
        &objects(stage, file, color, None),
    )
}

fn objects(
    stage: &Stage,
    file: usize,
    color: &str,
    first: Option<serde_json::Value>,
) -> Vec<serde_json::Value> {
    let one = |n| {
        config_map(
            &stage.namespace,
            &format!("object-{file}-{n}"),
            json!({"color": color}),
        )
    };
    let mut objects: Vec<_> = (0..OBJECTS / FILES).map(one).collect();
    if let Some(first) = first {
        objects[0] = first;
    }
    objects
}

/// Returns the call counts once no call is in progress: the operator counts a call when it has the
/// response, shortly after the cluster shows its effect.
async fn counted(stage: &Stage) -> anyhow::Result<Calls> {
    let (end, mut calls) = (Instant::now() + LONG, stage.operator()?.calls()?);
    loop {
        tokio::time::sleep(Duration::from_millis(200)).await;
        let before = std::mem::replace(&mut calls, stage.operator()?.calls()?);
        if before == calls {
            return Ok(calls);
        }
        ensure!(Instant::now() < end, "it calls and calls: {calls:?}");
    }
}

fn since(before: &Calls, after: &Calls) -> Calls {
    let more = |(verb, calls): (&String, &u64)| {
        let more = calls - before.get(verb).copied().unwrap_or_default();
        (more > 0).then(|| (verb.clone(), more))
    };
    after.iter().filter_map(more).collect()
}

/// Waits until a new operator has reconciled the source and the Kustomization.
async fn looked(stage: &Stage) -> anyhow::Result<()> {
    let until = std::time::Instant::now() + crate::stage::LONG;
    loop {
        let runs = stage
            .operator()?
            .metric("gotk_reconcile_duration_seconds_count")?;
        let ran = |kind: &str| {
            runs.iter()
                .any(|(labels, runs)| labels.contains(kind) && *runs >= 1.0)
        };
        if ran("kind=\"Kustomization\"") && ran("kind=\"GitRepository\"") {
            return Ok(());
        }
        (std::time::Instant::now() < until)
            .then_some(())
            .context("a restarted operator looks at what there is")?;
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}
