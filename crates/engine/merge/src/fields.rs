//! `metadata.managedFields`: which manager owns which fields.
//!
//! Reads the entries of a live object, and finds the live value for an element of a set without
//! parsing the set. Left out: everything that needs a schema.

use std::sync::LazyLock;

use serde_json::{Map, Value};

use crate::set::Set;
pub use crate::set::{Element, Error};

/// How a manager came to own its fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Operation {
    /// Server-side apply.
    Apply,
    /// Any other write.
    Update,
}

/// One manager's entry.
#[derive(Debug, Clone, Copy)]
pub struct ManagerEntry<'o> {
    /// The manager's name.
    pub manager: &'o str,
    /// How it wrote.
    pub operation: Operation,
    /// The API version of its set.
    pub api_version: &'o str,
    /// When its set last changed (RFC 3339); may be empty.
    pub time: &'o str,
    /// The subresource it wrote to; may be empty.
    pub subresource: &'o str,
    /// Its set.
    pub fields: &'o Map<String, Value>,
}

/// Returns the entries of a live object; an entry without manager or operation is skipped.
pub fn entries(live: &Value) -> impl Iterator<Item = ManagerEntry<'_>> {
    raw_entries(live).iter().filter_map(entry)
}

/// Reads an element; returns `None` for an unknown type of element (`r:`).
///
/// # Errors
/// It has no type, or the rest does not match the type.
pub fn element(key: &str) -> Result<Option<Element<'_>>, Error> {
    Element::parse(key)
}

/// Returns the union of two sets.
///
/// # Errors
/// One of them is not a set.
pub fn union(a: &Value, b: &Value) -> Result<Value, Error> {
    let mut set = Set::read(a)?;
    set.unite(Set::read(b)?);
    Ok(set.to_value())
}

/// Returns whether a node of a set has no children, so that it owns the whole value below.
pub(crate) fn is_leaf(node: &Map<String, Value>) -> bool {
    node.keys().all(|key| key == ".")
}

/// Returns the live value that an element's key names, like [`Element::find`]; common keys need no
/// parsing.
pub(crate) fn find<'v>(key: &str, value: &'v Value) -> Option<&'v Value> {
    let Some((name, text)) = one_text(key) else {
        return element(key).ok().flatten()?.find(value);
    };
    value
        .as_array()?
        .iter()
        .find(|item| item.get(name).and_then(Value::as_str) == Some(text))
}

/// Splits `k:{"name":"text"}`, if it contains no escapes.
fn one_text(key: &str) -> Option<(&str, &str)> {
    let (name, text) = key
        .strip_prefix("k:{\"")?
        .strip_suffix("\"}")?
        .split_once("\":\"")?;
    let plain = |part: &str| !part.contains(['"', '\\']);
    (plain(name) && plain(text)).then_some((name, text))
}

pub(crate) fn raw_entries(live: &Value) -> &[Value] {
    live.get("metadata")
        .and_then(|metadata| metadata.get("managedFields"))
        .and_then(Value::as_array)
        .map_or(&[], |e| e)
}

pub(crate) fn entry(raw: &Value) -> Option<ManagerEntry<'_>> {
    let text = |key: &str| raw.get(key).and_then(Value::as_str);
    let operation = match text("operation")? {
        "Apply" => Operation::Apply,
        "Update" => Operation::Update,
        _ => return None,
    };
    Some(ManagerEntry {
        manager: text("manager")?,
        operation,
        api_version: text("apiVersion").unwrap_or_default(),
        time: text("time").unwrap_or_default(),
        subresource: text("subresource").unwrap_or_default(),
        fields: raw
            .get("fieldsV1")
            .and_then(Value::as_object)
            .unwrap_or(&NO_FIELDS),
    })
}

impl ManagerEntry<'_> {
    /// Returns whether this entry is what `manager` owns by applying the object itself.
    #[must_use]
    pub fn is_apply_of(&self, manager: &str) -> bool {
        self.operation == Operation::Apply && self.is_write_of(manager)
    }

    /// Returns whether this entry is what `manager` owns by a write to the object itself.
    #[must_use]
    pub fn is_write_of(&self, manager: &str) -> bool {
        self.manager == manager && self.subresource.is_empty()
    }
}

/// The set of an entry without one.
static NO_FIELDS: LazyLock<Map<String, Value>> = LazyLock::new(Map::new);

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_usual_keys_are_found_as_all_others() {
        let list = json!([{"name": "A", "n": 1}, {"name": "B", "n": 2.0}]);
        for key in [
            r#"k:{"name":"A"}"#,
            r#"k:{"name":"C"}"#,
            r#"k:{"name":"A","n":1}"#,
            r#"k:{"n\u0061me":"B"}"#,
            "k:{\"}",
        ] {
            let parsed = element(key)
                .ok()
                .flatten()
                .and_then(|element| element.find(&list));
            assert_eq!(find(key, &list), parsed, "{key}");
        }
    }

    #[test]
    fn a_union_keeps_who_owns_the_node_itself() {
        let union = |a, b| super::union(&a, &b).unwrap();
        assert_eq!(
            union(json!({"f:a": {}}), json!({"f:a": {"f:b": {}}})),
            json!({"f:a": {".": {}, "f:b": {}}})
        );
        assert_eq!(
            union(json!({"f:a": {"f:c": {}}}), json!({"f:a": {"f:b": {}}})),
            json!({"f:a": {"f:b": {}, "f:c": {}}})
        );
        assert_eq!(
            union(Value::Null, json!({"f:a": {}, "r:b": {}})),
            json!({"f:a": {}})
        );
    }
}
