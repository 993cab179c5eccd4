//! Reads fields of JSON values by pointer (RFC 6901: `/spec/replicas`). A field of another type counts as absent.

use serde_json::Value;

/// Returns the value at a pointer; null if there is none.
///
/// ```
/// use lode_object::json;
///
/// let object = serde_json::json!({"metadata": {"name": "web", "generation": 2}});
/// assert_eq!(json::text(&object, "/metadata/name"), "web");
/// assert_eq!(json::int(&object, "/metadata/generation"), Some(2));
/// assert!(json::at(&object, "/spec").is_null());
/// ```
#[must_use]
pub fn at<'v>(value: &'v Value, pointer: &str) -> &'v Value {
    value.pointer(pointer).unwrap_or(&Value::Null)
}

/// Returns the text at a pointer; empty if there is none.
#[must_use]
pub fn text<'v>(value: &'v Value, pointer: &str) -> &'v str {
    at(value, pointer).as_str().unwrap_or_default()
}

/// Returns the integer at a pointer; a number written with a fraction is not one.
#[must_use]
pub fn int(value: &Value, pointer: &str) -> Option<i64> {
    at(value, pointer).as_i64()
}

/// Returns the items of the list at a pointer; none if there is no list.
#[must_use]
pub fn list<'v>(value: &'v Value, pointer: &str) -> &'v [Value] {
    at(value, pointer).as_array().map_or(&[], Vec::as_slice)
}

/// Returns whether the value at a pointer is `true`.
#[must_use]
pub fn is_true(value: &Value, pointer: &str) -> bool {
    at(value, pointer) == &Value::Bool(true)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_field_of_another_type_counts_as_absent() {
        let value = json!({"a": {"text": "t", "int": 1, "part": 1.0, "list": [1], "true": true}});
        assert_eq!((text(&value, "/a/text"), text(&value, "/a/int")), ("t", ""));
        assert_eq!(
            (int(&value, "/a/int"), int(&value, "/a/part")),
            (Some(1), None)
        );
        assert_eq!(list(&value, "/a/list"), [json!(1)]);
        assert!(list(&value, "/a/text").is_empty());
        assert!(is_true(&value, "/a/true") && !is_true(&value, "/a/int"));
        assert_eq!(at(&value, "/a/list/0"), &json!(1));
        assert_eq!(at(&value, "/a/absent/b"), &Value::Null);
    }
}
