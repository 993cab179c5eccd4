//! Makes the package of a chart in a source: a folder is packed, a package is taken as it is.

use lode_chart::Chart;
use lode_runtime::Failure;
use lode_stdx::budget::Budget;

use super::dependencies::{self, AddedDependency};
use super::failure::BuildStep;
use super::folder::ChartFolder;
use super::gather::ChartWorld;
use super::remote::{PackMeans, PackedChart, packed, unread};
use super::validate::HelmChartPlan;
use super::values;

/// A chart that is loaded, with its values.
struct LoadedChart {
    chart: Chart,
    values_files: Vec<String>,
}

/// Makes the package.
pub(crate) async fn make(
    folder: ChartFolder,
    version: &str,
    is_other_version: bool,
    world: &ChartWorld,
    means: &PackMeans<'_>,
) -> Result<PackedChart, Failure> {
    if !folder.is_folder && !is_other_version {
        let bytes = folder.tree.read(&folder.path);
        let bytes = bytes.map_err(|error| BuildStep::Pull.failed(error))?.bytes;
        return Ok(PackedChart {
            bytes: bytes.to_vec(),
            is_packaged: false,
            values_files: Vec::new(),
            resolved: 0,
        });
    }

    let (loading, version) = (folder.clone(), version.to_owned());
    let load =
        move |plan: &HelmChartPlan, budget: &Budget| loaded(&loading, &version, plan, budget);
    let LoadedChart {
        chart,
        values_files,
    } = means.compute(load).await?;

    let mut added = Vec::new();
    if folder.is_folder {
        let missing = dependencies::missing(&chart);
        added = dependencies::bring(missing, world, means).await?;
    }
    let pack = move |_: &HelmChartPlan, budget: &Budget| {
        let resolved = added.len();
        let chart = with_dependencies(chart, added, &folder, budget)?;
        Ok(PackedChart {
            bytes: packed(&chart)?,
            is_packaged: true,
            values_files,
            resolved,
        })
    };
    means.compute(pack).await
}

/// Loads a chart, with another version and the values of the specification.
fn loaded(
    folder: &ChartFolder,
    version: &str,
    plan: &HelmChartPlan,
    budget: &Budget,
) -> Result<LoadedChart, Failure> {
    let values_failed = |text: String| BuildStep::Values.failed(text);
    let merged = if plan.merges_values {
        Some(values::of_source(plan, &folder.tree, budget).map_err(values_failed)?)
    } else {
        None
    };
    let chart = folder.load(budget);
    let chart = chart.map_err(|error| BuildStep::Package.failed(unread(&error)))?;
    let mut loaded = LoadedChart {
        chart: chart.with_version(version),
        values_files: Vec::new(),
    };
    if let Some(merged) = merged {
        let (chart, are_others) =
            values::set(loaded.chart, &merged, budget).map_err(values_failed)?;
        loaded.chart = chart;
        if are_others {
            loaded.values_files = merged.files;
        }
    }
    Ok(loaded)
}

fn with_dependencies(
    mut chart: Chart,
    added: Vec<AddedDependency>,
    folder: &ChartFolder,
    budget: &Budget,
) -> Result<Chart, Failure> {
    for dependency in added {
        let loaded = dependency.load(&folder.tree, &folder.path, budget);
        let loaded = loaded.map_err(|text| BuildStep::Dependencies.failed(text))?;
        chart = chart.with_dependency(loaded);
    }
    Ok(chart)
}
