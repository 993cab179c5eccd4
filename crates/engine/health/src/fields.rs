//! Fields of an object with their defaults. A field of another type counts as absent.

use lode_object::json::{int, text};
use serde_json::Value;

use crate::status::Health;

/// Returns a count that is 0 when absent.
pub(crate) fn count(object: &Value, pointer: &str) -> i64 {
    int(object, pointer).unwrap_or(0)
}

/// Compares the two generations of an observed object, or returns that one is missing.
pub(crate) fn missing_generation(object: &Value) -> Option<Health> {
    let kind = text(object, "/kind");
    let missing =
        |field: &str, reason| Health::progress(reason, format!("{kind} {field} not found"));
    if int(object, "/metadata/generation").is_none() {
        return Some(missing("metadata.generation", "NoGeneration"));
    }
    int(object, "/status/observedGeneration")
        .is_none()
        .then(|| missing("status.observedGeneration", "NoObservedGeneration"))
}
