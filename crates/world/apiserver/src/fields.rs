//! Fields of objects as JSON values.

use serde_json::{Map, Value};

/// Returns an object's metadata; it comes into being.
pub(crate) fn metadata_mut(object: &mut Value) -> &mut Map<String, Value> {
    let object = as_map(object);
    as_map(object.entry("metadata").or_insert(Value::Null))
}

/// Returns a value as the map that it is made to be.
pub(crate) fn as_map(value: &mut Value) -> &mut Map<String, Value> {
    if !value.is_object() {
        *value = Value::Object(Map::new());
    }
    value.as_object_mut().expect("it was made a map just now")
}
