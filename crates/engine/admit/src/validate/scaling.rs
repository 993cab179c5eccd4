//! Autoscalers, disruption budgets and priorities.

use super::{At, Errors, meta, names, workload};

pub(super) fn autoscaler(autoscaler: &At<'_, '_>, errors: &mut Errors) {
    let spec = autoscaler.child("spec");
    let (least, most) = (spec.child("minReplicas"), spec.child("maxReplicas"));
    least.at_least(1, errors);
    let number = most.number().unwrap_or_default();
    if number == 0 {
        errors.push(most.required("must be set and greater than 0"));
    } else {
        most.at_least(1, errors);
    }

    if least.number().is_some_and(|least| number < least) {
        errors.push(most.invalid_as(
            &number.into(),
            "must be greater than or equal to `minReplicas`",
        ));
    }

    let target = spec.child("scaleTargetRef");
    target.child("kind").need_spelt(names::path_segment, errors);
    target.child("name").need_spelt(names::path_segment, errors);
    spec.child("metrics")
        .items()
        .for_each(|metric| of_metric(&metric, errors));
}

/// A metric names its type and has the fields of that type.
fn of_metric(metric: &At<'_, '_>, errors: &mut Errors) {
    let sort = metric.child("type");
    let field = SORTS
        .iter()
        .find(|(name, _)| *name == sort.text())
        .map(|(_, field)| metric.child(field));
    match field {
        Some(field) if field.is_null() => {
            errors.push(field.required("must populate information for the given metric source"));
        }
        Some(_) => {}
        None if sort.is_empty() => errors.push(sort.required("must specify a metric source type")),
        // A server validates it twice.
        None => errors.extend([(); 2].map(|()| sort.unsupported(&SORTS.map(|(name, _)| name)))),
    }
}

pub(super) fn disruption_budget(budget: &At<'_, '_>, errors: &mut Errors) {
    let spec = budget.child("spec");
    let (least, most) = (spec.child("minAvailable"), spec.child("maxUnavailable"));
    if !least.is_null() && !most.is_null() {
        let of = |field: &'static str| spec.child(field).value;
        let fields = [
            ("MinAvailable", of("minAvailable")),
            ("Selector", of("selector")),
            ("MaxUnavailable", of("maxUnavailable")),
            (
                "UnhealthyPodEvictionPolicy",
                of("unhealthyPodEvictionPolicy"),
            ),
        ];
        errors.push(spec.invalid_struct(
            &fields,
            "minAvailable and maxUnavailable cannot be both set",
        ));
    }

    for amount in [least, most] {
        workload::count_or_percent(&amount, errors);
        workload::not_over_all(&amount, errors);
    }

    meta::selector(&spec.child("selector"), errors);
    let policy = spec.child("unhealthyPodEvictionPolicy");
    if !policy.is_null() {
        policy.one_of(&["AlwaysAllow", "IfHealthyBudget"], errors);
    }
}

/// The value of a priority class is immutable.
pub(super) fn priority_stays(live: &At<'_, '_>, new: &At<'_, '_>, errors: &mut Errors) {
    let number = |class: &At<'_, '_>| class.child("value").number().unwrap_or_default();
    if number(live) != number(new) {
        errors.push(
            new.child("value")
                .forbidden("may not be changed in an update."),
        );
    }
    new.child("preemptionPolicy")
        .immutable(&live.child("preemptionPolicy"), errors);
}

const SORTS: [(&str, &str); 5] = [
    ("ContainerResource", "containerResource"),
    ("External", "external"),
    ("Object", "object"),
    ("Pods", "pods"),
    ("Resource", "resource"),
];
