//! [`OwnerLabels`]: the two labels by which an applied object names its owner.

use crate::{NamespacedName, Object, Value, meta};

/// The labels by which an object names its owner, which differ by the owner's kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OwnerLabels {
    /// Label with the owner's name.
    pub name: &'static str,
    /// Label with the owner's namespace.
    pub namespace: &'static str,
}

impl OwnerLabels {
    /// The labels of a Kustomization's objects.
    pub const KUSTOMIZATION: Self = Self {
        name: meta::OWNER_NAME,
        namespace: meta::OWNER_NAMESPACE,
    };

    /// The labels of the objects of a release.
    pub const RELEASE: Self = Self {
        name: meta::RELEASE_OWNER_NAME,
        namespace: meta::RELEASE_OWNER_NAMESPACE,
    };

    /// Returns the owner that a live object names.
    #[must_use]
    pub fn owner_of(self, live: &Value) -> Option<NamespacedName> {
        let labels = live.get("metadata")?.get("labels")?;
        let label = |key: &str| labels.get(key)?.as_str();
        let (name, namespace) = label(self.name).zip(label(self.namespace))?;
        Some(NamespacedName::new(namespace, name))
    }

    /// Names an object's owner.
    pub fn stamp(self, object: &mut Object, owner: &NamespacedName) {
        object.set_label(self.name, &owner.name);
        object.set_label(self.namespace, &owner.namespace);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_owner_is_named_by_both_labels_of_its_kind() {
        let labels = OwnerLabels::KUSTOMIZATION;
        let object = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}});
        let mut object = Object::parse(object).unwrap();
        assert_eq!(labels.owner_of(object.value()), None);

        let owner = NamespacedName::new("ns", "app");
        labels.stamp(&mut object, &owner);
        assert_eq!(labels.owner_of(object.value()), Some(owner));

        let other = OwnerLabels {
            name: "example.com/name",
            namespace: meta::OWNER_NAMESPACE,
        };
        assert_eq!(
            other.owner_of(object.value()),
            None,
            "one label names nobody"
        );
    }
}
