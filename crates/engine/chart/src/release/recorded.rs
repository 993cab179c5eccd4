//! [`RecordedChart`]: a chart in the form that records contain.
//!
//! The chart is most of a record and the same in all revisions that use it, so its JSON and the
//! compressed form of that JSON are computed once and shared.

use std::fmt;
use std::sync::OnceLock;

use flate2::CompressError;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::deflate::{Deflated, deflate};
use crate::metadata::{Metadata, nullable};

/// A chart as records contain it: metadata, lock, templates, values, schema and files, without
/// subcharts.
pub struct RecordedChart {
    json: String,
    metadata: Metadata,
    deflated: OnceLock<Deflated>,
}

/// What records say about a chart that does not need all of it.
#[derive(Deserialize)]
struct RecordedHead {
    #[serde(default, deserialize_with = "nullable")]
    metadata: Metadata,
}

#[derive(Deserialize)]
struct Values {
    #[serde(default, deserialize_with = "nullable")]
    values: Map<String, Value>,
}

impl RecordedChart {
    /// Wraps the JSON of a chart whose metadata is known.
    pub(crate) fn new(json: String, metadata: Metadata) -> Self {
        Self {
            json,
            metadata,
            deflated: OnceLock::new(),
        }
    }

    /// Wraps the JSON of a chart.
    ///
    /// # Errors
    /// It is not the JSON of a chart.
    pub fn from_json(json: String) -> Result<Self, serde_json::Error> {
        let head: RecordedHead = serde_json::from_str(&json)?;
        Ok(Self::new(json, head.metadata))
    }

    /// Returns the chart's metadata, after dependencies were processed.
    #[must_use]
    pub fn metadata(&self) -> &Metadata {
        &self.metadata
    }

    /// Returns the chart's own values, with those that it imports from subcharts.
    ///
    /// # Errors
    /// The record has values that are not a table.
    pub fn values(&self) -> Result<Map<String, Value>, serde_json::Error> {
        serde_json::from_str::<Values>(&self.json).map(|chart| chart.values)
    }

    /// Returns the JSON.
    #[must_use]
    pub fn json(&self) -> &str {
        &self.json
    }

    /// Returns the compressed JSON, which is computed at the first call.
    pub(super) fn deflated(&self) -> Result<&Deflated, CompressError> {
        if let Some(deflated) = self.deflated.get() {
            return Ok(deflated);
        }
        let deflated = deflate(self.json.as_bytes())?;
        Ok(self.deflated.get_or_init(|| deflated))
    }
}

/// A record without a chart.
impl Default for RecordedChart {
    fn default() -> Self {
        Self {
            json: "null".to_owned(),
            metadata: Metadata::default(),
            deflated: OnceLock::new(),
        }
    }
}

impl PartialEq for RecordedChart {
    fn eq(&self, other: &Self) -> bool {
        self.json == other.json
    }
}

/// Without values, which may contain secrets.
impl fmt::Debug for RecordedChart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RecordedChart")
            .field("name", &self.metadata.name)
            .field("version", &self.metadata.version)
            .finish_non_exhaustive()
    }
}
