//! [`Strategy`]: one row, and what it answers.

use serde_json::Value;

use super::path::{at, equal, text};

/// The treatment of one kind of objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a fact of its own about a registry"
)]
pub struct Strategy {
    /// What increments `metadata.generation`.
    pub generation: Generation,
    /// Whether an update of a missing object creates it.
    pub create_on_update: bool,
    /// Whether a write without a `resourceVersion` applies to whatever is stored.
    pub unconditional_update: bool,
    /// Whether an object is first asked to end and deleted later.
    pub graceful_deletion: bool,
    /// Whether a deletion returns the object rather than a status.
    pub returns_deleted: bool,
    /// The rule for names.
    pub name: NameRule,
    /// Selectable fields besides name and namespace.
    pub selectable: &'static [Selectable],
    /// What each endpoint resets, by subresource; the empty one is the whole object's.
    pub resets: &'static [(&'static str, &'static [&'static str])],
    /// What a client cannot set when it creates an object.
    pub cleared: &'static [&'static str],
    /// Where the number of replicas is, if the kind can be scaled.
    pub scale: Option<Scale>,
}

/// What increments `metadata.generation`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Generation {
    /// Nothing; there is no generation.
    None,
    /// Nothing; it is always 1.
    Fixed,
    /// It starts with 1; a change at one of these paths increments it.
    Of(&'static [&'static str]),
    /// It is absent until one of these paths changes.
    Late(&'static [&'static str]),
    /// It starts with 1; a change of anything except metadata increments it, and of metadata only
    /// these paths.
    Content(&'static [&'static str]),
    /// It starts with 1; a change of anything except metadata and status increments it.
    Desired,
}

/// The rule for names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NameRule {
    /// A DNS subdomain: `a.b` (RFC 1123).
    Subdomain,
    /// A DNS label (RFC 1123).
    Label,
    /// A path segment.
    PathSegment,
    /// A canonical address.
    Address,
}

/// A selectable field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Selectable {
    /// Its name in selectors.
    pub name: &'static str,
    /// Paths of its value; the first that exists counts.
    pub(super) paths: &'static [&'static str],
    /// Its value if none exists.
    pub(super) otherwise: &'static str,
}

/// Where the number of replicas is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scale {
    /// The desired number.
    pub spec_replicas: &'static str,
    /// The current number.
    pub status_replicas: &'static str,
    /// The selector of the pods.
    pub selector: &'static str,
}

impl Strategy {
    /// Returns the paths that an endpoint resets, each as a list of names. Nobody owns them through
    /// it.
    pub fn resets(
        &self,
        subresource: &str,
    ) -> impl Iterator<Item = std::str::Split<'static, char>> {
        self.reset_paths(subresource)
            .iter()
            .map(|path| path.split('.'))
    }

    /// Endpoints without a row (`scale`) write whole objects.
    pub(crate) fn reset_paths(&self, subresource: &str) -> &'static [&'static str] {
        let of = |name: &str| {
            self.resets
                .iter()
                .find(|(subresource, _)| *subresource == name)
                .map(|(_, paths)| *paths)
        };
        of(subresource).or_else(|| of("")).unwrap_or_default()
    }

    /// Returns the value of a selectable field; `None` if it is not selectable.
    #[must_use]
    pub fn select(&self, object: &Value, field: &str) -> Option<String> {
        match field {
            "metadata.name" | "metadata.namespace" => Some(text(object, field).to_owned()),
            _ => Some(
                self.selectable
                    .iter()
                    .find(|selectable| selectable.name == field)?
                    .value(object),
            ),
        }
    }
}

impl Selectable {
    /// Returns the value of the field in an object.
    #[must_use]
    pub fn value(&self, object: &Value) -> String {
        let shown = |value: &Value| match value {
            Value::Null => None,
            Value::String(text) => Some(text.clone()).filter(|text| !text.is_empty()),
            other => Some(other.to_string()),
        };
        self.paths
            .iter()
            .find_map(|path| at(object, path).and_then(shown))
            .unwrap_or_else(|| self.otherwise.to_owned())
    }
}

impl Generation {
    /// Returns the generation of a new object.
    pub(crate) fn first(self) -> Option<u64> {
        (!matches!(self, Self::None | Self::Late(_))).then_some(1)
    }

    /// Returns whether a write increments the generation.
    pub(crate) fn counts(self, live: &Value, new: &Value) -> bool {
        let any = |paths: &[&str]| {
            paths
                .iter()
                .any(|path| !equal(at(live, path), at(new, path)))
        };
        match self {
            Self::None | Self::Fixed => false,
            Self::Of(paths) | Self::Late(paths) => any(paths),
            Self::Content(paths) => any(paths) || !same_but(&["metadata"], live, new),
            Self::Desired => !same_but(&["metadata", "status"], live, new),
        }
    }
}

/// Returns whether two objects are equal except for some fields.
pub(super) fn same_but(fields: &[&str], live: &Value, new: &Value) -> bool {
    let keys = |object: &Value| {
        object
            .as_object()
            .map(|map| map.keys().cloned().collect::<Vec<_>>())
            .unwrap_or_default()
    };
    let mut others = keys(live)
        .into_iter()
        .chain(keys(new))
        .filter(|key| !fields.contains(&key.as_str()));
    others.all(|key| equal(live.get(&key), new.get(&key)))
}
