//! Objects as `kubectl get` shows them: tables (`meta.k8s.io`), and objects of which only the metadata is told.
//!
//! [`Columns`] say what is shown of a kind: the built-in ones come from a table of facts, those of a custom resource
//! from its definition. [`of`] makes the table.
//!
//! Descriptions of columns are what they are read from; clients do not show them.

mod cell;
mod columns;
mod events;
mod network;
mod node;
mod others;
mod pod;
mod scaling;
mod special;
mod storage;
mod workload;

use jiff::Timestamp;
use serde_json::{Value, json};

pub use columns::Columns;

/// How a table is made.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// What ages are reckoned to.
    pub now: Timestamp,
    /// What of the object goes with its row.
    pub include: IncludeObject,
    /// The columns are described; in a watch only the first time.
    pub definitions: bool,
    /// The version of the form that is asked for.
    pub version: Version,
}

/// What of an object goes with its row.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum IncludeObject {
    /// Nothing.
    None,
    /// Its metadata.
    #[default]
    Metadata,
    /// All of it.
    Object,
}

/// A version of `meta.k8s.io`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Version {
    /// `v1`
    #[default]
    V1,
    /// `v1beta1`
    V1Beta1,
}

/// Returns the table of some objects. The metadata is that of their list, or of the one object.
#[must_use]
pub fn of<'v>(
    columns: &Columns,
    metadata: &Value,
    objects: impl IntoIterator<Item = &'v Value>,
    options: &Options,
) -> Value {
    let rows: Vec<Value> = objects
        .into_iter()
        .map(|object| row(columns, object, options))
        .collect();
    // A list in Go that nothing was put into; kinds with columns of their own have an empty one.
    let rows = if rows.is_empty() && columns.is_default() {
        Value::Null
    } else {
        rows.into()
    };
    json!({
        "kind": "Table",
        "apiVersion": options.version.api_version(),
        "metadata": list_metadata(metadata),
        "columnDefinitions": if options.definitions { columns.definitions() } else { Value::Null },
        "rows": rows,
    })
}

/// Returns an object of which only the metadata is told.
#[must_use]
pub fn partial(object: &Value, version: Version) -> Value {
    json!({
        "kind": "PartialObjectMetadata",
        "apiVersion": version.api_version(),
        "metadata": object["metadata"],
    })
}

/// Returns a list of objects of which only the metadata is told.
#[must_use]
pub fn partial_list<'v>(
    metadata: &Value,
    objects: impl IntoIterator<Item = &'v Value>,
    version: Version,
) -> Value {
    let objects: Vec<Value> = objects
        .into_iter()
        .map(|object| partial(object, version))
        .collect();
    json!({
        "kind": "PartialObjectMetadataList",
        "apiVersion": version.api_version(),
        "metadata": list_metadata(metadata),
        // A list in Go that nothing was put into.
        "items": if objects.is_empty() { Value::Null } else { objects.into() },
    })
}

impl IncludeObject {
    /// Returns what the parameter of a query means; nothing where it means nothing.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "" | "Metadata" => Some(Self::Metadata),
            "Object" => Some(Self::Object),
            "None" => Some(Self::None),
            _ => None,
        }
    }
}

impl Version {
    fn api_version(self) -> &'static str {
        match self {
            Self::V1 => "meta.k8s.io/v1",
            Self::V1Beta1 => "meta.k8s.io/v1beta1",
        }
    }
}

fn row(columns: &Columns, object: &Value, options: &Options) -> Value {
    let shown = match options.include {
        IncludeObject::None => Value::Null,
        IncludeObject::Metadata => partial(object, options.version),
        IncludeObject::Object => object.clone(),
    };
    let mut row = json!({"cells": columns.cells(object, options.now), "object": shown});
    let conditions = pod::conditions(object);
    if !conditions.is_null() {
        row["conditions"] = conditions;
    }
    row
}

/// Of a list's metadata, or an object's, what a list has.
fn list_metadata(metadata: &Value) -> Value {
    let keys = ["resourceVersion", "continue", "remainingItemCount"].into_iter();
    let kept = keys.filter_map(|key| {
        Some((
            key.to_owned(),
            metadata.get(key).filter(|value| **value != "")?.clone(),
        ))
    });
    Value::Object(kept.collect())
}
