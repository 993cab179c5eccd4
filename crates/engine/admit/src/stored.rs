//! The effect of storage: an object is written as protobuf, which has no empty lists, and read back
//! with its defaults.

use lode_schema::{
    fields,
    fields::{Id, Sort},
};
use serde_json::{Map, Value};

use crate::{default::default, kind::Kind};

/// Returns an object as it is read back from storage.
pub(crate) fn read_again(kind: &Kind, object: &mut Value) {
    if !kind.is_custom()
        && let Some(id) = fields().of_kind(&kind.gvk.api_version(), &kind.gvk.kind)
    {
        settle(id, object, 0);
    }
    default(kind, object);
}

fn settle(id: Id, value: &mut Value, depth: usize) {
    if depth > DEPTH_MAX {
        return;
    }
    match (&fields().get(id).sort, value) {
        (Sort::Pointer(of), value) => settle(*of, value, depth + 1),
        (Sort::List { element, .. }, Value::Array(items)) => {
            for item in items {
                settle(*element, item, depth + 1);
            }
        }
        (Sort::Map { value: of, .. }, Value::Object(map)) => {
            let bytes = matches!(fields().get(*of).sort, Sort::Bytes);
            for value in map.values_mut() {
                // Without bytes the key remains.
                if bytes && value.is_null() {
                    *value = "".into();
                } else {
                    settle(*of, value, depth + 1);
                }
            }
        }
        (Sort::Struct(structure), Value::Object(map)) => {
            let field = |name: &str| structure.field(name);
            map.retain(|name, value| {
                !field(name).is_some_and(|field| field.omit_empty && is_none(field.ty, value))
            });
            members(map, &field, depth);
        }
        _ => {}
    }
}

fn members<'f>(
    map: &mut Map<String, Value>,
    field: &dyn Fn(&str) -> Option<&'f fields::Field>,
    depth: usize,
) {
    for (name, value) in map.iter_mut() {
        let Some(field) = field(name) else { continue };
        if is_none(field.ty, value) {
            *value = Value::Null;
        } else {
            settle(field.ty, value, depth + 1);
        }
    }
}

/// Returns whether a value is an empty list or map.
fn is_none(id: Id, value: &Value) -> bool {
    match (&fields().get(id).sort, value) {
        (Sort::List { .. }, Value::Array(items)) => items.is_empty(),
        (Sort::Map { .. }, Value::Object(map)) => map.is_empty(),
        _ => false,
    }
}

/// Twice the depth limit of a JSON parser, because of a pointer behind every value.
const DEPTH_MAX: usize = 256;

#[cfg(test)]
mod tests {
    use lode_schema::resources;
    use serde_json::json;

    use super::*;

    fn stored(group: &str, name: &str, mut object: Value) -> Value {
        let kind = Kind::builtin(resources().of_kind(group, "v1", name).unwrap()).unwrap();
        read_again(&kind, &mut object);
        object
    }

    #[test]
    fn an_empty_list_is_none() {
        let role = json!({"metadata": {}, "rules": []});
        assert_eq!(
            stored("rbac.authorization.k8s.io", "ClusterRole", role),
            json!({"metadata": {}, "rules": null})
        );
        let policy = json!({"spec": {"podSelector": {}, "egress": [], "ingress": [{}], "policyTypes": ["Ingress"]}});
        let expected =
            json!({"spec": {"podSelector": {}, "ingress": [{}], "policyTypes": ["Ingress"]}});
        assert_eq!(
            stored("networking.k8s.io", "NetworkPolicy", policy),
            expected
        );
    }

    #[test]
    fn bytes_that_are_not_there_are_empty() {
        let secret = json!({"data": {"a": null}, "type": "x"});
        assert_eq!(
            stored("", "Secret", secret),
            json!({"data": {"a": ""}, "type": "x"})
        );
    }
}
