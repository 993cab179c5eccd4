//! Values that a field has which was never set.

use lode_schema::openapi::is_unset;
use serde_json::Value;

/// Returns whether a value is what a field has that was never set, or is made of such values only.
pub(crate) fn is_zero(value: &Value) -> bool {
    match value {
        Value::Object(map) => map.values().all(is_zero),
        value => is_unset(value),
    }
}
