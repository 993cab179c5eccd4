//! [`Desired`]: one object as it is sent, with what must be known of it without reading it again.
//!
//! The body is JSON text: a set of ten thousand objects costs its text, not a tree of every value.

use bytes::Bytes;
use lode_merge::Digest;
use lode_merge::contract::Contract;
use lode_object::{
    GroupVersionKind, Id, NamespacedName, Object, OwnerLabels, Secrecy, Value, meta, order,
};

use crate::error::Error;
use crate::normalize::normalize;

/// One object ready to be applied.
#[derive(Debug, Clone)]
pub struct Desired {
    /// Which object; the namespace is empty once the kind is known to be cluster-scoped.
    pub id: Id,
    /// Its kind in the version it is written in.
    pub gvk: GroupVersionKind,
    /// Its JSON.
    pub body: Bytes,
    /// Digest of the JSON.
    pub digest: Digest,
    /// How it wants to be applied.
    pub how: How,
    /// Its file and line.
    pub origin: Box<str>,
    /// What of it may be told.
    pub secrecy: Secrecy,
    /// By whose rules it is applied.
    pub manner: Manner,
    /// Where in the body the members of `metadata` begin.
    metadata_at: usize,
}

/// By whose rules an object is applied.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Manner {
    /// Those of kustomize-controller, whose labels and annotations are heeded.
    #[default]
    Kustomize,
    /// Those of Helm: as it was rendered, whatever it says of itself.
    Helm,
}

/// How an object wants to be applied, by its own labels and annotations.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is one annotation of the contract, all may stand together"
)]
pub struct How {
    /// Not at all (`reconcile: disabled`, `ssa: Ignore`).
    pub skip: bool,
    /// Only when it does not exist.
    pub if_not_present: bool,
    /// Keeping what other managers own.
    pub merge: bool,
    /// Deleted and created again where a field cannot be changed.
    pub force: bool,
    /// A live edit is reported, not undone.
    pub warn: bool,
    /// What is gone is created again only for another revision (`lodestone.dev/rerun: never`).
    pub never_again: bool,
    /// Some of its fields are the control plane's once it exists.
    pub has_contract: bool,
}

/// Labels and annotations set on every object of a set.
#[derive(Debug, Clone, Default)]
pub struct Common {
    /// Labels.
    pub labels: Vec<(String, String)>,
    /// Annotations.
    pub annotations: Vec<(String, String)>,
}

impl Desired {
    /// Normalises an object, stamps it with its owner and puts it into the form that is sent.
    ///
    /// # Errors
    /// See [`normalize`].
    pub fn new(
        object: Object,
        origin: &str,
        owner: &NamespacedName,
        common: &Common,
    ) -> Result<Self, Error> {
        let mut object = normalize(object, origin)?;
        for (key, value) in &common.labels {
            object.set_label(key, value);
        }
        for (key, value) in &common.annotations {
            object.set_annotation(key, value);
        }
        OwnerLabels::KUSTOMIZATION.stamp(&mut object, owner);
        Ok(Self::ready(&object, origin, Manner::Kustomize))
    }

    /// Puts a rendered object of a release into the form that is sent. One without a namespace gets `namespace`, which
    /// is taken from it again if its kind turns out to have none.
    #[must_use]
    pub fn rendered(mut object: Object, origin: &str, namespace: &str) -> Self {
        if object.namespace().is_empty() {
            object.set_namespace(namespace);
        }
        Self::ready(&object, origin, Manner::Helm)
    }

    /// Takes an object as it is: normalised and stamped already, or not to be.
    #[must_use]
    pub fn ready(object: &Object, origin: &str, manner: Manner) -> Self {
        let (body, metadata_at) = serialize(object.value());
        let how = match manner {
            Manner::Kustomize => How::of(object),
            Manner::Helm => How::rendered(object),
        };
        let digest = lode_merge::digest(object.value());
        let secrecy = Secrecy::of(object.value());
        Self {
            id: object.id(),
            gvk: object.gvk(),
            body,
            digest,
            how,
            origin: origin.into(),
            secrecy,
            manner,
            metadata_at,
        }
    }

    /// Returns the same object, of which no more may be told than this; of a Secret nothing more than of a Secret.
    #[must_use]
    pub fn told_as(self, secrecy: Secrecy) -> Self {
        if secrecy.is_open() {
            self
        } else {
            Self { secrecy, ..self }
        }
    }

    /// Returns the body that creates the object and is refused (409) when it exists: a resource version no live object
    /// can have. Measured on Kubernetes 1.36.
    #[must_use]
    pub fn create_body(&self) -> Bytes {
        let (head, tail) = self.body.split_at(self.metadata_at);
        [head, b"\"resourceVersion\":\"1\",", tail].concat().into()
    }

    /// Returns the object as a value, for the rare cases that must look into it.
    #[must_use]
    pub fn value(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// Returns the same object with another content, for instance with fields left to others.
    #[must_use]
    pub fn with(&self, value: Value) -> Option<Self> {
        let object = Object::parse(value).ok()?;
        Some(
            Self {
                id: self.id.clone(),
                ..Self::ready(&object, &self.origin, self.manner)
            }
            .told_as(self.secrecy.clone()),
        )
    }

    /// Returns the object without the fields that are the control plane's and that the live object has otherwise.
    #[must_use]
    pub fn without_contract(&self, live: &Value) -> Option<Self> {
        let mut value = self.value();
        let contract = Contract::of(&value);
        contract.leave(&mut value, live);
        self.with(value)
    }

    /// Returns the object without a namespace: its kind turned out to have none.
    #[must_use]
    pub fn cluster_scoped(&self) -> Self {
        let mut value = self.value();
        if let Some(metadata) = value.get_mut("metadata").and_then(Value::as_object_mut) {
            metadata.remove("namespace");
        }
        let bare = Object::parse(value);
        let bare = bare.map(|object| Self::ready(&object, &self.origin, self.manner));
        bare.map_or_else(|_| self.clone(), |bare| bare.told_as(self.secrecy.clone()))
    }

    /// Returns the stage it belongs to: definitions, classes, custom, the rest (spec A7).
    #[must_use]
    pub fn stage(&self, custom: &[String]) -> u8 {
        match &*self.gvk.kind {
            "CustomResourceDefinition" | "Namespace" | "ClusterRole" => 0,
            kind if kind.ends_with("Class") => 1,
            kind if custom.iter().any(|custom| custom == kind) => 2,
            _ => 3,
        }
    }

    /// Returns its place among the objects of its stage: those of one rank may be written side by side.
    #[must_use]
    pub fn rank(&self) -> u8 {
        order::rank(&self.gvk.kind)
    }
}

impl How {
    /// Reads what an object says of itself.
    fn of(object: &Object) -> Self {
        let says = |key, value| meta::says(object, key, value);
        Self {
            skip: says(meta::RECONCILE, "disabled") || says(meta::SSA, "Ignore"),
            if_not_present: says(meta::SSA, "IfNotPresent"),
            merge: says(meta::SSA, "Merge"),
            force: says(meta::FORCE, "enabled"),
            warn: says(meta::DRIFT, "warn"),
            never_again: says(meta::RERUN, "never"),
            has_contract: !Contract::of(object.value()).is_empty(),
        }
    }

    fn rendered(object: &Object) -> Self {
        Self {
            has_contract: !Contract::of(object.value()).is_empty(),
            ..Self::default()
        }
    }
}

/// Writes an object and tells where the members of its top-level `metadata` begin.
fn serialize(value: &Value) -> (Bytes, usize) {
    let mut out = String::with_capacity(512);
    let mut metadata_at = 0;
    for (i, (key, value)) in value.as_object().into_iter().flatten().enumerate() {
        out.push(if i == 0 { '{' } else { ',' });
        out.push_str(&Value::from(key.as_str()).to_string());
        out.push(':');
        if key == "metadata" {
            metadata_at = out.len() + 1;
        }
        out.push_str(&value.to_string());
    }
    out.push('}');
    (out.into(), metadata_at)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn desired(value: Value) -> Desired {
        let owner = NamespacedName::new("flux-system", "app");
        Desired::new(
            Object::parse(value).unwrap(),
            "a.yaml:1",
            &owner,
            &Common::default(),
        )
        .unwrap()
    }

    #[test]
    fn the_create_body_differs_by_the_resource_version_alone() {
        let desired = desired(
            json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", "namespace": "n"},
            "data": {"metadata": "x", "nested": "\"metadata\":{"}}),
        );
        let mut created: Value = serde_json::from_slice(&desired.create_body()).unwrap();
        assert_eq!(
            created["metadata"]
                .as_object_mut()
                .unwrap()
                .remove("resourceVersion"),
            Some(json!("1"))
        );
        assert_eq!(created, desired.value());
    }

    #[test]
    fn the_owner_is_stamped_over_common_metadata() {
        let owner = NamespacedName::new("ns", "app");
        let common = Common {
            labels: vec![
                (meta::OWNER_NAME.into(), "mine".into()),
                ("team".into(), "a".into()),
            ],
            ..Common::default()
        };
        let object = Object::parse(
            json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}}),
        )
        .unwrap();
        let value = Desired::new(object, "", &owner, &common).unwrap().value();
        assert_eq!(
            value["metadata"]["labels"],
            json!({meta::OWNER_NAME: "app", meta::OWNER_NAMESPACE: "ns", "team": "a"})
        );
    }

    #[test]
    fn a_rendered_object_is_sent_as_it_is_in_its_release_s_namespace() {
        let rendered = |value: Value| Desired::rendered(Object::parse(value).unwrap(), "t", "shop");
        let skip = json!({meta::RECONCILE: "disabled"});
        let map = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", "annotations": skip}});
        let desired = rendered(map);
        assert_eq!(desired.id.to_string(), "ConfigMap/shop/a");
        assert_eq!(desired.how, How::default());
        assert_eq!(desired.value()["metadata"].get("labels"), None);

        let node = rendered(json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "a"}}));
        let bare = node.cluster_scoped();
        assert_eq!(
            (bare.id.to_string(), bare.manner),
            ("Node/a".to_owned(), Manner::Helm)
        );
    }

    #[test]
    fn stages_follow_kinds() {
        let stage = |kind: &str| {
            desired(json!({"apiVersion": "x/v1", "kind": kind, "metadata": {"name": "a"}}))
                .stage(&["Special".to_owned()])
        };
        assert_eq!(
            ["Namespace", "StorageClass", "Special", "Deployment"].map(stage),
            [0, 1, 2, 3]
        );
    }

    #[test]
    fn a_cluster_scoped_object_loses_its_namespace() {
        let desired = desired(
            json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "a", "namespace": "n"}}),
        );
        let bare = desired.cluster_scoped();
        assert_eq!(bare.id.to_string(), "Node/a");
        assert_ne!(bare.digest, desired.digest);
    }
}
