//! Versions of a definition: their names, the storage version, columns and endpoints.

use serde_json::Value;

use super::{
    field::{flag, objects, text},
    names::dns_1035_label,
    path::Path,
};
use crate::field_error::FieldError;

/// Finds errors in the versions of a definition, except for their schemas.
pub(super) fn check(spec: &Value, path: &Path<'_>, errors: &mut Vec<FieldError>) {
    let versions: Vec<&Value> = objects(spec, "versions").collect();
    let at = path.field("versions");
    for (place, version) in versions.iter().enumerate() {
        if version
            .pointer("/schema/openAPIV3Schema")
            .is_none_or(Value::is_null)
        {
            let path = at.index(place);
            errors.push(FieldError::required(
                path.field("schema").field("openAPIV3Schema"),
                "schemas are required",
            ));
        }
    }

    for (place, version) in versions.iter().enumerate() {
        let name = text(version, "name").unwrap_or_default();
        let path = at.index(place);
        if let Some(detail) = dns_1035_label(name) {
            errors.push(FieldError::invalid(
                path.field("name"),
                &name.into(),
                &detail,
            ));
        }
        if text(version, "deprecationWarning").is_some() && !flag(version, "deprecated") {
            let detail = "can only be set for deprecated versions";
            errors.push(FieldError::invalid(
                path.field("deprecationWarning"),
                &version["deprecationWarning"],
                detail,
            ));
        }
    }

    let shown = spec.get("versions").unwrap_or(&Value::Null);
    let names: Vec<_> = versions.iter().map(|version| version.get("name")).collect();
    if names
        .iter()
        .enumerate()
        .any(|(place, name)| names[..place].contains(name))
    {
        errors.push(FieldError::invalid(
            at,
            shown,
            "must contain unique version names",
        ));
    }

    if versions
        .iter()
        .filter(|version| flag(version, "storage"))
        .count()
        != 1
    {
        errors.push(FieldError::invalid(
            at,
            shown,
            "must have exactly one version marked as storage version",
        ));
    }

    shared(&versions, path, errors);
}

/// Validates what versions have besides a schema. An error shared by all versions is reported once,
/// on the definition.
fn shared(versions: &[&Value], path: &Path<'_>, errors: &mut Vec<FieldError>) {
    type Check = fn(&Value, &Value, &Path<'_>, &mut Vec<FieldError>);
    let parts: [(&str, Check); 3] = [
        ("subresources", subresources),
        ("additionalPrinterColumns", columns),
        ("selectableFields", selectable),
    ];

    for (key, check) in parts {
        let all: Vec<Option<&Value>> = versions.iter().map(|version| version.get(key)).collect();
        if all.windows(2).all(|pair| pair[0] == pair[1]) {
            if let Some(Some(common)) = all.first() {
                check(common, versions[0], &path.field(key), errors);
            }
            continue;
        }
        for (place, part) in all.iter().enumerate() {
            let (at, Some(part)) = (path.field("versions"), part) else {
                continue;
            };
            check(part, versions[place], &at.index(place).field(key), errors);
        }
    }
}

fn subresources(subresources: &Value, _: &Value, path: &Path<'_>, errors: &mut Vec<FieldError>) {
    let Some(scale) = subresources.get("scale").filter(|scale| scale.is_object()) else {
        return;
    };

    let at = path.field("scale");
    for (key, heads, under) in [
        ("specReplicasPath", &[".spec."][..], ".spec"),
        ("statusReplicasPath", &[".status."], ".status"),
        (
            "labelSelectorPath",
            &[".spec.", ".status."],
            "either .spec or .status",
        ),
    ] {
        match text(scale, key).unwrap_or_default() {
            "" if key == "labelSelectorPath" => {}
            "" => errors.push(FieldError::required(at.field(key), "")),
            value
                if !is_simple_path(value) || !heads.iter().any(|head| value.starts_with(head)) =>
            {
                let detail = format!("should be a json path under {under}");
                errors.push(FieldError::invalid(at.field(key), &value.into(), &detail));
            }
            _ => {}
        }
    }
}

fn columns(columns: &Value, _: &Value, path: &Path<'_>, errors: &mut Vec<FieldError>) {
    for (place, column) in columns.as_array().into_iter().flatten().enumerate() {
        let at = path.index(place);
        let of = |key: &str| text(column, key).unwrap_or_default();
        if of("name").is_empty() {
            errors.push(FieldError::required(at.field("name"), ""));
        }
        let detail = format!("must be one of {}", COLUMN_TYPES.join(","));
        match of("type") {
            "" => errors.push(FieldError::required(at.field("type"), &detail)),
            other if !COLUMN_TYPES.contains(&other) => {
                errors.push(FieldError::invalid(
                    at.field("type"),
                    &other.into(),
                    &detail,
                ));
            }
            _ => {}
        }
        let format = of("format");
        if !format.is_empty() && !COLUMN_FORMATS.contains(&format) {
            let detail = format!("must be one of {}", COLUMN_FORMATS.join(","));
            errors.push(FieldError::invalid(
                at.field("format"),
                &format.into(),
                &detail,
            ));
        }
        match of("jsonPath") {
            "" => errors.push(FieldError::required(at.field("JSONPath"), "")),
            path if path.starts_with('.') => {}
            path => {
                let detail = "is invalid: a path begins with a dot";
                errors.push(FieldError::invalid(
                    at.field("JSONPath"),
                    &path.into(),
                    detail,
                ));
            }
        }
    }
}

fn selectable(fields: &Value, version: &Value, path: &Path<'_>, errors: &mut Vec<FieldError>) {
    let fields = fields.as_array().map(Vec::as_slice).unwrap_or_default();
    if fields.len() > SELECTABLE_MAX {
        errors.push(FieldError::too_many(path, fields.len(), SELECTABLE_MAX));
    }

    for (place, field) in fields.iter().enumerate() {
        let at = path.index(place);
        match text(field, "jsonPath").unwrap_or_default() {
            "" => errors.push(FieldError::required(at.field("jsonPath"), "")),
            path => match selected(version, path) {
                None => {
                    let detail = "must point to a field in the schema";
                    errors.push(FieldError::invalid(
                        at.field("jsonPath"),
                        &path.into(),
                        detail,
                    ));
                }
                Some(sort) if !SELECTABLE_TYPES.contains(&sort) => {
                    let detail = "must point to a field of type string, boolean or integer. Enum string fields and \
                                  strings with formats are allowed.";
                    errors.push(FieldError::invalid(
                        at.field("jsonPath"),
                        &path.into(),
                        detail,
                    ));
                }
                Some(_) if fields[..place].contains(field) => {
                    errors.push(FieldError::duplicate(
                        at.field("jsonPath"),
                        &field["jsonPath"],
                    ));
                }
                Some(_) => {}
            },
        }
    }
}

/// Returns the type of the field at a path; metadata has its own fields.
fn selected<'v>(version: &'v Value, path: &str) -> Option<&'v str> {
    if !is_simple_path(path) || path.starts_with(".metadata") {
        return None;
    }
    let schema = version.pointer("/schema/openAPIV3Schema")?;
    let field = |schema: &'v Value, name: &str| schema.get("properties")?.get(name);
    text(path.split('.').skip(1).try_fold(schema, field)?, "type")
}

/// Returns whether a path consists of names only: `.spec.replicas`.
fn is_simple_path(path: &str) -> bool {
    let name = |name: &str| {
        !name.is_empty()
            && name
                .chars()
                .all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '\\'))
    };
    path.strip_prefix('.')
        .is_some_and(|path| path.split('.').all(name))
}

/// Finds removed versions that objects may still be stored in, and a storage version that is not
/// listed.
pub(super) fn stored(definition: &Value, errors: &mut Vec<FieldError>) {
    let root = Path::Root;
    let status = root.field("status");
    let at = status.field("storedVersions");
    let found = definition
        .pointer("/status/storedVersions")
        .unwrap_or(&Value::Null);
    let stored: Vec<&str> = found
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    if stored.is_empty() {
        errors.push(FieldError::invalid(
            at,
            &Value::Null,
            "must have at least one stored version",
        ));
    }

    let spec = definition.get("spec").unwrap_or(&Value::Null);
    let names = || {
        objects(spec, "versions")
            .filter_map(|version| Some((text(version, "name")?, flag(version, "storage"))))
    };
    for (name, _) in names().filter(|(name, storage)| *storage && !stored.contains(name)) {
        errors.push(FieldError::invalid(
            at,
            &name.into(),
            &format!("must have the storage version {name}"),
        ));
    }

    for (place, version) in stored.iter().enumerate() {
        if !names().any(|(name, _)| name == *version) {
            let detail = format!(
                "missing from spec.versions; {version} was previously a storage version, and must remain in \
                 spec.versions until a storage migration ensures no data remains persisted in {version} and removes \
                 {version} from status.storedVersions"
            );
            errors.push(FieldError::invalid(
                at.index(place),
                &(*version).into(),
                &detail,
            ));
        }
    }
}

const COLUMN_TYPES: [&str; 5] = ["boolean", "date", "integer", "number", "string"];
const COLUMN_FORMATS: [&str; 8] = [
    "byte",
    "date",
    "date-time",
    "double",
    "float",
    "int32",
    "int64",
    "password",
];
const SELECTABLE_MAX: usize = 8;
const SELECTABLE_TYPES: [&str; 3] = ["string", "boolean", "integer"];
