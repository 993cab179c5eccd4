//! [`Prepared`]: a chart and the values of one release, checked and ready to be rendered.

use std::sync::LazyLock;

use lode_stdx::budget::{Budget, Meter};
use serde_json::{Map, Value};

use crate::chart::Chart;
use crate::dependencies::{self, Active};
use crate::file::ChartFile;
use crate::release::RecordedChart;
use crate::schema::{self, SchemaDocuments};
use crate::values::coalesce::{self, Mode, Work, coalesce, copy_map};
use crate::warning::Warnings;

/// A chart with the subcharts that the values enable, and the values that its templates see.
pub struct Prepared<'c> {
    pub(crate) chart: Active<'c>,
    /// Always a table.
    pub(crate) values: Value,
    pub(crate) warnings: Warnings,
}

/// Why a chart cannot be used with the values or the cluster.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PrepareError {
    /// Values do not fit the chart.
    #[error("{0}")]
    Values(#[from] coalesce::CoalesceError),
    /// Values do not meet a schema.
    #[error("{0}")]
    Schema(#[from] schema::SchemaError),
}

impl Chart {
    /// Applies conditions, tags, aliases and imports, and puts the charts' values under those that
    /// were supplied.
    ///
    /// # Errors
    /// Values do not fit the chart, or the budget is exceeded.
    pub fn prepare(
        &self,
        supplied: &Map<String, Value>,
        budget: &Budget,
    ) -> Result<Prepared<'_>, PrepareError> {
        let mut warnings = self.warnings.clone();
        let chart = dependencies::process(self, supplied, &mut warnings, budget)?;

        let mut work = Work {
            meter: Meter::new(budget),
            warnings: &mut warnings,
        };
        let mut values =
            copy_map(supplied, Mode::Merge, &work.meter).map_err(coalesce::CoalesceError::from)?;
        coalesce(&chart, &mut values, Mode::Coalesce, &mut work)?;
        drop(work);

        Ok(Prepared {
            chart,
            values: Value::Object(values),
            warnings,
        })
    }
}

impl Prepared<'_> {
    /// Checks the values with the schemas of all charts in use.
    ///
    /// # Errors
    /// Values do not meet a schema, a schema cannot be used, or the budget is exceeded.
    pub fn check_schemas(
        &self,
        documents: &SchemaDocuments,
        budget: &Budget,
    ) -> Result<(), PrepareError> {
        Ok(schema::check(&self.chart, &self.values, documents, budget)?)
    }

    /// Returns the values that templates see.
    #[must_use]
    pub fn values(&self) -> &Map<String, Value> {
        static NONE: LazyLock<Map<String, Value>> = LazyLock::new(Map::new);
        self.values.as_object().unwrap_or(&NONE)
    }

    /// Returns what Helm would print.
    #[must_use]
    pub fn warnings(&self) -> &Warnings {
        &self.warnings
    }

    /// Returns the chart as release records contain it: with the dependencies that are enabled and
    /// the values that it imports.
    ///
    /// # Errors
    /// A value has no JSON form.
    pub fn recorded(&self) -> Result<RecordedChart, serde_json::Error> {
        self.chart.recorded()
    }

    /// Returns the custom resource definitions of the charts in use, in the order in which Helm
    /// installs them. They are not rendered.
    #[must_use]
    pub fn crds(&self) -> Vec<Crd> {
        let mut crds = Vec::new();
        add_crds(&self.chart, "", &mut crds);
        crds
    }

    /// Returns the names of the charts in use, in the order in which Helm visits them, each after
    /// its parent: `web`, `web.redis`.
    #[must_use]
    pub fn chart_paths(&self) -> Vec<String> {
        let mut paths = Vec::new();
        add_paths(&self.chart, "", &mut paths);
        paths
    }
}

/// A file with custom resource definitions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Crd {
    /// Path of the file, which begins with the chart's name.
    pub path: String,
    /// The file.
    pub file: ChartFile,
}

fn add_crds(chart: &Active<'_>, prefix: &str, into: &mut Vec<Crd>) {
    let folder = format!("{prefix}{}", chart.name);
    into.extend(chart.chart.own_crds().map(|file| Crd {
        path: format!("{folder}/{}", file.name),
        file: file.clone(),
    }));
    let prefix = format!("{folder}/charts/");
    for child in &chart.children {
        add_crds(child, &prefix, into);
    }
}

fn add_paths(chart: &Active<'_>, prefix: &str, into: &mut Vec<String>) {
    let path = format!("{prefix}{}", chart.name);
    let prefix = format!("{path}.");
    into.push(path);
    for child in &chart.children {
        add_paths(child, &prefix, into);
    }
}

#[cfg(test)]
mod tests;
