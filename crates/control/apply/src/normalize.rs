//! Brings an object into the form the API server will read it as (spec A7, "Normalize").
//!
//! Pure: object in, object out. What is done is what makes a desired object differ from the live one for ever if it is
//! left undone: `stringData`, absent port protocols, `status`, `creationTimestamp: null`, an invalid `caBundle`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use lode_object::{Map, Object, Value};

use crate::error::Error;

/// Returns the object as it is applied.
///
/// # Errors
/// A Secret is still encrypted and does not say that it should be applied like that.
pub fn normalize(object: Object) -> Result<Object, Error> {
    refuse_encrypted(&object)?;
    let core = object.gvk();
    object.edit(|value| {
        let is = |group: &str, kind: &str| &*core.group == group && &*core.kind == kind;
        if !is("apiextensions.k8s.io", "CustomResourceDefinition") {
            remove(value, "status");
        } else if let Some(config) = value.pointer_mut("/spec/conversion/webhook/clientConfig") {
            drop_bad_bundle(config);
        }
        if let Some(metadata) = value.get_mut("metadata").and_then(Value::as_object_mut) {
            metadata.retain(|field, value| field != "creationTimestamp" || !value.is_null());
        }
        if is("", "Secret") {
            encode_strings(value);
        }
        default_protocols(&core.group, &core.kind, value);
        Ok(())
    })
}

/// An encrypted Secret in the cluster is of no use to anybody, and tells that decryption was forgotten.
fn refuse_encrypted(object: &Object) -> Result<(), Error> {
    use lode_object::meta;
    let encrypted = object.kind() == "Secret" && object.value().get("sops").is_some();
    if encrypted && !meta::says(object, meta::DECRYPT, "disabled") {
        return Err(Error::Encrypted(object.id()));
    }
    Ok(())
}

fn encode_strings(secret: &mut Value) {
    let Some(Value::Object(strings)) = secret.as_object_mut().and_then(|secret| secret.remove("stringData")) else {
        return;
    };
    let Some(secret) = secret.as_object_mut() else { return };
    let data = secret.entry("data").or_insert_with(|| Value::Object(Map::new()));
    if data.is_null() {
        *data = Value::Object(Map::new());
    }
    let Some(data) = data.as_object_mut() else { return };
    for (key, value) in strings {
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        data.insert(key, STANDARD.encode(text).into());
    }
}

/// Kinds that hold a pod, and where.
const PODS: [(&str, &str, &str); 8] = [
    ("", "Pod", "/spec"),
    ("", "ReplicationController", "/spec/template/spec"),
    ("apps", "Deployment", "/spec/template/spec"),
    ("apps", "StatefulSet", "/spec/template/spec"),
    ("apps", "DaemonSet", "/spec/template/spec"),
    ("apps", "ReplicaSet", "/spec/template/spec"),
    ("batch", "Job", "/spec/template/spec"),
    ("batch", "CronJob", "/spec/jobTemplate/spec/template/spec"),
];

/// `protocol` is part of the key of port lists: without it server-side apply cannot tell two ports apart.
fn default_protocols(group: &str, kind: &str, value: &mut Value) {
    if group.is_empty() && kind == "Service" {
        set_tcp(value.pointer_mut("/spec/ports"));
    }
    let Some((_, _, pod)) = PODS.iter().find(|(g, k, _)| *g == group && *k == kind) else { return };
    for list in ["containers", "initContainers"] {
        let containers = value.pointer_mut(&format!("{pod}/{list}")).and_then(Value::as_array_mut);
        for container in containers.into_iter().flatten() {
            set_tcp(container.get_mut("ports"));
        }
    }
}

fn set_tcp(ports: Option<&mut Value>) {
    for port in ports.and_then(Value::as_array_mut).into_iter().flatten() {
        if let Some(port) = port.as_object_mut() {
            port.entry("protocol").or_insert_with(|| "TCP".into());
        }
    }
}

/// Webhook bundles that are no PEM are placeholders for a controller to fill in; the server refuses them.
fn drop_bad_bundle(config: &mut Value) {
    let good = config
        .get("caBundle")
        .and_then(Value::as_str)
        .is_none_or(|bundle| STANDARD.decode(bundle).is_ok_and(|pem| pem.windows(10).any(|at| at == b"-----BEGIN")));
    if !good {
        remove(config, "caBundle");
    }
}

fn remove(value: &mut Value, field: &str) {
    if let Some(map) = value.as_object_mut() {
        map.remove(field);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn normal(value: Value) -> Value {
        normalize(Object::parse(value).unwrap()).unwrap().into_value()
    }

    #[test]
    fn string_data_becomes_data() {
        let secret = normal(json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"},
            "data": {"a": "YQ=="}, "stringData": {"b": "b"}}));
        assert_eq!(secret["data"], json!({"a": "YQ==", "b": "Yg=="}));
        assert_eq!(secret.get("stringData"), None);
    }

    #[test]
    fn ports_get_their_protocol() {
        let service = normal(json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "s"},
            "spec": {"ports": [{"port": 80}, {"port": 53, "protocol": "UDP"}]}}));
        assert_eq!(service["spec"]["ports"], json!([{"port": 80, "protocol": "TCP"}, {"port": 53, "protocol": "UDP"}]));
        let job = normal(json!({"apiVersion": "batch/v1", "kind": "CronJob", "metadata": {"name": "c"}, "spec":
            {"jobTemplate": {"spec": {"template": {"spec": {"containers": [{"ports": [{"containerPort": 1}]}]}}}}}}));
        assert_eq!(
            job.pointer("/spec/jobTemplate/spec/template/spec/containers/0/ports/0/protocol"),
            Some(&json!("TCP"))
        );
    }

    #[test]
    fn status_goes_but_for_definitions() {
        let with_status = |api: &str, kind: &str| {
            normal(json!({"apiVersion": api, "kind": kind, "metadata": {"name": "x", "creationTimestamp": null},
                "spec": {"conversion": {"webhook": {"clientConfig": {"caBundle": "Cg=="}}}}, "status": {}}))
        };
        let other = with_status("v1", "Pod");
        assert_eq!((other.get("status"), other["metadata"].get("creationTimestamp")), (None, None));
        let definition = with_status("apiextensions.k8s.io/v1", "CustomResourceDefinition");
        assert!(definition.get("status").is_some());
        assert_eq!(definition.pointer("/spec/conversion/webhook/clientConfig"), Some(&json!({})));
    }

    #[test]
    fn an_encrypted_secret_is_refused_unless_it_says_so() {
        let secret = |notes: Value| {
            normalize(
                Object::parse(json!({"apiVersion": "v1", "kind": "Secret",
                    "metadata": {"name": "s", "annotations": notes}, "sops": {}}))
                .unwrap(),
            )
        };
        assert!(matches!(secret(json!({})), Err(Error::Encrypted(_))));
        assert!(secret(json!({"kustomize.toolkit.fluxcd.io/decrypt": "disabled"})).is_ok());
    }
}
