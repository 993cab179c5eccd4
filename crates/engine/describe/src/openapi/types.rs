//! The types of a document: those that its paths use, transitively.

use std::{collections::HashMap, sync::LazyLock};

use lode_schema::builtin;
use serde_json::{Map, Value, json};

use super::reference::{KINDS, REFERENCE, meta, reference};

/// Returns the types that paths use, transitively, from built-in and custom ones.
pub(super) fn reachable(
    paths: &Map<String, Value>,
    own: Map<String, Value>,
    group: &str,
    version: &str,
) -> Value {
    let (mut out, mut waiting) = (Map::new(), Vec::new());
    paths
        .values()
        .for_each(|path| references(path, &mut waiting));
    for (name, ty) in own {
        references(&ty, &mut waiting);
        out.insert(name, ty);
    }
    while let Some(name) = waiting.pop() {
        if out.contains_key(&name) {
            continue;
        }
        let Some(ty) = published(&name, group, version) else {
            continue;
        };
        references(&ty, &mut waiting);
        out.insert(name, ty);
    }
    Value::Object(out)
}

/// Returns the name of the type of a built-in kind.
pub(super) fn of_kind(group: &str, version: &str, kind: &str) -> Option<&'static str> {
    let api_version = if group.is_empty() {
        version.to_owned()
    } else {
        format!("{group}/{version}")
    };
    builtin()
        .schema
        .name(builtin().kinds.get(&api_version, kind)?)
}

fn published(name: &str, group: &str, version: &str) -> Option<Value> {
    let kept: Value = serde_json::from_str(TYPES.get(name)?).ok()?;
    let mut ty = expanded(&kept, SchemaPlace::Top);
    if let Some(kind) = ["DeleteOptions", "WatchEvent"]
        .into_iter()
        .find(|kind| *name == *meta(kind))
    {
        ty[KINDS] = kinds(kind, group, version);
    }
    if name == QUANTITY {
        ty["oneOf"] = json!([{"type": "string"}, {"type": "number"}]);
    }
    if ty["format"] == "int-or-string" && ty["type"].is_null() {
        ty["oneOf"] = json!([{"type": "integer"}, {"type": "string"}]);
    }
    Some(ty)
}

/// A type that every group has lists every group.
fn kinds(kind: &str, group: &str, version: &str) -> Value {
    let mut all = vec![json!({"group": "", "kind": kind, "version": "v1"})];
    if !group.is_empty() {
        all.push(json!({"group": group, "kind": kind, "version": version}));
    }
    all.into()
}

/// Position of a schema.
#[derive(Clone, Copy, PartialEq)]
enum SchemaPlace {
    Top,
    Property,
    /// It describes the items of a list or the values of a map.
    Element,
}

/// Restores what the data file omits because it follows from the rest: defaults of elements, and
/// the long form of references, which may have siblings.
fn expanded(kept: &Value, place: SchemaPlace) -> Value {
    let Some(kept) = kept.as_object() else {
        return kept.clone();
    };
    let mut out = Map::new();
    for (key, value) in kept {
        let value = match (&**key, value) {
            ("$ref", _) => continue,
            ("properties", Value::Object(properties)) => {
                let properties = properties.iter();
                properties
                    .map(|(name, ty)| (name.clone(), expanded(ty, SchemaPlace::Property)))
                    .collect()
            }
            ("items" | "additionalProperties", below @ Value::Object(_)) => {
                expanded(below, SchemaPlace::Element)
            }
            _ => value.clone(),
        };
        out.insert(key.clone(), value);
    }
    let target = kept.get("$ref").and_then(Value::as_str);
    if place == SchemaPlace::Element
        && let Some(zero) = zero(kept, target)
    {
        out.entry("default").or_insert(zero);
    }
    if let Some(target) = target {
        if place == SchemaPlace::Property || !out.is_empty() {
            out.insert("allOf".to_owned(), json!([reference(target)]));
        } else {
            return reference(target);
        }
    }
    Value::Object(out)
}

/// Returns the zero value of an element, because elements in Go are never absent. Bytes have none.
fn zero(kept: &Map<String, Value>, target: Option<&str>) -> Option<Value> {
    if let Some(target) = target {
        // Types with their own encoding have no zero value.
        let is_struct = TYPES
            .get(target)
            .is_some_and(|ty| ty.contains("\"type\":\"object\""));
        return is_struct.then(|| json!({}));
    }
    match kept.get("type").and_then(Value::as_str)? {
        "string" if kept.get("format").is_none() => Some(json!("")),
        "integer" | "number" => Some(json!(0)),
        "boolean" => Some(json!(false)),
        _ => None,
    }
}

/// Adds the names of all referenced types.
fn references(value: &Value, names: &mut Vec<String>) {
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                match value
                    .as_str()
                    .and_then(|text| text.strip_prefix(REFERENCE))
                    .filter(|_| key == "$ref")
                {
                    Some(name) => names.push(name.to_owned()),
                    None => references(value, names),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| references(item, names)),
        _ => {}
    }
}

/// The JSON of every built-in type.
static TYPES: LazyLock<HashMap<&'static str, &'static str>> =
    LazyLock::new(|| lode_schema::published().collect());
const QUANTITY: &str = "io.k8s.apimachinery.pkg.api.resource.Quantity";
