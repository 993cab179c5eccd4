//! [`ChartChoice`]: which chart a release has, and loading it from the repository that is built or
//! from one of charts.

use anyhow::{Context as _, bail};
use lode_chart::{Chart, values};
use lode_object::Value;
use lode_stdx::budget::{Budget, Limits};
use lode_tree::{Child, Loader, RepoPath};
use serde_json::Map;

use super::indexed;
use crate::charts::ChartFetcher;

/// Where charts come from.
pub(crate) struct ChartPlaces<'p> {
    /// The repository that is built.
    loader: &'p dyn Loader,
    /// Its top folder.
    top: RepoPath,
    pub(super) fetcher: &'p ChartFetcher,
    /// What one release may cost.
    pub(super) limits: Limits,
    /// What the release at hand may still cost.
    pub(super) budget: Budget,
}

impl<'p> ChartPlaces<'p> {
    /// Charts of a repository with this top folder, and fetched ones.
    pub(crate) fn new(
        loader: &'p dyn Loader,
        top: &RepoPath,
        fetcher: &'p ChartFetcher,
        limits: Limits,
    ) -> Self {
        Self {
            loader,
            top: top.clone(),
            fetcher,
            limits,
            budget: Budget::new(limits),
        }
    }
}

/// What says which chart a release has.
pub(super) struct ChartChoice {
    pub(super) chart: String,
    pub(super) kind: String,
    pub(super) source: String,
    pub(super) namespace: String,
    pub(super) version: String,
    pub(super) values_files: Vec<String>,
    pub(super) ignores_missing: bool,
}

/// Loads the chart that is meant.
pub(super) fn chosen(
    known: &[Value],
    choice: &ChartChoice,
    places: &ChartPlaces<'_>,
) -> anyhow::Result<Chart> {
    let budget = &places.budget;
    match &*choice.kind {
        "GitRepository" => {
            let path = inside(places, &choice.chart)?;
            let chart = of_folder(places, &path)
                .with_context(|| format!("load the chart {} of the repository", choice.chart))?;
            with_values(chart, choice, budget, |file| {
                let blob = places.loader.read(&inside(places, file).ok()?).ok()?;
                Some(blob.bytes.to_vec())
            })
        }
        "HelmRepository" => {
            let name = (&*choice.namespace, &*choice.source);
            let url = indexed::url(known, name)?;
            let packed = places.fetcher.chart(&url, &choice.chart, &choice.version)?;
            let chart = Chart::from_archive(&packed, budget)?;
            let files: Vec<_> = chart.files().to_vec();
            let own = chart.values_text().map(<[u8]>::to_vec);
            with_values(chart, choice, budget, |file| {
                let name = lode_tree::cleaned(file);
                if name == "values.yaml" {
                    return Some(own.clone().unwrap_or_default());
                }
                let found = files.iter().find(|file| *file.name == *name)?;
                Some(found.data.to_vec())
            })
        }
        kind => bail!("a chart from a source of kind {kind} is not supported"),
    }
}

/// Returns a path of the repository.
fn inside(places: &ChartPlaces<'_>, path: &str) -> anyhow::Result<RepoPath> {
    let path = RepoPath::parse_rooted(path)?;
    Ok(places.top.join(path.as_str())?)
}

fn of_folder(places: &ChartPlaces<'_>, path: &RepoPath) -> anyhow::Result<Chart> {
    Ok(match places.loader.canonical(path)? {
        (_, Child::Folder) => Chart::from_folder(places.loader, path, &places.budget)?,
        (_, Child::File) => Chart::from_archive(&places.loader.read(path)?.bytes, &places.budget)?,
    })
}

/// Replaces the chart's values by those of files, if some are named.
fn with_values(
    chart: Chart,
    choice: &ChartChoice,
    budget: &Budget,
    read: impl Fn(&str) -> Option<Vec<u8>>,
) -> anyhow::Result<Chart> {
    if choice.values_files.is_empty() {
        return Ok(chart);
    }
    let mut all = Map::new();
    for file in &choice.values_files {
        match read(file) {
            Some(content) => {
                let table = values::read(&content, budget);
                values::merge(&mut all, table.with_context(|| format!("read {file}"))?);
            }
            None if choice.ignores_missing => {}
            None => bail!("no values file found at path '{file}'"),
        }
    }
    let written = lode_yaml::to_string(&Value::Object(all));
    Ok(chart.with_values(written.as_bytes(), budget)?)
}
