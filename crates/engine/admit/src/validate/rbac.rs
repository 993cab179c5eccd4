//! Roles and bindings.

use serde_json::json;

use super::{At, Errors, meta, names};
use crate::strategy::equal;

pub(super) fn role(role: &At<'_, '_>, errors: &mut Errors) {
    role.child("rules")
        .items()
        .for_each(|rule| policy_rule(&rule, true, errors));
}

pub(super) fn cluster_role(role: &At<'_, '_>, errors: &mut Errors) {
    role.child("rules")
        .items()
        .for_each(|rule| policy_rule(&rule, false, errors));
    let aggregation = role.child("aggregationRule");
    let selectors = aggregation.child("clusterRoleSelectors");
    if !aggregation.is_null() && selectors.is_empty() {
        let why = "at least one clusterRoleSelector required if aggregationRule is non-nil";
        errors.push(selectors.required(why));
    }
    selectors
        .items()
        .for_each(|selector| meta::selector(&selector, errors));
}

fn policy_rule(rule: &At<'_, '_>, namespaced: bool, errors: &mut Errors) {
    let verbs = rule.child("verbs");
    if verbs.is_empty() {
        errors.push(verbs.required("verbs must contain at least one value"));
    }

    let (groups, resources, urls) = (
        rule.child("apiGroups"),
        rule.child("resources"),
        rule.child("nonResourceURLs"),
    );
    if !urls.is_empty() {
        if namespaced {
            errors.push(urls.invalid("namespaced rules cannot apply to non-resource URLs"));
        }
        if !groups.is_empty() || !resources.is_empty() || !rule.child("resourceNames").is_empty() {
            errors.push(
                urls.invalid("rules cannot apply to both regular resources and non-resource URLs"),
            );
        }
        return;
    }

    if groups.is_empty() {
        errors.push(groups.required("resource rules must supply at least one api group"));
    }

    if resources.is_empty() {
        errors.push(resources.required("resource rules must supply at least one resource"));
    }
}

pub(super) fn binding(binding: &At<'_, '_>, errors: &mut Errors) {
    role_reference(&binding.child("roleRef"), &["Role", "ClusterRole"], errors);
    binding
        .child("subjects")
        .items()
        .for_each(|subject| of_subject(&subject, true, errors));
}

pub(super) fn cluster_binding(binding: &At<'_, '_>, errors: &mut Errors) {
    role_reference(&binding.child("roleRef"), &["ClusterRole"], errors);
    binding
        .child("subjects")
        .items()
        .for_each(|subject| of_subject(&subject, false, errors));
}

fn role_reference(reference: &At<'_, '_>, kinds: &[&str], errors: &mut Errors) {
    reference.child("apiGroup").one_of(&[GROUP], errors);
    reference.child("kind").one_of(kinds, errors);
    reference
        .child("name")
        .need_spelt(names::path_segment, errors);
}

fn of_subject(subject: &At<'_, '_>, namespaced: bool, errors: &mut Errors) {
    let (name, kind, group) = (
        subject.child("name"),
        subject.child("kind"),
        subject.child("apiGroup"),
    );
    name.need(errors);
    match kind.text() {
        "ServiceAccount" => {
            if !name.is_empty() {
                name.spelt(names::subdomain, errors);
            }
            if !group.is_empty() {
                errors.push(group.unsupported(&[""]));
            }
            if !namespaced {
                subject.child("namespace").need(errors);
            }
        }
        "User" | "Group" => group.one_of(&[GROUP], errors),
        _ => errors.push(kind.unsupported(&["ServiceAccount", "User", "Group"])),
    }
}

/// Validates a flow schema.
pub(super) fn flow_schema(schema: &At<'_, '_>, errors: &mut Errors) {
    let spec = schema.child("spec");
    let level = spec.child("priorityLevelConfiguration");
    if level.child("name").is_empty() {
        errors.push(
            level
                .child("name")
                .required("must reference a priority level"),
        );
    }

    for rule in spec.child("rules").items() {
        for subject in rule.child("subjects").items() {
            subject
                .child("kind")
                .one_of(&["Group", "ServiceAccount", "User"], errors);
            let account = subject.child("serviceAccount");
            if subject.child("kind").text() == "ServiceAccount"
                && account.child("namespace").is_empty()
            {
                errors.push(
                    account
                        .child("namespace")
                        .required("must specify namespace for service account"),
                );
            }
        }
    }
}

/// The role of a binding is immutable.
pub(super) fn role_stays(live: &At<'_, '_>, new: &At<'_, '_>, errors: &mut Errors) {
    let (live, new) = (live.child("roleRef"), new.child("roleRef"));
    if !equal(Some(live.value), Some(new.value)) {
        let text = |field: &'static str| new.child(field).text();
        // Shown with the field names of the server's Go type.
        let shown =
            json!({"APIGroup": text("apiGroup"), "Kind": text("kind"), "Name": text("name")});
        errors.push(new.invalid_as(&shown, "cannot change roleRef"));
    }
}

const GROUP: &str = "rbac.authorization.k8s.io";
