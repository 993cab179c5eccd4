//! `status.conditions`, checked once and then read in order.

use serde_json::Value;

use crate::status::{Health, Status};

/// The conditions of one object.
#[derive(Clone, Copy)]
pub(crate) struct Conditions<'o>(&'o [Value]);

/// One condition; absent texts are empty.
#[derive(Clone, Copy)]
pub(crate) struct Condition<'o> {
    pub(crate) kind: &'o str,
    pub(crate) status: &'o str,
    pub(crate) reason: &'o str,
    pub(crate) message: &'o str,
}

impl<'o> Conditions<'o> {
    /// Reads the conditions; absent ones are allowed, malformed ones are an error.
    pub(crate) fn of(object: &'o Value) -> Result<Self, Health> {
        let fault = || {
            Err(Health::unknown(
                "status.conditions is not a list of conditions",
            ))
        };
        match object.pointer("/status/conditions") {
            None | Some(Value::Null) => Ok(Self(&[])),
            Some(Value::Array(all)) if all.iter().all(is_condition) => Ok(Self(all)),
            Some(_) => fault(),
        }
    }

    pub(crate) fn iter(self) -> impl Iterator<Item = Condition<'o>> {
        self.0.iter().map(|raw| {
            let text = |key: &str| raw.get(key).and_then(Value::as_str).unwrap_or_default();
            Condition {
                kind: text("type"),
                status: text("status"),
                reason: text("reason"),
                message: text("message"),
            }
        })
    }

    /// Returns the first condition of a type.
    pub(crate) fn find(self, kind: &str) -> Option<Condition<'o>> {
        self.iter().find(|condition| condition.kind == kind)
    }

    /// Returns whether a condition of a type has a status.
    pub(crate) fn has(self, kind: &str, status: &str) -> bool {
        self.iter()
            .any(|condition| condition.kind == kind && condition.status == status)
    }
}

impl Condition<'_> {
    pub(crate) fn is_true(&self) -> bool {
        self.status == "True"
    }

    pub(crate) fn is_false(&self) -> bool {
        self.status == "False"
    }

    /// Returns a health with the condition's own reason and message.
    pub(crate) fn health(&self, status: Status) -> Health {
        let (reason, message) = (
            self.reason.to_owned().into(),
            self.message.to_owned().into(),
        );
        Health {
            status,
            reason,
            message,
            detail: None,
            turns: None,
        }
    }
}

fn is_condition(raw: &Value) -> bool {
    let texts = ["type", "status", "reason", "message"];
    let is_text = |key: &&str| matches!(raw.get(key), None | Some(Value::Null | Value::String(_)));
    raw.is_object() && texts.iter().all(is_text)
}
