//! Reads fields of JSON maps.

use serde_json::Value;

/// Returns the text of a field.
pub(crate) fn text<'v>(map: &'v Value, key: &str) -> Option<&'v str> {
    map.get(key)?.as_str()
}

/// Returns the texts of a field that is a list.
pub(crate) fn texts(map: &Value, key: &str) -> Box<[Box<str>]> {
    map.get(key)
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .map(Into::into)
        .collect()
}
