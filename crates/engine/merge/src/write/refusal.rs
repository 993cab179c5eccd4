//! [`Refusal`]: why the API server refuses a write, in its words.

use serde_json::Value;

use super::{Endpoint, managed};
use crate::{
    fields::Operation,
    set::Element,
    typed,
    updater::{Conflict, Error, Manager},
};

/// Why the API server refuses a write.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Refusal {
    /// The HTTP status.
    pub code: u16,
    /// The reason in its `Status`; may be empty.
    pub reason: &'static str,
    /// Its message.
    pub message: String,
    /// Its causes.
    pub causes: Vec<RefusalCause>,
}

/// One cause of a refusal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefusalCause {
    /// The type.
    pub reason: &'static str,
    /// The message.
    pub message: String,
    /// The field.
    pub field: String,
}

impl Refusal {
    pub(super) fn bad_request(message: String) -> Self {
        Self {
            code: 400,
            reason: "BadRequest",
            message,
            causes: Vec::new(),
        }
    }

    fn internal(message: String) -> Self {
        Self {
            code: 500,
            reason: "",
            message,
            causes: Vec::new(),
        }
    }
}

/// A patch or live object does not match its type.
pub(super) fn untyped(
    what: &str,
    object: &Value,
    to: &Endpoint<'_>,
    errors: &typed::Errors,
) -> Refusal {
    let name = |key: &str| {
        object
            .pointer(&format!("/metadata/{key}"))
            .and_then(Value::as_str)
            .unwrap_or_default()
    };
    let (namespace, name, kind) = (
        name("namespace"),
        name("name"),
        kind(to.api_version, to.kind),
    );
    Refusal::internal(format!(
        "failed to create typed {what} object ({namespace}/{name}; {kind}): {errors}"
    ))
}

/// Entries of the live object cannot be read.
pub(super) fn undecodable(error: &managed::Error) -> Refusal {
    Refusal::internal(format!("failed to decode managed fields: {error}"))
}

/// The ownership could not be determined.
pub(super) fn failed(error: &Error<'_>) -> Refusal {
    match error {
        Error::Conflicts(found) => conflicts(found),
        other => Refusal::internal(other.to_string()),
    }
}

/// Other managers own fields that would change.
pub(super) fn conflicts(found: &[Conflict<'_>]) -> Refusal {
    let mut causes = Vec::new();
    let mut lines = Vec::new();
    for conflict in found {
        let manager = shown(&conflict.manager);
        lines.push(format!("conflicts with {manager}:"));
        conflict.fields.for_each(|path| {
            let field: String = path.iter().map(Element::to_string).collect();
            lines.push(format!("- {field}"));
            let message = format!("conflict with {manager}");
            causes.push(RefusalCause {
                reason: "FieldManagerConflict",
                message,
                field,
            });
        });
    }
    let message = match causes.as_slice() {
        [only] => format!(
            "Apply failed with 1 conflict: {}: {}",
            only.message, only.field
        ),
        several => format!(
            "Apply failed with {} conflicts: {}",
            several.len(),
            lines.join("\n")
        ),
    };
    Refusal {
        code: 409,
        reason: "Conflict",
        message,
        causes,
    }
}

/// Returns a kind as messages show it.
pub(super) fn kind(api_version: &str, kind: &str) -> String {
    let group = if api_version.contains('/') { "" } else { "/" };
    format!("{group}{api_version}, Kind={kind}")
}

fn shown(manager: &Manager<'_>) -> String {
    let subresource = match &*manager.subresource {
        "" => String::new(),
        name => format!(" with subresource {name:?}"),
    };
    let version = match manager.operation {
        Operation::Apply => String::new(),
        Operation::Update => format!(" using {}", manager.api_version),
    };
    format!("{:?}{subresource}{version}", manager.name)
}
