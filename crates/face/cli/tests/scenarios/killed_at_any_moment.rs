//! The operator is killed during an apply, again and again, and restarted on what it left behind.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use anyhow::ensure;
use serde_json::{Value, json};

use crate::manifests::config_map;
use crate::stage::{LONG, Stage};

const OBJECTS: u64 = 300;
const ROUNDS: u64 = 8;
/// Number of objects that each round drops, and of those that it adds.
const NEW: u64 = 20;
/// Seed of the moments, so that every run is the same.
const SEED: u64 = 20_250_917;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_converges_and_nothing_is_lost_orphaned_or_done_twice() {
    Stage::play("killed", async |stage| {
        let mut random = SEED;
        write(stage, 0)?;
        stage.repository.push("round 0")?;
        stage.source().await?;
        stage
            .kustomization("apps", json!({"retryInterval": "1s"}))
            .await?;
        let mut known = BTreeMap::new();
        for round in 0..ROUNDS {
            let commit = if round == 0 {
                stage.repository.git(&["rev-parse", "HEAD"])?
            } else {
                write(stage, round)?;
                stage.deliver(&format!("round {round}")).await?
            };
            random = random
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            let moment = (random >> 33) % (OBJECTS + 1);
            let done = until_written(stage, round, moment).await?;
            stage.kill()?;
            nothing_is_orphaned(stage).await?;
            stage.start()?;
            stage.applied("apps", &commit).await?;
            println!("round {round}: killed when {done} of {OBJECTS} were written");
            known = nothing_was_made_twice(stage, round, &known).await?;
        }
        Ok(())
    })
    .await;
}

/// Writes round `n`: every object carries the number of the round, and each round drops some
/// objects and adds some.
fn write(stage: &Stage, round: u64) -> anyhow::Result<()> {
    let one = |n: u64| {
        config_map(
            &stage.namespace,
            &format!("object-{n}"),
            json!({"round": round.to_string()}),
        )
    };
    stage.write(
        "apps/objects.yaml",
        &names(round).map(one).collect::<Vec<_>>(),
    )
}

fn names(round: u64) -> std::ops::Range<u64> {
    round * NEW..round * NEW + OBJECTS
}

/// Waits until at least `moment` objects are of this round; returns how many are.
async fn until_written(stage: &Stage, round: u64, moment: u64) -> anyhow::Result<u64> {
    let (until, said) = (Instant::now() + LONG, round.to_string());
    loop {
        let objects = stage.world.list("ConfigMap", &stage.namespace, "").await?;
        let of_round = |object: &&Value| object["data"]["round"] == *said;
        let written = objects.iter().filter(of_round).count() as u64;
        if written >= moment {
            return Ok(written);
        }
        ensure!(
            Instant::now() < until,
            "{written} objects of round {round} after {LONG:?}"
        );
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Checks that while the operator is dead, all objects with our labels are in the inventory.
async fn nothing_is_orphaned(stage: &Stage) -> anyhow::Result<()> {
    let inventory = stage.inventory("apps").await?;
    let owned = stage.owned("ConfigMap", "apps").await?;
    let orphans: Vec<_> = owned
        .keys()
        .filter(|name| !inventory.contains(&id(stage, name)))
        .collect();
    let conditions = &stage.object("Kustomization", "apps").await?["status"]["conditions"];
    let sum = format!("{} of {}", orphans.len(), owned.len());
    ensure!(
        orphans.is_empty(),
        "{sum} objects are in no inventory: {orphans:?}; {conditions}"
    );
    Ok(())
}

/// Checks that the inventory equals the objects of the round, and that objects from before kept
/// their uids.
async fn nothing_was_made_twice(
    stage: &Stage,
    round: u64,
    known: &BTreeMap<String, String>,
) -> anyhow::Result<BTreeMap<String, String>> {
    let (owned, said) = (stage.owned("ConfigMap", "apps").await?, round.to_string());
    let wanted: BTreeSet<String> = names(round).map(|n| format!("object-{n}")).collect();
    let names: BTreeSet<String> = owned.keys().cloned().collect();
    ensure!(
        names == wanted,
        "too many or missing: {:?}",
        names.symmetric_difference(&wanted).collect::<Vec<_>>()
    );
    let inventory = stage.inventory("apps").await?;
    ensure!(
        inventory == names.iter().map(|name| id(stage, name)).collect(),
        "inventory: {inventory:?}"
    );
    let again: Vec<_> = known
        .iter()
        .filter(|(name, uid)| owned.get(*name).is_some_and(|now| now != *uid))
        .collect();
    ensure!(again.is_empty(), "deleted and made again: {again:?}");
    for object in stage.world.list("ConfigMap", &stage.namespace, "").await? {
        let name = object["metadata"]["name"].as_str().unwrap_or_default();
        ensure!(
            !wanted.contains(name) || object["data"]["round"] == *said,
            "{name}: {}",
            object["data"]
        );
    }
    Ok(owned)
}

fn id(stage: &Stage, name: &str) -> String {
    format!("{}_{name}__ConfigMap", stage.namespace)
}
