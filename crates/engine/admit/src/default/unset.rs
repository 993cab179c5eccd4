//! When a field counts as not given.

use serde_json::Value;

/// Returns whether a field counts as absent: with Go types, empty texts and lists do.
pub(super) fn is_unset(value: Option<&Value>) -> bool {
    match value {
        None | Some(Value::Null) => true,
        Some(Value::String(text)) => text.is_empty(),
        Some(Value::Array(items)) => items.is_empty(),
        Some(_) => false,
    }
}
