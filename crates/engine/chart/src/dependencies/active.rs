//! [`Active`]: a chart as one release uses it.

use std::borrow::Cow;
use std::sync::{Arc, LazyLock};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use lode_stdx::budget::{Exceeded, Meter};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::chart::Chart;
use crate::file::ChartFile;
use crate::metadata::{Dependency, Lock, Metadata};
use crate::release::RecordedChart;
use crate::{json, moment};

/// A chart as one release uses it: under the name it has there, with the subcharts that are enabled.
#[derive(Clone)]
pub(crate) struct Active<'c> {
    pub(crate) chart: &'c Chart,
    /// The way to the chart from the outermost one, by the number of each subchart.
    pub(super) place: Vec<usize>,
    /// The chart's name, or its alias.
    pub(crate) name: Cow<'c, str>,
    /// The declared dependencies that are enabled; nothing if none were declared or are left.
    pub(crate) declared: Option<Vec<Dependency>>,
    /// The chart's values, with those it imports.
    pub(crate) values: Option<OwnValues<'c>>,
    pub(crate) children: Vec<Active<'c>>,
}

/// The values of a chart itself.
#[derive(Clone)]
pub(crate) enum OwnValues<'c> {
    /// As in values.yaml.
    Own(&'c Map<String, Value>),
    /// With those that it imports.
    Imported(Arc<Map<String, Value>>),
}

impl OwnValues<'_> {
    fn get(&self) -> &Map<String, Value> {
        match self {
            Self::Own(values) => values,
            Self::Imported(values) => values,
        }
    }
}

impl<'c> Active<'c> {
    /// Returns a chart with all its subcharts.
    pub(super) fn all(
        chart: &'c Chart,
        place: &[usize],
        meter: &Meter<'_>,
    ) -> Result<Self, Exceeded> {
        charge(chart.metadata(), meter)?;
        let inner = |(number, child)| Self::all(child, &[place, &[number]].concat(), meter);
        let children = chart.dependencies().iter().enumerate().map(inner);
        Ok(Self {
            chart,
            place: place.to_vec(),
            name: Cow::Borrowed(chart.name()),
            declared: chart.metadata().dependencies.clone(),
            values: chart.values().map(OwnValues::Own),
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
        self.values.as_ref().map_or(&NONE, OwnValues::get)
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
        let form = RecordedForm {
            metadata: &metadata,
            lock: lock.as_ref(),
            templates: Some(templates).filter(|files| !files.is_empty()),
            values: self.values.as_ref().map(OwnValues::get),
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
struct RecordedForm<'a> {
    metadata: &'a Metadata,
    lock: Option<&'a Lock>,
    templates: Option<&'a Vec<ChartFile>>,
    values: Option<&'a Map<String, Value>>,
    schema: Option<String>,
    #[serde(rename = "schemamodtime", with = "moment")]
    schema_modified: Option<Timestamp>,
    files: Option<&'a Vec<ChartFile>>,
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
