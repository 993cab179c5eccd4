//! Likely mistakes, in the words of Kubernetes (`pkg/api/pod/warnings.go`): deprecated features,
//! and values that hide others.

use std::collections::{HashMap, HashSet};

use super::{At, quantity};
use crate::kind::Kind;

/// Returns warnings about a new or changed object.
pub(super) fn of(kind: &Kind, object: &At<'_, '_>) -> Vec<String> {
    let mut warnings = Vec::new();
    let this = (&*kind.gvk.group, &*kind.gvk.version, &*kind.gvk.kind);
    warnings.extend(
        DEPRECATED
            .iter()
            .filter(|(of, _)| *of == this)
            .map(|(_, warning)| (*warning).to_owned()),
    );

    let spec = object.child("spec");
    match this.2 {
        "Pod" => pod(&spec, &mut warnings),
        "PodTemplate" => pod(&object.child("template").child("spec"), &mut warnings),
        "CronJob" => pod(
            &spec
                .child("jobTemplate")
                .child("spec")
                .child("template")
                .child("spec"),
            &mut warnings,
        ),
        _ if !spec.child("template").is_null() => {
            pod(&spec.child("template").child("spec"), &mut warnings);
        }
        _ => {}
    }
    warnings
}

fn pod(spec: &At<'_, '_>, warnings: &mut Vec<String>) {
    for constraint in spec.child("topologySpreadConstraints").items() {
        let selector = constraint.child("labelSelector");
        if selector.is_null() {
            warnings.push(format!(
                "{selector}: a null labelSelector results in matching no pod"
            ));
        }
    }

    for volume in spec.child("volumes").items() {
        for (sort, since) in OLD_VOLUMES {
            if !volume.child(sort).is_null() {
                warnings.push(format!("{}: {since}", volume.child(sort)));
            }
        }
    }

    let mut secrets = HashSet::new();
    for secret in spec.child("imagePullSecrets").items() {
        let name = secret.child("name");
        if name.is_empty() {
            warnings.push(format!("{name}: invalid empty name \"\""));
        } else if !secrets.insert(name.text()) {
            warnings.push(format!("{name}: duplicate name {:?}", name.text()));
        }
    }

    let lists = [spec.child("initContainers"), spec.child("containers")];
    for container in lists.iter().flat_map(At::items) {
        amounts(&container.child("resources"), warnings);
        variables(&container.child("env"), warnings);
    }

    ports(&lists, warnings);
    let grace = spec.child("terminationGracePeriodSeconds");
    if grace.number().is_some_and(|seconds| seconds < 0) {
        warnings.push(format!(
            "{grace}: must be >= 0; negative values are invalid and will be treated as 1"
        ));
    }
}

/// Warns about fractions of a byte.
fn amounts(resources: &At<'_, '_>, warnings: &mut Vec<String>) {
    for sort in ["limits", "requests"] {
        let sort = resources.child(sort);
        for name in ["memory", "ephemeral-storage"] {
            let amount = sort.key(name);
            if quantity::is_fraction(amount.value) {
                warnings.push(format!(
                    "{amount}: fractional byte value {} is invalid, must be an integer",
                    amount.value
                ));
            }
        }
    }
}

/// Warns about a variable that hides an earlier one of the same name, unless it refers to it.
fn variables(variables: &At<'_, '_>, warnings: &mut Vec<String>) {
    let mut seen = HashSet::new();
    for variable in variables.items() {
        let (name, value) = (
            variable.child("name").text(),
            variable.child("value").text(),
        );
        let before = format!("$({name})");
        let builds =
            variable.child("valueFrom").is_null() && value != before && value.contains(&before);
        if !seen.insert(name) && !builds {
            let why = "which may be dropped when using apply";
            warnings.push(format!(
                "{variable}: hides previous definition of {name:?}, {why}"
            ));
        }
    }
}

/// Warns about duplicate ports.
fn ports(lists: &[At<'_, '_>], warnings: &mut Vec<String>) {
    let mut seen: HashMap<_, String> = HashMap::new();
    for container in lists.iter().flat_map(At::items) {
        for port in container.child("ports").items() {
            let part = |field: &'static str| port.child(field).value.to_string();
            let same = ["containerPort", "protocol", "hostIP", "hostPort"].map(part);
            match seen.get(&same) {
                Some(other) => {
                    warnings.push(format!("{port}: duplicate port definition with {other}"));
                }
                None => drop(seen.insert(same, port.to_string())),
            }
        }
    }
}

/// Deprecated features, by group, version and kind.
const DEPRECATED: [((&str, &str, &str), &str); 2] = [
    (
        ("", "v1", "Endpoints"),
        "v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice",
    ),
    (
        ("", "v1", "ComponentStatus"),
        "v1 ComponentStatus is deprecated in v1.19+",
    ),
];

const OLD_VOLUMES: [(&str, &str); 9] = [
    (
        "photonPersistentDisk",
        "deprecated in v1.11, non-functional in v1.16+",
    ),
    (
        "gitRepo",
        "deprecated in v1.11, and disabled by default in v1.33+",
    ),
    ("scaleIO", "deprecated in v1.16, non-functional in v1.22+"),
    ("flocker", "deprecated in v1.22, non-functional in v1.25+"),
    ("storageos", "deprecated in v1.22, non-functional in v1.25+"),
    ("quobyte", "deprecated in v1.22, non-functional in v1.25+"),
    ("glusterfs", "deprecated in v1.25, non-functional in v1.26+"),
    ("cephfs", "deprecated in v1.28, non-functional in v1.31+"),
    ("rbd", "deprecated in v1.28, non-functional in v1.31+"),
];
