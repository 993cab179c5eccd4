//! Failures: what is reported about them, what stays, and when the next attempt is due.

use std::sync::Arc;

use lode_api::Status as _;
use lode_api::conditions::State;
use lode_runtime::{EventKind, Next};
use serde_json::json;

use crate::drawer::{self, DrawerOrigin, Papers};
use crate::played::{Played, condition, reason};

/// Starts with a drawer `desk` of which one paper is stored.
async fn desk() -> (Arc<Papers>, Played<DrawerOrigin>) {
    let papers = Arc::new(Papers::default());
    papers.write("a.yaml", "one");
    let played = drawer::play(&papers).await;
    played.apply("desk", &drawer::spec(&json!({}))).await;
    played.run("desk").await;
    (papers, played)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_look_that_fails_is_told_and_tried_again_while_the_artifact_stays() {
    let (papers, played) = desk().await;
    papers.jam(true);
    assert_eq!(played.run("desk").await, Next::Backoff);

    let live = played.live("desk").await.unwrap();
    let failed = |state| {
        let text = "the drawer is jammed".to_owned();
        Some((state, "DrawerOperationFailed".to_owned(), text))
    };
    assert_eq!(condition(&live, "Ready"), failed(State::False));
    assert_eq!(condition(&live, "FetchFailed"), failed(State::True));
    assert_eq!(reason(&live, "Reconciling"), "ProgressingWithRetry");
    assert_eq!(reason(&live, "ArtifactInStorage"), "Succeeded");
    assert!(live.status.artifact.is_some());
    assert_eq!(played.files("desk"), ["1.tar.gz"]);
    let events = played.events("desk").await;
    let warnings = events
        .iter()
        .filter(|(kind, ..)| *kind == EventKind::Warning);
    assert_eq!(warnings.count(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_failure_again_is_neither_written_nor_told() {
    let (papers, played) = desk().await;
    papers.jam(true);
    let first = played.ran("desk").await;
    let told = played.events("desk").await.len();
    let second = played.ran("desk").await;
    assert_eq!(
        first.metadata.resource_version,
        second.metadata.resource_version
    );
    assert_eq!(played.events("desk").await.len(), told);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_is_answered_by_a_failure_too() {
    let (papers, played) = desk().await;
    papers.jam(true);
    let asked = json!({"reconcile.fluxcd.io/requestedAt": "now"});
    let spec = drawer::spec(&json!({}));
    played.apply_as("desk", &asked, &spec).await;
    let live = played.ran("desk").await;
    assert_eq!(live.status.last_handled_reconcile_at(), Some("now"));
    assert_eq!(reason(&live, "Ready"), "DrawerOperationFailed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_recovery_is_told_and_clears_the_failure() {
    let (papers, played) = desk().await;
    papers.jam(true);
    played.run("desk").await;
    papers.jam(false);
    let live = played.ran("desk").await;
    assert_eq!(reason(&live, "Ready"), "Succeeded");
    assert_eq!(live.status.conditions.iter().count(), 2);
    let events = played.events("desk").await;
    let recovered = events.iter().find(|(_, reason, _)| reason == "Succeeded");
    assert!(recovered.is_some(), "{events:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_revision_that_cannot_be_brought_makes_the_artifact_outdated() {
    let (papers, played) = desk().await;
    let gone = drawer::spec(&json!({"paper": "nothere.yaml"}));
    played.apply("desk", &gone).await;
    papers.write("b.yaml", "two");
    assert_eq!(played.run("desk").await, Next::Backoff);
    let live = played.live("desk").await.unwrap();
    assert_eq!(reason(&live, "ArtifactOutdated"), "NewRevision");
    assert_eq!(reason(&live, "FetchFailed"), "DrawerOperationFailed");
    assert_eq!(played.files("desk"), ["1.tar.gz"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_cannot_be_stored_is_a_failure_of_the_storage() {
    let (papers, played) = desk().await;
    papers.write(".hidden", "three");
    let hidden = drawer::spec(&json!({"paper": ".hidden"}));
    played.apply("desk", &hidden).await;
    assert_eq!(played.run("desk").await, Next::Backoff);
    let live = played.live("desk").await.unwrap();
    assert_eq!(
        reason(&live, "StorageOperationFailed"),
        "ArchiveOperationFailed"
    );
    assert_eq!(condition(&live, "FetchFailed"), None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_built_stalls_and_nothing_is_looked_at() {
    let (papers, played) = desk().await;
    let locked = drawer::spec(&json!({"key": "k"}));
    played.apply("desk", &locked).await;
    assert_eq!(played.run("desk").await, Next::Idle);
    let live = played.live("desk").await.unwrap();
    assert_eq!(reason(&live, "Stalled"), "Unsupported");
    assert_eq!(reason(&live, "Ready"), "Unsupported");
    assert_eq!(reason(&live, "Reconciling"), "");
    assert_eq!(
        live.status.observed_generation(),
        Some(live.metadata.generation)
    );
    assert_eq!(papers.looks(), 1, "only the one before");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_interval_that_is_no_duration_stalls() {
    let (papers, played) = desk().await;
    let often = drawer::spec(&json!({"interval": "often"}));
    played.apply("desk", &often).await;
    assert_eq!(played.run("desk").await, Next::Idle);
    let live = played.live("desk").await.unwrap();
    let (_, reason, text) = condition(&live, "Stalled").unwrap();
    assert_eq!(reason, "Failed");
    assert!(text.starts_with("spec.interval: "), "{text}");
    assert_eq!(papers.looks(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_artifact_that_is_lost_while_the_source_is_away_is_shown_no_more() {
    let (papers, played) = desk().await;
    papers.jam(true);
    std::fs::remove_dir_all(played.artifacts.served().join("drawer")).unwrap();
    let live = played.ran("desk").await;
    assert_eq!(live.status.artifact, None);
    assert_eq!(condition(&live, "ArtifactInStorage"), None);
    assert_eq!(reason(&live, "FetchFailed"), "DrawerOperationFailed");
}
