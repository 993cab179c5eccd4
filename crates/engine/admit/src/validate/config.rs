//! Config maps and secrets.

use std::collections::HashMap;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::Value;

use super::{At, Errors, names};
use crate::strategy::equal;

pub(super) fn config_map(map: &At<'_, '_>, errors: &mut Errors) {
    let (data, bytes) = (map.child("data"), map.child("binaryData"));
    let mut size = 0;
    for (key, value) in data.entries() {
        spelt(&data, key, errors);
        if bytes.value.get(key).is_some() {
            errors.push(
                data.key(key)
                    .invalid_as(&key.into(), "duplicate of key present in binaryData"),
            );
        }
        size += value.as_str().map_or(0, str::len);
    }
    for (key, value) in bytes.entries() {
        spelt(&bytes, key, errors);
        size += decoded(value).len();
    }
    if size > BYTES_MAX {
        errors.push(crate::FieldError::too_long("", BYTES_MAX));
    }
}

pub(super) fn secret(secret: &At<'_, '_>, errors: &mut Errors) {
    let data = secret.child("data");
    let mut bytes = HashMap::new();
    for (key, value) in data.entries() {
        spelt(&data, key, errors);
        bytes.insert(key, decoded(value));
    }

    if bytes.values().map(Vec::len).sum::<usize>() > BYTES_MAX {
        errors.push(data.too_long(BYTES_MAX));
    }

    match secret.child("type").text() {
        "kubernetes.io/service-account-token" => {
            let metadata = secret.child("metadata");
            metadata
                .child("annotations")
                .key("kubernetes.io/service-account.name")
                .need(errors);
        }
        "kubernetes.io/dockercfg" => registry(&data, &bytes, ".dockercfg", errors),
        "kubernetes.io/dockerconfigjson" => registry(&data, &bytes, ".dockerconfigjson", errors),
        "kubernetes.io/basic-auth" if !LOGIN.iter().any(|key| bytes.contains_key(key)) => {
            errors.extend(LOGIN.iter().map(|key| data.key(key).required("")));
        }
        "kubernetes.io/ssh-auth" if bytes.get("ssh-privatekey").is_none_or(Vec::is_empty) => {
            errors.push(data.key("ssh-privatekey").required(""));
        }
        "kubernetes.io/tls" => {
            let missing = ["tls.crt", "tls.key"]
                .into_iter()
                .filter(|key| !bytes.contains_key(key));
            errors.extend(missing.map(|key| data.key(key).required("")));
        }
        _ => {}
    }
}

/// Registry credentials must be JSON. The parse error is omitted because it could leak credentials.
fn registry(data: &At<'_, '_>, bytes: &HashMap<&str, Vec<u8>>, key: &str, errors: &mut Errors) {
    let Some(content) = bytes.get(key) else {
        errors.push(data.key(key).required(""));
        return;
    };
    if !serde_json::from_slice::<Value>(content).is_ok_and(|value| value.is_object()) {
        errors.push(data.key(key).invalid_as(
            &"<secret contents redacted>".into(),
            "must be a JSON object",
        ));
    }
}

fn spelt(data: &At<'_, '_>, key: &str, errors: &mut Errors) {
    errors.extend(
        names::data_key(key)
            .iter()
            .map(|wrong| data.key(key).invalid_as(&key.into(), wrong)),
    );
}

/// Invalid base64 was found when the object was decoded.
fn decoded(value: &Value) -> Vec<u8> {
    value
        .as_str()
        .and_then(|text| STANDARD.decode(text).ok())
        .unwrap_or_default()
}

/// An event is in the namespace of its object; for a cluster-scoped object, in any.
pub(super) fn event(event: &At<'_, '_>, errors: &mut Errors) {
    let (object, metadata) = (event.child("involvedObject"), event.child("metadata"));
    let (of, own) = (object.child("namespace"), metadata.child("namespace"));
    let elsewhere = if of.is_empty() {
        own.text() != "default"
    } else {
        of.text() != own.text()
    };
    if elsewhere {
        errors.push(of.invalid_as(&of.text().into(), "does not match event.namespace"));
    }
}

pub(super) fn signing_request(request: &At<'_, '_>, errors: &mut Errors) {
    let spec = request.child("spec");
    let pem = spec.child("request");
    if !String::from_utf8_lossy(&decoded(pem.value)).contains("-----BEGIN CERTIFICATE REQUEST-----")
    {
        errors.push(pem.invalid("PEM block type must be CERTIFICATE REQUEST"));
    }
}

pub(super) fn config_map_change(live: &At<'_, '_>, new: &At<'_, '_>, errors: &mut Errors) {
    frozen(live, new, &["data", "binaryData"], errors);
}

pub(super) fn secret_change(live: &At<'_, '_>, new: &At<'_, '_>, errors: &mut Errors) {
    new.child("type").immutable(&live.child("type"), errors);
    frozen(live, new, &["data"], errors);
}

/// An immutable object stays immutable, with all its content.
fn frozen(live: &At<'_, '_>, new: &At<'_, '_>, content: &[&'static str], errors: &mut Errors) {
    if !live.child("immutable").is_true() {
        return;
    }
    if !new.child("immutable").is_true() {
        errors.push(new.child("immutable").forbidden(FROZEN));
    }
    for field in content {
        if !equal(Some(live.child(field).value), Some(new.child(field).value)) {
            errors.push(new.child(field).forbidden(FROZEN));
        }
    }
}

const LOGIN: [&str; 2] = ["username", "password"];
const BYTES_MAX: usize = 1 << 20;
const FROZEN: &str = "field is immutable when `immutable` is set";
