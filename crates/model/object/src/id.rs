//! [`Id`]: the identity of an object, in the three spellings that users meet.
//!
//! `Kind/namespace/name` in messages, `namespace_name_group_Kind` in inventories (spec A8), and
//! group, version and kind on the wire.

use std::fmt;

/// API group, version and kind. The core group is the empty text.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GroupVersionKind {
    /// API group, empty for core.
    pub group: Box<str>,
    /// API version within the group.
    pub version: Box<str>,
    /// Kind.
    pub kind: Box<str>,
}

/// API group and kind, for rules that apply to every version.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GroupKind {
    /// API group, empty for core.
    pub group: Box<str>,
    /// Kind.
    pub kind: Box<str>,
}

/// Identity of an object: group, kind, namespace and name. The version is not part of it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Id {
    /// Namespace, empty for cluster-scoped objects.
    pub namespace: Box<str>,
    /// Name.
    pub name: Box<str>,
    /// API group, empty for core.
    pub group: Box<str>,
    /// Kind.
    pub kind: Box<str>,
}

/// Namespace and name, if the kind is known from context.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NamespacedName {
    /// Namespace, empty for cluster-scoped objects.
    pub namespace: Box<str>,
    /// Name.
    pub name: Box<str>,
}

/// A malformed inventory entry.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("inventory id \"{0}\" is not of the form namespace_name_group_Kind")]
pub struct InventoryError(pub String);

impl GroupVersionKind {
    /// Splits `apiVersion` (`v1`, `apps/v1`).
    #[must_use]
    pub fn new(api_version: &str, kind: &str) -> Self {
        let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
        Self {
            group: group.into(),
            version: version.into(),
            kind: kind.into(),
        }
    }

    /// Returns `group/version`, or the bare version for core.
    #[must_use]
    pub fn api_version(&self) -> String {
        if self.group.is_empty() {
            self.version.to_string()
        } else {
            format!("{}/{}", self.group, self.version)
        }
    }

    /// Returns group and kind.
    #[must_use]
    pub fn group_kind(&self) -> GroupKind {
        GroupKind {
            group: self.group.clone(),
            kind: self.kind.clone(),
        }
    }
}

impl NamespacedName {
    /// Creates the pair.
    #[must_use]
    pub fn new(namespace: &str, name: &str) -> Self {
        Self {
            namespace: namespace.into(),
            name: name.into(),
        }
    }
}

impl fmt::Display for NamespacedName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

impl fmt::Display for GroupVersionKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, Kind={}", self.api_version(), self.kind)
    }
}

impl Id {
    /// Returns the kind of the object in a version of its group.
    #[must_use]
    pub fn gvk(&self, version: &str) -> GroupVersionKind {
        GroupVersionKind {
            group: self.group.clone(),
            version: version.into(),
            kind: self.kind.clone(),
        }
    }

    /// Returns the id as in inventories; a `:` in a name (RBAC allows it) becomes `__`.
    #[must_use]
    pub fn inventory(&self) -> String {
        format!(
            "{}_{}_{}_{}",
            self.namespace,
            self.name.replace(':', "__"),
            self.group,
            self.kind
        )
    }

    /// Parses an inventory id.
    ///
    /// # Errors
    /// It does not have four parts.
    pub fn parse_inventory(text: &str) -> Result<Self, InventoryError> {
        let bad = || InventoryError(text.to_owned());
        let (namespace, rest) = text.split_once('_').ok_or_else(bad)?;
        let (rest, kind) = rest.rsplit_once('_').ok_or_else(bad)?;
        let (name, group) = rest.rsplit_once('_').ok_or_else(bad)?;
        if name.is_empty() || kind.is_empty() {
            return Err(bad());
        }
        let name = name.replace("__", ":").into();
        Ok(Self {
            namespace: namespace.into(),
            name,
            group: group.into(),
            kind: kind.into(),
        })
    }

    /// Returns group and kind.
    #[must_use]
    pub fn group_kind(&self) -> GroupKind {
        GroupKind {
            group: self.group.clone(),
            kind: self.kind.clone(),
        }
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.namespace.is_empty() {
            write!(f, "{}/{}", self.kind, self.name)
        } else {
            write!(f, "{}/{}/{}", self.kind, self.namespace, self.name)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inventory_ids_read_back() {
        for (id, shown) in [
            ("shop_web_apps_Deployment", "Deployment/shop/web"),
            ("_shop__Namespace", "Namespace/shop"),
            (
                "_system__node_rbac.authorization.k8s.io_ClusterRole",
                "ClusterRole/system:node",
            ),
        ] {
            let read = Id::parse_inventory(id).unwrap();
            assert_eq!(read.to_string(), shown);
            assert_eq!(read.inventory(), id);
        }
        for bad in ["", "a_b", "a_b_c", "a__b_", "ns___Kind"] {
            assert!(Id::parse_inventory(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn api_versions_split() {
        assert_eq!(GroupVersionKind::new("v1", "Pod").api_version(), "v1");
        assert_eq!(
            GroupVersionKind::new("apps/v1", "Deployment").to_string(),
            "apps/v1, Kind=Deployment"
        );
    }
}
