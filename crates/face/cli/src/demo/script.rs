//! The steps of `lode demo --script`: each changes Git or the cluster and checks the effect.

use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use lode_api::conditions::READY;
use lode_git::ObjectId;
use lode_object::Value;
use lode_object::json::list;
use lode_object::json::text;
use serde_json::json;

use crate::demo::fleet;
use crate::demo::world::World;
use crate::output;
use crate::session::NAMESPACE;

/// Runs all steps in order and prints one line for each.
pub(crate) async fn run(world: &World) -> anyhow::Result<()> {
    let steps = Steps { world };
    steps
        .timed("every Kustomization is ready", steps.ready())
        .await?;
    steps.timed("a commit converges", steps.change()).await?;
    steps.timed("a live edit is healed", steps.heal()).await?;
    let broken = steps
        .timed("a broken commit is refused", steps.break_it())
        .await?;
    steps
        .timed("a revert makes it ready again", steps.revert(broken))
        .await?;
    steps
        .timed("a file deleted is an object deleted", steps.prune())
        .await
        .map(drop)
}

/// The result of a step, and what to print about it.
struct Done<T> {
    value: T,
    said: String,
}

struct Steps<'w> {
    world: &'w World,
}

impl Steps<'_> {
    async fn timed<T>(
        &self,
        what: &str,
        step: impl Future<Output = anyhow::Result<Done<T>>>,
    ) -> anyhow::Result<T> {
        let start = Instant::now();
        let done = step.await.with_context(|| what.to_owned())?;
        output::data(&format!(
            "✔ {what} ({:.2} s)\n",
            start.elapsed().as_secs_f64()
        ))?;
        for line in done.said.lines() {
            output::data(&format!("    {line}\n"))?;
        }
        Ok(done.value)
    }

    async fn ready(&self) -> anyhow::Result<Done<()>> {
        let commit = self.world.head().context("find the first commit")?;
        let all = self.converged(commit).await?;
        let names: Vec<&str> = all
            .iter()
            .map(|object| text(object, "/metadata/name"))
            .collect();
        Ok(done(names.join(", ")))
    }

    async fn change(&self) -> anyhow::Result<Done<()>> {
        let (staging, tag) = edited(
            "apps/shop/staging/kustomization.yaml",
            "newTag: \"1.29\"",
            "newTag: \"1.30\"",
        )?;
        let (production, count) = edited(
            "apps/shop/production/kustomization.yaml",
            "count: 3",
            "count: 4",
        )?;
        let commit = self.commit(
            &[(staging, Some(&*tag)), (production, Some(&*count))],
            "try 1.30, scale to 4",
        )?;
        self.converged(commit).await?;
        let staged = self.deployment("shop-staging").await?;
        let image = text(&staged, "/spec/template/spec/containers/0/image");
        if !image.ends_with(":1.30") {
            bail!("the image in staging is {image}");
        }

        let produced = self.deployment("shop-production").await?;
        if produced.pointer("/spec/replicas") != Some(&json!(PRODUCTION)) {
            bail!("production has {} replicas", produced["spec"]["replicas"]);
        }

        Ok(done(format!(
            "staging runs {image}, production {PRODUCTION} replicas"
        )))
    }

    async fn heal(&self) -> anyhow::Result<Done<()>> {
        let objects = self.world.sandbox.objects();
        let scale = json!({"spec": {"replicas": 1}});
        objects
            .patch(SOMEBODY, DEPLOYMENT, ("shop-production", "shop"), &scale)
            .await?;
        self.eventually("production back at its replicas", async || {
            let found = self.deployment("shop-production").await?;
            let is = found.pointer("/spec/replicas") == Some(&json!(PRODUCTION));
            Ok(if is {
                Ok(())
            } else {
                Err(format!("replicas: {}", found["spec"]["replicas"]))
            })
        })
        .await?;

        let event = self.eventually("an event that says who did it", async || {
            let events = objects.list(("v1", "Event"), NAMESPACE).await?;
            let told = events.iter().find(|event| {
                event["reason"] == "DriftCorrected" && text(event, "/message").contains(SOMEBODY)
            });
            Ok(told
                .map(|event| text(event, "/message").to_owned())
                .ok_or("there is none".to_owned()))
        });
        Ok(done(event.await?))
    }

    async fn break_it(&self) -> anyhow::Result<Done<ObjectId>> {
        let (path, broken) = edited(ORDERS, "partitions: 1", "partitions: 100")?;
        let commit = self.commit(
            &[(path, Some(&*broken))],
            "more partitions than a queue can have",
        )?;
        let message = self.eventually("a Kustomization that says no", async || {
            let queues = self.get(KUSTOMIZATION, NAMESPACE, "queues-staging").await?;
            let ready = condition(&queues);
            let is = text(ready, "/status") == "False"
                && text(&queues, "/status/lastAttemptedRevision").ends_with(&commit.to_string());
            let message = text(ready, "/message").to_owned();
            Ok(if is && message.contains("orders.yaml:") {
                Ok(message)
            } else {
                Err(message)
            })
        });
        let message = message.await?;
        let queue = self.get(QUEUE, "messaging-staging", "orders").await?;
        if queue.pointer("/spec/partitions") != Some(&json!(1)) {
            bail!("the queue has {} partitions", queue["spec"]["partitions"]);
        }

        self.deployment("shop-staging").await?;
        Ok(Done {
            value: commit,
            said: message,
        })
    }

    async fn revert(&self, broken: ObjectId) -> anyhow::Result<Done<()>> {
        let git = self.world.sandbox.git();
        let commit = git.revert(
            fleet::NAME,
            broken,
            "Revert \"more partitions than a queue can have\"",
        )?;
        self.converged(commit).await?;
        Ok(done(format!("at {}", short(commit))))
    }

    async fn prune(&self) -> anyhow::Result<Done<()>> {
        let (list, shorter) = edited(
            "apps/shop/base/kustomization.yaml",
            "  - service.yaml\n",
            "",
        )?;
        let files = [
            ("apps/shop/base/service.yaml", None),
            (list, Some(&*shorter)),
        ];
        let commit = self.commit(&files, "no Service any more")?;
        self.converged(commit).await?;
        for namespace in ["shop-staging", "shop-production"] {
            self.eventually("the Service to go", async || {
                let found = self
                    .world
                    .sandbox
                    .objects()
                    .get(("v1", "Service"), namespace, "shop")
                    .await?;
                Ok(found.map_or(Ok(()), |_| {
                    Err(format!("Service/{namespace}/shop is there"))
                }))
            })
            .await?;
        }

        Ok(done(
            "Service/shop-staging/shop and Service/shop-production/shop are gone".to_owned(),
        ))
    }

    /// Waits until every Kustomization is ready at a commit, and returns them.
    async fn converged(&self, commit: ObjectId) -> anyhow::Result<Vec<Value>> {
        let what = format!("all Kustomizations ready at {}", short(commit));
        self.eventually(&what, async || {
            let all = self
                .world
                .sandbox
                .objects()
                .list(KUSTOMIZATION, NAMESPACE)
                .await?;
            let late: Vec<String> = all
                .iter()
                .filter(|object| !is_at(object, commit))
                .map(standing)
                .collect();
            let is = late.is_empty() && all.len() == KUSTOMIZATIONS;
            Ok(if is {
                Ok(all)
            } else {
                Err(format!("{} there; {}", all.len(), late.join("; ")))
            })
        })
        .await
    }

    /// Polls until there is an answer, with a bound; on timeout the error shows what was seen last.
    async fn eventually<T>(
        &self,
        what: &str,
        mut look: impl AsyncFnMut() -> anyhow::Result<Result<T, String>>,
    ) -> anyhow::Result<T> {
        let deadline = Instant::now() + WAIT_MAX;
        loop {
            if self.world.operator.is_finished() {
                bail!("the operator has ended");
            }
            match look().await? {
                Ok(answer) => return Ok(answer),
                Err(seen) if Instant::now() > deadline => {
                    bail!("waited {WAIT_MAX:?} for {what}, and saw: {seen}")
                }
                Err(_) => tokio::time::sleep(PAUSE).await,
            }
        }
    }

    async fn deployment(&self, namespace: &str) -> anyhow::Result<Value> {
        self.get(DEPLOYMENT, namespace, "shop").await
    }

    async fn get(&self, kind: (&str, &str), namespace: &str, name: &str) -> anyhow::Result<Value> {
        let found = self
            .world
            .sandbox
            .objects()
            .get(kind, namespace, name)
            .await?;
        found.with_context(|| format!("there is no {}/{namespace}/{name}", kind.1))
    }

    fn commit(&self, files: &[(&str, Option<&str>)], message: &str) -> anyhow::Result<ObjectId> {
        Ok(self
            .world
            .sandbox
            .git()
            .commit(fleet::NAME, files, message)?)
    }
}

fn done(said: String) -> Done<()> {
    Done { value: (), said }
}

/// Returns a file of the fleet with one text replaced, which must be there.
fn edited(path: &'static str, from: &str, to: &str) -> anyhow::Result<(&'static str, String)> {
    let file = fleet::FILES.iter().find(|(known, _)| *known == path);
    let (_, content) = file
        .filter(|(_, content)| content.contains(from))
        .with_context(|| format!("find {from} in {path}"))?;
    Ok((path, content.replacen(from, to, 1)))
}

fn is_at(kustomization: &Value, commit: ObjectId) -> bool {
    text(condition(kustomization), "/status") == "True"
        && text(kustomization, "/status/lastAppliedRevision").ends_with(&commit.to_string())
        && kustomization.pointer("/status/observedGeneration")
            == kustomization.pointer("/metadata/generation")
}

fn standing(kustomization: &Value) -> String {
    let ready = condition(kustomization);
    format!(
        "{}: {} {}",
        text(kustomization, "/metadata/name"),
        text(ready, "/reason"),
        text(ready, "/message")
    )
}

/// Returns the condition `Ready` of an object; null if it has none yet.
fn condition(object: &Value) -> &Value {
    let conditions = list(object, "/status/conditions").iter();
    conditions
        .into_iter()
        .find(|condition| condition["type"] == READY)
        .unwrap_or(&Value::Null)
}

fn short(commit: ObjectId) -> String {
    commit.to_string()[..8].to_owned()
}

const KUSTOMIZATION: (&str, &str) = ("kustomize.toolkit.fluxcd.io/v1", "Kustomization");
const DEPLOYMENT: (&str, &str) = ("apps/v1", "Deployment");
const QUEUE: (&str, &str) = ("messaging.example.com/v1", "Queue");
const ORDERS: &str = "infrastructure/queues/base/orders.yaml";
/// Number of Kustomizations in the fleet, including the one that creates the others.
const KUSTOMIZATIONS: usize = 6;
/// Replicas in production after the first change.
const PRODUCTION: i64 = 4;
/// Field manager of the edits by hand.
const SOMEBODY: &str = "a-colleague";
/// Longest wait for one effect; on an idle machine none takes seconds.
const WAIT_MAX: Duration = Duration::from_mins(1);
/// Time between two checks.
const PAUSE: Duration = Duration::from_millis(50);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_edit_that_hits_nothing_is_an_error() {
        assert!(
            edited(ORDERS, "partitions: 1", "partitions: 2")
                .unwrap()
                .1
                .contains("partitions: 2")
        );
        assert_eq!(
            edited(ORDERS, "shards", "").unwrap_err().to_string(),
            format!("find shards in {ORDERS}")
        );
    }
}
