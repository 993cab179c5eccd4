//! Conditions of objects.

use jiff::Timestamp;
use lode_object::json::text;
use lode_stdx::time::rfc3339;
use serde_json::{Value, json};

/// A condition to set.
pub(super) struct Condition<'c> {
    pub(super) ty: &'c str,
    pub(super) status: &'c str,
    pub(super) reason: &'c str,
    pub(super) message: &'c str,
}

/// Sets a condition. One with the same status and reason is kept; the transition time changes with
/// the status only, and `stamp` is the field that has the time of every change.
pub(super) fn set(conditions: &mut Vec<Value>, new: &Condition<'_>, stamp: &str, now: Timestamp) {
    let at = conditions
        .iter()
        .position(|condition| text(condition, "/type") == new.ty);
    let before = at.map(|at| conditions[at].clone()).unwrap_or_default();
    let same_status = text(&before, "/status") == new.status;
    if same_status && text(&before, "/reason") == new.reason {
        return;
    }

    let now = Value::from(rfc3339(now));
    let since = if same_status {
        before["lastTransitionTime"].clone()
    } else {
        now.clone()
    };
    let mut condition = json!({"type": new.ty, "status": new.status, "lastTransitionTime": since,
        "reason": new.reason, "message": new.message});
    if !stamp.is_empty() {
        condition[stamp] = now;
    }

    match at {
        Some(at) => conditions[at] = condition,
        None => conditions.push(condition),
    }
}

/// Returns the conditions of an object.
pub(super) fn of(object: &Value) -> Vec<Value> {
    object
        .pointer("/status/conditions")
        .and_then(Value::as_array)
        .cloned()
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_condition_keeps_its_time_until_its_status_changes() {
        let mut conditions = Vec::new();
        let mut say = |status: &'static str, reason: &'static str, second: i64| {
            let condition = Condition {
                ty: "Ready",
                status,
                reason,
                message: "m",
            };
            set(
                &mut conditions,
                &condition,
                "lastUpdateTime",
                Timestamp::from_second(second).unwrap(),
            );
            let said = &conditions[0];
            [
                text(said, "/lastTransitionTime"),
                text(said, "/lastUpdateTime"),
            ]
            .map(|time| time[17..19].to_owned())
        };
        assert_eq!(say("False", "A", 1), ["01", "01"]);
        assert_eq!(say("False", "A", 2), ["01", "01"]);
        assert_eq!(say("False", "B", 3), ["01", "03"]);
        assert_eq!(say("True", "B", 4), ["04", "04"]);
    }
}
