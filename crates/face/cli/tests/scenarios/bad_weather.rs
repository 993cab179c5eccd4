//! The API server fails in every way it can: everything converges, nothing is done twice, and
//! nothing is deleted that should stay. Only the sandbox can inject faults; on a real control plane
//! these scenarios say so and pass.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use jiff::SignedDuration;
use lode_sandbox::{Fault, Faults, Requests};
use serde_json::json;

use crate::ground;
use crate::manifests::config_map;
use crate::stage::{LONG, Stage};

/// Objects in the folder.
const OBJECTS: usize = 20;
/// Number of objects that the push drops, and of those that it adds.
const NEW: usize = 4;

const APPLIES: Requests = Requests {
    verb: "patch",
    resource: "configmaps",
    name: "",
};
const DELETES: Requests = Requests {
    verb: "delete",
    resource: "configmaps",
    name: "",
};
const STATUSES: Requests = Requests {
    verb: "patch",
    resource: "kustomizations/status",
    name: "",
};
const WATCHES: Requests = Requests {
    verb: "watch",
    resource: "",
    name: "",
};
const ALL: Requests = Requests {
    verb: "",
    resource: "",
    name: "",
};

/// Every request until the push is applied.
const ALWAYS: usize = usize::MAX;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_server_is_waited_for() {
    through(
        "slow",
        &[(ALWAYS, ALL, Fault::Slow(Duration::from_millis(50)))],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_silent_for_a_while_is_waited_for() {
    through("silent", &[(5, APPLIES, Fault::Silent)]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_has_too_much_to_do_is_asked_again_when_it_said() {
    let later = Fault::TooMany { retry_after_s: 1 };
    through(
        "too-many",
        &[
            (8, APPLIES, later),
            (1, STATUSES, later),
            (1, DELETES, later),
        ],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_fails_is_asked_again() {
    through(
        "broken",
        &[
            (15, APPLIES, Fault::Broken),
            (3, STATUSES, Fault::Broken),
            (3, DELETES, Fault::Broken),
        ],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_fails_at_everything_is_asked_again() {
    through("all-broken", &[(4, ALL, Fault::Broken)]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_storm_of_conflicts_passes() {
    let conflict = Fault::Conflict;
    through(
        "conflicts",
        &[
            (15, APPLIES, conflict),
            (3, STATUSES, conflict),
            (3, DELETES, conflict),
        ],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_write_whose_answer_is_lost_is_not_done_twice() {
    through(
        "lost",
        &[
            (15, APPLIES, Fault::Lost),
            (3, STATUSES, Fault::Lost),
            (3, DELETES, Fault::Lost),
        ],
    )
    .await;
}

/// Plays a push while the server fails: each fault hits a number of requests.
async fn through(name: &str, faults: &[(usize, Requests, Fault)]) {
    if !ground::has_faults() {
        return;
    }
    Stage::play(name, async |stage| {
        let before = begin(stage).await?;
        let weather = weather(stage)?;
        for (times, requests, fault) in faults {
            weather.strike(*times, *requests, *fault);
        }
        let wanted: usize = faults
            .iter()
            .map(|(times, ..)| times)
            .filter(|times| **times != ALWAYS)
            .sum();
        let commit = push(stage).await?;
        if faults.iter().any(|(.., fault)| *fault == Fault::Silent) {
            until_struck(weather, wanted).await?;
            weather.lift();
        }
        stage.applied("apps", &commit).await?;
        println!("{name}: {} requests were struck", weather.struck());
        ensure!(
            weather.struck() >= wanted.max(1),
            "of {wanted} only {} were struck",
            weather.struck()
        );
        weather.lift();
        is_right(stage, &before).await
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_changes_between_two_watches_is_seen() {
    without_watches("dropped", |weather| weather.end_watches()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_changes_before_a_watch_is_told_that_its_place_is_gone_is_seen() {
    without_watches("expired", |weather| weather.expire_watches()).await;
}

/// Edits and deletes objects while watches fail; `again` is the moment at which they work again.
async fn without_watches(name: &str, again: impl Fn(Faults<'_>)) {
    if !ground::has_faults() {
        return;
    }
    Stage::play(name, async |stage| {
        let ns = stage.namespace.clone();
        let before = begin(stage).await?;
        let weather = weather(stage)?;
        weather.strike(usize::MAX, WATCHES, Fault::Broken);
        weather.end_watches();
        until_struck(weather, 2).await?;
        stage.world.delete("ConfigMap", &ns, "object-5").await?;
        stage
            .world
            .patch_as(
                "somebody",
                ("ConfigMap", &ns, "object-6"),
                json!({"data": {"color": "red"}}),
            )
            .await?;
        stage
            .world
            .apply(config_map(&ns, "late", json!({})))
            .await?;
        again(weather);
        weather.lift();
        stage
            .sees("ConfigMap", "object-6", "/data/color", json!("blue"))
            .await?;
        stage
            .sees("ConfigMap", "object-5", "/data/color", json!("blue"))
            .await?;
        stage
            .told(
                "apps",
                "DriftCorrected",
                &[&format!("ConfigMap/{ns}/object-6"), "somebody"],
            )
            .await?;
        let commit = push(stage).await?;
        stage.applied("apps", &commit).await?;
        let others = before
            .into_iter()
            .filter(|(name, _)| name != "object-5")
            .collect();
        is_right(stage, &others).await?;
        stage.object("ConfigMap", "late").await.map(drop)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn watches_that_end_again_and_again_are_followed() {
    if !ground::has_faults() {
        return;
    }
    Stage::play("flapping", async |stage| {
        let ns = stage.namespace.clone();
        let before = begin(stage).await?;
        for round in 0..4 {
            let weather = weather(stage)?;
            if round % 2 == 0 {
                weather.end_watches();
            } else {
                weather.expire_watches();
            }
            let red = json!({"data": {"color": format!("red {round}")}});
            let name = format!("object-{round}");
            stage
                .world
                .patch_as("somebody", ("ConfigMap", &ns, &name), red)
                .await?;
            stage
                .sees("ConfigMap", &name, "/data/color", json!("blue"))
                .await?;
        }
        let commit = push(stage).await?;
        stage.applied("apps", &commit).await?;
        is_right(stage, &before).await
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clock_that_jumps_changes_nothing() {
    if !ground::has_faults() {
        return;
    }
    Stage::play("clock", async |stage| {
        let ns = stage.namespace.clone();
        let before = begin(stage).await?;
        for hours in [5, -10, 5] {
            weather(stage)?.turn_clock(SignedDuration::from_hours(hours));
            let red = json!({"data": {"color": format!("red {hours}")}});
            stage
                .world
                .patch_as("somebody", ("ConfigMap", &ns, "object-6"), red)
                .await?;
            stage
                .sees("ConfigMap", "object-6", "/data/color", json!("blue"))
                .await?;
            stage.reconcile("apps").await?;
        }
        let commit = push(stage).await?;
        stage.applied("apps", &commit).await?;
        is_right(stage, &before).await
    })
    .await;
}

/// Returns the handle that injects faults.
fn weather(stage: &Stage) -> anyhow::Result<Faults<'_>> {
    stage
        .ground
        .faults()
        .context("a sandbox has faults on demand")
}

async fn until_struck(weather: Faults<'_>, times: usize) -> anyhow::Result<()> {
    let struck = async {
        while weather.struck() < times {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(LONG, struck)
        .await
        .with_context(|| format!("{} of {times} were struck", weather.struck()))
}

/// Applies the objects without faults, next to an unrelated object; returns names and uids.
async fn begin(stage: &Stage) -> anyhow::Result<BTreeMap<String, String>> {
    write(stage, 0, "blue")?;
    let commit = stage.repository.push("begin")?;
    stage
        .world
        .apply(config_map(&stage.namespace, "bystander", json!({})))
        .await?;
    stage.source().await?;
    stage.kustomization("apps", json!({})).await?;
    stage.applied("apps", &commit).await?;
    let owned = stage.owned("ConfigMap", "apps").await?;
    ensure!(owned.len() == OBJECTS, "{owned:?}");
    Ok(owned)
}

/// Pushes a change of every object; some are dropped and some are new.
async fn push(stage: &Stage) -> anyhow::Result<String> {
    write(stage, NEW, "green")?;
    stage.deliver("paint it green").await
}

fn write(stage: &Stage, first: usize, color: &str) -> anyhow::Result<()> {
    let one = |n: usize| {
        config_map(
            &stage.namespace,
            &format!("object-{n}"),
            json!({"color": color}),
        )
    };
    stage.write(
        "apps/objects.yaml",
        &(first..first + OBJECTS).map(one).collect::<Vec<_>>(),
    )
}

/// Checks that the inventory and the cluster contain what Git says and nothing else, that objects
/// from before kept their uids, and that another reconcile changes nothing.
async fn is_right(stage: &Stage, before: &BTreeMap<String, String>) -> anyhow::Result<()> {
    let versions = versions(stage).await?;
    let wanted: Vec<String> = (NEW..NEW + OBJECTS)
        .map(|n| format!("object-{n}"))
        .collect();
    let owned = stage.owned("ConfigMap", "apps").await?;
    ensure!(
        wanted.iter().all(|name| owned.contains_key(name)) && owned.len() == OBJECTS,
        "{:?}",
        owned.keys()
    );
    let inventory = stage.inventory("apps").await?;
    let ids = wanted
        .iter()
        .map(|name| format!("{}_{name}__ConfigMap", stage.namespace));
    ensure!(inventory == ids.collect(), "{inventory:?}");
    let again: Vec<_> = before
        .iter()
        .filter(|(name, uid)| owned.get(*name).is_some_and(|now| now != *uid))
        .collect();
    ensure!(again.is_empty(), "deleted and made again: {again:?}");
    for object in stage.world.list("ConfigMap", &stage.namespace, "").await? {
        let name = object["metadata"]["name"].as_str().unwrap_or_default();
        ensure!(
            !owned.contains_key(name) || object["data"]["color"] == "green",
            "{name}: {}",
            object["data"]
        );
    }
    stage.object("ConfigMap", "bystander").await?;
    stage.reconcile("apps").await?;
    ensure!(
        self::versions(stage).await? == versions,
        "another look changes something"
    );
    Ok(())
}

/// Returns the resource version of each object.
async fn versions(stage: &Stage) -> anyhow::Result<BTreeMap<String, String>> {
    let objects = stage.world.list("ConfigMap", &stage.namespace, "").await?;
    let text = |object: &serde_json::Value, field: &str| {
        object["metadata"][field]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    };
    Ok(objects
        .iter()
        .map(|object| (text(object, "name"), text(object, "resourceVersion")))
        .collect())
}
