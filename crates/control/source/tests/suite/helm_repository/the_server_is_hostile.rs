//! A server that is slow, endless, or leads to where nobody should be led.

use std::time::{Duration, Instant};

use lode_sandbox::WebFault;
use serde_json::json;

use super::Stage;
use crate::played::{condition, reason};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_one_costs_no_more_than_the_timeout() {
    let stage = Stage::start().await;
    stage.list("", &["1.0.0"]);
    stage.apply(&json!({"timeout": "1s"})).await;
    let trickle = WebFault::Trickle {
        bytes: 1,
        pause: Duration::from_millis(200),
    };
    for fault in [WebFault::Pause(Duration::from_mins(1)), trickle] {
        stage.charts.fault("index.yaml", fault);
        let began = Instant::now();
        let live = stage.played.ran("charts").await;
        let (_, _, text) = condition(&live, "FetchFailed").unwrap();
        assert!(text.contains("no answer within 1s"), "{text}");
        assert!(began.elapsed() < Duration::from_secs(20));
        stage.charts.heal();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redirect_to_the_metadata_address_is_refused() {
    let stage = Stage::start().await;
    let to = "http://169.254.169.254/latest/meta-data".to_owned();
    stage.charts.fault("index.yaml", WebFault::Redirect(to));
    stage.apply(&json!({})).await;
    assert_eq!(
        reason(&stage.played.ran("charts").await, "FetchFailed"),
        "AccessDenied"
    );
    stage
        .apply(&json!({"url": "http://169.254.169.254/charts"}))
        .await;
    assert_eq!(
        reason(&stage.played.ran("charts").await, "FetchFailed"),
        "AccessDenied"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_index_without_end_stops_at_its_bound() {
    let stage = Stage::start().await;
    stage.charts.put("/index.yaml", vec![b'#'; 51 << 20]);
    stage.apply(&json!({})).await;
    let live = stage.played.ran("charts").await;
    let (_, reason, text) = condition(&live, "FetchFailed").unwrap();
    assert_eq!(reason, "Failed");
    assert!(
        text.ends_with("the limit (--helm-index-max-size)"),
        "{text}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bomb_of_aliases_is_no_index() {
    let stage = Stage::start().await;
    let mut text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for n in 1..12 {
        let before = format!("*a{}, ", n - 1).repeat(10);
        let line = format!("a{n}: &a{n} [{before}]\n");
        text.push_str(&line);
    }
    text.push_str("apiVersion: v1\nentries: {}\n");
    stage.charts.put("/index.yaml", text);
    stage.apply(&json!({})).await;
    let began = Instant::now();
    let live = stage.played.ran("charts").await;
    assert_eq!(reason(&live, "FetchFailed"), "IndexationFailed");
    assert!(began.elapsed() < Duration::from_secs(20));
}
