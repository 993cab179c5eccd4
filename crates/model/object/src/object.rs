//! [`Object`]: a JSON value that has a kind, an API version and a name.

use serde_json::{Map, Value};

use crate::id::{GroupVersionKind, Id};
use crate::json::text;

/// A Kubernetes object: `apiVersion`, `kind` and `metadata.name` are non-empty texts.
#[derive(Debug, Clone, PartialEq)]
pub struct Object(Value);

/// Why a JSON value is not an object.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Not a JSON object.
    #[error("not a mapping")]
    NotAMap,
    /// A required field is absent, empty or not a text.
    #[error("{0} is missing")]
    Missing(&'static str),
}

impl Object {
    /// Takes a JSON value that names its kind, API version and name.
    ///
    /// # Errors
    /// One of them is missing.
    pub fn parse(value: Value) -> Result<Self, Error> {
        if !value.is_object() {
            return Err(Error::NotAMap);
        }
        for (field, pointer) in [
            ("apiVersion", "/apiVersion"),
            ("kind", "/kind"),
            ("metadata.name", "/metadata/name"),
        ] {
            if text(&value, pointer).is_empty() {
                return Err(Error::Missing(field));
            }
        }
        Ok(Self(value))
    }

    /// Returns the kind.
    #[must_use]
    pub fn kind(&self) -> &str {
        text(&self.0, "/kind")
    }

    /// Returns `apiVersion` as written.
    #[must_use]
    pub fn api_version(&self) -> &str {
        text(&self.0, "/apiVersion")
    }

    /// Returns `metadata.name`.
    #[must_use]
    pub fn name(&self) -> &str {
        text(&self.0, "/metadata/name")
    }

    /// Returns `metadata.namespace`, empty if there is none.
    #[must_use]
    pub fn namespace(&self) -> &str {
        text(&self.0, "/metadata/namespace")
    }

    /// Returns group, version and kind.
    #[must_use]
    pub fn gvk(&self) -> GroupVersionKind {
        GroupVersionKind::new(self.api_version(), self.kind())
    }

    /// Returns the object's identity.
    #[must_use]
    pub fn id(&self) -> Id {
        let GroupVersionKind { group, kind, .. } = self.gvk();
        Id {
            namespace: self.namespace().into(),
            name: self.name().into(),
            group,
            kind,
        }
    }

    /// Returns a label's value.
    #[must_use]
    pub fn label(&self, key: &str) -> Option<&str> {
        self.0.get("metadata")?.get("labels")?.get(key)?.as_str()
    }

    /// Returns an annotation's value.
    #[must_use]
    pub fn annotation(&self, key: &str) -> Option<&str> {
        self.0
            .get("metadata")?
            .get("annotations")?
            .get(key)?
            .as_str()
    }

    /// Sets a label.
    pub fn set_label(&mut self, key: &str, value: &str) {
        self.set_in("labels", key, value);
    }

    /// Sets an annotation.
    pub fn set_annotation(&mut self, key: &str, value: &str) {
        self.set_in("annotations", key, value);
    }

    /// Sets `metadata.namespace`.
    pub fn set_namespace(&mut self, namespace: &str) {
        self.metadata()
            .insert("namespace".to_owned(), namespace.into());
    }

    /// Returns the metadata, mutably.
    ///
    /// # Panics
    /// Never: [`Object::parse`] checked the metadata, and [`Object::edit`] checks again.
    pub fn metadata(&mut self) -> &mut Map<String, Value> {
        self.0
            .get_mut("metadata")
            .and_then(Value::as_object_mut)
            .expect("an object has metadata")
    }

    /// Changes the whole value; the result must be an object again.
    ///
    /// # Errors
    /// It is not an object any more; the changed value is lost.
    pub fn edit<E: From<Error>>(
        self,
        change: impl FnOnce(&mut Value) -> Result<(), E>,
    ) -> Result<Self, E> {
        let mut value = self.0;
        change(&mut value)?;
        Ok(Self::parse(value)?)
    }

    /// Returns the JSON value.
    #[must_use]
    pub fn value(&self) -> &Value {
        &self.0
    }

    /// Consumes the object and returns the JSON value.
    #[must_use]
    pub fn into_value(self) -> Value {
        self.0
    }

    fn set_in(&mut self, field: &str, key: &str, value: &str) {
        let map = self
            .metadata()
            .entry(field)
            .or_insert_with(|| Value::Object(Map::new()));
        if !map.is_object() {
            *map = Value::Object(Map::new());
        }
        if let Some(map) = map.as_object_mut() {
            map.insert(key.to_owned(), value.into());
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_an_object_must_have_is_named() {
        let full = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}});
        assert_eq!(
            Object::parse(full.clone()).unwrap().id().to_string(),
            "ConfigMap/a"
        );
        assert_eq!(Object::parse(json!([])), Err(Error::NotAMap));
        for (field, without) in [
            (
                "apiVersion",
                json!({"kind": "ConfigMap", "metadata": {"name": "a"}}),
            ),
            (
                "kind",
                json!({"apiVersion": "v1", "kind": 1, "metadata": {"name": "a"}}),
            ),
            (
                "metadata.name",
                json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": null}),
            ),
        ] {
            assert_eq!(Object::parse(without), Err(Error::Missing(field)));
        }
    }

    #[test]
    fn labels_are_set_where_there_were_none() {
        let mut object = Object::parse(
            json!({"apiVersion": "v1", "kind": "A", "metadata": {"name": "a", "labels": null}}),
        )
        .unwrap();
        object.set_label("k", "v");
        assert_eq!(object.label("k"), Some("v"));
    }

    #[test]
    fn an_edit_must_leave_an_object() {
        let object =
            Object::parse(json!({"apiVersion": "v1", "kind": "A", "metadata": {"name": "a"}}))
                .unwrap();
        let edited = object.edit::<Error>(|value| {
            value["metadata"] = Value::Null;
            Ok(())
        });
        assert_eq!(edited, Err(Error::Missing("metadata.name")));
    }
}
