//! Fields of an object with their defaults. A field of another type counts as absent.

use serde_json::Value;

/// Returns an integer; a number with a fraction part in its spelling is none.
pub(crate) fn int(object: &Value, pointer: &str) -> Option<i64> {
    object.pointer(pointer).and_then(Value::as_i64)
}

/// Returns a count that is 0 when absent.
pub(crate) fn count(object: &Value, pointer: &str) -> i64 {
    int(object, pointer).unwrap_or(0)
}

/// Returns a text that is empty when absent.
pub(crate) fn text<'o>(object: &'o Value, pointer: &str) -> &'o str {
    object
        .pointer(pointer)
        .and_then(Value::as_str)
        .unwrap_or_default()
}
