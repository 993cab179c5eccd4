//! [`ActionLog`]: the last steps of an action in Helm's words, which Flux adds to the event of a failure.

use std::collections::VecDeque;
use std::fmt;

use jiff::Timestamp;
use lode_cluster::Resource;
use lode_object::{GroupVersionKind, Id, Value};
use lode_stdx::Lock;
use serde_json::json;

/// How many lines are kept, as in Flux.
pub(crate) const LINES_MAX: usize = 10;

/// The last steps of an action.
#[derive(Default)]
pub(crate) struct ActionLog(Lock<VecDeque<LogLine>>);

struct LogLine {
    text: String,
    first: Timestamp,
    last: Timestamp,
    count: u64,
}

impl ActionLog {
    /// Forgets the action before.
    pub(crate) fn begin(&self) {
        self.0.lock().clear();
    }

    /// Adds a step with its attributes as JSON. The same one again is counted.
    pub(crate) fn add(&self, now: Timestamp, step: &str, attributes: &dyn fmt::Display) {
        let text = format!("{step}: {attributes}");
        let mut lines = self.0.lock();
        if let Some(last) = lines.back_mut().filter(|last| last.text == text) {
            last.last = now;
            last.count += 1;
            return;
        }
        lines.push_back(LogLine {
            text,
            first: now,
            last: now,
            count: 1,
        });
        if lines.len() > LINES_MAX {
            lines.pop_front();
        }
    }

    /// Returns a message with the log behind it.
    pub(crate) fn behind(&self, message: &str) -> String {
        let lines = self.0.lock();
        if lines.is_empty() {
            return message.to_owned();
        }
        let lines: Vec<String> = lines.iter().map(ToString::to_string).collect();
        format!("{message}\n\nLast Helm logs:\n\n{}", lines.join("\n"))
    }
}

impl fmt::Display for LogLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            text,
            first,
            last,
            count,
        } = self;
        write!(f, "{first}: {text}")?;
        match count {
            0 | 1 => Ok(()),
            2 => write!(f, "\n{last}: {text}"),
            3 => write!(f, "\n{last}: {text} (1 duplicate line omitted)"),
            more => write!(f, "\n{last}: {text} ({} duplicate lines omitted)", more - 2),
        }
    }
}

/// Returns which object it is, as attributes of a step.
pub(crate) fn named(id: &Id, namespace: &str) -> Value {
    json!({"kind": &*id.kind, "name": &*id.name, "namespace": namespace})
}

/// Returns group, version and kind as Go prints them.
pub(crate) fn gvk_text(gvk: &GroupVersionKind) -> String {
    format!("{}/{}, Kind={}", gvk.group, gvk.version, gvk.kind)
}

/// Returns the attributes of a step that did not find an object, with the server's answer as Go prints it: its fields
/// are in the order of their declaration.
pub(crate) fn not_found(resource: &Resource, id: &Id, namespace: &str) -> String {
    let (group, plural, name) = (&*resource.gvk.group, &*resource.plural, &*id.name);
    let (of, group) = if group.is_empty() {
        (plural.to_owned(), String::new())
    } else {
        let of = format!("{plural}.{group}");
        (of, format!(r#""group":"{group}","#))
    };
    let status = format!(
        r#"{{"kind":"Status","apiVersion":"v1","metadata":{{}},"status":"Failure","message":"{of} \"{name}\" not found","reason":"NotFound","details":{{"name":"{name}",{group}"kind":"{plural}"}},"code":404}}"#
    );
    format!(
        r#"{{"error":{{"ErrStatus":{status}}},"kind":"{}","name":"{name}","namespace":"{namespace}"}}"#,
        id.kind
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_lines_are_kept_and_the_same_one_is_counted() {
        let log = ActionLog::default();
        assert_eq!(log.behind("failed"), "failed");
        let at = |second| Timestamp::from_second(second).unwrap();
        for number in 0..12 {
            log.add(at(number), "step", &json!({"number": number}));
        }
        for second in 20..24 {
            log.add(at(second), "waiting", &json!({}));
        }
        let text = log.behind("failed");
        let mut lines = text.lines();
        let head: Vec<&str> = lines.by_ref().take(4).collect();
        assert_eq!(head, ["failed", "", "Last Helm logs:", ""]);
        assert_eq!(
            lines.next(),
            Some("1970-01-01T00:00:03Z: step: {\"number\":3}")
        );
        let tail: Vec<&str> = lines.skip(8).collect();
        let want = [
            "1970-01-01T00:00:20Z: waiting: {}",
            "1970-01-01T00:00:23Z: waiting: {} (2 duplicate lines omitted)",
        ];
        assert_eq!(tail, want);

        log.begin();
        assert_eq!(log.behind("failed"), "failed");
    }

    #[test]
    fn an_object_that_is_missing_is_told_with_the_servers_answer() {
        let id = Id {
            namespace: "web".into(),
            name: "a".into(),
            group: "".into(),
            kind: "Secret".into(),
        };
        let text = not_found(&Resource::secrets(), &id, "web");
        let read: Value = serde_json::from_str(&text).unwrap();
        let status = &read["error"]["ErrStatus"];
        assert_eq!(status["message"], r#"secrets "a" not found"#);
        assert_eq!(status["details"], json!({"name": "a", "kind": "secrets"}));
        assert_eq!(
            (&read["kind"], &read["namespace"]),
            (&json!("Secret"), &json!("web"))
        );
    }
}
