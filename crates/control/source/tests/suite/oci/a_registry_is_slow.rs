//! A registry takes its time: that costs no more than the timeout, and nobody else anything.

use std::time::{Duration, Instant};

use lode_sandbox::WebFault;
use serde_json::json;

use super::Stage;
use crate::played::condition;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_or_a_layer_that_does_not_come_ends_at_the_timeout() {
    let stage = Stage::open().await;
    stage.push("latest", &[("a", "a")]);
    stage.apply(&json!({"timeout": "1s"})).await;
    let trickle = WebFault::Trickle {
        bytes: 1,
        pause: Duration::from_millis(200),
    };
    for (part, fault) in [
        ("/manifests/", WebFault::Pause(Duration::from_mins(1))),
        ("/blobs/", trickle),
    ] {
        stage.registry.fault(part, fault);
        let began = Instant::now();
        let live = stage.played.ran("app").await;
        let (_, _, text) = condition(&live, "FetchFailed").unwrap();
        assert!(text.contains("no answer within 1s"), "{text}");
        assert!(began.elapsed() < Duration::from_secs(20));
        stage.registry.heal();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_of_the_object_ends_the_wait() {
    let stage = Stage::open().await;
    stage.push("latest", &[("a", "a")]);
    stage
        .registry
        .fault("/v2/", WebFault::Pause(Duration::from_mins(1)));
    stage.apply(&json!({})).await;
    let waits = stage.played.run("app");
    let changes = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        stage.registry.heal();
        stage.apply(&json!({"ref": {"tag": "latest"}})).await;
    };
    let both = async { tokio::join!(waits, changes) };
    tokio::time::timeout(Duration::from_secs(30), both)
        .await
        .unwrap();
    assert!(stage.played.ran("app").await.status.artifact.is_some());
}
