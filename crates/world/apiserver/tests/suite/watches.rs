//! The events of a watch.

use hyper::Method;
use serde_json::{Value, json};

use crate::client::Client;

const MAPS: &str = "/api/v1/namespaces/default/configmaps";

async fn watched(client: &Client, query: &str) -> Vec<Value> {
    let path = format!("{MAPS}?watch=1&timeoutSeconds=1&{query}");
    let (code, body) = client.raw(Method::GET, &path, &[], &Value::Null).await;
    assert_eq!(code, 200);
    let lines = body
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty());
    lines
        .map(|line| serde_json::from_slice(line).unwrap())
        .collect()
}

fn told(events: &[Value]) -> Vec<String> {
    let text = |event: &Value| {
        let metadata = &event["object"]["metadata"];
        format!(
            "{} {}",
            event["type"].as_str().unwrap(),
            metadata["name"].as_str().unwrap_or_default()
        )
    };
    events.iter().map(text).collect()
}

#[tokio::test]
async fn objects_come_and_go_as_they_are_selected() {
    let client = Client::start().await;
    let before = client.get(MAPS).await["metadata"]["resourceVersion"]
        .as_str()
        .unwrap()
        .to_owned();
    let map = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", "labels": {"x": "1"}}});
    client.create(MAPS, &map).await;
    let path = format!("{MAPS}/a");
    client.patch(&path, &json!({"data": {"k": "v"}})).await;
    client
        .patch(&path, &json!({"metadata": {"labels": {"x": "2"}}}))
        .await;
    client
        .patch(&path, &json!({"metadata": {"labels": {"x": "1"}}}))
        .await;
    client.delete(&path, "Background").await;
    let events = watched(
        &client,
        &format!("resourceVersion={before}&labelSelector=x%3D1"),
    )
    .await;
    assert_eq!(
        told(&events),
        ["ADDED a", "MODIFIED a", "DELETED a", "ADDED a", "DELETED a"]
    );
    assert_eq!(
        events[2]["object"]["metadata"]["labels"]["x"], "1",
        "who no longer selects it sees how it was"
    );
    let versions: Vec<u64> = events
        .iter()
        .map(|event| {
            event["object"]["metadata"]["resourceVersion"]
                .as_str()
                .unwrap()
                .parse()
                .unwrap()
        })
        .collect();
    assert!(versions.is_sorted_by(|a, b| a < b), "{versions:?}");
}

#[tokio::test]
async fn a_streamed_list_says_where_it_ends() {
    let client = Client::start().await;
    client
        .create(
            MAPS,
            &json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}}),
        )
        .await;
    let query = "sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true\
                 &fieldSelector=metadata.name%3Da";
    let events = watched(&client, query).await;
    assert_eq!(told(&events), ["ADDED a", "BOOKMARK "]);
    assert_eq!(
        events[1]["object"]["metadata"]["annotations"]["k8s.io/initial-events-end"],
        "true"
    );
}

#[tokio::test]
async fn a_place_that_is_forgotten_is_told() {
    let client = Client::start().await;
    // The log of a resource is bounded; the changes of this object push all others out.
    let path = format!("{MAPS}/a");
    let large = "x".repeat(900_000);
    client
        .create(
            MAPS,
            &json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}}),
        )
        .await;
    for round in 0..25 {
        client
            .patch(&path, &json!({"data": {"k": format!("{round}{large}")}}))
            .await;
    }
    let events = watched(&client, "resourceVersion=1").await;
    assert_eq!(
        (&events[0]["type"], &events[0]["object"]["code"]),
        (&json!("ERROR"), &json!(410))
    );
}

#[tokio::test]
async fn many_who_watch_are_all_told_all_in_order() {
    let client = Client::start().await;
    client
        .create(
            MAPS,
            &json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}}),
        )
        .await;
    let before = client.get(MAPS).await["metadata"]["resourceVersion"]
        .as_str()
        .unwrap()
        .to_owned();
    let mut watches = tokio::task::JoinSet::new();
    for _ in 0..WATCHES {
        let (client, path) = (
            client.another().await,
            format!("{MAPS}?watch=1&resourceVersion={before}"),
        );
        watches.spawn(async move { client.lines(&path, CHANGES).await });
    }
    for change in 0..CHANGES {
        client
            .patch(
                &format!("{MAPS}/a"),
                &json!({"data": {"change": change.to_string()}}),
            )
            .await;
    }
    let all: Vec<String> = (0..CHANGES)
        .map(|change| format!("MODIFIED {change}"))
        .collect();
    while let Some(events) = watches.join_next().await {
        let event = |event: &Value| {
            let change = &event["object"]["data"]["change"];
            format!(
                "{} {}",
                event["type"].as_str().unwrap(),
                change.as_str().unwrap()
            )
        };
        assert_eq!(events.unwrap().iter().map(event).collect::<Vec<_>>(), all);
    }
}

/// More than are notified of each change separately.
const WATCHES: usize = 40;
const CHANGES: usize = 30;
