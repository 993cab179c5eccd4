//! The types of a custom resource: its schema with the fields of all objects, and its list.

use lode_schema::{ApiResource, structural};
use serde_json::{Value, json};

use super::reference::{KINDS, meta, reference};

/// Returns the types of the objects and of their list, by name.
pub(super) fn types(resource: &ApiResource, schema: &Value) -> [(String, Value); 2] {
    let name = name(resource);
    let list_name = format!("{name}List");
    let mut object = schema.clone();
    // Every embedded object has the fields of all objects.
    structural::each_embedded(&mut object, &as_object);
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
