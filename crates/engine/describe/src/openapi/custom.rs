//! The types of a custom resource: its schema with the fields of all objects, and its list.

use lode_schema::ApiResource;
use serde_json::{Value, json};

use super::reference::{KINDS, meta, reference};

/// Returns the types of the objects and of their list, by name.
pub(super) fn types(resource: &ApiResource, schema: &Value) -> [(String, Value); 2] {
    let name = name(resource);
    let list_name = format!("{name}List");
    let mut object = schema.clone();
    embed(&mut object, 0);
    as_object(&mut object);
    object[KINDS] = kinds(resource, &resource.kind);
    let list_kind = format!("{}List", resource.kind);
    let mut list = json!({
        "description": format!("{list_kind} is a list of {}", resource.kind),
        "type": "object",
        "required": ["items"],
        "properties": {
            "apiVersion": {"type": "string"},
            "kind": {"type": "string"},
            "metadata": {"allOf": [reference(&meta("ListMeta"))]},
            "items": {"type": "array", "items": reference(&name)},
        },
    });
    list[KINDS] = kinds(resource, &list_kind);
    [(name, object), (list_name, list)]
}

/// Returns the name of the type: the reversed domain, as in Java.
pub(super) fn name(resource: &ApiResource) -> String {
    let domain: Vec<&str> = resource.group.split('.').rev().collect();
    format!(
        "{}.{}.{}",
        domain.join("."),
        resource.version,
        resource.kind
    )
}

fn kinds(resource: &ApiResource, kind: &str) -> Value {
    json!([{"group": resource.group, "version": resource.version, "kind": kind}])
}

/// Adds the fields of all objects to every embedded object.
fn embed(schema: &mut Value, depth: usize) {
    if depth > DEPTH_MAX {
        return;
    }
    if let Some(properties) = schema.get_mut("properties").and_then(Value::as_object_mut) {
        properties
            .values_mut()
            .for_each(|below| embed(below, depth + 1));
    }
    for key in ["items", "additionalProperties"] {
        if let Some(below) = schema.get_mut(key) {
            embed(below, depth + 1);
        }
    }
    if schema.get("x-kubernetes-embedded-resource") == Some(&Value::Bool(true)) {
        as_object(schema);
    }
}

/// Adds the fields of all objects.
fn as_object(schema: &mut Value) {
    if !schema.is_object() {
        *schema = json!({"type": "object"});
    }
    if !schema["properties"].is_object() {
        schema["properties"] = json!({});
    }
    let shared = json!({
        "apiVersion": {"description": API_VERSION, "type": "string"},
        "kind": {"description": KIND, "type": "string"},
        "metadata": {"allOf": [reference(&meta("ObjectMeta"))], "description": METADATA},
    });
    if let (Some(properties), Value::Object(shared)) =
        (schema["properties"].as_object_mut(), shared)
    {
        properties.extend(shared);
    }
}

const API_VERSION: &str = "The group and version of the API that the object is written in.";
const KIND: &str = "What the object is.";
const METADATA: &str = "What all objects have: name, namespace, labels, annotations.";
/// Deepest nesting of schemas that is visited; definitions with deeper ones are refused.
const DEPTH_MAX: usize = 64;
