//! A range of versions and a filter choose a tag; a new tag in the range is a new artifact.

use serde_json::json;

use super::Stage;
use crate::played::condition;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_tag_in_the_range_is_pulled() {
    let stage = Stage::open().await;
    for tag in ["1.0.0", "1.0", "2.0.0-rc.1", "latest"] {
        stage.push(tag, &[("a", tag)]);
    }
    stage.apply(&json!({"ref": {"semver": ">=1.0.0"}})).await;
    let revision = |live: lode_api::OCIRepository| live.status.artifact.unwrap().revision;
    let first = revision(stage.played.ran("app").await);
    assert!(first.starts_with("1.0.0@sha256:"), "{first}");
    stage.push("1.10.0", &[("a", "new")]);
    let second = revision(stage.played.ran("app").await);
    assert!(second.starts_with("1.10.0@sha256:"), "{second}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_tags_that_match_the_filter_count() {
    let stage = Stage::open().await;
    for tag in ["1.0.0-dev.1", "1.0.0-dev.2", "1.0.0-prod.1"] {
        stage.push(tag, &[("a", tag)]);
    }
    let choice = json!({"semver": ">=1.0.0-0", "semverFilter": ".*-dev.*"});
    stage.apply(&json!({"ref": choice})).await;
    let live = stage.played.ran("app").await;
    let revision = live.status.artifact.unwrap().revision;
    assert!(revision.starts_with("1.0.0-dev.2@"), "{revision}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_range_without_a_tag_is_told() {
    let stage = Stage::open().await;
    stage.push("1.0.0", &[("a", "a")]);
    let host = stage.registry.host();
    let url = format!("failed to determine the artifact tag for 'oci://{host}/app'");
    for (choice, expected) in [
        (json!({"semver": "2.x"}), "no match found for semver: 2.x"),
        (
            json!({"semver": "a.b"}),
            "semver 'a.b' parse error: improper constraint: \"a.b\"",
        ),
        (
            json!({"semver": "1.x", "semverFilter": "("}),
            "error parsing regexp: missing closing ): `(`",
        ),
    ] {
        stage.apply(&json!({"ref": choice})).await;
        let live = stage.played.ran("app").await;
        let (_, reason, text) = condition(&live, "FetchFailed").unwrap();
        assert_eq!(reason, "ReadOperationFailed");
        assert_eq!(text, format!("{url}: {expected}"));
    }
}
