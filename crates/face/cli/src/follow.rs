//! Waits for one object: watches it alone and passes each version to a judge.

use std::time::Duration;

use lode_cluster::{Client, Head, Resource, Sink, Subject, watch};
use lode_object::{NamespacedName, Value};
use tokio::sync::watch as latest;

/// Waits until `judge` gives an answer about the object (which may be absent); returns nothing on
/// timeout.
pub(crate) async fn until<T>(
    client: &Client,
    (resource, name): (Resource, &NamespacedName),
    timeout: Duration,
    mut judge: impl FnMut(Option<&Value>) -> Option<T>,
) -> Option<T> {
    let subject = Subject {
        resource,
        namespace: name.namespace.clone(),
        labels: "".into(),
        fields: format!("metadata.name={}", name.name).into(),
    };
    let (sender, mut seen) = latest::channel(FollowedObjects::Nothing);
    let task = Task(tokio::spawn(watch(
        client.clone(),
        subject,
        Latest {
            sender,
            is_there: false,
        },
    )));
    let answer = async {
        loop {
            let answer = match &*seen.borrow_and_update() {
                FollowedObjects::Nothing => None,
                FollowedObjects::Absent => judge(None),
                FollowedObjects::There(object) => judge(Some(object)),
            };
            if answer.is_some() || seen.changed().await.is_err() {
                return answer;
            }
        }
    };
    let answer = tokio::time::timeout(timeout, answer).await;
    drop(task);
    answer.ok().flatten()
}

/// A task that is aborted when it is dropped.
struct Task(tokio::task::JoinHandle<()>);

impl Drop for Task {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// What the watch has reported so far.
#[derive(Debug, PartialEq)]
enum FollowedObjects {
    Nothing,
    Absent,
    There(Value),
}

/// Keeps only the newest version; intermediate ones are skipped.
struct Latest {
    sender: latest::Sender<FollowedObjects>,
    /// Whether the list in progress has contained the object.
    is_there: bool,
}

impl Sink for Latest {
    fn restart(&mut self) {
        self.is_there = false;
    }

    fn applied(&mut self, _: &Head<'_>, object: &[u8]) {
        self.is_there = true;
        if let Ok(object) = serde_json::from_slice(object) {
            self.sender.send_replace(FollowedObjects::There(object));
        }
    }

    fn deleted(&mut self, _: &Head<'_>, _: &[u8]) {
        self.sender.send_replace(FollowedObjects::Absent);
    }

    fn synced(&mut self, _: &str) {
        if !self.is_there {
            self.sender.send_replace(FollowedObjects::Absent);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_no_list_tells_of_is_absent() {
        let (sender, seen) = latest::channel(FollowedObjects::Nothing);
        let mut sink = Latest {
            sender,
            is_there: false,
        };
        sink.restart();
        sink.applied(&Head::default(), b"{\"a\":1}");
        sink.synced("");
        assert_eq!(
            *seen.borrow(),
            FollowedObjects::There(serde_json::json!({"a": 1}))
        );
        sink.restart();
        sink.synced("");
        assert_eq!(*seen.borrow(), FollowedObjects::Absent);
    }
}
