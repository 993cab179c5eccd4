//! Makes the package of a chart from the files of a source: a folder is packed, a package is taken as it is.

use std::sync::Arc;

use lode_chart::{Chart, LoadError, Metadata};
use lode_runtime::Failure;
use lode_stdx::budget::Budget;
use lode_tree::{Child, RepoPath, Tree};

use super::dependencies::{self, AddedDependency};
use super::failure::BuildStep;
use super::gather::ChartWorld;
use super::remote::{PackMeans, PackedChart, packed, unread};
use super::validate::HelmChartPlan;
use super::values::{self, within};

/// Where a chart is in a source.
#[derive(Clone)]
pub(crate) struct ChartFolder {
    pub(crate) tree: Arc<Tree>,
    pub(crate) path: RepoPath,
    /// Whether it is a folder; else it is a package.
    is_folder: bool,
}

/// A chart that is loaded, with its values.
struct LoadedChart {
    chart: Chart,
    values_files: Vec<String>,
}

/// Finds a chart in a source, and reads what it is called.
pub(crate) fn find(
    plan: &HelmChartPlan,
    tree: Arc<Tree>,
    budget: &Budget,
) -> Result<(ChartFolder, Metadata), Failure> {
    if plan.chart.is_empty() {
        return Err(BuildStep::Reference.failed("no path set for local chart reference"));
    }
    if plan.chart.starts_with('/') {
        let text = "local chart reference path is expected to be relative";
        return Err(BuildStep::Reference.failed(text));
    }
    let absent = || {
        let text = format!("stat source/{}: no such file or directory", plan.chart);
        BuildStep::Reference.failed(text)
    };
    let path = within(&plan.chart).ok_or_else(absent)?;
    let is_folder = match child(&tree, &path) {
        Some(Child::Folder) => true,
        Some(Child::File) => false,
        None => return Err(absent()),
    };

    let folder = ChartFolder {
        tree,
        path,
        is_folder,
    };
    let read = folder.metadata(budget);
    let metadata = read.map_err(|error| match error {
        LoadError::NoChartYaml if is_folder => {
            let text = format!(
                "open source/{}/Chart.yaml: no such file or directory",
                plan.chart
            );
            BuildStep::Reference.failed(text)
        }
        error => BuildStep::Reference.failed(unread(&error)),
    })?;
    Ok((folder, metadata))
}

/// Returns what is at a path.
pub(crate) fn child(tree: &Tree, path: &RepoPath) -> Option<Child> {
    let Some(parent) = path.parent() else {
        return Some(Child::Folder);
    };
    let children = tree.list(&parent).ok()?;
    let mut found = children
        .into_iter()
        .filter(|(name, _)| **name == *path.file_name());
    found.next().map(|(_, child)| child)
}

impl ChartFolder {
    fn metadata(&self, budget: &Budget) -> Result<Metadata, LoadError> {
        if self.is_folder {
            return Metadata::from_folder(&*self.tree, &self.path, budget);
        }
        let bytes = self.tree.read(&self.path).map(|blob| blob.bytes);
        Metadata::from_archive(&bytes.unwrap_or_default(), budget)
    }

    fn load(&self, budget: &Budget) -> Result<Chart, LoadError> {
        load(&self.tree, &self.path, self.is_folder, budget)
    }
}

/// Loads the chart at a path of a source.
pub(crate) fn load(
    tree: &Tree,
    path: &RepoPath,
    is_folder: bool,
    budget: &Budget,
) -> Result<Chart, LoadError> {
    if is_folder {
        return Chart::from_folder(tree, path, budget);
    }
    let bytes = tree.read(path).map(|blob| blob.bytes);
    Chart::from_archive(&bytes.unwrap_or_default(), budget)
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
