//! Workloads: deployments, sets and controllers.

use serde_json::Value;

use super::{At, Errors, at::go_struct, claim, meta, names, pod};
use crate::strategy::{equal, put, remove};

/// Validates a pod template object.
pub(super) fn pod_template(object: &At<'_, '_>, errors: &mut Errors) {
    pod::template(&object.child("template"), &[], errors);
}

pub(super) fn deployment(deployment: &At<'_, '_>, errors: &mut Errors) {
    let spec = deployment.child("spec");
    spec.child("replicas").at_least(0, errors);
    selector(&spec, "deployment", errors);
    kept_running(&spec, "ReplicaSet", &[], errors);
    rollout(&spec.child("strategy"), errors);
    spec.child("minReadySeconds").at_least(0, errors);
    spec.child("revisionHistoryLimit").at_least(0, errors);
    let deadline = spec.child("progressDeadlineSeconds");
    deadline.at_least(0, errors);
    let ready = spec.child("minReadySeconds").number().unwrap_or_default();
    if deadline.number().is_some_and(|seconds| seconds <= ready) {
        errors.push(deadline.invalid("must be greater than minReadySeconds"));
    }
}

fn rollout(strategy: &At<'_, '_>, errors: &mut Errors) {
    let rolling = strategy.child("rollingUpdate");
    match strategy.child("type").text() {
        "Recreate" if !rolling.is_null() => {
            errors
                .push(rolling.forbidden("may not be specified when strategy `type` is 'Recreate'"));
        }
        "Recreate" => {}
        "RollingUpdate" => {
            let (missing, more) = (rolling.child("maxUnavailable"), rolling.child("maxSurge"));
            count_or_percent(&missing, errors);
            count_or_percent(&more, errors);
            if is_none(missing.value) && is_none(more.value) {
                errors.push(missing.invalid("may not be 0 when `maxSurge` is 0"));
            }
            not_over_all(&missing, errors);
        }
        _ => errors.push(strategy.unsupported(&["Recreate", "RollingUpdate"])),
    }
}

fn is_none(amount: &Value) -> bool {
    matches!(amount, Value::Number(number) if number.as_i64() == Some(0)) || *amount == "0%"
}

/// Validates a number or percentage of pods.
pub(super) fn count_or_percent(amount: &At<'_, '_>, errors: &mut Errors) {
    match amount.value {
        Value::Number(_) => amount.at_least(0, errors),
        Value::String(text) if percent(text).is_none() => errors.push(amount.invalid(PERCENT)),
        _ => {}
    }
}

/// Checks that a percentage is at most 100.
pub(super) fn not_over_all(amount: &At<'_, '_>, errors: &mut Errors) {
    if percent(amount.text()).is_some_and(|percent| percent > 100) {
        errors.push(amount.invalid("must not be greater than 100%"));
    }
}

fn percent(text: &str) -> Option<u32> {
    let digits = text
        .strip_suffix('%')
        .filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()))?;
    digits.parse().ok()
}

pub(super) fn replica_set(set: &At<'_, '_>, errors: &mut Errors) {
    let spec = set.child("spec");
    spec.child("replicas").at_least(0, errors);
    spec.child("minReadySeconds").at_least(0, errors);
    selector(&spec, "deployment", errors);
    kept_running(&spec, "ReplicaSet", &[], errors);
}

pub(super) fn replication_controller(controller: &At<'_, '_>, errors: &mut Errors) {
    let spec = controller.child("spec");
    spec.child("minReadySeconds").at_least(0, errors);
    let (labels, template) = (spec.child("selector"), spec.child("template"));
    labels.need(errors);
    spec.child("replicas").need(errors);
    spec.child("replicas").at_least(0, errors);
    if template.is_null() {
        errors.push(template.required(""));
        return;
    }
    if !labels.is_empty() {
        selected(&spec, &meta::of_map(labels.value), errors);
    }
    pod::template(&template, &[], errors);
    runs_always(&spec, "ReplicationController", errors);
}

pub(super) fn daemon_set(set: &At<'_, '_>, errors: &mut Errors) {
    let spec = set.child("spec");
    let labels = spec.child("selector");
    meta::selector(&labels, errors);
    selected(&spec, labels.value, errors);
    if !labels.is_null() && meta::selects_nothing_in_particular(&labels) {
        errors.push(labels.invalid("empty selector is invalid for daemonset"));
    }

    pod::template(&spec.child("template"), &[], errors);
    runs_always(&spec, "DaemonSet", errors);
    spec.child("minReadySeconds").at_least(0, errors);
    let strategy = spec.child("updateStrategy");
    match strategy.child("type").text() {
        "OnDelete" => {}
        "RollingUpdate" => {
            let rolling = strategy.child("rollingUpdate");
            count_or_percent(&rolling.child("maxUnavailable"), errors);
            count_or_percent(&rolling.child("maxSurge"), errors);
            not_over_all(&rolling.child("maxUnavailable"), errors);
        }
        _ => errors.push(strategy.unsupported(&["RollingUpdate", "OnDelete"])),
    }

    spec.child("revisionHistoryLimit").at_least(0, errors);
}

pub(super) fn stateful_set(set: &At<'_, '_>, errors: &mut Errors) {
    let spec = set.child("spec");
    let management = spec.child("podManagementPolicy");
    if management.is_empty() {
        errors.push(management.required(""));
    } else if !["OrderedReady", "Parallel"].contains(&management.text()) {
        errors.push(management.invalid("must be 'OrderedReady' or 'Parallel'"));
    }

    let strategy = spec.child("updateStrategy");
    match strategy.child("type").text() {
        "" => errors.push(strategy.required("")),
        "RollingUpdate" => strategy
            .child("rollingUpdate")
            .child("partition")
            .at_least(0, errors),
        "OnDelete" if strategy.child("rollingUpdate").is_null() => {}
        "OnDelete" => {
            let rolling = strategy.child("rollingUpdate");
            let partition = partition(&rolling);
            errors.push(rolling.invalid_struct(
                &of_rolling(&rolling, &partition),
                "only allowed for updateStrategy 'RollingUpdate'",
            ));
        }
        _ => {
            let rolling = strategy.child("rollingUpdate");
            let shown = if rolling.is_null() {
                "null".to_owned()
            } else {
                go_struct(&of_rolling(&rolling, &partition(&rolling)))
            };
            let sort = strategy.child("type").value;
            let why = format!(
                "Invalid value: {{\"Type\":{sort},\"RollingUpdate\":{shown}}}: must be 'RollingUpdate' or 'OnDelete'"
            );
            errors.push(crate::FieldError::new(
                strategy.to_string(),
                crate::field_error::Reason::Invalid,
                why,
            ));
        }
    }

    for when in ["whenDeleted", "whenScaled"] {
        let policy = spec.child("persistentVolumeClaimRetentionPolicy");
        policy.child(when).one_of(&["Retain", "Delete"], errors);
    }

    spec.child("replicas").at_least(0, errors);
    spec.child("minReadySeconds").at_least(0, errors);
    selector(&spec, "statefulset", errors);
    let claims = spec.child("volumeClaimTemplates");
    let volumes: Vec<&str> = claims
        .items()
        .map(|claim| claim.child("metadata").child("name").text())
        .collect();
    kept_running(&spec, "StatefulSet", &volumes, errors);
}

fn partition(rolling: &At<'_, '_>) -> Value {
    rolling
        .child("partition")
        .number()
        .unwrap_or_default()
        .into()
}

/// Returns the fields of a rolling update as Go has them.
fn of_rolling<'v>(rolling: &At<'_, 'v>, partition: &'v Value) -> [(&'static str, &'v Value); 2] {
    [
        ("Partition", partition),
        ("MaxUnavailable", rolling.child("maxUnavailable").value),
    ]
}

/// Validates a change of a stateful set, of which little may change.
pub(super) fn stateful_set_change(live: &At<'_, '_>, new: &At<'_, '_>, errors: &mut Errors) {
    let (live, spec) = (live.child("spec"), new.child("spec"));
    let mut same = spec.value.clone();
    for field in CHANGEABLE {
        match live.value.get(field) {
            Some(value) => put(&mut same, field, value.clone()),
            None => drop(remove(&mut same, field)),
        }
    }
    if !equal(Some(live.value), Some(&same)) {
        errors.push(spec.forbidden(
            "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', \
             'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden",
        ));
    }
}

/// Checks that the selector has not changed.
pub(super) fn selector_stays(live: &At<'_, '_>, new: &At<'_, '_>, errors: &mut Errors) {
    let (live, new) = (live.child("spec"), new.child("spec"));
    new.child("selector")
        .immutable(&live.child("selector"), errors);
}

fn selector(spec: &At<'_, '_>, kind: &str, errors: &mut Errors) {
    let selector = spec.child("selector");
    if selector.is_null() {
        errors.push(selector.required(""));
        return;
    }
    meta::selector(&selector, errors);
    if meta::selects_nothing_in_particular(&selector) {
        errors.push(selector.invalid(&format!("empty selector is invalid for {kind}")));
    }
}

/// Validates the template of pods that are always restarted.
fn kept_running(spec: &At<'_, '_>, kind: &str, volumes: &[&str], errors: &mut Errors) {
    let selector = spec.child("selector");
    if meta::matches(selector.value, &Value::Null).is_none() {
        errors.push(selector.invalid("invalid label selector"));
        return;
    }
    if selector.is_null() || !meta::selects_nothing_in_particular(&selector) {
        selected(spec, selector.value, errors);
    }
    pod::template(&spec.child("template"), volumes, errors);
    runs_always(spec, kind, errors);
}

/// Checks that the selector matches the labels of the template.
pub(super) fn selected(spec: &At<'_, '_>, selector: &Value, errors: &mut Errors) {
    let template = spec.child("template");
    let metadata = template.child("metadata");
    let labels = metadata.child("labels");
    if meta::matches(selector, labels.value) == Some(false) {
        errors.push(labels.invalid("`selector` does not match template `labels`"));
    }
}

fn runs_always(spec: &At<'_, '_>, kind: &str, errors: &mut Errors) {
    let template = spec.child("template");
    let pod = template.child("spec");
    pod.child("restartPolicy").one_of(&["Always"], errors);
    let deadline = pod.child("activeDeadlineSeconds");
    if !deadline.is_null() {
        errors
            .push(deadline.forbidden(&format!("activeDeadlineSeconds in {kind} is not Supported")));
    }
}

/// Validates the claims of a new stateful set, and its service's name.
pub(super) fn stateful_set_new(set: &At<'_, '_>, errors: &mut Errors) {
    let spec = set.child("spec");
    let claims = spec.child("volumeClaimTemplates");
    for claim in claims.items() {
        claim::claim_spec(&claim.child("spec"), errors);
    }
    let service = spec.child("serviceName");
    if !service.is_empty() {
        service.spelt(names::label, errors);
    }
}

const CHANGEABLE: [&str; 7] = [
    "replicas",
    "template",
    "updateStrategy",
    "minReadySeconds",
    "ordinals",
    "revisionHistoryLimit",
    "persistentVolumeClaimRetentionPolicy",
];
const PERCENT: &str = "a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', \
    regex used for validation is '[0-9]+%')";
