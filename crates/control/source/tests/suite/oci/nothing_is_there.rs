//! The registry does not have what is asked for, or the specification cannot be meant.

use lode_api::conditions::State;
use lode_runtime::{EventKind, Next};
use serde_json::json;

use super::Stage;
use crate::played::{condition, reason};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_missing_tag_is_told_in_the_registrys_words_until_it_is_pushed() {
    let stage = Stage::open().await;
    stage.push("v1", &[("a", "a")]);
    stage.apply(&json!({"ref": {"tag": "v9"}})).await;
    assert_eq!(stage.played.run("app").await, Next::Backoff);
    let live = stage.played.live("app").await.unwrap();
    let (state, reason, text) = condition(&live, "FetchFailed").unwrap();
    assert_eq!((state, &*reason), (State::True, "OCIArtifactPullFailed"));
    let host = stage.registry.host();
    let expected = format!(
        "failed to determine artifact digest: GET http://{host}/v2/app/manifests/v9: MANIFEST_UNKNOWN: manifest unknown"
    );
    assert_eq!(text, expected);

    stage.push("v9", &[("a", "a")]);
    let live = stage.played.ran("app").await;
    assert!(condition(&live, "FetchFailed").is_none() && live.status.artifact.is_some());
    let kinds: Vec<_> = stage
        .played
        .events("app")
        .await
        .into_iter()
        .map(|it| it.0)
        .collect();
    assert_eq!(kinds, [EventKind::Warning, EventKind::Normal]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_repository_that_nobody_knows_is_told() {
    let stage = Stage::open().await;
    stage.apply(&json!({})).await;
    let live = stage.played.ran("app").await;
    let (_, _, text) = condition(&live, "Ready").unwrap();
    assert!(
        text.ends_with("NAME_UNKNOWN: repository name not known to registry"),
        "{text}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_url_with_a_tag_stalls() {
    let stage = Stage::open().await;
    stage.apply_for("app", "app:v1", &json!({})).await;
    assert_eq!(stage.played.run("app").await, Next::Idle);
    let live = stage.played.live("app").await.unwrap();
    assert_eq!(reason(&live, "Stalled"), "URLInvalid");
    assert_eq!(stage.registry.take_requests(), []);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_built_is_refused_by_name() {
    let stage = Stage::open().await;
    stage.push("latest", &[("a", "a")]);
    for (field, value) in [
        ("verify", json!({"provider": "cosign"})),
        ("provider", json!("aws")),
    ] {
        stage.apply(&json!({field: value})).await;
        let live = stage.played.ran("app").await;
        let (_, reason, text) = condition(&live, "Stalled").unwrap();
        assert_eq!(reason, "Unsupported");
        assert!(text.starts_with(&format!("spec.{field}")), "{text}");
    }
    assert_eq!(stage.registry.take_requests(), []);
}
