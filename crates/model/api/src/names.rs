//! [`Names`]: what a kind is called, where it lives, and what `kubectl get` shows of it.
//!
//! Left out: the kinds themselves ([`crate::kinds`]) and their definitions ([`crate::definition`]).

/// The names of a kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Names {
    /// API group.
    pub group: &'static str,
    /// API version within the group.
    pub version: &'static str,
    /// Kind.
    pub kind: &'static str,
    /// The kind in lower case, for people: `gitrepository/fleet`.
    pub singular: &'static str,
    /// Name in URLs.
    pub plural: &'static str,
    /// Short names for `kubectl`.
    pub short: &'static [&'static str],
    /// Groups of kinds that `kubectl get` lists together.
    pub categories: &'static [&'static str],
    /// The controller of Flux that this kind belongs to.
    pub component: &'static str,
    /// Whether objects live in namespaces.
    pub scope: Scope,
}

/// Where the objects of a kind live.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Each in a namespace.
    Namespaced,
    /// In no namespace.
    Cluster,
}

/// A column of `kubectl get`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Column {
    /// Head of the column.
    pub name: &'static str,
    /// Type of the values: `string` or `date`.
    pub kind: &'static str,
    /// Path of the value in the object.
    pub path: &'static str,
}

/// The age of the object.
pub(crate) const AGE: Column = Column {
    name: "Age",
    kind: "date",
    path: ".metadata.creationTimestamp",
};
/// Whether the object is ready.
pub(crate) const READY: Column = Column {
    name: "Ready",
    kind: "string",
    path: ".status.conditions[?(@.type==\"Ready\")].status",
};
/// Why it is or is not.
pub(crate) const STATUS: Column = Column {
    name: "Status",
    kind: "string",
    path: ".status.conditions[?(@.type==\"Ready\")].message",
};

impl Names {
    /// Returns `group/version`.
    #[must_use]
    pub fn api_version(&self) -> String {
        format!("{}/{}", self.group, self.version)
    }

    /// Returns `plural.group`, the name of the kind's definition.
    #[must_use]
    pub fn definition_name(&self) -> String {
        format!("{}.{}", self.plural, self.group)
    }

    /// Returns whether objects live in namespaces.
    #[must_use]
    pub fn is_namespaced(&self) -> bool {
        self.scope == Scope::Namespaced
    }
}

impl Scope {
    /// Returns the word in a definition.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Namespaced => "Namespaced",
            Self::Cluster => "Cluster",
        }
    }
}
