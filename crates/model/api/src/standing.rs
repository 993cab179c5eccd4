//! The state of an object of our kinds, read from its status in the API server.
//!
//! Input: an object of any of [`crate::kinds::ALL`] as JSON. Output: what a person, or a program
//! that waits for it, wants to know.

use serde_json::Value;

use crate::conditions::{READY, State};
use crate::{Conditions, reasons};

/// State of a request to an object.
#[derive(Debug, PartialEq, Eq)]
pub enum Standing {
    /// In progress; the text says what is going on, as far as known.
    Waiting(String),
    /// Succeeded, with this message.
    Ready(String),
    /// Failed, with this message.
    Failed(String),
}

/// Returns the state of an object; `token` is the request that must have been handled, if one was
/// made.
///
/// A failed attempt counts as finished although the operator retries, because the person who made
/// the request wants to know. An object that waits for a dependency has not finished.
#[must_use]
pub fn standing(object: &Value, token: Option<&str>) -> Standing {
    let conditions = conditions(object);
    let Some(ready) = conditions.get(READY) else {
        return Standing::Waiting(String::new());
    };
    let generation = object
        .pointer("/metadata/generation")
        .and_then(Value::as_i64)
        .unwrap_or_default();
    if ready
        .observed_generation
        .is_some_and(|observed| observed < generation)
    {
        return Standing::Waiting(String::new());
    }

    let message = ready.message.to_string();
    let answered = object.pointer("/status/lastHandledReconcileAt");
    if token.is_some_and(|token| answered.and_then(Value::as_str) != Some(token)) {
        // What goes on now is said before the answer; what an earlier attempt came to is none.
        let goes_on = ready.status == State::Unknown;
        return Standing::Waiting(if goes_on { message } else { String::new() });
    }
    match ready.status {
        State::True => Standing::Ready(message),
        State::False if &*ready.reason != reasons::DEPENDENCY_NOT_READY => {
            Standing::Failed(format!("{}: {message}", ready.reason))
        }
        _ => Standing::Waiting(message),
    }
}

/// Returns status and message of the Ready condition, whatever generation they are for.
#[must_use]
pub fn ready(object: &Value) -> (&'static str, String) {
    let conditions = conditions(object);
    let Some(ready) = conditions.get(READY) else {
        return ("Unknown", "waiting to be reconciled".to_owned());
    };
    let word = match ready.status {
        State::True => "True",
        State::False => "False",
        State::Unknown => "Unknown",
    };
    (word, ready.message.to_string())
}

/// Returns whether the object is suspended.
#[must_use]
pub fn is_suspended(object: &Value) -> bool {
    object.pointer("/spec/suspend") == Some(&Value::Bool(true))
}

/// Reads the conditions; malformed ones count as none.
fn conditions(object: &Value) -> Conditions {
    let conditions = object.pointer("/status/conditions").cloned();
    serde_json::from_value(conditions.unwrap_or_default()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn object(status: &str, reason: &str, observed: i64) -> Value {
        json!({
            "metadata": {"generation": 3},
            "status": {
                "lastHandledReconcileAt": "now",
                "conditions": [{"type": "Ready", "status": status, "reason": reason, "message": "m", "observedGeneration": observed}],
            },
        })
    }

    #[test]
    fn an_answered_request_ends_with_its_ready_condition() {
        assert_eq!(
            standing(&object("True", "Succeeded", 3), Some("now")),
            Standing::Ready("m".into())
        );
        assert_eq!(
            standing(&object("False", "BuildFailed", 3), Some("now")),
            Standing::Failed("BuildFailed: m".into())
        );
    }

    #[test]
    fn older_answers_do_not_count() {
        assert_eq!(
            standing(&object("True", "Succeeded", 3), Some("later")),
            Standing::Waiting(String::new())
        );
        assert_eq!(
            standing(&object("False", "BuildFailed", 2), None),
            Standing::Waiting(String::new())
        );
        assert_eq!(
            standing(&json!({"metadata": {"generation": 1}}), None),
            Standing::Waiting(String::new())
        );
    }

    #[test]
    fn what_goes_on_is_said_before_a_request_is_answered() {
        assert_eq!(
            standing(&object("Unknown", "Progressing", 3), Some("later")),
            Standing::Waiting("m".into())
        );
        assert_eq!(
            standing(&object("Unknown", "Progressing", 2), Some("later")),
            Standing::Waiting(String::new()),
            "an attempt at an older specification"
        );
    }

    #[test]
    fn work_and_dependencies_are_waited_for() {
        assert_eq!(
            standing(&object("Unknown", "Progressing", 3), None),
            Standing::Waiting("m".into())
        );
        assert_eq!(
            standing(&object("False", "DependencyNotReady", 3), None),
            Standing::Waiting("m".into())
        );
    }
}
