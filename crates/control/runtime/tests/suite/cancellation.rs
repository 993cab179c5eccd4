//! What ends a wait before its time.

use std::sync::Arc;

use lode_api::Kustomization;
use lode_object::meta;
use lode_runtime::{Cancellation, Failure};
use serde_json::{Value, json};
use tokio::time::timeout;

use super::{KIND, PATIENCE, Played};

/// A Kustomization whose deletion waits for us, and waits that end with it.
async fn waiting() -> (Played, Arc<Kustomization>, Arc<Cancellation>) {
    let played = Played::start().await;
    let finalizers = json!({"finalizers": [meta::FINALIZER]});
    let object = played.make(&finalizers, &Value::Null).await;
    played.mirrored().await;
    let cancellation = Arc::new(Cancellation::default());
    let (own, noting) = (played.own.clone(), cancellation.clone());
    tokio::spawn(async move {
        let mut changes = own.objects().changes();
        loop {
            noting.note(&changes.next().await);
        }
    });
    (played, object, cancellation)
}

async fn delete(played: &Played) {
    let objects = played.sandbox.objects();
    objects.delete(KIND, "default", "app").await.unwrap();
}

/// Waits for what never ends.
async fn endless(
    played: &Played,
    object: &Kustomization,
    cancellation: &Cancellation,
) -> Result<(), Failure> {
    let endless = std::future::pending::<Result<(), Failure>>();
    cancellation.unless(&played.own, object, endless).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn work_that_ends_first_is_what_the_wait_was_for() {
    let (played, object, cancellation) = waiting().await;
    let done = cancellation.unless(&played.own, &object, async { Ok::<_, Failure>(3) });
    assert_eq!(done.await, Ok(3));
    let failure = Failure::new("Bad", "no");
    let failed = cancellation.unless(&played.own, &object, async {
        Err::<(), _>(failure.clone())
    });
    assert_eq!(failed.await, Err(failure));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_deletion_of_an_object_ends_what_its_run_waits_for() {
    let (played, object, cancellation) = waiting().await;
    let (end, ()) = tokio::join!(
        timeout(PATIENCE, endless(&played, &object, &cancellation)),
        delete(&played)
    );
    assert_eq!(end.unwrap(), Err(Failure::dropped()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_the_end_of_the_process_ends_what_a_deletion_waits_for() {
    let (played, _, cancellation) = waiting().await;
    delete(&played).await;
    played.mirrored().await;
    let deleted = Arc::new(played.live().await.unwrap());
    assert!(deleted.deleting());

    let done = cancellation.unless(&played.own, &deleted, async { Ok::<_, Failure>(()) });
    assert_eq!(done.await, Ok(()), "the deletion goes on");
    cancellation.stop();
    let end = timeout(PATIENCE, endless(&played, &deleted, &cancellation));
    assert_eq!(end.await.unwrap(), Err(Failure::dropped()));
}
