//! [`default`]: the defaults of a definition.

use serde_json::Value;

use super::{node::SchemaNode, ty::Type};

/// Sets the defaults of an object. A null where it is not allowed counts as absent: it is replaced
/// by the default, or removed.
pub fn default(ty: &Type, object: &mut Value) {
    drop_nulls(&ty.root, object);
    fill(&ty.root, object);
}

/// Sets the defaults of absent fields, and those within existing ones.
pub(super) fn fill(node: &SchemaNode, value: &mut Value) {
    match value {
        Value::Object(map) => {
            for (name, node) in &node.properties {
                if let Some(default) = &node.default
                    && map
                        .get(&**name)
                        .is_none_or(|value| node.refuses_null(value))
                {
                    map.insert(name.to_string(), default.clone());
                }
            }
            for (name, value) in map {
                if let Some(node) = node.field(name) {
                    replace_null(node, value);
                    fill(node, value);
                }
            }
        }
        Value::Array(items) => {
            let Some(node) = &node.items else { return };
            for item in items {
                replace_null(node, item);
                fill(node, item);
            }
        }
        _ => {}
    }
}

fn replace_null(node: &SchemaNode, value: &mut Value) {
    if let Some(default) = &node.default
        && node.refuses_null(value)
    {
        *value = default.clone();
    }
}

/// Removes fields that are null where that is not allowed and that have no default.
fn drop_nulls(node: &SchemaNode, value: &mut Value) {
    match value {
        Value::Object(map) => map.retain(|name, value| {
            let Some(node) = node.field(name) else {
                return true;
            };
            if node.refuses_null(value) && node.default.is_none() {
                return false;
            }
            drop_nulls(node, value);
            true
        }),
        Value::Array(items) => {
            let Some(node) = &node.items else { return };
            for item in items {
                drop_nulls(node, item);
            }
        }
        _ => {}
    }
}
