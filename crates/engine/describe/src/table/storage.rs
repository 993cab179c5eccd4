//! Cells of volumes, and of quotas.

use lode_object::json::{at, list, text};
use serde_json::Value;

use super::{
    cell::{Cells, scalar},
    network::named_default,
};

pub(super) const CELLS: Cells = &[
    ("volume_phase", |volume, _| {
        match at(volume, "/metadata/deletionTimestamp") {
            Value::Null => text(volume, "/status/phase").into(),
            _ => "Terminating".into(),
        }
    }),
    ("volume_claim", |volume, _| {
        match at(volume, "/spec/claimRef") {
            Value::Null => "".into(),
            claim => format!("{}/{}", text(claim, "/namespace"), text(claim, "/name")).into(),
        }
    }),
    ("volume_modes", |volume, _| {
        modes(list(volume, "/spec/accessModes")).into()
    }),
    ("claim_capacity", |claim, _| {
        match text(claim, "/spec/volumeName") {
            "" => "".into(),
            _ => scalar(at(claim, "/status/capacity/storage"))
                .unwrap_or_else(|| "0".to_owned())
                .into(),
        }
    }),
    ("claim_modes", |claim, _| {
        match text(claim, "/spec/volumeName") {
            "" => "".into(),
            _ => modes(list(claim, "/status/accessModes")).into(),
        }
    }),
    ("storage_class", |volume, _| class(volume).into()),
    ("storage_class_name", |class, _| {
        let annotated = |key: &str| class["metadata"]["annotations"][key] == "true";
        let keys = [
            "storageclass.kubernetes.io/is-default-class",
            "storageclass.beta.kubernetes.io/is-default-class",
        ];
        named_default(class, keys.into_iter().any(annotated)).into()
    }),
    ("quota_requests", |quota, _| quotas(quota, false).into()),
    ("quota_limits", |quota, _| quotas(quota, true).into()),
];

/// Returns the short forms of access modes, in a fixed order.
fn modes(modes: &[Value]) -> String {
    let short = [
        ("ReadWriteOnce", "RWO"),
        ("ReadOnlyMany", "ROX"),
        ("ReadWriteMany", "RWX"),
        ("ReadWriteOncePod", "RWOP"),
    ];
    let shown = short
        .into_iter()
        .filter(|(long, _)| modes.iter().any(|mode| mode == long));
    shown.map(|(_, short)| short).collect::<Vec<_>>().join(",")
}

/// Older clients set the class in an annotation.
fn class(volume: &Value) -> &str {
    let annotation = &volume["metadata"]["annotations"]["volume.beta.kubernetes.io/storage-class"];
    annotation
        .as_str()
        .unwrap_or_else(|| text(volume, "/spec/storageClassName"))
}

fn quotas(quota: &Value, limits: bool) -> String {
    let hard = at(quota, "/status/hard").as_object().into_iter().flatten();
    let shown = hard
        .filter(|(resource, _)| resource.starts_with("limits.") == limits)
        .map(|(resource, hard)| {
            let amount = |value: &Value| scalar(value).unwrap_or_else(|| "0".to_owned());
            format!(
                "{resource}: {}/{}",
                amount(&quota["status"]["used"][&**resource]),
                amount(hard)
            )
        });
    shown.collect::<Vec<_>>().join(", ")
}
