//! [`Resource`]: the envelope around the spec and status of every kind.
//!
//! Input: one object as JSON. Output: typed parts; of the metadata, only what a controller uses.
//! [`Kind`] and [`Status`] are what generic code knows about a kind.

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Value, json};

use crate::names::{Column, Names};
use crate::schema::{Field, or_default};
use crate::shared::Artifact;
use crate::{Conditions, FieldError};

/// One object of an API kind. The type of its spec identifies the kind.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, bound(serialize = "S: Kind", deserialize = "S: Kind"))]
pub struct Resource<S: Kind> {
    /// Identity and other metadata.
    #[serde(deserialize_with = "or_default")]
    pub metadata: Meta,
    /// Desired state.
    #[serde(deserialize_with = "or_default")]
    pub spec: S,
    /// Observed state.
    #[serde(deserialize_with = "or_default")]
    pub status: S::Status,
}

/// What generic code knows about a kind; implemented by its spec.
pub trait Kind: Field + Default + DeserializeOwned + Serialize {
    /// The kind's names, in the API and in the cluster.
    const NAMES: Names;
    /// What `kubectl get` shows, in this order.
    const COLUMNS: &'static [Column];
    /// The kind's status.
    type Status: Status;

    /// Returns whether the object is suspended; false for kinds that cannot be suspended.
    fn suspended(&self) -> bool {
        false
    }

    /// Returns the interval between two reconciles, or `None` for a kind that is reconciled on
    /// changes only.
    ///
    /// # Errors
    /// The field is not a duration.
    fn interval(&self) -> Result<Option<std::time::Duration>, FieldError> {
        Ok(None)
    }
}

/// What the statuses of all kinds have in common.
pub trait Status: Field + Default + DeserializeOwned + Serialize {
    /// Returns the conditions.
    fn conditions(&self) -> &Conditions;
    /// Returns the conditions, mutably.
    fn conditions_mut(&mut self) -> &mut Conditions;
    /// Returns the last generation that was reconciled.
    fn observed_generation(&self) -> Option<i64>;
    /// Sets the last generation that was reconciled.
    fn observe_generation(&mut self, generation: i64);
    /// Returns the last `reconcile.fluxcd.io/requestedAt` that was handled.
    fn last_handled_reconcile_at(&self) -> Option<&str>;
    /// Records that a `reconcile.fluxcd.io/requestedAt` was handled.
    fn handle_reconcile_at(&mut self, token: &str);
}

/// The status of a kind that provides artifacts.
pub trait SourceStatus: Status {
    /// Returns the artifact; nothing if none was stored yet.
    fn artifact(&self) -> Option<&Artifact>;
    /// Sets what it holds.
    fn set_artifact(&mut self, artifact: Option<Artifact>);
    /// Sets the address that always leads to the newest artifact, for a kind that has one.
    fn set_url(&mut self, _url: Option<Box<str>>) {}
}

/// What a controller reads of an object's metadata.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Meta {
    /// Name.
    #[serde(deserialize_with = "or_default")]
    pub name: Box<str>,
    /// Namespace, empty for cluster-scoped objects.
    #[serde(deserialize_with = "or_default", skip_serializing_if = "str::is_empty")]
    pub namespace: Box<str>,
    /// Identity over time: a deleted and recreated object has another one.
    #[serde(deserialize_with = "or_default", skip_serializing_if = "str::is_empty")]
    pub uid: Box<str>,
    /// Resource version of the object that was read.
    #[serde(deserialize_with = "or_default", skip_serializing_if = "str::is_empty")]
    pub resource_version: Box<str>,
    /// Incremented with every change of the spec.
    #[serde(deserialize_with = "or_default")]
    pub generation: i64,
    /// When the object was created.
    #[serde(
        deserialize_with = "or_default",
        skip_serializing_if = "Option::is_none"
    )]
    pub creation_timestamp: Option<Box<str>>,
    /// When its deletion was requested.
    #[serde(
        deserialize_with = "or_default",
        skip_serializing_if = "Option::is_none"
    )]
    pub deletion_timestamp: Option<Box<str>>,
    /// Finalizers that must be removed before it is deleted.
    #[serde(deserialize_with = "or_default", skip_serializing_if = "Vec::is_empty")]
    pub finalizers: Vec<Box<str>>,
    /// Labels.
    #[serde(
        deserialize_with = "or_default",
        skip_serializing_if = "BTreeMap::is_empty"
    )]
    pub labels: BTreeMap<Box<str>, Box<str>>,
    /// Annotations, without the copy of the whole object that `kubectl apply` stores in one of
    /// them.
    #[serde(
        deserialize_with = "small_annotations",
        skip_serializing_if = "BTreeMap::is_empty"
    )]
    pub annotations: BTreeMap<Box<str>, Box<str>>,
}

/// An object that does not match its kind.
#[derive(Debug, thiserror::Error)]
#[error("read {kind}/{namespace}/{name}")]
pub struct ParseError {
    /// Its kind, as far as known.
    pub kind: &'static str,
    /// Its namespace, as far as known.
    pub namespace: Box<str>,
    /// Its name, as far as known.
    pub name: Box<str>,
    /// The reason.
    #[source]
    pub source: serde_json::Error,
}

impl<S: Kind> Resource<S> {
    /// Reads an object.
    ///
    /// # Errors
    /// A field has a different type than in the kind's schema. This does not happen with objects
    /// that the API server accepted under our `CustomResourceDefinition`s.
    pub fn parse(object: &Value) -> Result<Self, ParseError> {
        Self::deserialize(object).map_err(|source| Self::misread(object, source))
    }

    /// Reads an object from its text, without building a tree for the parts that are not used:
    /// managed fields are half of an object.
    ///
    /// # Errors
    /// As [`Resource::parse`], or the text is not JSON.
    pub fn read(json: &[u8]) -> Result<Self, ParseError> {
        serde_json::from_slice(json).map_err(|source| {
            Self::misread(&serde_json::from_slice(json).unwrap_or_default(), source)
        })
    }

    fn misread(object: &Value, source: serde_json::Error) -> ParseError {
        let part = |pointer| {
            object
                .pointer(pointer)
                .and_then(Value::as_str)
                .unwrap_or_default()
                .into()
        };
        let (namespace, name) = (part("/metadata/namespace"), part("/metadata/name"));
        ParseError {
            kind: S::NAMES.kind,
            namespace,
            name,
            source,
        }
    }

    /// Returns the whole object as JSON, with `apiVersion` and `kind`.
    ///
    /// # Panics
    /// Never: every value of these types can be represented in JSON.
    #[must_use]
    pub fn to_value(&self) -> Value {
        let mut value =
            serde_json::to_value(self).expect("maps have text keys and numbers are integers");
        value["apiVersion"] = json!(S::NAMES.api_version());
        value["kind"] = json!(S::NAMES.kind);
        value
    }

    /// Returns whether the object is being deleted.
    pub fn deleting(&self) -> bool {
        self.metadata.deletion_timestamp.is_some()
    }
}

impl Meta {
    /// Returns the value of an annotation.
    pub fn annotation(&self, key: &str) -> Option<&str> {
        self.annotations.get(key).map(AsRef::as_ref)
    }

    /// Returns the value of a label.
    pub fn label(&self, key: &str) -> Option<&str> {
        self.labels.get(key).map(AsRef::as_ref)
    }

    /// Returns whether a finalizer is set.
    pub fn has_finalizer(&self, finalizer: &str) -> bool {
        self.finalizers.iter().any(|set| &**set == finalizer)
    }
}

/// Implements [`Status`] for a status with the usual three fields.
macro_rules! usual_status {
    ($status:ty) => {
        impl crate::Status for $status {
            fn conditions(&self) -> &crate::Conditions {
                &self.conditions
            }

            fn conditions_mut(&mut self) -> &mut crate::Conditions {
                &mut self.conditions
            }

            fn observed_generation(&self) -> Option<i64> {
                self.observed_generation
            }

            fn observe_generation(&mut self, generation: i64) {
                self.observed_generation = Some(generation);
            }

            fn last_handled_reconcile_at(&self) -> Option<&str> {
                self.last_handled_reconcile_at.as_deref()
            }

            fn handle_reconcile_at(&mut self, token: &str) {
                self.last_handled_reconcile_at = Some(token.into());
            }
        }
    };
}
pub(crate) use usual_status;

/// Where `kubectl apply` keeps a copy of the whole object.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// Reads annotations without that copy, which nothing reads; it would double the memory of an
/// object.
fn small_annotations<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<BTreeMap<Box<str>, Box<str>>, D::Error> {
    let mut annotations: BTreeMap<Box<str>, Box<str>> = or_default(deserializer)?;
    annotations.remove(LAST_APPLIED);
    Ok(annotations)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{GitRepository, Kustomization};

    #[test]
    fn metadata_and_unknown_fields_are_read_with_tolerance() {
        let read: Kustomization = Resource::parse(&json!({
            "apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization",
            "metadata": {
                "name": "apps", "namespace": "flux-system", "generation": 3, "labels": null, "managedFields": [{}],
                "annotations": {LAST_APPLIED: "{}", "reconcile.fluxcd.io/requestedAt": "now"},
                "finalizers": ["finalizers.fluxcd.io"],
            },
            "spec": {"prune": true, "interval": "often", "future": {"field": 1}},
            "status": null,
        }))
        .unwrap();
        assert_eq!(
            read.metadata.annotation("reconcile.fluxcd.io/requestedAt"),
            Some("now")
        );
        assert_eq!(read.metadata.annotation(LAST_APPLIED), None);
        assert!(read.metadata.has_finalizer("finalizers.fluxcd.io") && !read.deleting());
        assert_eq!(read.status.observed_generation(), None);
        let error = read.spec.interval().unwrap_err();
        assert!(
            error
                .to_string()
                .starts_with("spec.interval: duration \"often\""),
            "{error}"
        );
    }

    #[test]
    fn an_object_of_another_form_is_named() {
        let object = json!({"metadata": {"name": "a", "namespace": "b"}, "spec": {"interval": 5}});
        let error = GitRepository::parse(&object).unwrap_err();
        assert_eq!(error.to_string(), "read GitRepository/b/a");
        let error = GitRepository::read(object.to_string().as_bytes()).unwrap_err();
        assert_eq!(error.to_string(), "read GitRepository/b/a");
        assert_eq!(
            GitRepository::read(b"{").unwrap_err().to_string(),
            "read GitRepository//"
        );
    }

    #[test]
    fn an_object_is_written_with_its_kind() {
        let object = json!({
            "apiVersion": "source.toolkit.fluxcd.io/v1", "kind": "GitRepository",
            "metadata": {"name": "a", "namespace": "b", "generation": 1},
            "spec": {"interval": "1m", "url": "https://example.com"},
            "status": {"observedGeneration": -1},
        });
        assert_eq!(GitRepository::parse(&object).unwrap().to_value(), object);
        assert_eq!(
            GitRepository::read(object.to_string().as_bytes())
                .unwrap()
                .to_value(),
            object
        );
    }
}
