//! The source of a chart does not exist, or has nothing yet.

use std::time::Duration;

use lode_runtime::Next;
use serde_json::json;

use super::Stage;
use crate::played::{condition, named};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_missing_source_is_named() {
    let stage = Stage::start().await;
    for kind in ["HelmRepository", "GitRepository"] {
        stage.chart((kind, "nothere"), &json!({})).await;
        assert_eq!(stage.charts.run("app").await, Next::Backoff);
        let live = stage.charts.live("app").await.unwrap();
        let (_, reason, text) = condition(&live, "FetchFailed").unwrap();
        assert_eq!(reason, "SourceUnavailable");
        let expected =
            format!("failed to get source: {kind}.source.toolkit.fluxcd.io \"nothere\" not found");
        assert_eq!(text, expected);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_source_without_an_artifact_is_waited_for_without_a_word_and_wakes_the_chart() {
    let stage = Stage::start().await;
    stage.repository("", &json!({})).await;
    stage.chart(("HelmRepository", "charts"), &json!({})).await;
    assert_eq!(stage.charts.run("app").await, Next::Backoff);
    let live = stage.charts.live("app").await.unwrap();
    let (_, reason, text) = condition(&live, "FetchFailed").unwrap();
    assert_eq!(reason, "NoSourceArtifact");
    assert_eq!(
        text,
        "no artifact available for HelmRepository source 'charts'"
    );
    assert_eq!(stage.charts.events("app").await, []);

    while let Some(name) = stage.charts.queued().await {
        stage.charts.queue.done(&name, Next::Idle);
    }
    let (sources, frame) = (stage.sources.clone(), stage.charts.frame.clone());
    let follower = tokio::spawn(async move { sources.follow(|used| frame.wake(used)).await });
    stage.publish("", &["1.0.0"]);
    stage.fetched("charts").await;
    let woken = tokio::time::timeout(Duration::from_secs(30), stage.charts.queue.next());
    assert_eq!(woken.await.unwrap(), Some(named("app")));
    follower.abort();
    assert_eq!(stage.ready().await.0, "True");
}
