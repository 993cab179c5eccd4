//! Lists with identified items, which must be unique; and embedded resources, which must name their
//! kind.

use std::collections::{HashMap, HashSet};

use serde_json::{Map, Value};

use super::{
    format::label,
    node::{ListType, SchemaNode},
    path::Path,
};
use crate::field_error::FieldError;

/// Finds duplicate items.
pub(super) fn duplicates(
    node: &SchemaNode,
    path: &Path<'_>,
    value: &Value,
    errors: &mut Vec<FieldError>,
) {
    match value {
        Value::Object(map) => each_field(node, path, map, |node, path, value| {
            duplicates(node, path, value, errors);
        }),
        Value::Array(items) => {
            let mut seen = HashSet::new();
            for (place, item) in items.iter().enumerate() {
                if let Some(id) = identity(&node.list, item)
                    && !seen.insert(id.to_string())
                {
                    errors.push(FieldError::duplicate(path.index(place), &id));
                }
            }
            let Some(node) = &node.items else { return };
            for (place, item) in items.iter().enumerate() {
                duplicates(node, &path.index(place), item, errors);
            }
        }
        _ => {}
    }
}

/// Returns the identity of an item; `None` if it has none.
pub(super) fn identity(list: &ListType, item: &Value) -> Option<Value> {
    match list {
        ListType::Atomic => None,
        ListType::Set => Some(item.clone()),
        ListType::Map(keys) => {
            let of = |key: &str| Some((key.to_owned(), item.get(key)?.clone()));
            Some(Value::Object(
                keys.iter().filter_map(|key| of(key)).collect(),
            ))
        }
    }
}

/// The items of the previous list, by identity.
pub(super) struct Older<'o> {
    list: &'o ListType,
    items: HashMap<String, &'o Value>,
}

impl<'o> Older<'o> {
    /// Returns the items of a list with keys; none for any other list.
    pub(super) fn of(list: &'o ListType, old: Option<&'o Value>) -> Self {
        let old = old
            .filter(|_| matches!(list, ListType::Map(_)))
            .and_then(Value::as_array);
        let of = |item: &'o Value| Some((identity(list, item)?.to_string(), item));
        Self {
            list,
            items: old.into_iter().flatten().filter_map(of).collect(),
        }
    }

    /// Returns the previous item with the same identity.
    pub(super) fn counterpart(&self, item: &Value) -> Option<&'o Value> {
        if self.items.is_empty() {
            return None;
        }
        self.items
            .get(&identity(self.list, item)?.to_string())
            .copied()
    }
}

/// Finds embedded resources that do not name their kind.
pub(super) fn embedded(
    node: &SchemaNode,
    path: &Path<'_>,
    value: &Value,
    errors: &mut Vec<FieldError>,
) {
    match value {
        Value::Object(map) => {
            if node.embedded {
                resource(path, map, errors);
            }
            each_field(node, path, map, |node, path, value| {
                embedded(node, path, value, errors);
            });
        }
        Value::Array(items) => {
            let Some(node) = &node.items else { return };
            for (place, item) in items.iter().enumerate() {
                embedded(node, &path.index(place), item, errors);
            }
        }
        _ => {}
    }
}

fn each_field(
    node: &SchemaNode,
    path: &Path<'_>,
    map: &Map<String, Value>,
    mut visit: impl FnMut(&SchemaNode, &Path<'_>, &Value),
) {
    for (name, value) in map {
        match node.properties.get(name.as_str()) {
            Some(node) => visit(node, &path.field(name), value),
            None => node
                .field(name)
                .into_iter()
                .for_each(|node| visit(node, &path.key(name), value)),
        }
    }
}

fn resource(path: &Path<'_>, map: &Map<String, Value>, errors: &mut Vec<FieldError>) {
    let mut text = |name: &'static str| match map.get(name) {
        Some(Value::String(text)) if !text.is_empty() => Some(text),
        Some(other @ (Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_))) => {
            errors.push(FieldError::invalid(
                path.field(name),
                other,
                "must be a string",
            ));
            None
        }
        _ => {
            errors.push(FieldError::required(path.field(name), "must not be empty"));
            None
        }
    };
    let (version, kind) = (text("apiVersion"), text("kind"));
    if let Some(version) = version.filter(|version| version.matches('/').count() > 1) {
        let detail = format!("unexpected GroupVersion string: {version}");
        errors.push(FieldError::invalid(
            path.field("apiVersion"),
            &version.as_str().into(),
            &detail,
        ));
    }

    if let Some(kind) = kind.filter(|kind| !label(&kind.to_ascii_lowercase(), 63)) {
        let detail = format!("may have mixed case, but should otherwise match: {DNS_1035_LABEL}");
        errors.push(FieldError::invalid(
            path.field("kind"),
            &kind.as_str().into(),
            &detail,
        ));
    }
}

/// Kubernetes' description of a name (RFC 1035).
pub(super) const DNS_1035_LABEL: &str = "a DNS-1035 label must consist of lower case alphanumeric characters or '-', \
    start with an alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex \
    used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')";
