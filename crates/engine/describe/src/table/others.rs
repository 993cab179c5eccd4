//! Cells of roles, certificates, admission, and the rest.

use lode_object::json::{at, list, text};
use serde_json::Value;

use super::cell::{Cells, NONE, scalar, selector};
use crate::age;

pub(super) const CELLS: Cells = &[
    ("component_status", |component, _| {
        match text(healthy(component), "/status") {
            "" => "Unknown".into(),
            "True" => "Healthy".into(),
            _ => "Unhealthy".into(),
        }
    }),
    ("component_message", |component, _| {
        text(healthy(component), "/message").into()
    }),
    ("component_error", |component, _| {
        text(healthy(component), "/error").into()
    }),
    ("api_service", |service, _| {
        match at(service, "/spec/service") {
            Value::Null => "Local".into(),
            of => format!("{}/{}", text(of, "/namespace"), text(of, "/name")).into(),
        }
    }),
    ("api_service_available", |service, _| {
        available(service).into()
    }),
    ("role_ref", |binding, _| {
        format!(
            "{}/{}",
            text(binding, "/roleRef/kind"),
            text(binding, "/roleRef/name")
        )
        .into()
    }),
    ("subject_users", |binding, _| {
        subjects(binding, "User").into()
    }),
    ("subject_groups", |binding, _| {
        subjects(binding, "Group").into()
    }),
    ("subject_accounts", |binding, _| {
        subjects(binding, "ServiceAccount").into()
    }),
    ("request_duration", |request, _| {
        match at(request, "/spec/expirationSeconds").as_i64() {
            Some(seconds) => age::human(seconds).into(),
            None => NONE.into(),
        }
    }),
    ("request_status", |request, _| {
        request_status(request).into()
    }),
    ("param_kind", |policy, _| {
        match at(policy, "/spec/paramKind") {
            Value::Null => "<unset>".into(),
            kind => format!("{}/{}", text(kind, "/apiVersion"), text(kind, "/kind")).into(),
        }
    }),
    ("param_ref", |binding, _| {
        param_ref(at(binding, "/spec/paramRef")).into()
    }),
    ("claim_state", |claim, _| claim_state(claim).into()),
    ("flow_schema_dangling", |schema, _| {
        match condition(schema, "Dangling") {
            Value::Null => "?".into(),
            dangling => text(dangling, "/status").into(),
        }
    }),
    ("priority_shares", |level, _| {
        limit(level, "/spec/limited", "nominalConcurrencyShares")
    }),
    ("priority_queues", |level, _| {
        limit(level, QUEUING, "queues")
    }),
    ("priority_hand", |level, _| {
        limit(level, QUEUING, "handSize")
    }),
    ("priority_limit", |level, _| {
        limit(level, QUEUING, "queueLengthLimit")
    }),
];

fn healthy(component: &Value) -> &Value {
    list(component, "/conditions")
        .iter()
        .find(|condition| condition["type"] == "Healthy")
        .unwrap_or(&Value::Null)
}

fn condition<'v>(object: &'v Value, kind: &str) -> &'v Value {
    list(object, "/status/conditions")
        .iter()
        .find(|condition| condition["type"] == kind)
        .unwrap_or(&Value::Null)
}

fn available(service: &Value) -> String {
    let available = condition(service, "Available");
    match (text(available, "/status"), text(available, "/reason")) {
        _ if available.is_null() => "Unknown".to_owned(),
        (status, reason) if status != "True" && !reason.is_empty() => {
            format!("{status} ({reason})")
        }
        (status, _) => status.to_owned(),
    }
}

fn subjects(binding: &Value, kind: &str) -> String {
    let subjects = list(binding, "/subjects")
        .iter()
        .filter(|subject| subject["kind"] == kind);
    let shown = subjects.map(|subject| match kind {
        "ServiceAccount" => format!("{}/{}", text(subject, "/namespace"), text(subject, "/name")),
        _ => text(subject, "/name").to_owned(),
    });
    shown.collect::<Vec<_>>().join(", ")
}

fn request_status(request: &Value) -> String {
    let has = |kind: &str| !condition(request, kind).is_null();
    let decided = match (has("Denied"), has("Approved")) {
        (true, _) => "Denied",
        (false, true) => "Approved",
        (false, false) => "Pending",
    };
    let failed = if has("Failed") { ",Failed" } else { "" };
    let issued = if text(request, "/status/certificate").is_empty() {
        ""
    } else {
        ",Issued"
    };
    format!("{decided}{failed}{issued}")
}

fn param_ref(param: &Value) -> String {
    match (
        text(param, "/namespace"),
        text(param, "/name"),
        &param["selector"],
    ) {
        (_, "", Value::Null) => "<unset>".to_owned(),
        (_, "", by_labels) => selector(by_labels),
        ("", name, _) => format!("*/{name}"),
        (namespace, name, _) => format!("{namespace}/{name}"),
    }
}

fn claim_state(claim: &Value) -> String {
    let deleted = !at(claim, "/metadata/deletionTimestamp").is_null();
    let allocated = !at(claim, "/status/allocation").is_null();
    let reserved = allocated && !list(claim, "/status/reservedFor").is_empty();
    let states = [
        ("deleted", deleted),
        ("pending", !allocated && !deleted),
        ("allocated", allocated),
        ("reserved", reserved),
    ];
    states
        .into_iter()
        .filter(|state| state.1)
        .map(|state| state.0)
        .collect::<Vec<_>>()
        .join(",")
}

fn limit(level: &Value, pointer: &str, field: &str) -> Value {
    match at(level, pointer) {
        Value::Null => NONE.into(),
        limited => scalar(&limited[field]).map_or_else(
            || 0.into(),
            |_| limited[field].as_i64().unwrap_or_default().into(),
        ),
    }
}

const QUEUING: &str = "/spec/limited/limitResponse/queuing";
