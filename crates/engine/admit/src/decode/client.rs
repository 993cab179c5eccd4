//! What a client keeps of an object when it reads it into its Go types before sending it, as Flux
//! does.
//!
//! Input: an object of a kind that Go's client library has. Output: the object with every value as
//! Go writes it (quantities, times, empty values), without the fields that the type does not have,
//! and the paths of those. An object that does not match its type is sent as it is: nothing is
//! returned. Left out: fields that Go always writes even if unset. A server adds them anyway, and
//! an object given in parts must not own what it does not set.

use lode_schema::fields;
use serde::de::DeserializeSeed as _;
use serde_json::Value;

use super::client_step::ClientStep;
use super::state::{DecodePath, DecodeState};
use super::typed::Typed;

/// The part of an object that a client keeps.
#[derive(Debug, Clone, PartialEq)]
pub struct Kept {
    /// The object.
    pub object: Value,
    /// Paths of the fields that the type does not have; at most
    /// [`DROPPED_MAX`](super::DROPPED_MAX).
    pub dropped: Vec<Vec<ClientStep>>,
}

/// Returns what a client keeps of an object; nothing for kinds without a type, and for an object
/// that does not match its type.
#[must_use]
pub fn kept(object: &Value) -> Option<Kept> {
    let text = |field: &str| object.get(field).and_then(Value::as_str);
    let (api_version, kind) = (text("apiVersion")?, text("kind")?);
    let group = api_version.split_once('/').map_or("", |(group, _)| group);
    if NOT_IN_CLIENTS.contains(&group) {
        return None;
    }
    let ty = fields().of_kind(api_version, kind)?;
    let metadata = fields().structure(ty)?.field("metadata")?;
    if Some(metadata.ty) != fields().named("meta/v1.ObjectMeta") {
        return None;
    }
    let mut state = DecodeState::for_client(fields());
    let read = Typed::new(&mut state, ty, DecodePath::ROOT)
        .deserialize(object)
        .ok()?;
    if state.has_error() || !read.is_object() {
        return None;
    }
    Some(Kept {
        object: read,
        dropped: state.into_dropped(),
    })
}

/// Groups with known Go types that Go's client library does not have.
const NOT_IN_CLIENTS: [&str; 6] = [
    "admission.k8s.io",
    "apidiscovery.k8s.io",
    "apiextensions.k8s.io",
    "apiregistration.k8s.io",
    "imagepolicy.k8s.io",
    "meta.k8s.io",
];

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn object(api_version: &str, kind: &str, more: Value) -> Value {
        let mut object = more;
        object["apiVersion"] = api_version.into();
        object["kind"] = kind.into();
        object["metadata"]["name"] = "a".into();
        object
    }

    #[test]
    fn a_field_that_the_type_lacks_is_dropped_and_told() {
        let container = json!({"name": "c", "image": "i", "imagepullPolicy": "Always"});
        let deployment = object(
            "apps/v1",
            "Deployment",
            json!({"spec": {"template": {"spec": {"containers": [container]}}}, "speck": {"a": {"b": 1}}}),
        );
        let kept = kept(&deployment).unwrap();
        let expected = object(
            "apps/v1",
            "Deployment",
            json!({"spec": {"template": {"spec": {"containers": [{"name": "c", "image": "i"}]}}}}),
        );
        assert_eq!(kept.object, expected, "nothing is added");
        let key = |text: &str| ClientStep::Key(text.into());
        let path = ["spec", "template", "spec", "containers"]
            .map(key)
            .into_iter();
        let path: Vec<ClientStep> = path
            .chain([ClientStep::Index(0), key("imagepullPolicy")])
            .collect();
        assert_eq!(kept.dropped.len(), 2);
        assert!(
            kept.dropped.contains(&path) && kept.dropped.contains(&vec![key("speck")]),
            "{:?}",
            kept.dropped
        );
    }

    #[test]
    fn values_become_what_go_writes_of_them() {
        let given = json!({"spec": {
            "replicas": 2.0, "minReadySeconds": 0, "paused": false, "strategy": {}, "selector": null,
            "template": {"metadata": {"annotations": {}, "labels": {"a": null}}, "spec": {
                "nodeSelector": null, "tolerations": [], "containers": [{
                    "name": "c", "env": [], "command": null, "resources": {"limits": {"cpu": 0.5, "memory": "1024Mi"}},
                    "livenessProbe": {"httpGet": {"port": "http"}, "periodSeconds": 0}}]}}}});
        let kept = kept(&object("apps/v1", "Deployment", given)).unwrap();
        let expected = json!({"spec": {
            "replicas": 2, "strategy": {},
            "template": {"metadata": {"labels": {"a": ""}}, "spec": {"containers": [{
                "name": "c", "resources": {"limits": {"cpu": "500m", "memory": "1Gi"}},
                "livenessProbe": {"httpGet": {"port": "http"}}}]}}}});
        assert_eq!(kept.object, object("apps/v1", "Deployment", expected));
        assert_eq!(kept.dropped, Vec::<Vec<ClientStep>>::new());
        let lease = object(
            "coordination.k8s.io/v1",
            "Lease",
            json!({"spec": {"renewTime": "2026-01-01T01:00:00.000000+01:00"}}),
        );
        assert_eq!(
            super::kept(&lease).unwrap().object["spec"]["renewTime"],
            "2026-01-01T00:00:00.000000Z"
        );
    }

    #[test]
    fn what_is_none_of_its_type_and_what_has_none_is_left_alone() {
        let labels = json!({"metadata": {"labels": {"version": 1.5}}, "typo": 1});
        assert_eq!(kept(&object("v1", "ConfigMap", labels)), None);
        assert_eq!(
            kept(&object(
                "v1",
                "Secret",
                json!({"data": {"a": "not base64!"}})
            )),
            None
        );
        assert_eq!(
            kept(&object(
                "v1",
                "Service",
                json!({"spec": {"ports": {"port": 80}}})
            )),
            None
        );
        for (api_version, kind) in [
            ("example.com/v1", "Thing"),
            ("apiextensions.k8s.io/v1", "CustomResourceDefinition"),
            ("apiregistration.k8s.io/v1", "APIService"),
            ("v1", "DeleteOptions"),
            ("apps/v9", "Deployment"),
        ] {
            assert_eq!(
                kept(&object(api_version, kind, json!({"typo": 1}))),
                None,
                "{api_version} {kind}"
            );
        }
    }

    #[test]
    fn how_many_fields_are_told_is_bounded() {
        let mut many = object("v1", "ConfigMap", json!({}));
        for n in 0..1_000 {
            many[format!("typo{n}")] = 1.into();
        }
        assert_eq!(
            kept(&many).unwrap().dropped.len(),
            crate::decode::DROPPED_MAX
        );
    }
}
