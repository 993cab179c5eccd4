//! Events at the server: written once, counted when repeated, tried again while the server is away.

use lode_object::Value;
use lode_runtime::Told;
use lode_sandbox::{Fault, Requests};
use serde_json::json;

use super::Played;

const NOTHING: Value = Value::Null;

const CREATIONS: Requests = Requests {
    verb: "create",
    resource: "events",
    name: "",
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_said_again_is_one_event_with_a_count() {
    let played = Played::start().await;
    let made = played.make(&NOTHING, &NOTHING).await;
    for _ in 0..3 {
        played.own.emit(&made, Told::warning("Bad", "it broke"));
    }
    played.own.emit(&made, Told::normal("Good", "it works"));
    let events = played.events().await;
    let mut said: Vec<_> = events
        .iter()
        .map(|event| (&event["reason"], &event["count"]))
        .collect();
    said.sort_by_key(|(reason, _)| reason.to_string());
    let (bad, good) = (json!("Bad"), json!("Good"));
    assert_eq!(said, [(&bad, &json!(3)), (&good, &json!(1))]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_that_the_server_forgot_is_made_again_with_its_count() {
    let played = Played::start().await;
    let made = played.make(&NOTHING, &NOTHING).await;
    played.own.emit(&made, Told::warning("Bad", "it broke"));
    let events = played.events().await;
    let name = events[0]["metadata"]["name"].as_str().unwrap();
    let objects = played.sandbox.objects();
    objects
        .delete(("v1", "Event"), "default", name)
        .await
        .unwrap();
    played.own.emit(&made, Told::warning("Bad", "it broke"));
    let events = played.events().await;
    assert_eq!(events.len(), 1);
    assert_eq!(events[0]["count"], 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_away_is_asked_again() {
    let played = Played::start().await;
    let made = played.make(&NOTHING, &NOTHING).await;
    played.sandbox.faults().strike(2, CREATIONS, Fault::Broken);
    played.own.emit(&made, Told::normal("Good", "it works"));
    assert_eq!(played.events().await.len(), 1);
    assert_eq!(played.sandbox.faults().struck(), 2);
    assert_eq!(played.events.dropped(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_write_whose_answer_was_lost_is_no_second_event() {
    let played = Played::start().await;
    let made = played.make(&NOTHING, &NOTHING).await;
    played.sandbox.faults().strike(1, CREATIONS, Fault::Lost);
    played.own.emit(&made, Told::normal("Good", "it works"));
    let events = played.events().await;
    assert_eq!(events.len(), 1);
    assert_eq!(events[0]["count"], 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_that_is_refused_is_dropped_and_counted_and_the_next_one_is_written() {
    let played = Played::start().await;
    let made = played.make(&NOTHING, &NOTHING).await;
    played.sandbox.faults().strike(1, CREATIONS, Fault::Denied);
    played.own.emit(&made, Told::normal("Good", "one"));
    played.own.emit(&made, Told::normal("Good", "two"));
    let events = played.events().await;
    assert_eq!(events.len(), 1);
    assert_eq!(events[0]["message"], "two");
    assert_eq!(played.events.dropped(), 1);
    let metrics = played.own.metrics();
    metrics.watch_events(&played.events);
    assert!(metrics.text().contains("lode_events_dropped_total 1"));
}
