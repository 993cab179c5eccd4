//! Makes the package of a chart from a repository: as it is, or packed again with other values.

use std::sync::Arc;

use lode_api::reasons;
use lode_chart::{ArchiveError, Chart, LoadError, Metadata};
use lode_fetch::{ChartShelf, ShelfChart, ShelfError};
use lode_runtime::{Failure, Memory};
use lode_stdx::budget::Budget;

use super::failure::{BuildStep, of_repository};
use super::validate::HelmChartPlan;
use super::values;
use crate::step::{self, broken};

/// Bytes of memory that loading and packing a chart may need.
pub(crate) const BUILD_BYTES: u64 = 96 << 20;

/// A packed chart, ready to be stored.
pub(crate) struct PackedChart {
    pub(crate) bytes: Vec<u8>,
    /// Whether we have packed it.
    pub(crate) is_packaged: bool,
    /// Values files that were merged, if that changed its values.
    pub(crate) values_files: Vec<String>,
    /// Subcharts that were added.
    pub(crate) resolved: usize,
}

/// What packing needs.
pub(crate) struct PackMeans<'a> {
    pub(crate) plan: Arc<HelmChartPlan>,
    pub(crate) namespace: &'a str,
    pub(crate) memory: &'a Memory,
    pub(crate) budget: &'a Arc<Budget>,
    /// Most bytes of a packed chart that is brought.
    pub(crate) chart_max: u64,
}

impl PackMeans<'_> {
    /// Computes once there is memory for it.
    pub(crate) async fn compute<T: Send + 'static>(
        &self,
        work: impl FnOnce(&HelmChartPlan, &Budget) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, Failure> {
        let bytes = BUILD_BYTES.min(self.memory.for_one());
        let place = self.memory.reserve(self.namespace, bytes).await;
        let place = place.map_err(|error| BuildStep::Package.failed(error))?;
        let (plan, budget) = (self.plan.clone(), self.budget.clone());
        let done = place.compute(move || work(&plan, &budget)).await;
        done.map_err(broken(step::build, reasons::CHART_PACKAGE_ERROR))?
    }
}

/// Finds the version that is meant.
pub(crate) async fn find(shelf: &ChartShelf, plan: &HelmChartPlan) -> Result<ShelfChart, Failure> {
    let found = shelf.find(&plan.chart, &plan.version).await;
    found.map_err(|error| failed(&error, "failed to get chart version for remote reference"))
}

/// Brings a chart, and packs it again if it gets other values.
pub(crate) async fn make(
    shelf: &ChartShelf,
    chart: &ShelfChart,
    version: &str,
    means: &PackMeans<'_>,
) -> Result<PackedChart, Failure> {
    let brought = shelf.bring(chart, means.chart_max).await;
    let bytes =
        brought.map_err(|error| failed(&error, "failed to download chart for remote reference"))?;
    if !means.plan.merges_values {
        return means.compute(move |_, budget| checked(bytes, budget)).await;
    }
    let version = version.to_owned();
    let pack =
        move |plan: &HelmChartPlan, budget: &Budget| repacked(&bytes, &version, plan, budget);
    means.compute(pack).await
}

fn failed(error: &ShelfError, what: &str) -> Failure {
    let text = format!("{what}: {error}");
    match error {
        ShelfError::Denied(refused) => step::denied(refused),
        ShelfError::Reference(_) => BuildStep::Reference.failed(text),
        ShelfError::Pull(_) => of_repository(BuildStep::Pull.failed(text)),
    }
}

/// Returns a chart as it is, if it is one.
fn checked(bytes: Vec<u8>, budget: &Budget) -> Result<PackedChart, Failure> {
    match Metadata::from_archive(&bytes, budget) {
        Ok(_) => Ok(PackedChart {
            bytes,
            is_packaged: false,
            values_files: Vec::new(),
            resolved: 0,
        }),
        Err(LoadError::Invalid(error)) => {
            let text = format!("failed to validate metadata of written chart: {error}");
            Err(BuildStep::Pull.failed(text))
        }
        Err(error) => {
            let why = unread(&error);
            let text = format!("failed to load chart metadata from written chart: {why}");
            Err(BuildStep::Pull.failed(text))
        }
    }
}

/// Returns why an archive is no chart, in the words of Flux.
pub(crate) fn unread(error: &LoadError) -> String {
    match error {
        LoadError::Archive(ArchiveError::NotGzip) => "gzip: invalid header".to_owned(),
        LoadError::NoChartYaml => "no 'Chart.yaml' found".to_owned(),
        error => error.to_string(),
    }
}

fn repacked(
    bytes: &[u8],
    version: &str,
    plan: &HelmChartPlan,
    budget: &Budget,
) -> Result<PackedChart, Failure> {
    let chart = Chart::from_archive(bytes, budget);
    let chart = chart.map_err(|error| {
        let why = unread(&error);
        BuildStep::Package.failed(format_args!("failed to load downloaded chart: {why}"))
    })?;
    let merged = values::of_chart(plan, &chart, budget);
    let merged = merged.map_err(|text| {
        BuildStep::Values.failed(format_args!("failed to merge chart values: {text}"))
    })?;
    let chart = chart.with_version(version);
    let (chart, are_others) =
        values::set(chart, &merged, budget).map_err(|text| BuildStep::Values.failed(text))?;
    Ok(PackedChart {
        bytes: packed(&chart)?,
        is_packaged: true,
        values_files: if are_others { merged.files } else { Vec::new() },
        resolved: 0,
    })
}

/// Packs a chart.
pub(crate) fn packed(chart: &Chart) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    let packed = chart.pack(&mut bytes);
    packed.map_err(|error| {
        BuildStep::Package.failed(format_args!("failed to package chart: {error}"))
    })?;
    Ok(bytes)
}
