//! [`Type`]: what objects of one version of a custom resource are.

use lode_schema::{Schema, TypeRef};
use serde_json::Value;

use super::{field::text, node::SchemaNode};

/// The type of the objects of one version of a custom resource.
#[derive(Debug)]
pub struct Type {
    /// The types of its fields, for merging.
    pub schema: Schema,
    /// The type of the object within.
    pub ty: TypeRef,
    /// Whether the status has its own endpoint.
    pub status: bool,
    /// Where the replicas are, if there is a scale endpoint.
    pub scale: Option<Scale>,
    /// The columns of its table, besides the name.
    pub columns: Box<[Column]>,
    /// Selectable fields, as paths: `.spec.color`.
    pub selectable: Box<[Box<str>]>,
    /// The deprecation warning, if this version is deprecated.
    pub deprecation: Option<Box<str>>,
    pub(crate) root: SchemaNode,
}

/// Where the replicas of an object are, as paths: `.spec.replicas`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scale {
    /// The desired number.
    pub spec_replicas: Box<str>,
    /// The current number.
    pub status_replicas: Box<str>,
    /// The selector as a text, if there is one.
    pub label_selector: Option<Box<str>>,
}

/// A column of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// Its heading.
    pub name: Box<str>,
    /// The type of its values: `string`, `date`, …
    pub ty: Box<str>,
    /// Their format, or empty.
    pub format: Box<str>,
    /// Its description, or empty.
    pub description: Box<str>,
    /// Columns above 0 are only in wide tables.
    pub priority: i32,
    /// Where the value is: `.spec.color`.
    pub json_path: Box<str>,
}

impl Scale {
    pub(super) fn read(scale: &Value) -> Option<Self> {
        Some(Self {
            spec_replicas: text(scale, "specReplicasPath")?.into(),
            status_replicas: text(scale, "statusReplicasPath")?.into(),
            label_selector: text(scale, "labelSelectorPath")
                .filter(|path| !path.is_empty())
                .map(Into::into),
        })
    }
}
