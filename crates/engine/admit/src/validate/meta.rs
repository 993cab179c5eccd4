//! Metadata, labels and selectors, which are the same for all kinds (`ValidateObjectMeta`).

use std::collections::BTreeSet;

use lode_object::LabelSelector;
use lode_object::json::list;
use serde_json::{Value, json};

use super::{At, Errors, names};
use crate::{
    kind::Kind,
    strategy::{NameRule, Strategy, equal},
};

/// Validates the metadata of a new object.
pub(super) fn created(
    kind: &Kind,
    strategy: &Strategy,
    metadata: &At<'_, '_>,
    errors: &mut Errors,
) {
    let prefix = metadata.child("generateName");
    if !prefix.is_empty() {
        let wrong = spelling(strategy.name, &names::masked(prefix.text()));
        errors.extend(wrong.iter().map(|message| prefix.invalid(message)));
    }
    let name = metadata.child("name");
    if name.is_empty() {
        errors.push(name.required("name or generateName is required"));
    } else {
        name.spelt(|text| spelling(strategy.name, text), errors);
    }
    placed(kind, metadata, errors);
    metadata.child("generation").at_least(0, errors);
    labels(&metadata.child("labels"), errors);
    annotations(&metadata.child("annotations"), errors);
    owners(&metadata.child("ownerReferences"), errors);
    finalizers(&metadata.child("finalizers"), errors);
    managers(&metadata.child("managedFields"), errors);
}

/// Validates a change of metadata.
pub(super) fn updated(live: &At<'_, '_>, new: &At<'_, '_>, errors: &mut Errors) {
    if !live.child("deletionTimestamp").is_null() {
        no_new_finalizers(&live.child("finalizers"), &new.child("finalizers"), errors);
    }
    if new.child("generation").number() < live.child("generation").number() {
        errors.push(new.child("generation").invalid("must not be decremented"));
    }
    for field in IMMUTABLE {
        new.child(field).immutable(&live.child(field), errors);
    }
    labels(&new.child("labels"), errors);
    annotations(&new.child("annotations"), errors);
    owners(&new.child("ownerReferences"), errors);
    managers(&new.child("managedFields"), errors);
}

fn spelling(rule: NameRule, name: &str) -> Vec<String> {
    match rule {
        NameRule::Subdomain => names::subdomain(name),
        NameRule::Label => names::label(name),
        NameRule::PathSegment => names::path_segment(name),
        NameRule::Address => match name.parse::<core::net::IpAddr>() {
            Ok(address) if address.to_string() == name => Vec::new(),
            Ok(address) => vec![format!(
                "must be in canonical form ({:?})",
                address.to_string()
            )],
            Err(_) => {
                vec!["must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)".to_owned()]
            }
        },
    }
}

fn placed(kind: &Kind, metadata: &At<'_, '_>, errors: &mut Errors) {
    let namespace = metadata.child("namespace");
    if kind.namespaced {
        namespace.need_spelt(names::label, errors);
    } else if !namespace.is_empty() {
        errors.push(namespace.forbidden("not allowed on this type"));
    }
}

/// Validates labels, or a label map that selects objects.
pub(super) fn labels(labels: &At<'_, '_>, errors: &mut Errors) {
    for (key, value) in labels.entries() {
        errors.extend(
            names::qualified(key)
                .iter()
                .map(|message| labels.invalid_as(&key.into(), message)),
        );
        let wrong = names::label_value(value.as_str().unwrap_or_default());
        errors.extend(
            wrong
                .iter()
                .map(|message| labels.invalid_as(value, message)),
        );
    }
}

/// Validates annotations.
pub(super) fn annotations(annotations: &At<'_, '_>, errors: &mut Errors) {
    let mut size = 0;
    for (key, value) in annotations.entries() {
        let wrong = names::qualified(&key.to_lowercase());
        errors.extend(
            wrong
                .iter()
                .map(|message| annotations.invalid_as(&key.into(), message)),
        );
        size += key.len() + value.as_str().map_or(0, str::len);
    }
    if size > ANNOTATIONS_MAX {
        errors.push(annotations.too_long(ANNOTATIONS_MAX));
    }
}

fn owners(owners: &At<'_, '_>, errors: &mut Errors) {
    let mut controller: Option<String> = None;
    for owner in owners.items() {
        for (field, message) in [
            ("apiVersion", "version must not be empty"),
            ("kind", "must not be empty"),
            ("name", "must not be empty"),
            ("uid", "must not be empty"),
        ] {
            if owner.child(field).is_empty() {
                let place = format!("{owners}.{field}");
                errors.push(crate::FieldError::invalid(place, &"".into(), message));
            }
        }
        if (owner.child("apiVersion").text(), owner.child("kind").text()) == ("v1", "Event") {
            errors.push(owners.invalid_as(
                owner.value,
                "/v1, Kind=Event is disallowed from being an owner",
            ));
        }
        if owner.child("controller").is_true() {
            let this = format!(
                "{}/{}",
                owner.child("kind").text(),
                owner.child("name").text()
            );
            match &controller {
                None => controller = Some(this),
                Some(first) => errors.push(owners.invalid(&format!(
                    "Only one reference can have Controller set to true. Found \"true\" in references for {first} and {this}"
                ))),
            }
        }
    }
}

fn finalizers(finalizers: &At<'_, '_>, errors: &mut Errors) {
    let mut found = Vec::new();
    for finalizer in finalizers.items() {
        let wrong = names::qualified(finalizer.text());
        errors.extend(
            wrong
                .iter()
                .map(|message| finalizers.invalid_as(finalizer.value, message)),
        );
        found.push(finalizer.text());
    }
    if found.contains(&"orphan") && found.contains(&"foregroundDeletion") {
        errors
            .push(finalizers.invalid("finalizer orphan and foregroundDeletion cannot be both set"));
    }
}

/// Returns whether the rules of a kind validate metadata again.
pub(super) fn again(kind: &Kind) -> bool {
    !kind.is_custom() && (&*kind.gvk.group, &*kind.gvk.kind) != ("policy", "PodDisruptionBudget")
}

/// Validates the finalizers of built-in kinds: foreign ones must have a domain.
pub(super) fn qualified_finalizers(kind: &Kind, metadata: &At<'_, '_>, errors: &mut Errors) {
    if !again(kind) || kind.gvk.group.starts_with("api") {
        return;
    }
    let finalizers = metadata.child("finalizers");
    let wrong = finalizers
        .items()
        .filter(|finalizer| !is_qualified(finalizer.text()));
    let why = "name is neither a standard finalizer name nor is it fully qualified";
    errors.extend(wrong.map(|finalizer| finalizer.invalid(why)));
}

/// Warns about new finalizers of a custom resource without a domain.
pub(super) fn unqualified(live: Option<&Value>, object: &Value) -> Vec<String> {
    let of = |object: &Value| {
        let all = list(object, "/metadata/finalizers").iter();
        all.filter_map(Value::as_str)
            .map(str::to_owned)
            .collect::<BTreeSet<_>>()
    };
    let before = live.map(of).unwrap_or_default();
    let new = of(object)
        .into_iter()
        .filter(|finalizer| !before.contains(finalizer) && !is_qualified(finalizer));
    let warning = |finalizer: String| {
        format!(
            "metadata.finalizers: {finalizer:?}: prefer a domain-qualified finalizer name to avoid accidental conflicts \
             with other finalizer writers"
        )
    };
    new.map(warning).collect()
}

fn is_qualified(finalizer: &str) -> bool {
    finalizer.contains('/') || ["foregroundDeletion", "kubernetes", "orphan"].contains(&finalizer)
}

fn no_new_finalizers(live: &At<'_, '_>, new: &At<'_, '_>, errors: &mut Errors) {
    let before: Vec<&Value> = live.value.as_array().into_iter().flatten().collect();
    let mut added: Vec<String> = new
        .items()
        .filter(|finalizer| !before.contains(&finalizer.value))
        .map(|of| of.value.to_string())
        .collect();
    added.sort();
    if !added.is_empty() {
        errors.push(new.forbidden(&format!(
            "no new finalizers can be added if the object is being deleted, found new finalizers []string{{{}}}",
            added.join(", ")
        )));
    }
}

fn managers(entries: &At<'_, '_>, errors: &mut Errors) {
    for entry in entries.items() {
        let operation = entry.child("operation");
        if !["Apply", "Update"].contains(&operation.text()) {
            errors.push(
                operation.invalid_as(&operation.text().into(), "must be `Apply` or `Update`"),
            );
        }
        let sort = entry.child("fieldsType");
        if !["", "FieldsV1"].contains(&sort.text()) {
            errors.push(sort.invalid("must be `FieldsV1`"));
        }
        for (field, max) in [("manager", MANAGER_MAX), ("subresource", SUBRESOURCE_MAX)] {
            if entry.child(field).text().len() > max {
                errors.push(entry.child(field).too_long(max));
            }
        }
    }
}

/// Validates a label selector.
pub(super) fn selector(selector: &At<'_, '_>, errors: &mut Errors) {
    labels(&selector.child("matchLabels"), errors);
    for expression in selector.child("matchExpressions").items() {
        operator(&expression, &[], errors);
        let key = expression.child("key");
        errors.extend(
            names::qualified(key.text())
                .iter()
                .map(|wrong| key.invalid_as(&key.text().into(), wrong)),
        );
        expression
            .child("values")
            .items()
            .for_each(|value| value.spelt(names::label_value, errors));
    }
}

/// Validates the operator of a requirement and how many values it has. `single` are operators besides those of labels,
/// which take one value.
pub(super) fn operator(requirement: &At<'_, '_>, single: &[&str], errors: &mut Errors) {
    let operator = requirement.child("operator");
    let values = requirement.child("values");
    match operator.text() {
        "In" | "NotIn" if values.is_empty() => {
            errors.push(values.required("must be specified when `operator` is 'In' or 'NotIn'"));
        }
        "Exists" | "DoesNotExist" if !values.is_empty() => {
            errors.push(
                values.forbidden(
                    "may not be specified when `operator` is 'Exists' or 'DoesNotExist'",
                ),
            );
        }
        "In" | "NotIn" | "Exists" | "DoesNotExist" => {}
        other if single.contains(&other) => {
            if values.items().count() != 1 {
                errors
                    .push(values.required(
                        "must be specified single value when `operator` is 'Lt' or 'Gt'",
                    ));
            }
        }
        other => {
            errors.push(operator.invalid_as(&other.into(), "not a valid selector operator"));
        }
    }
}

/// Returns whether a selector says nothing.
pub(super) fn selects_nothing_in_particular(selector: &At<'_, '_>) -> bool {
    selector.child("matchLabels").is_empty() && selector.child("matchExpressions").is_empty()
}

/// Returns whether a valid selector matches labels; an absent one matches nothing.
pub(super) fn matches(selector: &Value, labels: &Value) -> Option<bool> {
    if selector.is_null() {
        return Some(false);
    }
    let selector = LabelSelector::from_value(selector).ok()?;
    Some(selector.matches(|key| labels.get(key).and_then(Value::as_str)))
}

/// Returns a map of labels as a selector, for old kinds.
pub(super) fn of_map(map: &Value) -> Value {
    if equal(Some(map), None) {
        json!({})
    } else {
        json!({"matchLabels": map})
    }
}

/// Fields that never change.
const IMMUTABLE: [&str; 6] = [
    "name",
    "namespace",
    "uid",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
];
const ANNOTATIONS_MAX: usize = 256 << 10;
const MANAGER_MAX: usize = 128;
const SUBRESOURCE_MAX: usize = 256;

#[cfg(test)]
mod tests {
    use lode_schema::resources;

    use super::*;

    fn wrong(group: &str, name: &str) -> Vec<String> {
        let kind = Kind::builtin(resources().of_kind(group, "v1", name).unwrap()).unwrap();
        let (metadata, mut errors) = (
            json!({"finalizers": ["a.b/c", "orphan", "bare"]}),
            Vec::new(),
        );
        qualified_finalizers(&kind, &At::root(&metadata), &mut errors);
        errors.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn finalizers_of_built_in_kinds_have_a_domain() {
        let why = "finalizers[2]: Invalid value: \"bare\": name is neither a standard finalizer name nor is it fully \
                   qualified";
        assert_eq!(wrong("", "ConfigMap"), [why]);
        assert!(wrong("policy", "PodDisruptionBudget").is_empty());
        assert!(wrong("apiextensions.k8s.io", "CustomResourceDefinition").is_empty());
    }

    #[test]
    fn a_new_finalizer_without_a_domain_is_warned_of_once() {
        let object = json!({"metadata": {"finalizers": ["a.b/c", "bare"]}});
        assert_eq!(unqualified(None, &object).len(), 1);
        assert!(unqualified(Some(&object), &object).is_empty());
    }
}
