//! Fields owned by the control plane by contract, whoever wrote them first.
//!
//! Some fields are written by controllers of the cluster as soon as they see the object: the rules
//! of an aggregated `ClusterRole`, the revision of a Deployment, the binding of a claim to its
//! volume, the certificates that an injector puts into a webhook. A value in Git, for instance from
//! an exported object, is only their initial value: restoring it would start an endless conflict,
//! and would remove permissions or certificates for a moment each time.
//!
//! Left out on purpose: fields that a user hands to a controller (`replicas` under an autoscaler).
//! The user can leave these out of Git or list them in `spec.ignore`.

use serde_json::{Map, Value};

use crate::fields;

/// Annotations written by controllers: an exact key, or a prefix if it ends with `/`.
const ANNOTATIONS: [&str; 15] = [
    "autoscaling.alpha.kubernetes.io/",
    "deployment.kubernetes.io/",
    "pv.kubernetes.io/",
    "batch.kubernetes.io/job-tracking",
    "control-plane.alpha.kubernetes.io/leader",
    "csi.volume.kubernetes.io/nodeid",
    "deprecated.daemonset.template.generation",
    "endpoints.kubernetes.io/last-change-trigger-time",
    "node.alpha.kubernetes.io/ttl",
    "volume.beta.kubernetes.io/storage-provisioner",
    "volume.kubernetes.io/selected-node",
    "volume.kubernetes.io/storage-provisioner",
    "volume.kubernetes.io/storage-resizer",
    "volumes.kubernetes.io/controller-managed-attach-detach",
    "service.kubernetes.io/load-balancer-status",
];

/// Annotations by which an object requests certificates for its `caBundle` from an injector.
const INJECTORS: [&str; 5] = [
    "cert-manager.io/inject-apiserver-ca",
    "cert-manager.io/inject-ca-from",
    "cert-manager.io/inject-ca-from-secret",
    "service.alpha.openshift.io/inject-cabundle",
    "service.beta.openshift.io/inject-cabundle",
];

/// The location of `caBundle`, by kind.
const BUNDLES: [(&str, &str, &[&str]); 4] = [
    (
        "admissionregistration.k8s.io",
        "MutatingWebhookConfiguration",
        &["webhooks", "*", "clientConfig", "caBundle"],
    ),
    (
        "admissionregistration.k8s.io",
        "ValidatingWebhookConfiguration",
        &["webhooks", "*", "clientConfig", "caBundle"],
    ),
    (
        "apiextensions.k8s.io",
        "CustomResourceDefinition",
        &["spec", "conversion", "webhook", "clientConfig", "caBundle"],
    ),
    (
        "apiregistration.k8s.io",
        "APIService",
        &["spec", "caBundle"],
    ),
];

/// The fields of one object that belong to the control plane.
#[derive(Debug, Clone, Default)]
pub struct Contract {
    /// Paths of field names; `*` is any item of a list.
    paths: Vec<&'static [&'static str]>,
    annotations: bool,
}

impl Contract {
    /// Determines from an object, desired or live, which of its fields belong to the control plane.
    #[must_use]
    pub fn of(object: &Value) -> Self {
        let text = |field: &str| {
            object
                .get(field)
                .and_then(Value::as_str)
                .unwrap_or_default()
        };
        let group = text("apiVersion")
            .split_once('/')
            .map_or("", |(group, _)| group);
        let annotations = object
            .get("metadata")
            .and_then(|metadata| metadata.get("annotations")?.as_object());
        let mut paths: Vec<&'static [&'static str]> = Vec::new();
        match (group, text("kind")) {
            ("rbac.authorization.k8s.io", "ClusterRole") => {
                if object
                    .get("aggregationRule")
                    .is_some_and(|rule| !rule.is_null())
                {
                    paths.push(&["rules"]);
                }
            }
            ("coordination.k8s.io", "Lease") => paths.push(&["spec"]),
            (group, kind) => {
                let injected = || {
                    annotations
                        .is_some_and(|notes| INJECTORS.iter().any(|key| notes.contains_key(*key)))
                };
                let bundle = BUNDLES
                    .iter()
                    .find(|(of, name, _)| (*of, *name) == (group, kind));
                paths.extend(bundle.filter(|_| injected()).map(|(.., path)| *path));
            }
        }

        let annotations =
            annotations.is_some_and(|notes| notes.keys().any(|key| is_annotation(key)));
        Self { paths, annotations }
    }

    /// Returns whether no field of the object belongs to the control plane.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.paths.is_empty() && !self.annotations
    }

    /// Removes the control plane's fields from a desired object if the live one has other values.
    ///
    /// A value that differs was written by another manager, so we no longer own it: leaving it out
    /// removes nothing.
    pub fn leave(&self, desired: &mut Value, live: &Value) {
        for path in &self.paths {
            leave(desired, Some(live), path);
        }
        let found = |key: &str| live.get("metadata")?.get("annotations")?.get(key);
        let annotations = desired
            .get_mut("metadata")
            .and_then(|metadata| metadata.get_mut("annotations"));
        if let Some(annotations) = annotations.and_then(Value::as_object_mut) {
            annotations.retain(|key, value| !is_annotation(key) || found(key) == Some(value));
        }
    }

    /// Returns whether a key of a field set, under the keys of `path`, belongs to the control plane
    /// or contains nothing else.
    pub(crate) fn covers(&self, path: &[&str], key: &str, child: &Value) -> bool {
        let is_annotations = path == ["f:metadata", "f:annotations"];
        if is_annotations {
            return key.strip_prefix("f:").is_some_and(is_annotation);
        }
        if path == ["f:metadata"] && key == "f:annotations" {
            return holds_only(child, |key| {
                key == "." || key.strip_prefix("f:").is_some_and(is_annotation)
            });
        }
        self.paths.iter().any(|of| {
            let names = of.len() == path.len() + 1;
            names
                && of
                    .iter()
                    .zip(path.iter().copied().chain([key]))
                    .all(|(name, key)| is_named(name, key))
        })
    }
}

fn is_annotation(key: &str) -> bool {
    ANNOTATIONS
        .iter()
        .any(|of| *of == key || of.ends_with('/') && key.starts_with(of))
}

fn holds_only(child: &Value, is: impl Fn(&str) -> bool) -> bool {
    child
        .as_object()
        .is_some_and(|child| !fields::is_leaf(child) && child.keys().all(|key| is(key)))
}

fn is_named(name: &str, key: &str) -> bool {
    if name == "*" {
        !key.starts_with("f:")
    } else {
        key.strip_prefix("f:") == Some(name)
    }
}

fn leave(desired: &mut Value, live: Option<&Value>, path: &[&str]) {
    let Some((first, rest)) = path.split_first() else {
        return;
    };

    if *first == "*" {
        let items = live.and_then(Value::as_array);
        let of_name = |name: Option<&Value>| items?.iter().find(|item| item.get("name") == name);
        for item in desired.as_array_mut().into_iter().flatten() {
            let found = of_name(item.get("name"));
            leave(item, found, rest);
        }
        return;
    }

    let found = live.and_then(|live| live.get(*first));
    let Some(map) = desired.as_object_mut() else {
        return;
    };

    if rest.is_empty() {
        leave_field(map, first, found);
    } else if let Some(inner) = map.get_mut(*first) {
        leave(inner, found, rest);
    }
}

fn leave_field(map: &mut Map<String, Value>, field: &str, live: Option<&Value>) {
    if map.get(field).is_some_and(|wanted| live != Some(wanted)) {
        map.remove(field);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn left(desired: Value, live: &Value) -> Value {
        let mut left = desired;
        Contract::of(&left.clone()).leave(&mut left, live);
        left
    }

    #[test]
    fn the_rules_of_an_aggregated_role_are_the_control_plane_s() {
        let role = |aggregation: Value, rules: Value| {
            json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": "a"},
                "aggregationRule": aggregation, "rules": rules})
        };
        let live = role(
            json!({"clusterRoleSelectors": []}),
            json!([{"verbs": ["get"]}]),
        );
        assert_eq!(
            left(role(json!({"clusterRoleSelectors": []}), json!([])), &live).get("rules"),
            None
        );
        assert_eq!(
            left(role(Value::Null, json!([])), &live)["rules"],
            json!([]),
            "a role of its own rules"
        );
    }

    #[test]
    fn annotations_of_controllers_are_left_where_they_differ() {
        let object = |revision: &str| {
            json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "a", "annotations": {
                "deployment.kubernetes.io/revision": revision, "team": "a"}}})
        };
        let wanted = left(object("7"), &object("1"));
        assert_eq!(wanted["metadata"]["annotations"], json!({"team": "a"}));
        assert_eq!(
            left(object("7"), &object("7")),
            object("7"),
            "what is equal may be ours still"
        );
        assert!(
            Contract::of(&json!({"metadata": {"annotations": {"pv.kubernetesXio/a": "b"}}}))
                .is_empty()
        );
    }

    #[test]
    fn a_bundle_is_left_to_its_injector_alone() {
        let hook = |notes: Value, bundle: &str| {
            json!({"apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingWebhookConfiguration",
                "metadata": {"name": "a", "annotations": notes},
                "webhooks": [{"name": "x", "clientConfig": {"caBundle": bundle, "service": {"name": "s"}}}]})
        };
        let asks = json!({"cert-manager.io/inject-ca-from": "ns/cert"});
        let live = hook(asks.clone(), "injected");
        let at = "/webhooks/0/clientConfig/caBundle";
        assert_eq!(left(hook(asks, "git"), &live).pointer(at), None);
        assert_eq!(
            left(hook(json!({}), "git"), &live).pointer(at),
            Some(&json!("git"))
        );
    }
}
