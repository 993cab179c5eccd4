//! Artifacts go with their object, and nothing else does.

use std::sync::Arc;

use lode_runtime::Next;
use serde_json::json;

use crate::drawer::{self, DrawerOrigin, Papers};
use crate::played::{Played, named};

/// Starts with drawers that are stored.
async fn drawers(names: &[&str]) -> Played<DrawerOrigin> {
    let papers = Arc::new(Papers::default());
    papers.write("a.yaml", "one");
    let played = drawer::play(&papers).await;
    for name in names {
        played.apply(name, &drawer::spec(&json!({}))).await;
        played.run(name).await;
    }
    played
}

/// Writes the path and digest of the victim's artifact into the status of the thief.
async fn forge(played: &Played<DrawerOrigin>) {
    let victim = played.live("victim").await.unwrap();
    let thief = played.live("thief").await.unwrap();
    let mut status = thief.status.clone();
    status.artifact = victim.status.artifact;
    let thief = Arc::new(thief);
    played.own.write_status(&thief, &status).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_artifacts_of_a_deleted_source_are_removed_before_it_goes() {
    let played = drawers(&["desk", "other"]).await;
    played.delete("desk").await;
    assert!(
        played.live("desk").await.is_some(),
        "the finalizer holds it"
    );
    assert_eq!(played.run("desk").await, Next::Idle);
    assert!(played.live("desk").await.is_none());
    assert_eq!(played.files("desk"), [""; 0]);
    assert_eq!(played.files("other"), ["1.tar.gz"]);
    let events = played.events("desk").await;
    let collected = (
        "GarbageCollectionSucceeded",
        "garbage collected artifacts for deleted resource",
    );
    assert!(
        events
            .iter()
            .any(|(_, reason, text)| (&**reason, &**text) == collected)
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_suspended_source_takes_its_artifacts_with_it_too() {
    let played = drawers(&["desk"]).await;
    played
        .apply("desk", &drawer::spec(&json!({"suspend": true})))
        .await;
    played.delete("desk").await;
    played.run("desk").await;
    assert!(played.live("desk").await.is_none());
    assert_eq!(played.files("desk"), [""; 0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_forged_path_reaches_nothing_of_another_source() {
    let played = drawers(&["victim", "thief"]).await;
    forge(&played).await;
    let live = played.ran("thief").await;
    let artifact = live.status.artifact.unwrap();
    assert_eq!(
        &*artifact.path, "drawer/default/thief/1.tar.gz",
        "made again"
    );
    assert_eq!(played.files("victim"), ["1.tar.gz"]);

    forge(&played).await;
    played.delete("thief").await;
    played.run("thief").await;
    assert!(played.live("thief").await.is_none());
    assert_eq!(played.files("thief"), [""; 0]);
    assert_eq!(played.files("victim"), ["1.tar.gz"]);
    let victim = played.ran("victim").await;
    assert!(victim.status.artifact.is_some());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_forged_path_with_another_digest_damages_nothing() {
    let played = drawers(&["victim", "thief"]).await;
    forge(&played).await;
    let thief = played.live("thief").await.unwrap();
    let mut status = thief.status.clone();
    let artifact = status.artifact.as_mut().unwrap();
    artifact.digest = format!("sha256:{}", "0".repeat(64)).into();
    played
        .own
        .write_status(&Arc::new(thief), &status)
        .await
        .unwrap();
    played.run("thief").await;
    assert_eq!(played.files("victim"), ["1.tar.gz"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_source_of_the_same_name_inherits_nothing() {
    let played = drawers(&["desk"]).await;
    let before = played.live("desk").await.unwrap();
    played.delete("desk").await;
    played.run("desk").await;
    played.apply("desk", &drawer::spec(&json!({}))).await;
    let after = played.live("desk").await.unwrap();
    assert_ne!(before.metadata.uid, after.metadata.uid);
    assert_eq!(after.status.artifact, None);
    played.run("desk").await;
    assert_eq!(played.files("desk"), ["1.tar.gz"]);
    assert!(played.own.objects().get(&named("desk")).is_some());
}
