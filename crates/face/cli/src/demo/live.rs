//! The live view of the demo: one line for each change of a Kustomization's status.

use std::collections::HashMap;

use lode_api::standing::{Standing, standing};
use lode_cluster::{Client, Head, Sink, Subject, watch};
use lode_object::{NamespacedName, Value};
use tokio::task::JoinHandle;

use crate::kinds::{Noun, name_of};
use crate::output;

/// Prints changes until the task is aborted, if stderr is a terminal.
pub(crate) fn start(client: &Client) -> JoinHandle<()> {
    let subject = Subject {
        resource: Noun(&lode_api::kinds::KUSTOMIZATION).resource(),
        namespace: "".into(),
        labels: "".into(),
        fields: "".into(),
    };
    tokio::spawn(watch(client.clone(), subject, LiveLines::default()))
}

/// The last line printed for each object.
#[derive(Default)]
struct LiveLines(HashMap<NamespacedName, String>);

impl LiveLines {
    /// Returns the line for an object, if it differs from the last one.
    fn line(&mut self, object: &Value) -> Option<String> {
        let name = name_of(object);
        let line = match standing(object, None) {
            Standing::Waiting(message) if message.is_empty() => return None,
            Standing::Waiting(message) => format!("◎ {}: {message}", name.name),
            Standing::Ready(message) => format!("✔ {}: {message}", name.name),
            Standing::Failed(message) => format!("✗ {}: {message}", name.name),
        };
        let is_new = self.0.insert(name, line.clone()).as_ref() != Some(&line);
        is_new.then_some(line)
    }
}

impl Sink for LiveLines {
    fn restart(&mut self) {}

    fn applied(&mut self, _: &Head<'_>, object: &[u8]) {
        if let Ok(object) = serde_json::from_slice(object)
            && let Some(line) = self.line(&object)
        {
            output::progress(&line);
        }
    }

    fn deleted(&mut self, head: &Head<'_>, _: &[u8]) {
        output::progress(&format!("- {}: gone", head.name));
        self.0.remove(&head.name());
    }

    fn synced(&mut self, _: &str) {}
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn nothing_is_said_twice() {
        let object = |status: &str, message: &str| {
            let ready =
                json!({"type": "Ready", "status": status, "reason": "R", "message": message});
            json!({"metadata": {"namespace": "n", "name": "a"}, "status": {"conditions": [ready]}})
        };
        let mut lines = LiveLines::default();
        assert_eq!(
            lines.line(&json!({"metadata": {"namespace": "n", "name": "a"}})),
            None
        );
        assert_eq!(
            lines.line(&object("True", "one")).as_deref(),
            Some("✔ a: one")
        );
        assert_eq!(lines.line(&object("True", "one")), None);
        assert_eq!(
            lines.line(&object("False", "two")).as_deref(),
            Some("✗ a: R: two")
        );
    }
}
