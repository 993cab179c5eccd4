//! Watches: the requests made while one runs, and its events.

use std::io::{BufRead as _, BufReader, Read as _};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Result;
use lode_stdx::Lock;
use serde_json::{Value, json};

use super::server::{Call, Server, Stream};

/// Longest event read, in bytes.
const EVENT_MAX: u64 = 8 << 20;
/// Polling interval for collected events.
const LOOK_EVERY: Duration = Duration::from_millis(20);
const MERGE: &str = "application/merge-patch+json";

/// Events of a watch that runs in the background.
#[derive(Clone, Default)]
pub(crate) struct Events {
    collected: Arc<Lock<Vec<Value>>>,
}

impl Events {
    /// Reads a stream in the background until it ends.
    pub(crate) fn collect(stream: Stream) -> Self {
        let events = Self::default();
        let collected = events.collected.clone();
        std::thread::spawn(move || {
            let mut reader = BufReader::new(stream.response);
            loop {
                let mut line = Vec::new();
                match (&mut reader).take(EVENT_MAX).read_until(b'\n', &mut line) {
                    Ok(size) if size > 0 => {}
                    _ => return,
                }
                let event = serde_json::from_slice(&line)
                    .unwrap_or_else(|error| json!({"unreadable": error.to_string()}));
                collected.lock().push(event);
            }
        });
        events
    }

    /// Waits until there are `count` events, not counting bookmarks, and returns that many, or
    /// fewer on timeout.
    pub(crate) fn first(&self, count: usize, within: Duration) -> Vec<Value> {
        let start = Instant::now();
        loop {
            let mut events = without_bookmarks(self.collected.lock().clone());
            if events.len() >= count || start.elapsed() > within {
                events.truncate(count);
                return events;
            }
            std::thread::sleep(LOOK_EVERY);
        }
    }
}

/// Removes periodic bookmarks; those that end a streamed list stay.
pub(crate) fn without_bookmarks(events: Vec<Value>) -> Vec<Value> {
    let periodic = |event: &Value| {
        event["type"] == "BOOKMARK"
            && event["object"]["metadata"]["annotations"]["k8s.io/initial-events-end"].is_null()
    };
    events
        .into_iter()
        .filter(|event| !periodic(event))
        .collect()
}

/// Makes the requests that a note says were made while the watch ran.
pub(crate) fn meanwhile(server: &Server, note: &str) -> Result<()> {
    for call in calls(note) {
        server.call(&call)?;
    }
    Ok(())
}

/// Returns the requests of a note.
fn calls(note: &str) -> Vec<Call> {
    let folder = "/api/v1/namespaces/lw/configmaps";
    let create = |name: &str, labels: Value| {
        let body = json!({"apiVersion": "v1", "kind": "ConfigMap",
            "metadata": {"name": name, "namespace": "lw", "labels": labels}, "data": {"a": "1"}});
        Call::new("POST", folder).body("application/json", body.to_string())
    };
    let patch =
        |patch: Value| Call::new("PATCH", format!("{folder}/w1")).body(MERGE, patch.to_string());
    let label = |value: &str| patch(json!({"metadata": {"labels": {"par": value}}}));
    let delete = |name: &str| Call::new("DELETE", format!("{folder}/{name}"));
    if note.starts_with("selector transitions; concurrent") {
        let modify = patch(json!({"data": {"a": "2"}}));
        return vec![
            create("w1", json!({"par": "even"})),
            modify,
            label("odd"),
            label("even"),
            delete("w1"),
        ];
    }

    let name = match note {
        "table watch; concurrent create+delete w2" => "w2",
        "metadata watch" => "w3",
        _ => return Vec::new(),
    };
    vec![create(name, Value::Null), delete(name)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_bookmark_that_ends_a_list_counts() {
        let bookmark = |annotations: Value| json!({"type": "BOOKMARK", "object": {"metadata": {"annotations": annotations}}});
        let end = bookmark(json!({"k8s.io/initial-events-end": "true"}));
        assert_eq!(
            without_bookmarks(vec![bookmark(Value::Null), end.clone()]),
            [end]
        );
    }

    #[test]
    fn notes_without_requests_make_none() {
        assert!(calls("from rv").is_empty());
        assert_eq!(calls("metadata watch").len(), 2);
    }
}
