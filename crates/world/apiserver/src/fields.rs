//! Access to fields of JSON objects.

use serde_json::{Map, Value};

/// Returns an object's metadata, created if absent.
pub(crate) fn metadata_mut(object: &mut Value) -> &mut Map<String, Value> {
    let object = as_map(object);
    as_map(object.entry("metadata").or_insert(Value::Null))
}

/// Returns a value as a map, replacing any other value.
pub(crate) fn as_map(value: &mut Value) -> &mut Map<String, Value> {
    if !value.is_object() {
        *value = Value::Object(Map::new());
    }
    value.as_object_mut().expect("it was made a map just now")
}
