//! Cells of nodes.

use std::collections::BTreeSet;

use lode_object::json::{at, list, text};
use serde_json::Value;

use super::cell::{Cells, NONE, or_none};

pub(super) const CELLS: Cells = &[
    ("node_status", |node, _| status(node).into()),
    ("node_roles", |node, _| or_none(roles(node)).into()),
    ("node_internal_ip", |node, _| {
        address(node, "InternalIP").into()
    }),
    ("node_external_ip", |node, _| {
        address(node, "ExternalIP").into()
    }),
    ("node_kernel", |node, _| kernel(node).into()),
];

fn status(node: &Value) -> String {
    let ready = list(node, "/status/conditions")
        .iter()
        .rfind(|condition| condition["type"] == "Ready");
    let status = match ready.map(|ready| text(ready, "/status")) {
        Some("True") => "Ready",
        Some(_) => "NotReady",
        None => "Unknown",
    };
    let closed = at(node, "/spec/unschedulable") == true;
    format!(
        "{status}{}",
        if closed { ",SchedulingDisabled" } else { "" }
    )
}

fn roles(node: &Value) -> String {
    let labels = at(node, "/metadata/labels")
        .as_object()
        .into_iter()
        .flatten();
    let roles =
        labels.filter_map(
            |(key, value)| match key.strip_prefix("node-role.kubernetes.io/") {
                Some(role) => Some(role),
                None if key == "kubernetes.io/role" => value.as_str(),
                None => None,
            },
        );
    roles
        .filter(|role| !role.is_empty())
        .collect::<BTreeSet<_>>()
        .into_iter()
        .collect::<Vec<_>>()
        .join(",")
}

fn address<'n>(node: &'n Value, kind: &str) -> &'n str {
    let found = list(node, "/status/addresses")
        .iter()
        .find(|address| address["type"] == kind);
    found.map_or(NONE, |found| text(found, "/address"))
}

fn kernel(node: &Value) -> String {
    let version = match text(node, "/status/nodeInfo/kernelVersion") {
        "" => "<unknown>",
        version => version,
    };
    match text(node, "/status/nodeInfo/architecture") {
        "" => version.to_owned(),
        architecture => format!("{version} ({architecture})"),
    }
}
