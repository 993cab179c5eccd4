//! Schemas of definitions: whether they describe the complete structure of objects outside of
//! alternatives (structural schemas), and whether their defaults are valid.

use serde_json::Value;

use super::{
    check,
    field::{flag, members, objects, text},
    lists,
    node::SchemaNode,
    path::{NOWHERE, Path},
    prune,
};
use crate::field_error::FieldError;

/// The level of a schema.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Level {
    Root,
    Field,
    Item,
}

/// Finds where a schema is not structural.
pub(super) fn check(schema: &Value, path: &Path<'_>, errors: &mut Vec<FieldError>) {
    node(schema, path, Level::Root, errors);
    complete(schema, schema, (path, path), errors);
}

fn node(schema: &Value, path: &Path<'_>, level: Level, errors: &mut Vec<FieldError>) {
    let sort = text(schema, "type").unwrap_or_default();
    let items = schema.get("items").filter(|items| items.is_object());
    if sort == "array" && items.is_none() {
        errors.push(FieldError::required(
            path.field("items"),
            "must be specified",
        ));
    }

    if let Some(items) = items {
        node(items, &path.field("items"), Level::Item, errors);
    }

    for (name, schema) in members(schema) {
        node(
            schema,
            &path.field("properties").key(name),
            Level::Field,
            errors,
        );
    }

    if let Some(of @ Value::Object(_)) = schema.get("additionalProperties") {
        node(
            of,
            &path.field("additionalProperties"),
            Level::Field,
            errors,
        );
    }

    sort_fits(schema, sort, path, level, errors);
    let embedded = flag(schema, EMBEDDED);
    if embedded {
        resource(schema, path, errors);
    }

    if embedded || level == Level::Root {
        metadata(schema, path, errors);
    }

    alternatives(schema, path, is_int_or_string(schema), errors);
}

fn sort_fits(
    schema: &Value,
    sort: &str,
    path: &Path<'_>,
    level: Level,
    errors: &mut Vec<FieldError>,
) {
    let (int_or_string, preserve) = (flag(schema, INT_OR_STRING), flag(schema, PRESERVE));
    if int_or_string {
        for key in [PRESERVE, EMBEDDED]
            .into_iter()
            .filter(|key| flag(schema, key))
        {
            let detail = "must be false if x-kubernetes-int-or-string is true";
            errors.push(FieldError::invalid(
                path.field(key),
                &Value::Bool(true),
                detail,
            ));
        }
    } else if sort.is_empty() && !preserve && !flag(schema, EMBEDDED) {
        let detail = match level {
            Level::Root => "must not be empty at the root",
            Level::Item => "must not be empty for specified array items",
            Level::Field => "must not be empty for specified object fields",
        };
        errors.push(FieldError::required(path.field("type"), detail));
    }

    if level == Level::Root && !sort.is_empty() && sort != "object" {
        errors.push(FieldError::invalid(
            path.field("type"),
            &sort.into(),
            "must be object at the root",
        ));
    }
}

fn resource(schema: &Value, path: &Path<'_>, errors: &mut Vec<FieldError>) {
    let detail = "must be object if x-kubernetes-embedded-resource is true";
    match text(schema, "type").unwrap_or_default() {
        "" => errors.push(FieldError::required(path.field("type"), detail)),
        "object" => {}
        other => errors.push(FieldError::invalid(
            path.field("type"),
            &other.into(),
            detail,
        )),
    }

    if schema.get("additionalProperties").is_some() {
        let detail = "must not be used if x-kubernetes-embedded-resource is set";
        errors.push(FieldError::forbidden(
            path.field("additionalProperties"),
            detail,
        ));
    }

    if members(schema).next().is_none() && !flag(schema, PRESERVE) {
        let detail = "must not be empty if x-kubernetes-embedded-resource is true without \
                      x-kubernetes-preserve-unknown-fields";
        errors.push(FieldError::required(path.field("properties"), detail));
    }
}

/// Of metadata, only the name can be restricted.
fn metadata(schema: &Value, path: &Path<'_>, errors: &mut Vec<FieldError>) {
    let properties = path.field("properties");
    for (name, schema) in members(schema) {
        let sort = text(schema, "type").unwrap_or_default();
        let wanted = match name {
            "apiVersion" | "kind" => "string",
            "metadata" => "object",
            _ => continue,
        };
        let path = properties.key(name);
        if sort != wanted {
            errors.push(FieldError::invalid(
                path.field("type"),
                &sort.into(),
                &format!("must be {wanted}"),
            ));
        }
        let other = members(schema).any(|(name, _)| !matches!(name, "name" | "generateName"));
        let odd = schema.get("additionalProperties").is_some() || flag(schema, PRESERVE);
        if name == "metadata" && (other || odd) {
            let detail = "must not specify anything other than name and generateName, but metadata is implicitly \
                          specified";
            errors.push(FieldError::forbidden(path, detail));
        }
    }
}

/// How an integer or text may be declared twice: by the keyword, and by alternatives.
#[derive(Clone, Copy, PartialEq, Eq)]
enum IntOrString {
    No,
    AnyOf,
    AllOf,
}

fn is_int_or_string(schema: &Value) -> IntOrString {
    let both = |any: Option<&Value>| {
        let sorts: Vec<_> = any
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .collect();
        matches!(sorts.as_slice(), [int, string] if text(int, "type") == Some("integer") && text(string, "type") == Some("string"))
    };
    let first = schema.pointer("/allOf/0/anyOf");
    match flag(schema, INT_OR_STRING) {
        true if both(schema.get("anyOf")) => IntOrString::AnyOf,
        true if both(first) => IntOrString::AllOf,
        _ => IntOrString::No,
    }
}

fn alternatives(
    schema: &Value,
    path: &Path<'_>,
    skipped: IntOrString,
    errors: &mut Vec<FieldError>,
) {
    for key in ["anyOf", "allOf", "oneOf"] {
        if key == "anyOf" && skipped == IntOrString::AnyOf {
            continue;
        }
        for (place, schema) in objects(schema, key).enumerate() {
            let first = key == "allOf" && place == 0 && skipped == IntOrString::AllOf;
            let skipped = if first {
                IntOrString::AnyOf
            } else {
                IntOrString::No
            };
            nested(schema, &path.field(key).index(place), skipped, errors);
        }
    }
    if let Some(not) = schema.get("not") {
        nested(not, &path.field("not"), IntOrString::No, errors);
    }
}

/// Alternatives only restrict; the structure is declared outside of them.
fn nested(schema: &Value, path: &Path<'_>, skipped: IntOrString, errors: &mut Vec<FieldError>) {
    alternatives(schema, path, skipped, errors);
    if let Some(items) = schema.get("items") {
        nested(items, &path.field("items"), IntOrString::No, errors);
    }

    for (name, schema) in members(schema) {
        nested(
            schema,
            &path.field("properties").key(name),
            IntOrString::No,
            errors,
        );
    }

    for (key, detail) in NOT_NESTED {
        let there = schema
            .get(key)
            .is_some_and(|value| !value.is_null() && value != "" && value != false);
        if there {
            errors.push(FieldError::forbidden(path.field(key), detail));
        }
    }

    if members(schema).any(|(name, _)| name == "metadata") {
        let detail = "must not be specified in a nested context";
        errors.push(FieldError::forbidden(
            path.field("properties").key("metadata"),
            detail,
        ));
    }
}

/// Finds fields that alternatives mention and the schema itself does not declare.
fn complete(
    core: &Value,
    schema: &Value,
    (core_path, path): (&Path<'_>, &Path<'_>),
    errors: &mut Vec<FieldError>,
) {
    let below: Vec<(String, &Value)> = ["anyOf", "allOf", "oneOf"]
        .into_iter()
        .flat_map(|key| {
            objects(schema, key)
                .enumerate()
                .map(move |(place, schema)| (format!("{key}[{place}]"), schema))
        })
        .chain(schema.get("not").map(|not| ("not".to_owned(), not)))
        .collect();

    for (step, alternative) in below {
        covered(core, alternative, (core_path, &path.field(&step)), errors);
    }

    if std::ptr::eq(core, schema) {
        for (name, schema) in members(schema) {
            let path = path.field("properties");
            complete(schema, schema, (&path.key(name), &path.key(name)), errors);
        }
        for key in ["items", "additionalProperties"] {
            if let Some(below @ Value::Object(_)) = schema.get(key) {
                complete(below, below, (&path.field(key), &path.field(key)), errors);
            }
        }
    }
}

fn covered(
    core: &Value,
    schema: &Value,
    (core_path, path): (&Path<'_>, &Path<'_>),
    errors: &mut Vec<FieldError>,
) {
    for (name, schema) in members(schema) {
        let (core_path, path) = (core_path.field("properties"), path.field("properties"));
        match core
            .get("properties")
            .and_then(|properties| properties.get(name))
        {
            Some(core) => covered(
                core,
                schema,
                (&core_path.key(name), &path.key(name)),
                errors,
            ),
            None => errors.push(missing(&core_path.key(name), &path.key(name))),
        }
    }

    if let Some(items) = schema.get("items") {
        match core.get("items") {
            Some(core) => covered(
                core,
                items,
                (&core_path.field("items"), &path.field("items")),
                errors,
            ),
            None => errors.push(missing(&core_path.field("items"), &path.field("items"))),
        }
    }

    complete(core, schema, (core_path, path), errors);
}

fn missing(core: &Path<'_>, because: &Path<'_>) -> FieldError {
    FieldError::required(core, &format!("because it is defined in {because}"))
}

/// Finds defaults that the schema itself would prune or reject.
pub(super) fn check_defaults(schema: &Value, path: &Path<'_>, errors: &mut Vec<FieldError>) {
    if let Some(default) = schema.get("default").filter(|default| !default.is_null()) {
        let (node, path) = (SchemaNode::read(schema), path.field("default"));
        let mut pruned = default.clone();
        if prune::below(&node, &mut pruned) {
            errors.push(FieldError::invalid(
                path,
                default,
                "must not have unknown fields",
            ));
        }
        let found = check::check(&node, &Path::Root, default, None).errors;
        errors.extend(found.into_iter().map(|error| below(&path, error)));
        lists::embedded(&node, &path, default, errors);
        lists::duplicates(&node, &path, default, errors);
    }

    for (name, schema) in members(schema) {
        check_defaults(schema, &path.field("properties").key(name), errors);
    }

    for key in ["items", "additionalProperties"] {
        if let Some(below @ Value::Object(_)) = schema.get(key) {
            check_defaults(below, &path.field(key), errors);
        }
    }
}

/// Returns an error of a default as one of the enclosing schema; its message is still about the
/// default only.
fn below(path: &Path<'_>, error: FieldError) -> FieldError {
    let field = match error.field.as_str() {
        "" | NOWHERE => path.to_string(),
        field if field.starts_with('[') => format!("{path}{field}"),
        field => format!("{path}.{field}"),
    };
    FieldError { field, ..error }
}

const EMBEDDED: &str = "x-kubernetes-embedded-resource";
const PRESERVE: &str = "x-kubernetes-preserve-unknown-fields";
const INT_OR_STRING: &str = "x-kubernetes-int-or-string";
/// Keywords not allowed in alternatives, with the error.
const NOT_NESTED: [(&str, &str); 12] = [
    ("type", "must be empty to be structural"),
    ("additionalProperties", "must be undefined to be structural"),
    ("default", "must be undefined to be structural"),
    ("title", "must be empty to be structural"),
    ("description", "must be empty to be structural"),
    ("nullable", "must be false to be structural"),
    (PRESERVE, "must be false to be structural"),
    (EMBEDDED, "must be false to be structural"),
    (INT_OR_STRING, "must be false to be structural"),
    (
        "x-kubernetes-list-map-keys",
        "must be empty to be structural",
    ),
    (
        "x-kubernetes-list-type",
        "must be undefined to be structural",
    ),
    (
        "x-kubernetes-map-type",
        "must be undefined to be structural",
    ),
];
