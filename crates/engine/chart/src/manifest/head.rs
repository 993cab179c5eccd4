//! [`ManifestHead`]: what a manifest says about itself.

use std::collections::BTreeMap;

use lode_stdx::budget::Budget;
use lode_yaml::{Content, Dialect, Node, Tag, number_text};
use serde_json::{Map, Value};

/// What a manifest says about itself; all texts are empty if it is only a comment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ManifestHead {
    /// `apiVersion`.
    pub api_version: String,
    /// `kind`.
    pub kind: String,
    /// `metadata.name`.
    pub name: String,
    /// `metadata.annotations`.
    pub annotations: BTreeMap<String, String>,
}

/// Why a document is not a manifest.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HeadError {
    /// Not YAML.
    #[error("error converting YAML to JSON: {0}")]
    Yaml(#[from] lode_yaml::Error),
    /// Not a table.
    #[error("not a table")]
    NotATable,
    /// A field has the wrong type.
    #[error("field \"{field}\": {want} expected")]
    Field {
        /// The field.
        field: &'static str,
        /// The type that it must have.
        want: &'static str,
    },
}

/// Levels of a document that the head is in: its own, `metadata`, `annotations`.
const DEPTH: usize = 3;

impl ManifestHead {
    /// Reads the head of a document. All of it must be YAML.
    pub(crate) fn read(document: &str, budget: &Budget) -> Result<Self, HeadError> {
        let Some(node) = lode_yaml::outline(document.as_bytes(), DEPTH, budget)? else {
            return Ok(Self::default());
        };

        let mut head = Self::default();
        for (key, value) in fields(&node).ok_or(HeadError::NotATable)? {
            match key.as_str() {
                "apiversion" => head.api_version = text("apiVersion", &json(value)?)?,
                "kind" => head.kind = text("kind", &json(value)?)?,
                "metadata" => head.metadata(value)?,
                _ => {}
            }
        }
        Ok(head)
    }

    fn metadata(&mut self, node: &Node) -> Result<(), HeadError> {
        for (key, value) in fields(node).ok_or(HeadError::Field {
            field: "metadata",
            want: "a table",
        })? {
            match key.as_str() {
                "name" => self.name = text("metadata.name", &json(value)?)?,
                "annotations" => self.annotations = annotations(&json(value)?)?,
                _ => {}
            }
        }
        Ok(())
    }
}

fn json(node: &Node) -> Result<Value, HeadError> {
    Ok(node.to_value(Dialect::V2)?)
}

/// Returns the fields that are not null, with their names in lower case: Go matches them in any
/// case, in the order of the names.
fn fields(node: &Node) -> Option<Vec<(String, &Node)>> {
    let entries = match &node.content {
        Content::Mapping(entries) => entries.as_slice(),
        _ if is_null(node) => &[],
        _ => return None,
    };
    let mut fields: Vec<(&str, &Node)> = entries
        .iter()
        .filter(|entry| !is_null(&entry.value))
        .filter_map(|entry| Some((entry.key.text()?, &entry.value)))
        .collect();
    fields.sort_by_key(|(key, _)| *key);
    let fields = fields.into_iter();
    Some(
        fields
            .map(|(key, value)| (key.to_ascii_lowercase(), value))
            .collect(),
    )
}

fn is_null(node: &Node) -> bool {
    node.resolved_tag(Dialect::V2) == Tag::Null
}

fn annotations(value: &Value) -> Result<BTreeMap<String, String>, HeadError> {
    const FIELD: &str = "metadata.annotations";
    let annotations: &Map<String, Value> = value.as_object().ok_or(HeadError::Field {
        field: FIELD,
        want: "a table",
    })?;
    annotations
        .iter()
        .map(|(key, value)| {
            let text = if value.is_null() {
                String::new()
            } else {
                text(FIELD, value)?
            };
            Ok((key.clone(), text))
        })
        .collect()
}

fn text(field: &'static str, value: &Value) -> Result<String, HeadError> {
    match value {
        Value::String(text) => Ok(text.clone()),
        Value::Number(number) => Ok(number_text(number)),
        Value::Bool(value) => Ok(value.to_string()),
        _ => Err(HeadError::Field {
            field,
            want: "a text",
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(document: &str) -> Result<ManifestHead, HeadError> {
        ManifestHead::read(document, &Budget::unlimited())
    }

    #[test]
    fn heads_are_read_as_in_go() {
        let head = read("apiVersion: v1\nKind: 5\nmetadata:\n  name: true\n  annotations: {a: 1, b: null, c: x}\nspec: []\n").unwrap();
        assert_eq!(
            (&*head.api_version, &*head.kind, &*head.name),
            ("v1", "5", "true")
        );
        let annotations: Vec<&str> = head.annotations.values().map(String::as_str).collect();
        assert_eq!(annotations, ["1", "", "x"]);
        assert_eq!(read("# nothing\n"), Ok(ManifestHead::default()));
        assert_eq!(read("kind: a\nmetadata: null\n").unwrap().kind, "a");
    }

    #[test]
    fn what_is_not_a_manifest_is_refused() {
        assert_eq!(read("just text"), Err(HeadError::NotATable));
        for (text, want) in [
            ("kind: [a]\n", "field \"kind\": a text expected"),
            ("metadata: a\n", "field \"metadata\": a table expected"),
            (
                "metadata: {annotations: [a]}\n",
                "field \"metadata.annotations\": a table expected",
            ),
            (
                "metadata: {annotations: {a: [b]}}\n",
                "field \"metadata.annotations\": a text expected",
            ),
        ] {
            assert_eq!(read(text).unwrap_err().to_string(), want);
        }
        assert!(matches!(read("a: [\n"), Err(HeadError::Yaml(_))));
    }
}
