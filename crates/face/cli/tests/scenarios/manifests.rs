//! Manifests that several scenarios use.

use lode_object::Value;
use serde_json::json;

/// A `ConfigMap` with data.
pub(crate) fn config_map(namespace: &str, name: &str, data: Value) -> Value {
    let data = if data.is_null() { json!({}) } else { data };
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": namespace}, "data": data})
}

/// A `ConfigMap` with annotations.
pub(crate) fn noted(mut object: Value, notes: Value) -> Value {
    object["metadata"]["annotations"] = notes;
    object
}

/// A Deployment; without replicas it is ready without pods.
pub(crate) fn deployment(namespace: &str, name: &str, replicas: u32) -> Value {
    let labels = json!({"app": name});
    json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name, "namespace": namespace},
        "spec": {"replicas": replicas, "selector": {"matchLabels": labels}, "template": {"metadata": {"labels": labels},
        "spec": {"containers": [{"name": "main", "image": "registry.example.com/main:1"}]}}}})
}

/// A Service for a Deployment of the same name.
pub(crate) fn service(namespace: &str, name: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": name, "namespace": namespace},
        "spec": {"selector": {"app": name}, "ports": [{"name": "http", "port": 80, "protocol": "TCP"}]}})
}

/// The definition of a kind `Gadget` in a group.
pub(crate) fn definition(group: &str) -> Value {
    let schema = json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true});
    json!({"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": format!("gadgets.{group}")}, "spec": {"group": group, "scope": "Namespaced",
        "names": {"kind": "Gadget", "listKind": "GadgetList", "plural": "gadgets", "singular": "gadget"},
        "versions": [{"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": schema}}]}})
}
