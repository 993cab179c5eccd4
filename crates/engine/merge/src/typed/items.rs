//! The element of a list item.

use std::borrow::Cow;

use lode_schema::{List, Schema};
use serde_json::Value;

use crate::set::Element;

/// Returns the element of an item of a list that is not atomic.
///
/// # Errors
/// The item cannot be distinguished from others; the message is the API server's.
pub(crate) fn element<'a>(
    schema: &'a Schema,
    list: &'a List,
    item: &'a Value,
) -> Result<Element<'a>, String> {
    if list.keys.is_empty() {
        scalar(item)
    } else {
        keyed(schema, list, item)
    }
}

fn keyed<'a>(schema: &'a Schema, list: &'a List, item: &'a Value) -> Result<Element<'a>, String> {
    let map = match item {
        Value::Null => {
            return Err("associative list with keys may not have a null element".to_owned());
        }
        Value::Object(map) => map,
        _ => return Err("associative list with keys may not have non-map elements".to_owned()),
    };
    let default = |key: &str| schema.map(list.element)?.field(key)?.default.as_ref();
    let value = |key: &'a str| {
        Some((
            Cow::Borrowed(key),
            Cow::Borrowed(map.get(key).or_else(|| default(key))?),
        ))
    };
    let keys: Vec<_> = list.keys.iter().filter_map(|key| value(key)).collect();
    if keys.is_empty() {
        let names: Vec<_> = list.keys.iter().map(|key| format!("{key:?}")).collect();
        return Err(format!(
            "associative list with keys has an element that omits all key fields [{}] (and doesn't have default values for any key fields)",
            names.join(" ")
        ));
    }

    Ok(Element::key(keys))
}

fn scalar(item: &Value) -> Result<Element<'_>, String> {
    match item {
        Value::Object(_) => {
            Err("associative list without keys has an element that's a map type".to_owned())
        }
        Value::Array(_) => Err("not supported: associative list with lists as elements".to_owned()),
        Value::Null => {
            Err("associative list without keys has an element that's an explicit null".to_owned())
        }
        _ => Ok(Element::Item(Cow::Borrowed(item))),
    }
}
