//! A digest in the specification is what is pulled, whatever the tags say.

use serde_json::json;

use super::Stage;
use crate::played::{names, reason};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_digest_counts_before_a_tag() {
    let stage = Stage::open().await;
    let pinned = stage.push("v1", &[("a", "a")]);
    stage.push("v1", &[("b", "b")]);
    let digest = pinned.trim_start_matches("v1@");
    stage
        .apply(&json!({"ref": {"tag": "v1", "digest": digest}}))
        .await;
    let live = stage.played.ran("app").await;
    assert_eq!(*live.status.artifact.unwrap().revision, *digest);
    assert_eq!(names(&*stage.played.tree("app").await), ["a"]);
    assert!(
        stage
            .registry
            .take_requests()
            .iter()
            .all(|it| !it.path.contains("v1"))
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_digest_that_is_none_is_told() {
    let stage = Stage::open().await;
    stage.apply(&json!({"ref": {"digest": "sha256:12"}})).await;
    let live = stage.played.ran("app").await;
    assert_eq!(reason(&live, "FetchFailed"), "OCIArtifactPullFailed");
}
