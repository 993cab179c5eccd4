//! [`TestedKind`]: the kinds that operations use, read from `kinds.yaml` next to this file.

use anyhow::{Context, Result};
use lode_yaml::Dialect;
use serde_json::{Map, Value, json};

/// One namespaced kind.
pub(super) struct TestedKind {
    pub(super) api_version: String,
    pub(super) name: String,
    plural: String,
    /// A valid object without metadata.
    object: Value,
    /// Merge patches that usually keep an object valid.
    pub(super) edits: Vec<Value>,
    /// Merge patches that usually make it invalid.
    pub(super) faults: Vec<Value>,
    /// Strategic merge patches.
    pub(super) strategic: Vec<Value>,
    /// A valid status; null if it has none.
    pub(super) status: Value,
    /// Whether it has a scale subresource.
    pub(super) scale: bool,
}

/// All kinds.
pub(super) fn all() -> Result<Vec<TestedKind>> {
    let rows = yaml(include_bytes!("kinds.yaml"))?;
    Ok(rows
        .as_array()
        .into_iter()
        .flatten()
        .map(TestedKind::read)
        .collect())
}

/// Returns the definition of the custom kind.
pub(super) fn definition() -> Result<Value> {
    yaml(include_bytes!("widget.yaml"))
}

impl TestedKind {
    fn read(row: &Value) -> Self {
        let text = |field: &str| row[field].as_str().unwrap_or_default().to_owned();
        let list = |field: &str| row[field].as_array().cloned().unwrap_or_default();
        Self {
            api_version: text("apiVersion"),
            name: text("kind"),
            plural: text("plural"),
            object: row["object"].clone(),
            edits: list("edits"),
            faults: list("faults"),
            strategic: list("strategic"),
            status: row["status"].clone(),
            scale: row["scale"] == true,
        }
    }

    /// Returns the path of its objects in a namespace.
    pub(super) fn collection(&self, namespace: &str) -> String {
        format!("{}/{namespace}/{}", folder(&self.api_version), self.plural)
    }

    /// Returns a valid object.
    pub(super) fn body(&self, name: &str, labels: &Value) -> Value {
        let mut body = json!({"apiVersion": self.api_version, "kind": self.name, "metadata": {"name": name, "labels": labels}});
        merge(&mut body, &self.object);
        body
    }

    /// Returns the path before the namespace for the kind that a definition defines.
    pub(super) fn folder_of(definition: &Value) -> String {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let (group, version) = (
            text(&definition["spec"]["group"]),
            text(&definition["spec"]["versions"][0]["name"]),
        );
        folder(&format!("{group}/{version}"))
    }
}

/// Applies a merge patch to a value, as RFC 7386 says.
pub(super) fn merge(target: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = Map::new().into();
    }
    let Value::Object(target) = target else {
        return;
    };
    for (key, value) in patch {
        if value.is_null() {
            target.remove(key);
        } else {
            merge(target.entry(key.as_str()).or_insert(Value::Null), value);
        }
    }
}

fn folder(api_version: &str) -> String {
    let root = if api_version.contains('/') {
        "/apis"
    } else {
        "/api"
    };
    format!("{root}/{api_version}/namespaces")
}

fn yaml(text: &[u8]) -> Result<Value> {
    lode_yaml::parse(text, Dialect::V3).context("read the kinds of the differential run")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_all_its_parts() {
        let kinds = all().unwrap();
        assert_eq!(kinds.len(), 16);
        for kind in kinds {
            let parts = [&kind.edits, &kind.faults, &kind.strategic];
            assert!(parts.iter().all(|part| !part.is_empty()), "{}", kind.name);
            assert!(
                kind.object.is_object() && !kind.plural.is_empty(),
                "{}",
                kind.name
            );
        }
    }

    #[test]
    fn the_kind_of_our_own_is_the_one_that_is_defined() {
        let definition = definition().unwrap();
        let kinds = all().unwrap();
        let own = kinds
            .iter()
            .find(|kind| kind.name == definition["spec"]["names"]["kind"])
            .unwrap();
        assert_eq!(
            own.collection("n"),
            format!("{}/n/widgets", TestedKind::folder_of(&definition))
        );
    }

    #[test]
    fn a_merge_patch_removes_by_null_and_replaces_lists() {
        let mut value = json!({"a": {"b": 1, "c": 2}, "l": [1, 2]});
        merge(
            &mut value,
            &json!({"a": {"b": null, "d": {"e": null}}, "l": [3]}),
        );
        assert_eq!(value, json!({"a": {"c": 2, "d": {}}, "l": [3]}));
    }
}
