//! JSON merge patches (RFC 7386): the smallest one that turns one value into another.

use serde_json::{Map, Value};

/// Returns the patch that turns `from` into `to`, or nothing if they are equal.
///
/// ```
/// use lode_object::merge_patch;
/// use serde_json::json;
///
/// let patch = merge_patch(&json!({"a": 1, "b": {"c": 2, "d": 3}}), &json!({"b": {"c": 2, "e": [4]}}));
/// assert_eq!(patch, Some(json!({"a": null, "b": {"d": null, "e": [4]}})));
/// assert_eq!(merge_patch(&json!({"a": 1}), &json!({"a": 1})), None);
/// ```
#[must_use]
pub fn merge_patch(from: &Value, to: &Value) -> Option<Value> {
    let (Value::Object(from), Value::Object(to)) = (from, to) else {
        return (from != to).then(|| to.clone());
    };
    let mut patch = Map::new();
    for key in from.keys().filter(|key| !to.contains_key(*key)) {
        patch.insert(key.clone(), Value::Null);
    }
    for (key, to) in to {
        if let Some(change) = from
            .get(key)
            .map_or_else(|| Some(to.clone()), |from| merge_patch(from, to))
        {
            patch.insert(key.clone(), change);
        }
    }
    (!patch.is_empty()).then_some(Value::Object(patch))
}
