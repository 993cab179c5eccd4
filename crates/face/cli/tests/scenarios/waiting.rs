//! Waiting for objects costs next to nothing, and changes are seen when they happen.

use std::env;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use e2e::condition;
use lode_cluster::{Resource, Target};
use lode_object::Value;
use serde_json::json;

use crate::flow::{holds, over};
use crate::manifests::{config_map, definition, deployment};
use crate::stage::{LONG, Stage};

/// How long a wait is observed; `WAITING_SECONDS` sets a longer time.
const WINDOW: Duration = Duration::from_secs(8);
/// Most API calls during that time, without watches and events.
const CALLS_MAX: u64 = 4;
/// Objects that are ready at once, next to ten that are not.
const READY: usize = 40;
const GROUP: &str = "waiting.e2e.example.com";
const READ_GROUP: &str = "waiting-get.e2e.example.com";
const RBAC: &str = "rbac.authorization.k8s.io";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn waiting_costs_four_calls_at_most() {
    Stage::play("waiting", async |stage| {
        wait_costs_next_to_nothing(stage, GROUP, json!({})).await
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn waiting_costs_four_calls_at_most_for_an_account_that_may_get_but_not_watch() {
    Stage::play("waiting-get", async |stage| {
        let metadata = json!({"name": "reader", "namespace": stage.namespace});
        let rules = json!([{"apiGroups": ["", "apps", "batch", READ_GROUP], "resources": ["*"],
            "verbs": ["get", "create", "patch", "delete"]}]);
        for object in [
            json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata}),
            json!({"apiVersion": format!("{RBAC}/v1"), "kind": "Role", "metadata": metadata, "rules": rules}),
            json!({"apiVersion": format!("{RBAC}/v1"), "kind": "RoleBinding", "metadata": metadata,
                "roleRef": {"apiGroup": RBAC, "kind": "Role", "name": "reader"},
                "subjects": [{"kind": "ServiceAccount", "name": "reader", "namespace": stage.namespace}]}),
        ] {
            stage.world.apply(object).await?;
        }
        wait_costs_next_to_nothing(stage, READ_GROUP, json!({"serviceAccountName": "reader"})).await
    })
    .await;
}

/// Waits for ten of fifty objects, counts the calls, and checks that a change is still seen.
async fn wait_costs_next_to_nothing(
    stage: &mut Stage,
    group: &str,
    spec: Value,
) -> anyhow::Result<()> {
    stage.world.apply(definition(group)).await?;
    until_served(stage, group).await?;
    let objects = objects(&stage.namespace, group);
    stage.write("apps/objects.yaml", &objects)?;
    stage.repository.push("begin")?;
    stage.source().await?;
    let check = json!({"apiVersion": format!("{group}/v1"), "kind": "Gadget",
        "current": "status.phase == 'Done'", "failed": "status.phase == 'Broken'"});
    let waits = json!({"wait": true, "timeout": "10m", "healthCheckExprs": [check]});
    stage.kustomization("apps", over(waits, &spec)).await?;
    let until = Instant::now() + LONG;
    while stage
        .operator()?
        .calls()?
        .get("apply")
        .is_none_or(|applied| *applied < objects.len() as u64)
    {
        ensure!(
            Instant::now() < until,
            "not applied: {:?}",
            stage.operator()?.calls()?
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }

    let seconds = env::var("WAITING_SECONDS")
        .ok()
        .and_then(|seconds| seconds.parse().ok());
    let window = seconds.map_or(WINDOW, Duration::from_secs);
    let before = stage.operator()?.calls()?;
    tokio::time::sleep(window).await;
    let after = stage.operator()?.calls()?;
    let mut calls = after.clone();
    calls.retain(|verb, count| {
        *count -= before.get(verb).copied().unwrap_or_default();
        *count > 0
    });
    println!(
        "calls in {} s of waiting for 10 of 50 objects: {calls:?}; in all: {after:?}",
        window.as_secs()
    );
    // Objects are applied; `create` calls are events.
    let counts = |verb: &str| verb != "watch" && verb != "create";
    let cost: u64 = calls
        .iter()
        .filter(|(verb, _)| counts(verb))
        .map(|(_, count)| count)
        .sum();
    ensure!(cost <= CALLS_MAX, "{cost} calls");
    let held_back = stage.operator()?.metric("lode_held_back_total")?;
    ensure!(
        held_back.iter().all(|(_, times)| *times == 0.0),
        "{held_back:?}"
    );

    let found = stage.object("Kustomization", "apps").await?;
    let ready = condition(Some(&found), "Ready").context("it says that it waits")?;
    ensure!(ready["status"] == "Unknown", "{ready}");
    breaks(stage, group, "gadget-1").await?;
    let text = stage.fails("apps", "HealthCheckFailed").await?;
    holds(
        &text,
        &[
            "failed early",
            &format!("Gadget/{}/gadget-1", stage.namespace),
        ],
    )?;
    stage
        .world
        .delete("CustomResourceDefinition", "", &format!("gadgets.{group}"))
        .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pod_that_finds_no_node_fails_by_the_clock_alone() {
    Stage::play("no-node", async |stage| {
        let pod = json!({"apiVersion": "v1", "kind": "Pod",
            "metadata": {"name": "lost", "namespace": stage.namespace}, "spec": homeless("main")});
        stage.write("apps/pod.yaml", &[pod])?;
        stage.repository.push("begin")?;
        stage.source().await?;
        let since = Instant::now();
        stage
            .kustomization("apps", json!({"wait": true, "timeout": "10m"}))
            .await?;
        let text = stage.fails("apps", "HealthCheckFailed").await?;
        println!("{text} ({:.1} s)", since.elapsed().as_secs_f64());
        holds(
            &text,
            &[
                "failed early",
                &format!("Pod/{}/lost", stage.namespace),
                "Pod could not be scheduled",
            ],
        )
    })
    .await;
}

/// Sets the status of a custom object to broken.
async fn breaks(stage: &Stage, group: &str, name: &str) -> anyhow::Result<()> {
    let gadgets = Resource::known(&format!("{group}/v1"), "Gadget", "gadgets", true);
    let target = Target {
        namespace: &stage.namespace,
        name,
        manager: "e2e",
        dry_run: false,
    };
    let broken = json!({"status": {"phase": "Broken"}});
    stage
        .world
        .client
        .merge(&gadgets, target, "", &broken)
        .await
        .context("break the gadget")
        .map(drop)
}

/// Waits until the server serves the custom kind.
async fn until_served(stage: &Stage, group: &str) -> anyhow::Result<()> {
    let name = format!("gadgets.{group}");
    let established = |found: Option<&Value>| {
        condition(found, "Established").is_some_and(|condition| condition["status"] == "True")
    };
    stage
        .world
        .until(("CustomResourceDefinition", "", &name), LONG, established)
        .await
        .map(drop)
}

/// Returns fifty objects: forty that are ready at once, and two each of five kinds that will not
/// become ready.
fn objects(ns: &str, group: &str) -> Vec<Value> {
    let mut objects: Vec<Value> = (0..READY)
        .map(|n| config_map(ns, &format!("config-{n}"), json!({"color": "blue"})))
        .collect();
    for n in 0..2 {
        for kind in ["Deployment", "StatefulSet", "ReplicaSet"] {
            let mut object = deployment(ns, &format!("{}-{n}", kind.to_lowercase()), 1);
            object["kind"] = json!(kind);
            object["spec"]["template"]["spec"] = homeless("main");
            if kind == "StatefulSet" {
                object["spec"]["serviceName"] = json!("none");
            }
            objects.push(object);
        }
        let mut template = json!({"spec": homeless("main")});
        template["spec"]["restartPolicy"] = json!("Never");
        objects.push(json!({"apiVersion": "batch/v1", "kind": "Job",
            "metadata": {"name": format!("job-{n}"), "namespace": ns}, "spec": {"template": template}}));
        objects.push(
            json!({"apiVersion": format!("{group}/v1"), "kind": "Gadget",
            "metadata": {"name": format!("gadget-{n}"), "namespace": ns}, "spec": {"size": n}}),
        );
    }
    objects
}

/// Returns a Pod spec that no node fits.
fn homeless(container: &str) -> Value {
    json!({"nodeSelector": {"there-is": "no-such-node"},
        "containers": [{"name": container, "image": "registry.example.com/main:1"}]})
}
