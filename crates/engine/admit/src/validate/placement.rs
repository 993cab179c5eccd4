//! Where pods may run: affinity, tolerations, spread.

use super::{At, Errors, meta, names};

/// Validates the affinity of a pod.
pub(super) fn affinity(affinity: &At<'_, '_>, errors: &mut Errors) {
    nodes(&affinity.child("nodeAffinity"), errors);
    for sort in ["podAffinity", "podAntiAffinity"] {
        let pods = affinity.child(sort);
        for term in pods.child(REQUIRED).items() {
            pod_term(&term, errors);
        }
        for preferred in pods.child(PREFERRED).items() {
            weight(&preferred, errors);
            pod_term(&preferred.child("podAffinityTerm"), errors);
        }
    }
}

fn nodes(affinity: &At<'_, '_>, errors: &mut Errors) {
    let required = affinity.child(REQUIRED);
    let terms = required.child("nodeSelectorTerms");
    if !required.is_null() && terms.is_empty() {
        errors.push(terms.required("must have at least one node selector term"));
    }
    for term in terms.items() {
        node_term(&term, errors);
    }
    for preferred in affinity.child(PREFERRED).items() {
        weight(&preferred, errors);
        node_term(&preferred.child("preference"), errors);
    }
}

/// Validates a node selector term.
pub(super) fn node_term(term: &At<'_, '_>, errors: &mut Errors) {
    for expression in term.child("matchExpressions").items() {
        meta::operator(&expression, &["Gt", "Lt"], errors);
        qualified(&expression.child("key"), errors);
    }
}

fn pod_term(term: &At<'_, '_>, errors: &mut Errors) {
    meta::selector(&term.child("labelSelector"), errors);
    meta::selector(&term.child("namespaceSelector"), errors);
    let key = term.child("topologyKey");
    if key.is_empty() {
        errors.push(key.required("can not be empty"));
    }
    qualified(&key, errors);
}

fn weight(term: &At<'_, '_>, errors: &mut Errors) {
    let weight = term.child("weight");
    if !weight
        .number()
        .is_some_and(|weight| (1..=100).contains(&weight))
    {
        let shown = weight.number().unwrap_or_default();
        errors.push(weight.invalid_as(&shown.into(), "must be in the range 1-100"));
    }
}

/// Validates spread constraints.
pub(super) fn spread(constraints: &At<'_, '_>, errors: &mut Errors) {
    for constraint in constraints.items() {
        let skew = constraint.child("maxSkew");
        if skew.number().unwrap_or_default() <= 0 {
            errors.push(skew.invalid_as(
                &skew.number().unwrap_or_default().into(),
                "must be greater than zero",
            ));
        }
        let key = constraint.child("topologyKey");
        if key.is_empty() {
            errors.push(key.required("can not be empty"));
        } else {
            qualified(&key, errors);
        }
        let otherwise = constraint.child("whenUnsatisfiable");
        otherwise.one_of(&["DoNotSchedule", "ScheduleAnyway"], errors);
        meta::selector(&constraint.child("labelSelector"), errors);
    }
}

/// Validates tolerations.
pub(super) fn tolerations(tolerations: &At<'_, '_>, errors: &mut Errors) {
    for toleration in tolerations.items() {
        let part = |field: &'static str| toleration.child(field).text();
        let operator = toleration.child("operator");
        if !part("key").is_empty() {
            qualified(&toleration.child("key"), errors);
        } else if part("operator") != "Exists" {
            let why = "operator must be Exists when `key` is empty, which means \"match all values and all keys\"";
            errors.push(operator.invalid_as(&part("operator").into(), why));
        }
        if !toleration.child("tolerationSeconds").is_null() && part("effect") != "NoExecute" {
            let why = "effect must be 'NoExecute' when `tolerationSeconds` is set";
            errors.push(
                toleration
                    .child("effect")
                    .invalid_as(&part("effect").into(), why),
            );
        }
        match part("operator") {
            "" | "Equal" => {
                let wrong = names::label_value(part("value")).join(";");
                if !wrong.is_empty() {
                    errors.push(operator.invalid_as(&part("value").into(), &wrong));
                }
            }
            "Exists" if !part("value").is_empty() => {
                let why = "value must be empty when `operator` is 'Exists'";
                errors.push(operator.invalid_as(&part("value").into(), why));
            }
            "Exists" => {}
            _ => errors.push(operator.unsupported(&["Equal", "Exists"])),
        }
        let effect = toleration.child("effect");
        if !effect.is_empty() {
            effect.one_of(&["NoSchedule", "PreferNoSchedule", "NoExecute"], errors);
        }
    }
}

/// An absent key reads as an empty one.
fn qualified(key: &At<'_, '_>, errors: &mut Errors) {
    errors.extend(
        names::qualified(key.text())
            .iter()
            .map(|wrong| key.invalid_as(&key.text().into(), wrong)),
    );
}

const REQUIRED: &str = "requiredDuringSchedulingIgnoredDuringExecution";
const PREFERRED: &str = "preferredDuringSchedulingIgnoredDuringExecution";
