//! Objects as `kubectl get` shows them: tables (`meta.k8s.io`), and metadata only.
//!
//! [`Columns`] are the columns of a kind: built-in ones come from a data file, those of a custom
//! resource from its definition. [`of`] builds the table.
//!
//! The description of a column is its source; clients do not show it.

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

/// Options of a table.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// The time that ages refer to.
    pub now: Timestamp,
    /// What of the object is included in its row.
    pub include: IncludeObject,
    /// Whether the columns are described; in a watch only the first time.
    pub definitions: bool,
    /// The requested version of the format.
    pub version: Version,
}

/// What of an object is included in its row.
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

/// Returns the table of some objects. The metadata is that of their list, or of the single object.
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
    // A nil list in Go; kinds with columns of their own have an empty one.
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

/// Returns the metadata of an object.
#[must_use]
pub fn partial(object: &Value, version: Version) -> Value {
    json!({
        "kind": "PartialObjectMetadata",
        "apiVersion": version.api_version(),
        "metadata": object["metadata"],
    })
}

/// Returns a list of objects with their metadata only.
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
        // A nil list in Go.
        "items": if objects.is_empty() { Value::Null } else { objects.into() },
    })
}

impl IncludeObject {
    /// Parses the query parameter; nothing if it is invalid.
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

/// Returns the part of metadata that a list has.
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
