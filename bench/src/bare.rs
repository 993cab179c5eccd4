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

/// Does a job for every number below a count over eight connections, and returns the time it took.
pub(crate) async fn each<Done>(
    count: usize,
    job: impl Fn(Client, usize) -> Done + Send + Sync + 'static,
) -> anyhow::Result<Duration>
where
    Done: Future<Output = anyhow::Result<()>> + Send,
{
    let mut clients = Vec::new();
    for _ in 0..CONNECTIONS {
        clients.push(Client::connect(None, None).await?);
    }
    let (job, next) = (Arc::new(job), Arc::new(AtomicUsize::new(0)));
    let start = Instant::now();
    let worker = |client: Client| {
        let (job, next) = (job.clone(), next.clone());
        tokio::spawn(async move {
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= count {
                    return anyhow::Ok(());
                }
                job(client.clone(), number).await?;
            }
        })
    };
    let workers: Vec<_> = clients.into_iter().map(worker).collect();
    for worker in workers {
        worker.await.context("a worker of the bare loop")??;
    }
    Ok(start.elapsed())
}

/// Applies objects, one call each, and returns the time it took.
pub(crate) async fn apply(world: &World, objects: Vec<Value>) -> anyhow::Result<Duration> {
    let (count, objects, world) = (objects.len(), Arc::new(objects), world.clone());
    each(count, move |client, number| {
        let (objects, world) = (objects.clone(), world.clone());
        async move { apply_one(&world, &client, "bare", &objects[number]).await }
    })
    .await
}

/// Applies one object.
pub(crate) async fn apply_one(
    world: &World,
    client: &Client,
    manager: &str,
    value: &Value,
) -> anyhow::Result<()> {
    let object = Object::parse(value.clone())?;
    let target = Target {
        namespace: object.namespace(),
        name: object.name(),
        manager,
        dry_run: false,
    };
    let resource = world.resource(object.kind());
    client
        .apply(&resource, target, value.to_string().into())
        .await?;
    Ok(())
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
