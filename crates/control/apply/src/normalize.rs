//! Brings an object into the form the API server will read it as (spec A7, "Normalize").
//!
//! Pure: object in, object out. What is done is what makes a desired object differ from the live one for ever if it is
//! left undone: `stringData`, absent port protocols, `status`, `creationTimestamp: null`, an invalid `caBundle`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use lode_merge::cleanup;
use lode_object::{Map, Object, Value};

use crate::error::Error;

/// Returns the object as it is applied; `origin` is its file and line.
///
/// # Errors
/// A Secret is still encrypted and does not say that it should be applied like that; a value is of a type that could
/// only be applied as something else than it was written; a field is the server's to set.
pub fn normalize(object: Object, origin: &str) -> Result<Object, Error> {
    refuse_encrypted(&object)?;
    let (core, id) = (object.gvk(), object.id());
    let malformed = |what: String| Error::Malformed(id.clone(), what, origin.into());
    object.edit(|value| {
        let is = |group: &str, kind: &str| &*core.group == group && &*core.kind == kind;
        if !is("apiextensions.k8s.io", "CustomResourceDefinition") {
            remove(value, "status");
        }
        drop_bad_bundles(&core.group, &core.kind, value);
        if let Some(metadata) = value.get_mut("metadata").and_then(Value::as_object_mut) {
            metadata.retain(|field, value| field != "creationTimestamp" || !value.is_null());
            of_a_new_object(metadata).map_err(&malformed)?;
            cleanup::unmark(metadata);
        }
        if is("", "Secret") {
            encode_strings(value).map_err(&malformed)?;
        }
        default_protocols(&core.group, &core.kind, value);
        Ok(())
    })
}

/// Fields by which the server knows one live object from another. An export brings them along; sent, they would ask for
/// a certain version of a certain object, which no cluster has for long.
const OF_THE_LIVING: [&str; 3] = ["resourceVersion", "uid", "managedFields"];

/// Refuses metadata that no file can know, and labels and annotations that are no mapping: ours would replace them.
fn of_a_new_object(metadata: &mut Map<String, Value>) -> Result<(), String> {
    for field in OF_THE_LIVING {
        match metadata.get(field) {
            None => {}
            Some(value) if is_empty(value) => drop(metadata.remove(field)),
            Some(_) => {
                return Err(format!(
                    "metadata.{field} is the server's to set; remove it from the file, as from any exported object"
                ));
            }
        }
    }
    for field in ["labels", "annotations"] {
        match metadata.get(field) {
            None | Some(Value::Object(_)) => {}
            Some(Value::Null) => drop(metadata.remove(field)),
            Some(other) => {
                return Err(format!(
                    "metadata.{field} is {}, wanted is a mapping",
                    kind_of(other)
                ));
            }
        }
    }
    Ok(())
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        _ => false,
    }
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

/// Moves `stringData` into `data`, as the server does: null is the empty text, and nothing else that is no text has one
/// that would be right. `0123` is the number 83, `1.10` is 1.1: what was meant cannot be known any more.
fn encode_strings(secret: &mut Value) -> Result<(), String> {
    let Some(secret) = secret.as_object_mut() else {
        return Ok(());
    };
    let strings = match secret.remove("stringData") {
        None | Some(Value::Null) => Map::new(),
        Some(Value::Object(strings)) => strings,
        Some(other) => {
            return Err(format!(
                "stringData is {}, wanted is a mapping",
                kind_of(&other)
            ));
        }
    };
    match secret.get("data") {
        None => {}
        Some(Value::Null) => drop(secret.remove("data")),
        Some(Value::Object(data)) => data
            .iter()
            .try_for_each(|(key, value)| check_encoded(key, value))?,
        Some(other) => return Err(format!("data is {}, wanted is a mapping", kind_of(other))),
    }
    if strings.is_empty() {
        return Ok(());
    }
    let data = secret
        .entry("data")
        .or_insert_with(|| Value::Object(Map::new()));
    for (key, value) in strings {
        let text = match &value {
            Value::Null => "",
            Value::String(text) => text,
            other => {
                return Err(format!(
                    "stringData.{key} is {}, wanted is a text: put the value in quotes (it is not shown: it may be \
                     secret)",
                    kind_of(other)
                ));
            }
        };
        data[key] = STANDARD.encode(text).into();
    }
    Ok(())
}

/// The server says that a value is no base64, but not which one.
fn check_encoded(key: &str, value: &Value) -> Result<(), String> {
    let text = match value {
        Value::Null => return Ok(()),
        Value::String(text) => text,
        other => {
            return Err(format!(
                "data.{key} is {}, wanted is a text in base64",
                kind_of(other)
            ));
        }
    };
    // As Go reads it: line ends do not count.
    let bytes: Vec<u8> = text
        .bytes()
        .filter(|byte| !matches!(byte, b'\r' | b'\n'))
        .collect();
    match STANDARD.decode(bytes) {
        Ok(_) => Ok(()),
        Err(_) => Err(format!(
            "data.{key} is not base64: encode the value, or put it under stringData as it is"
        )),
    }
}

fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "a mapping",
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
    let Some((_, _, pod)) = PODS.iter().find(|(g, k, _)| *g == group && *k == kind) else {
        return;
    };
    for list in ["containers", "initContainers"] {
        let containers = value
            .pointer_mut(&format!("{pod}/{list}"))
            .and_then(Value::as_array_mut);
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

/// Goes to where an object holds certificates of a server that the API server calls.
fn drop_bad_bundles(group: &str, kind: &str, value: &mut Value) {
    match (group, kind) {
        ("apiextensions.k8s.io", "CustomResourceDefinition") => {
            value
                .pointer_mut("/spec/conversion/webhook/clientConfig")
                .map(drop_bad_bundle);
        }
        ("apiregistration.k8s.io", "APIService") => {
            value.pointer_mut("/spec").map(drop_bad_bundle);
        }
        (
            "admissionregistration.k8s.io",
            "MutatingWebhookConfiguration" | "ValidatingWebhookConfiguration",
        ) => {
            let hooks = value
                .get_mut("webhooks")
                .and_then(Value::as_array_mut)
                .into_iter()
                .flatten();
            hooks
                .filter_map(|hook| hook.get_mut("clientConfig"))
                .for_each(drop_bad_bundle);
        }
        _ => {}
    }
}

/// Bundles that are no PEM are placeholders for a controller to fill in; the server refuses them.
fn drop_bad_bundle(config: &mut Value) {
    let good = config
        .get("caBundle")
        .and_then(Value::as_str)
        .is_none_or(|bundle| {
            STANDARD
                .decode(bundle)
                .is_ok_and(|pem| pem.windows(10).any(|at| at == b"-----BEGIN"))
        });
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
        normalize(Object::parse(value).unwrap(), "a.yaml:1")
            .unwrap()
            .into_value()
    }

    #[test]
    fn string_data_becomes_data() {
        let secret = normal(
            json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"},
            "data": {"a": "YQ=="}, "stringData": {"b": "b"}}),
        );
        assert_eq!(secret["data"], json!({"a": "YQ==", "b": "Yg=="}));
        assert_eq!(secret.get("stringData"), None);
    }

    #[test]
    fn a_placeholder_for_certificates_goes_wherever_they_are_injected() {
        for (bundle, stays) in [
            ("", false),
            ("Cg==", false),
            ("LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tCg==", true),
        ] {
            let service = normal(
                json!({"apiVersion": "apiregistration.k8s.io/v1", "kind": "APIService",
                "metadata": {"name": "a"}, "spec": {"caBundle": bundle}}),
            );
            assert_eq!(service["spec"].get("caBundle").is_some(), stays, "{bundle}");
            let hook = normal(
                json!({"apiVersion": "admissionregistration.k8s.io/v1", "metadata": {"name": "a"},
                "kind": "ValidatingWebhookConfiguration", "webhooks": [{"clientConfig": {"caBundle": bundle}}]}),
            );
            assert_eq!(
                hook["webhooks"][0]["clientConfig"]
                    .get("caBundle")
                    .is_some(),
                stays,
                "{bundle}"
            );
        }
    }

    #[test]
    fn marks_that_a_clean_up_removes_are_not_sent() {
        let marked = normal(
            json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a",
            "annotations": {"kubectl.kubernetes.io/last-applied-configuration": "{}", "team": "a"}}}),
        );
        assert_eq!(marked["metadata"]["annotations"], json!({"team": "a"}));
    }

    fn refused(value: Value) -> String {
        normalize(Object::parse(value).unwrap(), "a.yaml:7")
            .unwrap_err()
            .to_string()
    }

    #[test]
    fn a_null_in_string_data_is_the_empty_text() {
        let secret = normal(
            json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"},
            "stringData": {"password": null, "other": ""}}),
        );
        assert_eq!(secret["data"], json!({"password": "", "other": ""}));
        let none = normal(
            json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"},
            "data": null, "stringData": null}),
        );
        assert_eq!(
            none,
            json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}})
        );
    }

    #[test]
    fn a_secret_s_value_that_is_no_text_is_refused_and_not_shown() {
        let secret = |field: &str, values: Value| {
            refused(
                json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, field: values}),
            )
        };
        for value in [
            json!(83),
            json!(1.5),
            json!(true),
            json!({"a": "hunter2"}),
            json!(["hunter2"]),
        ] {
            for field in ["stringData", "data"] {
                let text = secret(field, json!({"pin": value}));
                assert!(
                    text.contains(&format!("Secret/s {field}.pin is "))
                        && text.contains("(a.yaml:7)"),
                    "{text}"
                );
                assert!(
                    !["83", "1.5", "true", "hunter2"]
                        .iter()
                        .any(|value| text.contains(value)),
                    "{text}"
                );
            }
        }
        for field in ["stringData", "data"] {
            assert!(secret(field, json!(["hunter2"])).contains(&format!("{field} is a list")));
        }
        let text = secret("data", json!({"password": "hunter2!"}));
        assert!(
            text.contains("data.password is not base64") && !text.contains("hunter2"),
            "{text}"
        );
        let wrapped = normal(
            json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"},
            "data": {"a": "YWJj\nZGVm\r\n"}}),
        );
        assert_eq!(wrapped["data"]["a"], "YWJj\nZGVm\r\n");
    }

    #[test]
    fn what_only_a_live_object_has_is_refused_by_name() {
        let config = |metadata: Value| json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata});
        for (field, value) in [
            ("resourceVersion", json!("501")),
            ("uid", json!("u")),
            ("managedFields", json!([{"manager": "kubectl"}])),
        ] {
            let text = refused(config(json!({"name": "a", field: value})));
            assert!(
                text.contains(&format!("ConfigMap/a metadata.{field} is the server's")),
                "{text}"
            );
            assert!(text.contains("(a.yaml:7)"), "{text}");
        }
        let empty =
            config(json!({"name": "a", "resourceVersion": "", "uid": null, "managedFields": []}));
        assert_eq!(normal(empty), config(json!({"name": "a"})));
    }

    #[test]
    fn labels_that_are_no_mapping_are_refused_instead_of_replaced() {
        for field in ["labels", "annotations"] {
            let object = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", field: ["x"]}});
            assert!(refused(object).contains(&format!("metadata.{field} is a list")));
        }
    }

    #[test]
    fn ports_get_their_protocol() {
        let service = normal(
            json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "s"},
            "spec": {"ports": [{"port": 80}, {"port": 53, "protocol": "UDP"}]}}),
        );
        assert_eq!(
            service["spec"]["ports"],
            json!([{"port": 80, "protocol": "TCP"}, {"port": 53, "protocol": "UDP"}])
        );
        let job = normal(
            json!({"apiVersion": "batch/v1", "kind": "CronJob", "metadata": {"name": "c"}, "spec":
            {"jobTemplate": {"spec": {"template": {"spec": {"containers": [{"ports": [{"containerPort": 1}]}]}}}}}}),
        );
        assert_eq!(
            job.pointer("/spec/jobTemplate/spec/template/spec/containers/0/ports/0/protocol"),
            Some(&json!("TCP"))
        );
    }

    #[test]
    fn status_goes_but_for_definitions() {
        let with_status = |api: &str, kind: &str| {
            normal(
                json!({"apiVersion": api, "kind": kind, "metadata": {"name": "x", "creationTimestamp": null},
                "spec": {"conversion": {"webhook": {"clientConfig": {"caBundle": "Cg=="}}}}, "status": {}}),
            )
        };
        let other = with_status("v1", "Pod");
        assert_eq!(
            (
                other.get("status"),
                other["metadata"].get("creationTimestamp")
            ),
            (None, None)
        );
        let definition = with_status("apiextensions.k8s.io/v1", "CustomResourceDefinition");
        assert!(definition.get("status").is_some());
        assert_eq!(
            definition.pointer("/spec/conversion/webhook/clientConfig"),
            Some(&json!({}))
        );
    }

    #[test]
    fn an_encrypted_secret_is_refused_unless_it_says_so() {
        let secret = |notes: Value| {
            normalize(
                Object::parse(json!({"apiVersion": "v1", "kind": "Secret",
                    "metadata": {"name": "s", "annotations": notes}, "sops": {}}))
                .unwrap(),
                "a.yaml:1",
            )
        };
        assert!(matches!(secret(json!({})), Err(Error::Encrypted(_))));
        assert!(secret(json!({"kustomize.toolkit.fluxcd.io/decrypt": "disabled"})).is_ok());
    }
}
