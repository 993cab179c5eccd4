//! [`Active`]: a chart as one release uses it.

use std::borrow::Cow;
use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use lode_stdx::budget::{Exceeded, Meter};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::chart::Chart;
use crate::file::File;
use crate::metadata::{Dependency, Lock, Metadata};
use crate::release::RecordedChart;
use crate::{json, moment};

/// A chart as one release uses it: under the name it has there, with the subcharts that are enabled.
#[derive(Clone)]
pub(crate) struct Active<'c> {
    pub(crate) chart: &'c Chart,
    /// The chart's name, or its alias.
    pub(crate) name: Cow<'c, str>,
    /// The declared dependencies that are enabled; nothing if none were declared or are left.
    pub(crate) declared: Option<Vec<Dependency>>,
    /// The chart's values, with those it imports.
    pub(crate) values: Option<Cow<'c, Map<String, Value>>>,
    pub(crate) children: Vec<Active<'c>>,
}

impl<'c> Active<'c> {
    /// Returns a chart with all its subcharts.
    pub(super) fn all(chart: &'c Chart, meter: &Meter<'_>) -> Result<Self, Exceeded> {
        charge(chart.metadata(), meter)?;
        let children = chart
            .dependencies()
            .iter()
            .map(|child| Self::all(child, meter));
        Ok(Self {
            chart,
            name: Cow::Borrowed(chart.name()),
            declared: chart.metadata().dependencies.clone(),
            values: chart.values().map(Cow::Borrowed),
            children: children.collect::<Result<_, _>>()?,
        })
    }

    /// Returns a copy; a chart may be there under several names.
    pub(super) fn copy(&self, meter: &Meter<'_>) -> Result<Self, Exceeded> {
        self.charge_all(meter)?;
        Ok(self.clone())
    }

    fn charge_all(&self, meter: &Meter<'_>) -> Result<(), Exceeded> {
        charge(self.chart.metadata(), meter)?;
        self.children
            .iter()
            .try_for_each(|child| child.charge_all(meter))
    }

    /// Returns the chart's own values, with those it imports.
    pub(crate) fn values(&self) -> &Map<String, Value> {
        static NONE: LazyLock<Map<String, Value>> = LazyLock::new(Map::new);
        self.values.as_deref().unwrap_or(&NONE)
    }

    /// Returns the form that release records have.
    pub(crate) fn recorded(&self) -> Result<RecordedChart, serde_json::Error> {
        let Chart {
            lock,
            templates,
            schema,
            files,
            ..
        } = self.chart;
        let metadata = self.metadata();
        let form = Form {
            metadata: &metadata,
            lock: lock.as_ref(),
            templates: Some(templates).filter(|files| !files.is_empty()),
            values: self.values.as_deref(),
            schema: schema.as_ref().map(|schema| STANDARD.encode(schema)),
            schema_modified: self.chart.schema_modified,
            files: Some(files).filter(|files| !files.is_empty()),
            modified: self.chart.modified,
        };
        Ok(RecordedChart::new(json::text(&form)?, metadata.clone()))
    }

    /// Returns the metadata with the name and the dependencies that are in force.
    pub(crate) fn metadata(&self) -> Metadata {
        Metadata {
            name: self.name.to_string(),
            dependencies: self.declared.clone(),
            ..self.chart.metadata().clone()
        }
    }
}

/// A chart in the order and with the omissions of release records.
#[derive(Serialize)]
struct Form<'a> {
    metadata: &'a Metadata,
    lock: Option<&'a Lock>,
    templates: Option<&'a Vec<File>>,
    values: Option<&'a Map<String, Value>>,
    schema: Option<String>,
    #[serde(rename = "schemamodtime", with = "moment")]
    schema_modified: Option<Timestamp>,
    files: Option<&'a Vec<File>>,
    #[serde(
        rename = "modtime",
        with = "moment",
        skip_serializing_if = "Option::is_none"
    )]
    modified: Option<Timestamp>,
}

/// Charges a chart and its declared dependencies.
fn charge(metadata: &Metadata, meter: &Meter<'_>) -> Result<(), Exceeded> {
    let declared = metadata.declared().len() as u64;
    meter.nodes(1 + declared)?;
    meter.bytes(ACTIVE_BYTES + declared * DEPENDENCY_BYTES)
}

/// Memory of a chart in use, besides what it shares.
const ACTIVE_BYTES: u64 = 256;
/// Memory of a declared dependency, about.
const DEPENDENCY_BYTES: u64 = 512;
