//! How Go writes a value: which fields it leaves out, and what it writes for unset fields.

use serde_json::{Map, Value};

use super::{Field, Fields, Id, Sort, Special, Struct};

/// Returns whether Go leaves out a field with this value.
#[must_use]
pub fn is_omitted(fields: &Fields, field: &Field, value: &Value) -> bool {
    if field.omit_zero && value.is_null() {
        return true;
    }
    field.omit_empty
        && match (&fields.get(field.ty).sort, value) {
            (
                Sort::Pointer(_) | Sort::List { .. } | Sort::Map { .. } | Sort::Bytes,
                Value::Null,
            )
            | (Sort::Bool, Value::Bool(false)) => true,
            (Sort::String | Sort::Bytes, Value::String(text)) => text.is_empty(),
            (Sort::Int32 | Sort::Int64 | Sort::Float64, Value::Number(number)) => {
                number.as_f64() == Some(0.0)
            }
            (Sort::List { .. }, Value::Array(items)) => items.is_empty(),
            (Sort::Map { .. }, Value::Object(map)) => map.is_empty(),
            _ => false,
        }
}

/// Adds the fields that Go writes even if they were never set.
pub fn fill(fields: &Fields, structure: &Struct, object: &mut Map<String, Value>) {
    for field in structure.always() {
        if !object.contains_key(field.name) {
            object.insert(field.name.to_owned(), zero(fields, field.ty));
        }
    }
}

/// Returns what Go writes for an unset value.
#[must_use]
pub fn zero(fields: &Fields, ty: Id) -> Value {
    match &fields.get(ty).sort {
        Sort::Bool => Value::Bool(false),
        Sort::String => Value::String(String::new()),
        Sort::Int32 | Sort::Int64 | Sort::Float64 => Value::from(0),
        Sort::Bytes | Sort::Pointer(_) | Sort::List { .. } | Sort::Map { .. } => Value::Null,
        Sort::Struct(structure) => {
            let mut object = Map::new();
            fill(fields, structure, &mut object);
            Value::Object(object)
        }
        Sort::Special(special) => zero_of(*special),
    }
}

/// Returns what Go writes for an unset value of a type with its own encoding.
#[must_use]
pub fn zero_of(special: Special) -> Value {
    match special {
        Special::Quantity => Value::from("0"),
        Special::IntOrString => Value::from(0),
        Special::SchemaOrBool => Value::Bool(false),
        Special::Time
        | Special::MicroTime
        | Special::RawExtension
        | Special::FieldsV1
        | Special::Json
        | Special::SchemaOrArray
        | Special::SchemaOrStringArray => Value::Null,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::fields;

    fn zero_named(name: &str) -> Value {
        zero(fields(), fields().named(name).unwrap())
    }

    #[test]
    fn structs_are_written_also_when_they_are_empty() {
        assert_eq!(
            zero_named("apps/v1.Deployment"),
            json!({"metadata": {}, "spec": {"selector": null, "strategy": {}, "template": {"metadata": {}, "spec": {"containers": null}}}, "status": {}})
        );
        assert_eq!(zero_named("core/v1.ConfigMap"), json!({"metadata": {}}));
        assert_eq!(
            zero_named("rbac/v1.Role"),
            json!({"metadata": {}, "rules": null})
        );
    }

    #[test]
    fn empty_is_what_go_takes_for_it() {
        let structure = fields()
            .structure(fields().named("core/v1.Container").unwrap())
            .unwrap();
        let omitted =
            |name: &str, value: Value| is_omitted(fields(), structure.field(name).unwrap(), &value);
        assert!(
            omitted("image", json!(""))
                && omitted("stdin", json!(false))
                && omitted("env", json!([]))
        );
        assert!(omitted("lifecycle", json!(null)) && !omitted("lifecycle", json!({})));
        assert!(!omitted("resources", json!({})) && !omitted("name", json!("")));
    }
}
