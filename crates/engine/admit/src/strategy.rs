//! [`Strategy`]: how objects of one kind are treated, as a row of data (`rest.RESTCreateStrategy` and its sisters).
//!
//! In: a [`Kind`]. Out: the row that says which writes are allowed, what counts as a change, what each endpoint leaves as
//! it was, how objects may be named and selected. Left out: what a row cannot say; that is in `create`, `update` and
//! `validate`.

mod path;
mod rows;

use serde_json::Value;

pub(crate) use path::{at, equal, items_at, object, object_at, put, remove, text};

use crate::kind::{Kind, Types};

/// How objects of one kind are treated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a fact of its own about a registry"
)]
pub struct Strategy {
    /// What counts up `metadata.generation`.
    pub generation: Generation,
    /// A write to an object that is not there creates it.
    pub create_on_update: bool,
    /// A write that names no `resourceVersion` is for whatever is stored.
    pub unconditional_update: bool,
    /// An object is told to end and goes later.
    pub graceful_deletion: bool,
    /// A deletion answers with the object, not with a status.
    pub returns_deleted: bool,
    /// How objects may be named.
    pub name: NameRule,
    /// What objects can be selected by besides name and namespace.
    pub selectable: &'static [Selectable],
    /// What each endpoint leaves as it was, by subresource; the empty one is the whole object's.
    pub resets: &'static [(&'static str, &'static [&'static str])],
    /// What a client cannot say when it creates an object.
    pub cleared: &'static [&'static str],
    /// Where the number of replicas is, if the kind can be scaled.
    pub scale: Option<Scale>,
}

/// What counts up `metadata.generation`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Generation {
    /// There is none.
    None,
    /// It begins with 1 and stays.
    Fixed,
    /// It begins with 1; a change at one of these paths counts.
    Of(&'static [&'static str]),
    /// There is none until one of these paths changes.
    Late(&'static [&'static str]),
    /// It begins with 1; a change of anything but metadata counts, and one of these paths within.
    Content(&'static [&'static str]),
    /// It begins with 1; a change of anything but metadata and status counts.
    Desired,
}

/// How objects may be named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NameRule {
    /// As hosts are: `a.b` (RFC 1123).
    Subdomain,
    /// As a part of a host name is (RFC 1123).
    Label,
    /// As anything that can be part of a path.
    PathSegment,
    /// As an address is written canonically.
    Address,
}

/// A field by which objects can be selected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Selectable {
    /// Its name in selectors.
    pub name: &'static str,
    /// Where its value is: the first of these that is there.
    paths: &'static [&'static str],
    /// What it is where nothing is there.
    otherwise: &'static str,
}

/// Where the number of replicas is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scale {
    /// How many are wanted.
    pub spec_replicas: &'static str,
    /// How many there are.
    pub status_replicas: &'static str,
    /// Which pods they are.
    pub selector: &'static str,
}

/// Returns how objects of a kind are treated.
#[must_use]
pub fn of(kind: &Kind) -> &'static Strategy {
    match &kind.types {
        Types::Builtin => rows::of(&kind.gvk.group, &kind.gvk.kind),
        Types::Custom(_) if kind.status => &rows::CUSTOM_WITH_STATUS,
        Types::Custom(_) => &rows::CUSTOM,
    }
}

impl Strategy {
    /// Returns the paths that an endpoint leaves as they were, each as the names on its way. Nobody owns them through it.
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

    /// Returns the value of a field that objects can be selected by; `None` if they cannot.
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
    /// Returns what an object begins with.
    pub(crate) fn first(self) -> Option<u64> {
        (!matches!(self, Self::None | Self::Late(_))).then_some(1)
    }

    /// Tells whether a write counts.
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

/// Tells whether two objects are the same but for some fields.
fn same_but(fields: &[&str], live: &Value, new: &Value) -> bool {
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
