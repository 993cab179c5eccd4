//! The bare loop: a client that applies objects and does nothing else.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use e2e::World;
use lode_cluster::{Client, Target};
use lode_object::{Object, Value};

/// Number of connections, as in the measurement behind the goals.
const CONNECTIONS: usize = 8;

/// Applies objects over eight connections, one call each, and returns the time it took.
pub(crate) async fn apply(world: &World, objects: Vec<Value>) -> anyhow::Result<Duration> {
    let (objects, next) = (Arc::new(objects), Arc::new(AtomicUsize::new(0)));
    let mut workers = Vec::new();
    let start = Instant::now();
    for _ in 0..CONNECTIONS {
        let (objects, next, world) = (objects.clone(), next.clone(), world.clone());
        let client = Client::connect(None, None).await?;
        workers.push(tokio::spawn(async move {
            while let Some(value) = objects.get(next.fetch_add(1, Ordering::Relaxed)) {
                let object = Object::parse(value.clone())?;
                let target = Target {
                    namespace: object.namespace(),
                    name: object.name(),
                    manager: "bare",
                    dry_run: false,
                };
                client
                    .apply(
                        &world.resource(object.kind()),
                        target,
                        value.to_string().into(),
                    )
                    .await?;
            }
            anyhow::Ok(())
        }));
    }

    for worker in workers {
        worker.await.context("a worker of the bare loop")??;
    }
    Ok(start.elapsed())
}

/// Waits until the cluster's own controllers have caught up with the Deployments of a namespace.
pub(crate) async fn settle(world: &World, namespace: &str) -> anyhow::Result<()> {
    let resource = world.resource("Deployment");
    let end = Instant::now() + Duration::from_mins(10);
    loop {
        let list = world.client.list(&resource, namespace, "").await?;
        let list: Value = serde_json::from_slice(&list)?;
        let seen =
            |item: &Value| item["status"]["observedGeneration"] == item["metadata"]["generation"];
        if list["items"]
            .as_array()
            .is_some_and(|items| items.iter().all(seen))
        {
            return Ok(());
        }
        anyhow::ensure!(
            Instant::now() < end,
            "the Deployments of {namespace} are not observed"
        );
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}
