//! Objects that end by themselves are not live edits: they run once per interval, or once per
//! revision if annotated so.

use std::collections::BTreeSet;

use anyhow::{Context as _, ensure};
use lode_cluster::{Head, Sink, Subject};
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::manifests::{config_map, noted};
use crate::stage::{LONG, Stage};

fn migration(namespace: &str, name: &str, ttl_s: Option<u32>) -> Value {
    json!({"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": name, "namespace": namespace},
        "spec": {"ttlSecondsAfterFinished": ttl_s, "template": {"spec": {"restartPolicy": "Never",
        "containers": [{"name": "main", "image": "registry.example.com/migrate:1"}]}}}})
}

/// The Jobs of a name that have existed, however briefly; a watch misses none.
struct Runs {
    uids: watch::Receiver<BTreeSet<String>>,
    task: JoinHandle<()>,
}

struct Uids {
    uids: watch::Sender<BTreeSet<String>>,
    synced: watch::Sender<bool>,
}

impl Runs {
    /// Starts the watch; returns once it has started.
    async fn of(stage: &Stage, name: &str) -> anyhow::Result<Self> {
        let (sender, uids) = watch::channel(BTreeSet::new());
        let (synced, mut is_synced) = watch::channel(false);
        let subject = Subject {
            resource: stage.world.resource("Job"),
            namespace: (*stage.namespace).into(),
            labels: "".into(),
            fields: format!("metadata.name={name}").into(),
        };
        let sink = Uids {
            uids: sender,
            synced,
        };
        let task = tokio::spawn(lode_cluster::watch(
            stage.world.client.clone(),
            subject,
            sink,
        ));
        let runs = Self { uids, task };
        timeout(LONG, is_synced.wait_for(|synced| *synced))
            .await
            .context("watch Jobs")??;
        Ok(runs)
    }

    /// Waits until there have been `count` Jobs, and fails if there are more.
    async fn are(&mut self, count: usize) -> anyhow::Result<()> {
        let seen = timeout(LONG, self.uids.wait_for(|uids| uids.len() >= count)).await;
        let seen = seen
            .with_context(|| format!("it did not run {count} times"))??
            .len();
        ensure!(seen == count, "it ran {seen} times instead of {count}");
        Ok(())
    }
}

impl Drop for Runs {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Sink for Uids {
    fn restart(&mut self) {}

    fn applied(&mut self, _head: &Head<'_>, object: &[u8]) {
        let object: Value = serde_json::from_slice(object).unwrap_or_default();
        let uid = object["metadata"]["uid"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        self.uids.send_if_modified(|uids| uids.insert(uid));
    }

    fn deleted(&mut self, _head: &Head<'_>, _object: &[u8]) {}

    fn synced(&mut self, _version: &str) {
        self.synced.send_replace(true);
    }
}

impl Stage {
    /// Returns how many live edits were undone.
    fn corrected(&self) -> anyhow::Result<u64> {
        let drifts = self.operator()?.metric("lode_drift_total")?;
        Ok(drifts
            .iter()
            .filter(|(labels, _)| labels.contains("corrected"))
            .map(|(_, count)| *count as u64)
            .sum())
    }

    /// Does something that wakes a Kustomization and waits until it has been reconciled.
    async fn wake(&self, times: u32) -> anyhow::Result<()> {
        for time in 0..times {
            let red = json!({"data": {"color": format!("red{time}")}});
            self.world
                .patch_as("somebody", ("ConfigMap", &self.namespace, "settings"), red)
                .await?;
            self.sees("ConfigMap", "settings", "/data/color", json!("blue"))
                .await?;
        }
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_whose_time_to_live_is_over_runs_once_per_revision_and_request() {
    Stage::play("ends-job", async |stage| {
        let ns = stage.namespace.clone();
        let settings = config_map(&ns, "settings", json!({"color": "blue"}));
        let mut runs = Runs::of(stage, "migrate").await?;
        stage
            .apply_folder(
                "apps",
                &[migration(&ns, "migrate", Some(0)), settings.clone()],
            )
            .await?;
        stage.gone("Job", "migrate").await?;
        stage.wake(2).await?;
        runs.are(1).await?;
        ensure!(
            stage.corrected()? == 2,
            "it was brought back as if somebody had deleted it"
        );

        stage.reconcile("apps").await?;
        runs.are(2).await?;
        stage.gone("Job", "migrate").await?;

        stage.write(
            "apps/objects.yaml",
            &[
                migration(&ns, "migrate", Some(0)),
                settings,
                config_map(&ns, "b", json!({})),
            ],
        )?;
        let commit = stage.deliver("another revision").await?;
        stage.applied("apps", &commit).await?;
        runs.are(3).await
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_deleted_while_it_runs_comes_back() {
    Stage::play("ends-cut", async |stage| {
        let ns = stage.namespace.clone();
        let mut job = migration(&ns, "migrate", Some(0));
        // It never starts, so it never ends.
        job["spec"]["suspend"] = json!(true);
        stage.apply_folder("apps", &[job]).await?;
        let uid = stage.object("Job", "migrate").await?["metadata"]["uid"].clone();
        stage.world.delete("Job", &ns, "migrate").await?;
        let back =
            |object: Option<&Value>| object.is_some_and(|object| object["metadata"]["uid"] != uid);
        stage
            .world
            .until(("Job", &ns, "migrate"), LONG, back)
            .await
            .map(drop)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rerun_never_means_once_per_revision_also_after_a_restart() {
    Stage::play("ends-never", async |stage| {
        let ns = stage.namespace.clone();
        let job = noted(
            migration(&ns, "migrate", Some(0)),
            json!({"lodestone.dev/rerun": "never"}),
        );
        let settings = config_map(&ns, "settings", json!({"color": "blue"}));
        stage.apply_folder("apps", &[job, settings]).await?;
        stage.gone("Job", "migrate").await?;
        stage.reconcile("apps").await?;
        ensure!(
            stage.world.get("Job", &ns, "migrate").await?.is_none(),
            "a request ran it again"
        );
        stage.stop()?;
        stage.start()?;
        stage.reconcile("apps").await?;
        stage.wake(1).await?;
        ensure!(
            stage.world.get("Job", &ns, "migrate").await?.is_none(),
            "a restart ran it again"
        );
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_goes_with_its_owner_does_not_come_back_at_once() {
    Stage::play("ends-owner", async |stage| {
        let ns = stage.namespace.clone();
        let owner = stage.world.apply(config_map(&ns, "owner", json!({}))).await?;
        let settings = config_map(&ns, "settings", json!({"color": "blue"}));
        let mut owned = config_map(&ns, "owned", json!({}));
        owned["metadata"]["ownerReferences"] =
            json!([{"apiVersion": "v1", "kind": "ConfigMap", "name": "owner", "uid": owner["metadata"]["uid"]}]);
        stage.apply_folder("apps", &[owned, settings]).await?;
        stage.world.delete("ConfigMap", &ns, "owner").await?;
        stage.gone("ConfigMap", "owned").await?;
        stage.wake(2).await?;
        ensure!(stage.world.get("ConfigMap", &ns, "owned").await?.is_none(), "it came back to be removed again");
        ensure!(stage.corrected()? == 2, "it was brought back as if somebody had deleted it");
        Ok(())
    })
    .await;
}
