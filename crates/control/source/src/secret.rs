//! Reads the Secrets that a specification names.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use lode_api::reasons;
use lode_api::shared::LocalRef;
use lode_cluster::{Client, Resource};
use lode_object::Value;
use lode_runtime::Failure;

use crate::step;

/// What a Secret holds. It has no `Debug`, so that it cannot be printed.
pub struct SecretData {
    /// Namespace and name, for messages.
    name: String,
    kind: String,
    data: BTreeMap<String, Vec<u8>>,
}

/// Reads a Secret of a namespace, if one is named.
pub async fn read(
    client: &Client,
    namespace: &str,
    name: Option<&LocalRef>,
) -> Result<Option<SecretData>, Failure> {
    let Some(LocalRef { name }) = name else {
        return Ok(None);
    };
    let found = get(client, namespace, name).await;
    let found = found.map_err(|error| {
        let text = format!("failed to get secret '{namespace}/{name}': {error}");
        step::fetch(reasons::AUTHENTICATION_FAILED, text)
    })?;
    Ok(Some(found))
}

/// Reads a Secret.
pub(crate) async fn get(
    client: &Client,
    namespace: &str,
    name: &str,
) -> Result<SecretData, lode_cluster::Error> {
    let found = client.get(&Resource::secrets(), namespace, name).await?;
    Ok(SecretData::parse(&found, format!("{namespace}/{name}")))
}

impl SecretData {
    /// Reads `data`; values that are not base64 are left out.
    pub fn parse(object: &Value, name: String) -> Self {
        let data = object.get("data").and_then(Value::as_object);
        let data = data.into_iter().flatten();
        let data = data
            .filter_map(|(key, value)| Some((key.clone(), STANDARD.decode(value.as_str()?).ok()?)));
        let kind = object.get("type").and_then(Value::as_str);
        Self {
            name,
            kind: kind.unwrap_or_default().to_owned(),
            data: data.collect(),
        }
    }

    /// Returns namespace and name, for messages.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the type that it is declared with, such as `Opaque`.
    pub fn kind(&self) -> &str {
        &self.kind
    }

    /// Returns whether there is a key, even if its value is empty.
    pub fn has(&self, key: &str) -> bool {
        self.data.contains_key(key)
    }

    /// Returns the value of the first of some keys that has one that is not empty.
    pub fn any(&self, keys: &[&str]) -> Option<Vec<u8>> {
        keys.iter().find_map(|key| {
            self.data
                .get(*key)
                .filter(|value| !value.is_empty())
                .cloned()
        })
    }

    /// Returns a value as text; one that is empty or not UTF-8 counts as missing.
    pub fn text(&self, key: &str) -> Option<String> {
        String::from_utf8(self.any(&[key])?).ok()
    }
}

#[cfg(test)]
impl SecretData {
    /// Returns a Secret with these values.
    pub(crate) fn of_texts(name: &str, data: &[(&str, &str)]) -> Self {
        let value = |text: &&str| text.as_bytes().to_vec();
        Self {
            name: name.to_owned(),
            kind: "Opaque".to_owned(),
            data: data
                .iter()
                .map(|(key, text)| ((*key).to_owned(), value(text)))
                .collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_are_decoded_and_what_says_nothing_counts_as_missing() {
        let data = json!({"a": "eA==", "empty": "", "broken": "?", "number": 1, "binary": "/w=="});
        let secret = SecretData::parse(&json!({"data": data}), "ns/auth".to_owned());
        assert_eq!((secret.name(), secret.kind()), ("ns/auth", ""));
        assert!(secret.has("empty") && !secret.has("nothere"));
        assert_eq!(secret.text("a").as_deref(), Some("x"));
        for key in ["empty", "broken", "number", "nothere"] {
            assert_eq!(secret.any(&[key]), None, "{key}");
        }
        assert_eq!(secret.any(&["binary"]), Some(vec![0xff]));
        assert_eq!(secret.text("binary"), None);
    }

    #[test]
    fn the_first_key_with_a_value_wins() {
        let data = json!({"caFile": "b2xk", "ca.crt": ""});
        let secret = SecretData::parse(&json!({"data": data}), String::new());
        assert_eq!(secret.any(&["ca.crt", "caFile"]), Some(b"old".to_vec()));
    }

    #[test]
    fn a_secret_without_data_holds_nothing() {
        for object in [json!({}), json!({"data": null}), Value::Null] {
            assert_eq!(SecretData::parse(&object, String::new()).text("a"), None);
        }
    }
}
