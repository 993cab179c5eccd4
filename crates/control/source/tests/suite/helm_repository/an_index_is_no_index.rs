//! What the server has is no index.

use serde_json::json;

use super::Stage;
use crate::played::condition;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_wrong_is_named_and_the_last_index_stays() {
    let stage = Stage::start().await;
    stage.list("", &["1.0.0"]);
    stage.apply(&json!({})).await;
    let first = stage.played.ran("charts").await;
    for (text, expected) in [
        ("entries: {}\n", "no API version specified"),
        ("", "empty index.yaml file"),
        ("a: [", "error converting YAML to JSON: yaml: "),
        ("apiVersion: v1\nentries: 7\n", "error unmarshaling JSON: "),
    ] {
        stage.charts.put("/index.yaml", text);
        let live = stage.played.ran("charts").await;
        let (_, reason, text) = condition(&live, "FetchFailed").unwrap();
        assert_eq!(reason, "IndexationFailed");
        let begin = "failed to load Helm repository from index YAML: failed to load index: ";
        assert!(text.starts_with(&format!("{begin}{expected}")), "{text}");
        assert_eq!(live.status.artifact, first.status.artifact);
        assert!(condition(&live, "ArtifactOutdated").is_none());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_index_without_charts_is_one() {
    let stage = Stage::start().await;
    stage
        .charts
        .put("/index.yaml", "apiVersion: v1\nentries: {}\n");
    stage.apply(&json!({})).await;
    assert!(stage.played.ran("charts").await.status.artifact.is_some());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_url_of_a_registry_needs_its_type() {
    let stage = Stage::start().await;
    stage.apply(&json!({"url": "oci://127.0.0.1/charts"})).await;
    let live = stage.played.ran("charts").await;
    let (_, reason, text) = condition(&live, "Stalled").unwrap();
    assert_eq!(reason, "URLInvalid");
    assert_eq!(
        text,
        "invalid Helm repository URL: 'oci' URL scheme cannot be used with 'default' HelmRepository type"
    );
}
