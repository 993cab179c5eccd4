//! Definitions themselves: how they are prepared and validated.

use lode_object::json;
use serde_json::{Value, json};

use super::{
    definition::Names,
    field::{flag, objects, text},
    names::{self, APPROVAL_PAGE, APPROVED, dns_1123_subdomain, is_protected},
    openapi,
    path::Path,
    structural, versions,
};
use crate::field_error::{FieldError, Reason};

/// Prepares a definition for storage: sets its defaults, and a status that only the server writes.
///
/// `old` is the stored one.
pub fn prepare_definition(old: Option<&Value>, new: &mut Value) {
    if let Some(spec) = new.get_mut("spec").filter(|spec| spec.is_object()) {
        default_spec(spec);
    }
    let begin = || json!({"conditions": null, "acceptedNames": {"plural": "", "kind": ""}, "storedVersions": []});
    let mut status = old
        .and_then(|old| old.get("status"))
        .cloned()
        .unwrap_or_else(begin);
    let storage = objects(&new["spec"], "versions").find(|version| flag(version, "storage"));
    if let Some(name) = storage.and_then(|version| version.get("name")) {
        let stored: Vec<&Value> = objects(&status, "storedVersions").collect();
        if !stored.contains(&name) {
            let stored: Value = stored.into_iter().chain([name]).cloned().collect();
            status["storedVersions"] = stored;
        }
    }
    if let Some(definition) = new.as_object_mut() {
        definition.insert("status".to_owned(), status);
    }
}

fn default_spec(spec: &mut Value) {
    if let Some(names) = spec.get_mut("names").and_then(Value::as_object_mut) {
        let kind = names
            .get("kind")
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned();
        for (key, name) in [
            ("singular", kind.to_lowercase()),
            ("listKind", format!("{kind}List")),
        ] {
            let missing = names
                .get(key)
                .and_then(Value::as_str)
                .is_none_or(str::is_empty);
            if missing && !kind.is_empty() {
                names.insert(key.to_owned(), name.into());
            }
        }
    }

    let Some(spec) = spec.as_object_mut() else {
        return;
    };

    let conversion = spec.entry("conversion").or_insert(Value::Null);
    if conversion.is_null() {
        *conversion = json!({"strategy": "None"});
    }

    let service = conversion
        .pointer_mut("/webhook/clientConfig/service")
        .and_then(Value::as_object_mut);
    if let Some(service) = service {
        service.entry("port").or_insert_with(|| 443.into());
    }

    if spec.get("preserveUnknownFields") == Some(&Value::Bool(false)) {
        spec.remove("preserveUnknownFields");
    }
}

/// Returns the errors of a definition, except for its metadata; [prepared](prepare_definition)
/// before.
///
/// Errors that the previous schema already had are ignored.
#[must_use]
pub fn validate_definition(old: Option<&Value>, new: &Value) -> Vec<FieldError> {
    let mut errors = Vec::new();
    let spec = new.get("spec").unwrap_or(&Value::Null);
    let names = Names::read(spec.get("names").unwrap_or(&Value::Null));
    if old.is_none() {
        own_name(new, &names, &mut errors);
    }

    check_spec(spec, &names, &mut errors);
    schemas(old, spec, &mut errors);
    if let Some(old) = old {
        unchanged(old, spec, &mut errors);
    }

    versions::stored(new, &mut errors);
    approved(new, &mut errors);
    let at = Path::Root;
    if old.is_none() && flag(spec, "preserveUnknownFields") {
        let detail = "cannot set to true, set x-kubernetes-preserve-unknown-fields to true in spec.versions[*].schema \
                      instead";
        errors.push(FieldError::invalid(
            at.field("spec").field("preserveUnknownFields"),
            &Value::Bool(true),
            detail,
        ));
    }
    errors
}

fn own_name(definition: &Value, names: &Names, errors: &mut Vec<FieldError>) {
    let name = json::text(definition, "/metadata/name");
    let group = json::text(definition, "/spec/group");
    if name != format!("{}.{group}", names.plural) {
        let detail = "must be spec.names.plural+\".\"+spec.group";
        errors.push(FieldError::invalid("metadata.name", &name.into(), detail));
    }
}

fn check_spec(spec: &Value, names: &Names, errors: &mut Vec<FieldError>) {
    let root = Path::Root;
    let at = root.field("spec");
    let group = text(spec, "group").unwrap_or_default();
    if group.is_empty() {
        errors.push(FieldError::required(at.field("group"), ""));
    } else if let Some(detail) = dns_1123_subdomain(group) {
        errors.push(FieldError::invalid(
            at.field("group"),
            &group.into(),
            &detail,
        ));
    } else if !group.contains('.') {
        errors.push(FieldError::invalid(
            at.field("group"),
            &group.into(),
            "should be a domain with at least one dot",
        ));
    }

    one_of(spec, &at, ("scope", &["Cluster", "Namespaced"]), errors);
    versions::check(spec, &at, errors);
    names::check(names, &at.field("names"), errors);
    if let Some(conversion) = spec
        .get("conversion")
        .filter(|conversion| !conversion.is_null())
    {
        let at = at.field("conversion");
        one_of(conversion, &at, ("strategy", &["None", "Webhook"]), errors);
        let webhook = text(conversion, "strategy") == Some("Webhook");
        if webhook && conversion.pointer("/webhook/clientConfig").is_none() {
            let detail = "required when strategy is set to Webhook";
            errors.push(FieldError::required(
                at.field("webhookClientConfig"),
                detail,
            ));
        }
        if webhook
            && conversion
                .pointer("/webhook/conversionReviewVersions/0")
                .is_none()
        {
            errors.push(FieldError::required(
                at.field("conversionReviewVersions"),
                "",
            ));
        }
    }
}

fn one_of(
    value: &Value,
    path: &Path<'_>,
    (key, known): (&str, &[&str]),
    errors: &mut Vec<FieldError>,
) {
    match text(value, key).unwrap_or_default() {
        "" => errors.push(FieldError::required(path.field(key), "")),
        other if !known.contains(&other) => {
            errors.push(FieldError::not_supported(
                path.field(key),
                &other.into(),
                known,
            ));
        }
        _ => {}
    }
}

/// Validates the schemas. An error shared by all versions is reported once, on the definition.
fn schemas(old: Option<&Value>, spec: &Value, errors: &mut Vec<FieldError>) {
    let found = |spec: &Value| -> Vec<FieldError> {
        let (mut errors, root) = (Vec::new(), Path::Root);
        let at = root.field("spec");
        let all: Vec<Option<&Value>> = objects(spec, "versions")
            .map(|version| version.pointer(SCHEMA))
            .collect();
        let with_status: Vec<bool> = objects(spec, "versions")
            .map(|version| version.pointer(STATUS).is_some())
            .collect();
        let common = all.windows(2).all(|pair| pair[0] == pair[1]);
        for (place, schema) in all
            .iter()
            .enumerate()
            .take(if common { 1 } else { all.len() })
        {
            let Some(schema) = schema else { continue };
            let (versions, validation) = (at.field("versions"), at.field("validation"));
            let version = versions.index(place);
            let version = version.field("schema");
            let path = if common { validation } else { version };
            let path = path.field("openAPIV3Schema");
            if with_status.get(place) == Some(&true) || (common && with_status.contains(&true)) {
                root_with_status(schema, &path, &mut errors);
            }
            check_schema(schema, &path, &mut errors);
        }
        errors
    };

    if old.is_some_and(|old| old.pointer("/spec/versions") == spec.get("versions")) {
        return;
    }

    let new = found(spec);
    if new.is_empty() {
        return;
    }

    let before = old
        .and_then(|old| old.get("spec"))
        .map(found)
        .unwrap_or_default();
    errors.extend(new.into_iter().filter(|error| !before.contains(error)));
}

/// If the status has its own endpoint, it is validated by its part of the schema only.
fn root_with_status(schema: &Value, path: &Path<'_>, errors: &mut Vec<FieldError>) {
    let keywords = schema
        .as_object()
        .into_iter()
        .flatten()
        .filter(|(_, value)| !value.is_null());
    if keywords
        .map(|(key, _)| key)
        .any(|key| !AT_ROOT.contains(&key.as_str()))
    {
        let shown: Vec<String> = AT_ROOT.iter().map(|key| go_name(key)).collect();
        let detail = format!(
            "only [{}] fields are allowed at the root of the schema if the status subresource is enabled",
            shown.join(" ")
        );
        errors.push(FieldError::new(
            path,
            Reason::Invalid,
            format!("Invalid value: {schema}: {detail}"),
        ));
    }
}

/// Returns a keyword as the server's Go type names it.
fn go_name(key: &str) -> String {
    let key = if let Some(key) = key.strip_prefix("x-kubernetes-") {
        format!("x-{key}")
    } else {
        key.to_owned()
    };
    let part = |part: &str| part[..1].to_uppercase() + &part[1..];
    key.split('-').map(part).collect()
}

fn check_schema(schema: &Value, path: &Path<'_>, errors: &mut Vec<FieldError>) {
    let before = errors.len();
    if flag(schema, "nullable") {
        errors.push(FieldError::forbidden(
            path.field("nullable"),
            "nullable cannot be true at the root",
        ));
    }
    if !openapi::check(schema, path, errors) {
        return;
    }
    structural::check(schema, path, errors);
    if errors.len() == before {
        structural::check_defaults(schema, path, errors);
    }
}

/// Fields that determine how objects are stored must not change.
fn unchanged(old: &Value, spec: &Value, errors: &mut Vec<FieldError>) {
    let established = objects(&old["status"], "conditions")
        .any(|condition| condition["type"] == "Established" && condition["status"] == "True");
    for (at, pointer, always) in [
        ("spec.scope", "/scope", false),
        ("spec.names.kind", "/names/kind", false),
        ("spec.group", "/group", true),
        ("spec.names.plural", "/names/plural", true),
    ] {
        let of = |spec: &Value| json::text(spec, pointer).to_owned();
        let new = of(spec);
        if (always || established) && of(&old["spec"]) != new {
            errors.push(FieldError::invalid(at, &new.into(), "field is immutable"));
        }
    }
}

fn approved(definition: &Value, errors: &mut Vec<FieldError>) {
    let group = json::text(definition, "/spec/group");
    if !is_protected(group) {
        return;
    }

    let annotations = definition.pointer("/metadata/annotations");
    let at = format!("metadata.annotations[{APPROVED}]");
    match annotations
        .and_then(|annotations| text(annotations, APPROVED))
        .unwrap_or_default()
    {
        "" => {
            let detail = format!(
                "protected groups must have approval annotation {APPROVED:?}, see {APPROVAL_PAGE}"
            );
            errors.push(FieldError::required(at, &detail));
        }
        why if why.starts_with("unapproved") || why.contains("://") => {}
        why => {
            let detail = format!(
                "protected groups must have approval annotation {APPROVED:?} with either a URL or a reason starting \
                 with \"unapproved\", see {APPROVAL_PAGE}"
            );
            errors.push(FieldError::invalid(at, &why.into(), &detail));
        }
    }
}

const SCHEMA: &str = "/schema/openAPIV3Schema";
const STATUS: &str = "/subresources/status";
/// Keywords that the root schema may have next to its status.
const AT_ROOT: [&str; 22] = [
    "description",
    "type",
    "format",
    "title",
    "maximum",
    "exclusiveMaximum",
    "minimum",
    "exclusiveMinimum",
    "maxLength",
    "minLength",
    "pattern",
    "maxItems",
    "minItems",
    "uniqueItems",
    "multipleOf",
    "required",
    "items",
    "properties",
    "externalDocs",
    "example",
    "x-kubernetes-preserve-unknown-fields",
    "x-kubernetes-validations",
];
