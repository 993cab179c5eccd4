//! A repository of type oci has neither status nor finalizer.

use lode_api::helm_repository::HelmRepositoryStatus;
use lode_object::meta;
use lode_runtime::{EventKind, Next};
use serde_json::json;

use super::Stage;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_registry_is_left_alone() {
    let stage = Stage::start().await;
    stage
        .apply(&json!({"url": "oci://127.0.0.1/charts", "type": "oci"}))
        .await;
    assert_eq!(stage.played.run("charts").await, Next::Idle);
    let live = stage.played.live("charts").await.unwrap();
    assert_eq!(live.status, HelmRepositoryStatus::default());
    assert!(!live.metadata.has_finalizer(meta::FINALIZER));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_repository_that_becomes_one_loses_its_index() {
    let stage = Stage::start().await;
    stage.list("", &["1.0.0"]);
    stage.apply(&json!({})).await;
    stage.played.run("charts").await;
    stage
        .apply(&json!({"url": "oci://127.0.0.1/charts", "type": "oci"}))
        .await;
    let live = stage.played.ran("charts").await;
    assert_eq!(live.status, HelmRepositoryStatus::default());
    assert!(!live.metadata.has_finalizer(meta::FINALIZER));
    assert_eq!(stage.played.files("charts"), [""; 0]);
    let events = stage.played.events("charts").await;
    let (kind, reason, text) = events.last().unwrap();
    assert_eq!(
        (*kind, &**reason),
        (EventKind::Normal, "GarbageCollectionSucceeded")
    );
    assert_eq!(text, "garbage collected artifacts for deleted resource");
}
