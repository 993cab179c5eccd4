//! The mirror of our own kinds follows the server, whatever happens to its watch.

use lode_api::Kustomization;
use lode_cluster::Client;
use lode_runtime::{Change, Changes};
use serde_json::{Value, json};
use tokio::time::timeout;

use super::{KIND, PATIENCE, Played};

const NOTHING: Value = Value::Null;

async fn next(changes: &mut Changes<Kustomization>) -> Change<Kustomization> {
    timeout(PATIENCE, changes.next()).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn objects_come_change_and_go_as_at_the_server() {
    let played = Played::start().await;
    let objects = played.own.objects();
    timeout(PATIENCE, objects.synced()).await.unwrap();
    assert!(objects.is_synced() && objects.is_empty());
    let mut changes = objects.changes();

    let made = played.make(&NOTHING, &NOTHING).await;
    let came = next(&mut changes).await;
    assert!(came.old.is_none());
    assert_eq!(came.new.unwrap().metadata.uid, made.metadata.uid);
    assert_eq!(objects.len(), 1);
    assert_eq!(objects.all()[0].metadata.uid, made.metadata.uid);

    played.make(&NOTHING, &json!({"suspend": true})).await;
    let changed = next(&mut changes).await;
    assert_eq!(changed.old.unwrap().spec.suspend, None);
    assert_eq!(changed.new.unwrap().spec.suspend, Some(true));

    let server = played.sandbox.objects();
    server.delete(KIND, "default", "app").await.unwrap();
    let gone = next(&mut changes).await;
    assert!(gone.old.is_some() && gone.new.is_none());
    assert!(objects.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_happens_while_a_watch_is_broken_is_seen_afterwards() {
    let played = Played::start().await;
    played.make(&NOTHING, &NOTHING).await;
    played.mirrored().await;
    let mut changes = played.own.objects().changes();
    next(&mut changes).await;

    played.sandbox.faults().end_watches();
    played.make(&NOTHING, &json!({"suspend": true})).await;
    let changed = next(&mut changes).await;
    assert_eq!(changed.new.unwrap().spec.suspend, Some(true));

    played.sandbox.faults().expire_watches();
    let server = played.sandbox.objects();
    server.delete(KIND, "default", "app").await.unwrap();
    let gone = next(&mut changes).await;
    assert!(gone.new.is_none(), "the new list does not show it");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mirror_of_one_namespace_knows_no_other() {
    let played = Played::start().await;
    played.make(&NOTHING, &NOTHING).await;
    let client = Client::connect(Some(played.sandbox.kubeconfig()), None);
    let client = client.await.unwrap();
    let elsewhere =
        lode_runtime::Own::<lode_api::kustomization::Spec>::mirror(&client, "kube-system", "");
    timeout(PATIENCE, elsewhere.synced()).await.unwrap();
    assert!(elsewhere.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mirror_of_labelled_objects_loses_one_with_its_label() {
    let played = Played::start().await;
    let labels = json!({"labels": {"shard": "one"}});
    played.make(&labels, &NOTHING).await;
    let client = Client::connect(Some(played.sandbox.kubeconfig()), None);
    let client = client.await.unwrap();
    let shard =
        lode_runtime::Own::<lode_api::kustomization::Spec>::mirror(&client, "", "shard=one");
    let mut changes = shard.changes();
    assert!(next(&mut changes).await.new.is_some());
    played
        .patch(&json!({"metadata": {"labels": {"shard": "two"}}}))
        .await;
    assert!(next(&mut changes).await.new.is_none());
}
