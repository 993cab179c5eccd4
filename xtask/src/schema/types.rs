//! The built-in types.
//!
//! The module contains the `OpenAPI` documents of its API server. Types, fields, list types and
//! keys, merge keys, defaults, enums and the type of each kind are kept; descriptions, paths and
//! parameters are not. One type per line, so that a new version shows as the lines it changes.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use serde_json::{Map, Value, json};

use super::document::read_json;

/// Returns the data file and its number of types.
pub(super) fn made(module: &str, folder: &Path) -> Result<(String, usize)> {
    let types = read(folder).with_context(|| format!("read {}", folder.display()))?;
    Ok((written(module, &types), types.len()))
}

fn read(folder: &Path) -> Result<BTreeMap<String, Value>> {
    let mut types = BTreeMap::new();
    for entry in fs::read_dir(folder)? {
        let document = read_json(&entry?.path())?;
        for (name, schema) in document["components"]["schemas"]
            .as_object()
            .into_iter()
            .flatten()
        {
            let kept = kept(schema);
            let kept = match types.get(name) {
                Some(other) if *other != kept => {
                    shared(other).filter(|other| shared(&kept).as_ref() == Some(other))
                }
                _ => Some(kept),
            };
            types.insert(
                name.clone(),
                kept.with_context(|| format!("{name} differs between documents"))?,
            );
        }
    }
    Ok(types)
}

/// Returns a helper type without the list of kinds that each document adds.
fn shared(schema: &Value) -> Option<Value> {
    let mut schema = schema.as_object()?.clone();
    schema.remove(KINDS);
    Some(Value::Object(schema))
}

/// Returns the kept part of a schema.
fn kept(schema: &Value) -> Value {
    let mut out = Map::new();
    for key in KEPT {
        if let Some(value) = schema.get(key) {
            out.insert(key.to_owned(), value.clone());
        }
    }
    if let Some(reference) = schema
        .get("$ref")
        .or_else(|| schema["allOf"].get(0)?.get("$ref"))
        .and_then(Value::as_str)
    {
        out.insert("$ref".to_owned(), json!(reference.rsplit('/').next()));
    }
    for key in ["items", "additionalProperties"] {
        if let Some(below) = schema.get(key) {
            out.insert(
                key.to_owned(),
                if below.is_object() {
                    without_default(kept(below))
                } else {
                    below.clone()
                },
            );
        }
    }
    if let Some(properties) = schema.get("properties").and_then(Value::as_object) {
        let properties = properties
            .iter()
            .map(|(name, below)| (name.clone(), kept(below)));
        out.insert("properties".to_owned(), properties.collect());
    }
    Value::Object(out)
}

/// Removes the default of list items, which has no meaning.
fn without_default(mut schema: Value) -> Value {
    if let Some(schema) = schema.as_object_mut() {
        schema.remove("default");
    }
    schema
}

fn written(module: &str, types: &BTreeMap<String, Value>) -> String {
    let lines: Vec<_> = types
        .iter()
        .map(|(name, schema)| format!("{}:{schema}", Value::from(name.as_str())))
        .collect();
    format!(
        "{{\"source\":\"{module} api/openapi-spec/v3\",\"types\":{{\n{}\n}}}}\n",
        lines.join(",\n")
    )
}

const KINDS: &str = "x-kubernetes-group-version-kind";
const KEPT: [&str; 14] = [
    "type",
    "format",
    "required",
    "default",
    "enum",
    "x-kubernetes-embedded-resource",
    KINDS,
    "x-kubernetes-int-or-string",
    "x-kubernetes-list-map-keys",
    "x-kubernetes-list-type",
    "x-kubernetes-map-type",
    "x-kubernetes-patch-merge-key",
    "x-kubernetes-patch-strategy",
    "x-kubernetes-preserve-unknown-fields",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn descriptions_go_and_references_are_short() {
        let schema = json!({"description": "x", "type": "object", "required": ["a"], "properties": {
            "a": {"description": "y", "default": {}, "allOf": [{"$ref": "#/components/schemas/io.k8s.A"}]},
            "b": {"type": "array", "items": {"default": "", "type": "string"}, "x-kubernetes-list-type": "set"},
        }});
        let expected = json!({"type": "object", "required": ["a"], "properties": {
            "a": {"default": {}, "$ref": "io.k8s.A"},
            "b": {"type": "array", "items": {"type": "string"}, "x-kubernetes-list-type": "set"},
        }});
        assert_eq!(kept(&schema), expected);
    }

    #[test]
    fn a_type_takes_a_line() {
        let types = [
            ("A".to_owned(), json!({"type": "string"})),
            ("B".to_owned(), json!({})),
        ]
        .into();
        let text = written("m@v1", &types);
        assert_eq!(text.lines().count(), 4);
        assert_eq!(
            serde_json::from_str::<Value>(&text).unwrap()["types"]["A"]["type"],
            "string"
        );
    }
}
