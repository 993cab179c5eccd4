//! [`ChartFolder`]: a chart in a source, as a folder or as a package.

use std::sync::Arc;

use lode_chart::{Chart, LoadError, Metadata};
use lode_runtime::Failure;
use lode_stdx::budget::Budget;
use lode_tree::{Child, RepoPath, Tree};

use super::failure::BuildStep;
use super::remote::unread;
use super::validate::HelmChartPlan;
use super::values::within;

/// Where a chart is in a source.
#[derive(Clone)]
pub(crate) struct ChartFolder {
    pub(crate) tree: Arc<Tree>,
    pub(crate) path: RepoPath,
    /// Whether it is a folder; else it is a package.
    pub(crate) is_folder: bool,
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

    pub(crate) fn load(&self, budget: &Budget) -> Result<Chart, LoadError> {
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
