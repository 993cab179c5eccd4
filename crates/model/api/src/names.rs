//! [`Names`]: the names of a kind, its scope, and the columns that `kubectl get` shows.
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
    /// The kind in lower case, for messages: `gitrepository/fleet`.
    pub singular: &'static str,
    /// Name in URLs.
    pub plural: &'static str,
    /// Short names for `kubectl`.
    pub short: &'static [&'static str],
    /// Groups of kinds that `kubectl get` lists together.
    pub categories: &'static [&'static str],
    /// The controller of Flux that this kind belongs to.
    pub component: &'static str,
    /// Whether objects are namespaced.
    pub scope: Scope,
}

/// Scope of a kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Objects are in a namespace.
    Namespaced,
    /// Objects are in no namespace.
    Cluster,
}

/// A column of `kubectl get`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Column {
    /// Column header.
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
/// Why it is ready or not.
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

    /// Returns whether objects are namespaced.
    #[must_use]
    pub fn is_namespaced(&self) -> bool {
        self.scope == Scope::Namespaced
    }
}

impl Scope {
    /// Returns the word that a definition uses.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Namespaced => "Namespaced",
            Self::Cluster => "Cluster",
        }
    }
}
