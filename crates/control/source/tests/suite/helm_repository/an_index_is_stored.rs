//! An index is fetched and stored, and again when it changes.

use std::time::Duration;

use lode_runtime::{EventKind, Next};
use lode_stdx::Digest;
use serde_json::json;

use super::{Stage, index};
use crate::played::condition;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_index_is_stored_as_json_under_its_digest() {
    let stage = Stage::start().await;
    stage.list("", &["1.0.0"]);
    stage.apply(&json!({})).await;
    assert_eq!(
        stage.played.run("charts").await,
        Next::After(Duration::from_hours(1))
    );

    let digest = Digest::of(index(&["1.0.0"]).as_bytes());
    let live = stage.played.live("charts").await.unwrap();
    let artifact = live.status.artifact.as_deref().unwrap();
    assert_eq!(*artifact.revision, *digest.to_string());
    let path = format!("helmrepository/default/charts/index-{}.yaml", digest.hex());
    assert_eq!(*artifact.path, *path);
    let url = "http://store.example/helmrepository/default/charts/index.yaml";
    assert_eq!(live.status.url.as_deref(), Some(url));
    let stored: serde_json::Value =
        serde_json::from_slice(&stage.played.bytes("charts").await).unwrap();
    assert_eq!(stored["entries"]["app"][0]["version"], "1.0.0");

    let (_, reason, text) = condition(&live, "Ready").unwrap();
    assert_eq!(
        (&*reason, text),
        ("Succeeded", format!("stored artifact: revision '{digest}'"))
    );
    let url = stage.charts.url("");
    let size = stage.played.bytes("charts").await.len();
    let news = format!("stored fetched index of size {size}B from '{url}'");
    let events = stage.played.events("charts").await;
    assert_eq!(
        events,
        [(EventKind::Normal, "NewArtifact".to_owned(), news)]
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_index_is_no_write_and_another_one_is_an_artifact() {
    let stage = Stage::start().await;
    stage.list("", &["1.0.0"]);
    stage.apply(&json!({})).await;
    let first = stage.played.ran("charts").await;
    let again = stage.played.ran("charts").await;
    assert_eq!(
        first.metadata.resource_version,
        again.metadata.resource_version
    );

    stage.list("", &["1.0.0", "1.1.0"]);
    let second = stage.played.ran("charts").await;
    let artifacts = [first, second].map(|live| live.status.artifact.unwrap());
    assert_ne!(artifacts[0].revision, artifacts[1].revision);
    let files = stage.played.files("charts");
    assert_eq!(files.len(), 2, "{files:?}");
    assert_eq!(files[1], "index.yaml");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_index_that_cannot_be_fetched_any_more_stays() {
    let stage = Stage::start().await;
    stage.list("", &["1.0.0"]);
    stage.apply(&json!({})).await;
    let first = stage.played.ran("charts").await;
    stage.charts.remove("/index.yaml");
    assert_eq!(stage.played.run("charts").await, Next::Backoff);
    let live = stage.played.live("charts").await.unwrap();
    assert_eq!(live.status.artifact, first.status.artifact);
    let (_, reason, text) = condition(&live, "FetchFailed").unwrap();
    let url = stage.charts.url("/index.yaml");
    let expected = format!(
        "failed to fetch Helm repository index: failed to cache index to temporary file: failed to fetch {url} : 404 \
         Not Found"
    );
    assert_eq!((&*reason, text), ("Failed", expected));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_file_is_stored_again() {
    let stage = Stage::start().await;
    stage.list("", &["1.0.0"]);
    stage.apply(&json!({})).await;
    let first = stage.played.ran("charts").await;
    let path = &first.status.artifact.unwrap().path;
    std::fs::remove_file(stage.played.artifacts.served().join(&**path)).unwrap();
    stage.played.run("charts").await;
    assert!(!stage.played.bytes("charts").await.is_empty());
}
