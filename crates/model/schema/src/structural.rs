//! The structural schema of a custom resource.
//!
//! It does not describe `apiVersion`, `kind` and `metadata`; those come from the built-in types, at
//! the root and in every embedded resource. Zero values are real defaults here.

use serde_json::{Value, json};

use crate::{
    build::Builder,
    openapi::{Error, SchemaReader},
    types::{Schema, TypeRef},
};

/// Reads the schema of one version of a custom resource (`openAPIV3Schema`).
///
/// # Errors
/// The schema is malformed.
pub fn read(schema: &Value, builtin: &Schema) -> Result<(Schema, TypeRef), Error> {
    let mut builder = Builder::default();
    if let Some(meta) = builtin.named(OBJECT_META) {
        builder.import(builtin, meta, OBJECT_META);
    }
    let mut schema = schema.clone();
    if !schema.is_object() {
        return Err(Error::Malformed("schema"));
    }
    each_embedded(&mut schema, &resource);
    resource(&mut schema);
    let atom = SchemaReader {
        builder: &mut builder,
        zero_is_assumed: false,
    }
    .atom(&schema, false, 0)?;
    let ty = builder.define("", atom);
    Ok((builder.finish(), ty))
}

/// Visits the schema of every resource that is embedded in one, the innermost first.
pub fn each_embedded(schema: &mut Value, visit: &impl Fn(&mut Value)) {
    embedded(schema, visit, 0);
}

fn embedded(schema: &mut Value, visit: &impl Fn(&mut Value), depth: usize) {
    if depth > DEPTH_MAX {
        return;
    }
    for key in ["items", "additionalProperties"] {
        if let Some(below) = schema.get_mut(key) {
            embedded(below, visit, depth + 1);
        }
    }
    if let Some(properties) = schema.get_mut("properties").and_then(Value::as_object_mut) {
        let below = properties.values_mut();
        below.for_each(|below| embedded(below, visit, depth + 1));
    }
    if schema.get("x-kubernetes-embedded-resource") == Some(&Value::Bool(true)) {
        visit(schema);
    }
}

/// Adds what all objects have.
fn resource(schema: &mut Value) {
    let Some(schema) = schema.as_object_mut() else {
        return;
    };
    let properties = schema.entry("properties").or_insert_with(|| json!({}));
    let Some(properties) = properties.as_object_mut() else {
        return;
    };
    for key in ["apiVersion", "kind"] {
        properties.insert(key.to_owned(), json!({"type": "string"}));
    }
    properties.insert("metadata".to_owned(), json!({"$ref": OBJECT_META}));
}

/// The type of `metadata`.
const OBJECT_META: &str = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta";
/// Deepest nesting that is visited; the reader refuses deeper types.
const DEPTH_MAX: usize = 64;
