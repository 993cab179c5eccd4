//! Pods and pod templates.

use serde_json::{Value, json};

use super::{At, Errors, container, meta, names, placement, volume};
use crate::strategy::{at, equal, put, remove};

/// Validates a pod.
pub(super) fn pod(pod: &At<'_, '_>, errors: &mut Errors) {
    spec(&pod.child("spec"), &[], errors);
}

/// Validates a pod template; some of its volumes may be defined elsewhere.
pub(super) fn template(template: &At<'_, '_>, more_volumes: &[&str], errors: &mut Errors) {
    let metadata = template.child("metadata");
    labels_of_template(template, &metadata, errors);
    spec(&template.child("spec"), more_volumes, errors);
}

/// The server names labels of a template without `metadata`.
fn labels_of_template(template: &At<'_, '_>, metadata: &At<'_, '_>, errors: &mut Errors) {
    let lifted = json!({"labels": metadata.child("labels").value, "annotations": metadata.child("annotations").value});
    let mut found = Vec::new();
    let lifted = At::root(&lifted);
    meta::labels(&lifted.child("labels"), &mut found);
    meta::annotations(&lifted.child("annotations"), &mut found);
    for mut error in found {
        error.field = format!("{template}.{}", error.field);
        errors.push(error);
    }
}

fn spec(spec: &At<'_, '_>, more_volumes: &[&str], errors: &mut Errors) {
    spec.child("terminationGracePeriodSeconds").need(errors);
    let listed = spec.child("volumes");
    let mut volumes = volume::volumes(&listed, errors);
    volumes.extend(more_volumes);
    let (containers, before) = (spec.child("containers"), spec.child("initContainers"));
    container::containers(&containers, &volumes, errors);
    container::init_containers(&before, &containers, &volumes, errors);
    host_network(spec, errors);
    spec.child("restartPolicy")
        .need_one_of(&["Always", "OnFailure", "Never"], errors);
    spec.child("dnsPolicy").need_one_of(
        &["ClusterFirstWithHostNet", "ClusterFirst", "Default", "None"],
        errors,
    );
    meta::labels(&spec.child("nodeSelector"), errors);
    placement::affinity(&spec.child("affinity"), errors);
    placement::spread(&spec.child("topologySpreadConstraints"), errors);
    for (field, rule) in SPELT {
        let field = spec.child(field);
        if !field.is_empty() {
            field.spelt(rule, errors);
        }
    }

    let deadline = spec.child("activeDeadlineSeconds");
    if deadline
        .number()
        .is_some_and(|seconds| !(1..=i64::from(i32::MAX)).contains(&seconds))
    {
        errors.push(deadline.invalid("must be between 1 and 2147483647, inclusive"));
    }

    placement::tolerations(&spec.child("tolerations"), errors);
}

type Spelling = fn(&str) -> Vec<String>;

const SPELT: [(&str, Spelling); 6] = [
    ("serviceAccountName", names::subdomain),
    ("nodeName", names::subdomain),
    ("hostname", names::label),
    ("subdomain", names::label),
    ("priorityClassName", names::subdomain),
    ("runtimeClassName", names::subdomain),
];

fn host_network(spec: &At<'_, '_>, errors: &mut Errors) {
    if !spec.child("hostNetwork").is_true() {
        return;
    }
    for container in spec.child("containers").items() {
        for port in container.child("ports").items() {
            let host = port.child("hostPort");
            let number = host.number().unwrap_or_default();
            if number != 0 && Some(number) != port.child("containerPort").number() {
                errors.push(host.invalid("must match `containerPort` when `hostNetwork` is true"));
            }
        }
    }
}

/// Validates a change of a pod, of which little may change.
pub(super) fn change(live: &At<'_, '_>, new: &At<'_, '_>, errors: &mut Errors) {
    let (live, spec) = (live.child("spec"), new.child("spec"));
    for list in ["containers", "initContainers"] {
        let list_now = spec.child(list);
        if live.child(list).items().count() != list_now.items().count() {
            errors.push(list_now.forbidden("pod updates may not add or remove containers"));
            return;
        }
        for container in list_now.items() {
            let image = container.child("image");
            image.need(errors);
            if image.text().trim() != image.text() {
                errors.push(image.invalid("must not have leading or trailing whitespace"));
            }
        }
    }

    if !deadline(
        &live.child("activeDeadlineSeconds"),
        &spec.child("activeDeadlineSeconds"),
        errors,
    ) {
        return;
    }

    let tolerations = spec.child("tolerations");
    if live.child("tolerations").items().any(|old| {
        !tolerations
            .items()
            .any(|new| equal(Some(old.value), Some(new.value)))
    }) {
        let why = "existing toleration can not be modified except its tolerationSeconds";
        errors.push(tolerations.forbidden(why));
    }

    if !equal(
        Some(live.value),
        Some(&changeable_taken(live.value, spec.value)),
    ) {
        errors.push(spec.forbidden(UPDATABLE));
    }
}

/// Validates the deadline; returns whether validation continues.
fn deadline(live: &At<'_, '_>, new: &At<'_, '_>, errors: &mut Errors) -> bool {
    let wrong = match (live.number(), new.number()) {
        (_, Some(new)) if !(0..=i64::from(i32::MAX)).contains(&new) => {
            "must be between 0 and 2147483647, inclusive"
        }
        (Some(live), Some(new)) if live < new => "must be less than or equal to previous value",
        (Some(_), None) => {
            errors.push(new.invalid("must not update from a positive integer to nil value"));
            return true;
        }
        _ => return true,
    };
    errors.push(new.invalid(wrong));
    false
}

/// Returns a spec in which everything that may change has its old value.
fn changeable_taken(live: &Value, new: &Value) -> Value {
    let mut taken = new.clone();
    for list in ["containers", "initContainers"] {
        let before = live
            .get(list)
            .and_then(Value::as_array)
            .into_iter()
            .flatten();
        let now = taken
            .get_mut(list)
            .and_then(Value::as_array_mut)
            .into_iter()
            .flatten();
        for (now, before) in now.zip(before) {
            take(before, now, "image");
        }
    }

    for field in ["activeDeadlineSeconds", "tolerations", "schedulingGates"] {
        take(live, &mut taken, field);
    }

    if at(live, GRACE)
        .and_then(Value::as_i64)
        .is_some_and(|seconds| seconds < 0)
        && at(new, GRACE) == Some(&json!(1))
    {
        take(live, &mut taken, GRACE);
    }

    if at(live, "schedulingGates")
        .and_then(Value::as_array)
        .is_some_and(|gates| !gates.is_empty())
    {
        take(live, &mut taken, "nodeSelector");
        take(live, &mut taken, "affinity");
    }
    taken
}

fn take(from: &Value, to: &mut Value, field: &str) {
    match from.get(field) {
        Some(value) => put(to, field, value.clone()),
        None => drop(remove(to, field)),
    }
}

const GRACE: &str = "terminationGracePeriodSeconds";
const UPDATABLE: &str = "pod updates may not change fields other than `spec.containers[*].image`,\
    `spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing \
    tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)";
