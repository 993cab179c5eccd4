//! Schemas of definitions: what keywords may contain (`OpenAPI` v3 as the API server allows it).
//!
//! [`structural`](super::structural) checks whether a schema describes the structure of objects.

use serde_json::Value;

use super::{
    field::{flag, members, objects, text, texts},
    node::{DEPTH_MAX, Sort},
    path::Path,
    rules_of,
};
use crate::field_error::FieldError;

/// Position of a node in a schema.
#[derive(Clone, Copy)]
struct SchemaAt<'p> {
    /// Whether it describes whole objects.
    root: bool,
    /// Whether it describes the metadata of a resource.
    metadata: bool,
    /// The enclosing list without keys.
    uncorrelated: Option<&'p Path<'p>>,
    /// Why a default is not allowed here, or empty.
    no_default: &'static str,
}

/// Finds errors in the keywords of a schema. Returns whether it can be examined further.
pub(super) fn check(schema: &Value, path: &Path<'_>, errors: &mut Vec<FieldError>) -> bool {
    if is_deeper(schema, DEPTH_MAX) {
        errors.push(FieldError::invalid(
            path,
            &Value::Null,
            "schemas are nested too deeply",
        ));
        return false;
    }
    if schema.get("additionalProperties").is_some() {
        errors.push(FieldError::forbidden(
            path.field("additionalProperties"),
            "must not be used at the root",
        ));
    }
    node(
        schema,
        path,
        SchemaAt {
            root: true,
            metadata: false,
            uncorrelated: None,
            no_default: "",
        },
        errors,
    );
    true
}

/// Returns whether schemas are nested deeper than a bound.
fn is_deeper(schema: &Value, left: usize) -> bool {
    let Some(left) = left.checked_sub(1) else {
        return true;
    };
    let single = ["items", "additionalProperties", "not"]
        .into_iter()
        .filter_map(|key| schema.get(key));
    let several = ["allOf", "anyOf", "oneOf"]
        .into_iter()
        .flat_map(|key| objects(schema, key));
    let mut below = members(schema)
        .map(|(_, schema)| schema)
        .chain(single)
        .chain(several);
    below.any(|schema| is_deeper(schema, left))
}

fn node(schema: &Value, path: &Path<'_>, at: SchemaAt<'_>, errors: &mut Vec<FieldError>) {
    left_out(schema, path, at, errors);
    kinds_of_maps_and_lists(schema, path, errors);
    rules_of::check(schema, path, at.uncorrelated, errors);
    let below = SchemaAt { root: false, ..at };
    if let Some(additional) = schema.get("additionalProperties") {
        if members(schema).next().is_some() && additional != &Value::Bool(true) {
            let detail = "additionalProperties and properties are mutual exclusive";
            errors.push(FieldError::forbidden(
                path.field("additionalProperties"),
                detail,
            ));
        }
        node(
            additional,
            &path.field("additionalProperties"),
            below,
            errors,
        );
    }
    let resource = at.root || flag(schema, "x-kubernetes-embedded-resource");
    for (name, schema) in members(schema) {
        let metadata = at.metadata || (resource && name == "metadata");
        node(
            schema,
            &path.field("properties").key(name),
            SchemaAt { metadata, ..below },
            errors,
        );
    }
    for (key, no_default) in [
        ("allOf", "in allOf"),
        ("oneOf", "in oneOf"),
        ("anyOf", "in anyOf"),
    ] {
        for (place, schema) in objects(schema, key).enumerate() {
            node(
                schema,
                &path.field(key).index(place),
                SchemaAt {
                    no_default,
                    ..below
                },
                errors,
            );
        }
    }
    if let Some(not) = schema.get("not") {
        node(
            not,
            &path.field("not"),
            SchemaAt {
                no_default: "inside of not",
                ..below
            },
            errors,
        );
    }
    if let Some(items) = schema.get("items") {
        let keyed = text(schema, LIST_TYPE) == Some("map");
        let uncorrelated = if keyed {
            at.uncorrelated
        } else {
            at.uncorrelated.or(Some(path))
        };
        node(
            items,
            &path.field("items"),
            SchemaAt {
                uncorrelated,
                ..below
            },
            errors,
        );
    }
}

/// Finds keywords that are not supported.
fn left_out(schema: &Value, path: &Path<'_>, at: SchemaAt<'_>, errors: &mut Vec<FieldError>) {
    if schema.get("default").is_some() && !at.no_default.is_empty() {
        errors.push(FieldError::forbidden(
            path.field("default"),
            &format!("must not be set {}", at.no_default),
        ));
    }
    for key in [
        "id",
        "additionalItems",
        "patternProperties",
        "definitions",
        "dependencies",
        "$ref",
    ] {
        if schema.get(key).is_some_and(|value| !value.is_null()) {
            errors.push(FieldError::forbidden(
                path.field(key),
                &format!("{key} is not supported"),
            ));
        }
    }
    match text(schema, "type").unwrap_or_default() {
        "" => {}
        "null" => {
            let detail = "type cannot be set to null, use nullable as an alternative";
            errors.push(FieldError::forbidden(path.field("type"), detail));
        }
        other if Sort::named(other).is_none() => {
            errors.push(FieldError::not_supported(
                path.field("type"),
                &other.into(),
                &TYPES,
            ));
        }
        _ => {}
    }
    if schema.get("items").is_some_and(Value::is_array) {
        errors.push(FieldError::forbidden(
            path.field("items"),
            "items must be a schema object and not an array",
        ));
    }
    if flag(schema, "uniqueItems") {
        let detail =
            "uniqueItems cannot be set to true since the runtime complexity becomes quadratic";
        errors.push(FieldError::forbidden(path.field("uniqueItems"), detail));
    }
    if at.metadata && flag(schema, EMBEDDED) {
        errors.push(FieldError::forbidden(
            path.field(EMBEDDED),
            "must not be used inside of resource meta",
        ));
    }
    if schema.get(PRESERVE) == Some(&Value::Bool(false)) {
        errors.push(FieldError::invalid(
            path.field(PRESERVE),
            &Value::Bool(false),
            "must be true or undefined",
        ));
    }
    pattern(schema, path, errors);
}

fn pattern(schema: &Value, path: &Path<'_>, errors: &mut Vec<FieldError>) {
    let Some(pattern) = text(schema, "pattern") else {
        return;
    };
    if let Err(error) = lode_cel::Pattern::new(pattern) {
        let detail = format!("must be a valid regular expression, but isn't: {error}");
        errors.push(FieldError::invalid(
            path.field("pattern"),
            &pattern.into(),
            &detail,
        ));
    }
}

/// Finds list and map types that are not allowed.
fn kinds_of_maps_and_lists(schema: &Value, path: &Path<'_>, errors: &mut Vec<FieldError>) {
    kind_fits(
        schema,
        path,
        (MAP_TYPE, "object", &["atomic", "granular"]),
        errors,
    );
    kind_fits(
        schema,
        path,
        (LIST_TYPE, "array", &["atomic", "map", "set"]),
        errors,
    );
    let kind = text(schema, LIST_TYPE);
    let keys = texts(schema, LIST_KEYS);
    let only_map = "must be map if x-kubernetes-list-map-keys is non-empty";
    match kind {
        None if !keys.is_empty() => {
            errors.push(FieldError::required(path.field(LIST_TYPE), only_map));
        }
        Some(other) if !keys.is_empty() && other != "map" => {
            errors.push(FieldError::invalid(
                path.field(LIST_TYPE),
                &other.into(),
                only_map,
            ));
        }
        _ => {}
    }
    match kind {
        Some("map") => list_map(schema, &keys, path, errors),
        Some("set") => list_set(schema, path, errors),
        _ => {}
    }
}

fn kind_fits(
    schema: &Value,
    path: &Path<'_>,
    kind: (&str, &str, &[&str]),
    errors: &mut Vec<FieldError>,
) {
    let (key, wanted, known) = kind;
    let Some(found) = text(schema, key) else {
        return;
    };
    let detail = format!("must be {wanted} if {key} is specified");
    match text(schema, "type").unwrap_or_default() {
        "" => errors.push(FieldError::required(path.field("type"), &detail)),
        other if other != wanted => errors.push(FieldError::invalid(
            path.field("type"),
            &other.into(),
            &detail,
        )),
        _ if !known.contains(&found) => errors.push(FieldError::not_supported(
            path.field(key),
            &found.into(),
            known,
        )),
        _ => {}
    }
}

fn list_map(schema: &Value, keys: &[Box<str>], path: &Path<'_>, errors: &mut Vec<FieldError>) {
    if keys.is_empty() {
        let detail = "must not be empty if x-kubernetes-list-type is map";
        errors.push(FieldError::required(path.field(LIST_KEYS), detail));
    }
    let Some(items) = schema.get("items").filter(|items| !items.is_null()) else {
        errors.push(FieldError::required(
            path.field("items"),
            "must have a schema if x-kubernetes-list-type is map",
        ));
        return;
    };
    let at = path.field("items");
    let found = text(items, "type").unwrap_or_default();
    if found != "object" {
        let detail = "must be object if parent array's x-kubernetes-list-type is map";
        errors.push(FieldError::invalid(at.field("type"), &found.into(), detail));
        return;
    }
    let wrong =
        |detail: &str| FieldError::invalid(path.field(LIST_KEYS), &schema[LIST_KEYS], detail);
    for (place, key) in keys.iter().enumerate() {
        match items
            .get("properties")
            .and_then(|properties| properties.get(&**key))
        {
            Some(property) => key_property(
                items,
                (key, property),
                &at.field("properties").key(key),
                errors,
            ),
            None => errors.push(wrong("entries must all be names of item properties")),
        }
        if keys[..place].contains(key) {
            errors.push(wrong("must not contain duplicate entries"));
        }
    }
}

fn key_property(
    items: &Value,
    (key, property): (&str, &Value),
    path: &Path<'_>,
    errors: &mut Vec<FieldError>,
) {
    let sort = text(property, "type").unwrap_or_default();
    if matches!(sort, "array" | "object") {
        let detail = "must be a scalar type if parent array's x-kubernetes-list-type is map";
        errors.push(FieldError::invalid(
            path.field("type"),
            &sort.into(),
            detail,
        ));
    }
    let required = texts(items, "required").iter().any(|name| **name == *key);
    if !required && property.get("default").is_none_or(Value::is_null) {
        let detail = "this property is in x-kubernetes-list-map-keys, so it must have a default or be a required property";
        errors.push(FieldError::required(path.field("default"), detail));
    }
    if flag(property, "nullable") {
        let detail = "this property is in x-kubernetes-list-map-keys, so it cannot be nullable";
        errors.push(FieldError::forbidden(path.field("nullable"), detail));
    }
}

fn list_set(schema: &Value, path: &Path<'_>, errors: &mut Vec<FieldError>) {
    let Some(items) = schema.get("items") else {
        return;
    };
    let at = path.field("items");
    if flag(items, "nullable") {
        let detail = "cannot be nullable when x-kubernetes-list-type is set";
        errors.push(FieldError::forbidden(at.field("nullable"), detail));
    }
    let key = match text(items, "type") {
        Some("object") => MAP_TYPE,
        Some("array") => LIST_TYPE,
        _ => return,
    };
    let atomic = match text(items, key) {
        Some(kind) => kind == "atomic",
        None => key == LIST_TYPE,
    };
    if !atomic {
        let detail = "must be atomic as item of a list with x-kubernetes-list-type=set";
        errors.push(FieldError::invalid(
            at.field(key),
            items.get(key).unwrap_or(&Value::Null),
            detail,
        ));
    }
}

const TYPES: [&str; 6] = ["array", "boolean", "integer", "number", "object", "string"];
const EMBEDDED: &str = "x-kubernetes-embedded-resource";
const PRESERVE: &str = "x-kubernetes-preserve-unknown-fields";
const MAP_TYPE: &str = "x-kubernetes-map-type";
const LIST_TYPE: &str = "x-kubernetes-list-type";
const LIST_KEYS: &str = "x-kubernetes-list-map-keys";
