//! Entries of `helmCharts`: their settings, and the objects that a chart is rendered into.
//!
//! A chart is read from the chart home, a folder below the kustomization's, or was fetched before
//! the build and counts as if it lay there. Values are put together here; rendering is the caller's
//! ([`Charts`](crate::Charts)).

mod recording;
mod settings;

use std::sync::Arc;

use lode_tree::{Child, Loader, Read, RepoPath, Tree};
use lode_yaml::{Dialect, Node, Nodes, Origins, Place};

use crate::error::{Fault, FileCause};
use crate::input::charts::{ChartCall, ChartFailure, ChartValues, WantedChart};
use crate::input::decode::At;
use crate::input::source::{BuildSource, unread};
use crate::object::schema::Schema;
use crate::patching::strategic::{self, Lists};

pub(crate) use settings::{ChartEntry, ChartGlobals};

use recording::Recording;
use settings::ValuesMerge;

/// Where the entry of a chart stands.
#[derive(Clone, Copy)]
pub(crate) struct ChartAt<'c> {
    /// The kustomization's folder, to which paths are relative.
    pub(crate) folder: &'c RepoPath,
    /// `helmGlobals`.
    pub(crate) globals: &'c ChartGlobals,
    /// The namespace of the kustomization or of one above it, for an entry without one.
    pub(crate) namespace: &'c str,
    /// How lists of values merge.
    pub(crate) schema: &'c Schema,
}

/// A chart that was found.
struct Found {
    /// The folder that holds the chart's folder.
    home: RepoPath,
    /// The chart's folder.
    folder: RepoPath,
    /// The files below the home, if they were fetched.
    fetched: Option<Arc<Tree>>,
}

/// What a chart was rendered into.
#[derive(Default)]
pub(crate) struct Inflated {
    /// The objects, as text.
    pub(crate) text: Vec<u8>,
    /// Numbers of the files that were read.
    pub(crate) parts: Vec<u32>,
}

/// Renders a chart; nothing comes of one that is not fetched yet.
pub(crate) fn inflate(
    source: &mut BuildSource<'_>,
    entry: &At<ChartEntry>,
    at: ChartAt<'_>,
) -> Result<Inflated, Fault> {
    let Some(charts) = source.charts else {
        return Err(Fault::At(entry.place, FileCause::ChartsDisabled));
    };
    let refused = |text: &str| Fault::At(entry.place, FileCause::Chart(text.to_owned()));
    if entry.name.is_empty() {
        return Err(refused("chart name cannot be empty"));
    }
    let merge = ValuesMerge::read(&entry.values_merge)
        .ok_or_else(|| refused("valuesMerge must be one of [merge override replace]"))?;
    let more = additional(source, entry, at)?;

    let Some(found) = find(source, entry, at)? else {
        return Ok(Inflated::default());
    };
    let mut values = vec![values(source, entry, &found, (merge, at))?];
    values.extend(more);
    let budget = source.budget;
    let recording = Recording::new(source);
    let (loader, folder): (&dyn Loader, _) = if let Some(tree) = &found.fetched {
        (
            &**tree,
            below(&found.home, &found.folder).unwrap_or_default(),
        )
    } else {
        (&recording, found.folder.clone())
    };
    let outcome = charts.render(&call(entry, at, (loader, folder), values), budget);
    let reads = recording.into_reads();
    let files = reads
        .reads()
        .filter(|(_, read)| matches!(read, Read::File(_)));
    let parts = files.map(|(path, _)| source.files.number(path)).collect();
    source.reads.extend(reads);
    let outcome = outcome.map(|text| Inflated { text, parts });
    outcome.map_err(|failure| match failure {
        ChartFailure::Exceeded(exceeded) => {
            Fault::from(exceeded).during("render a chart", entry.place)
        }
        ChartFailure::Refused(text) => refused(&text),
    })
}

/// Returns a fault in the objects of a chart as one of its entry: they are in no file.
pub(crate) fn located(fault: Fault, place: Place) -> Fault {
    match fault {
        Fault::At(_, cause) => Fault::At(place, cause),
        Fault::Yaml { error, .. } => Fault::At(place, FileCause::Chart(error.to_string())),
        fault => fault.during("read the objects of a chart", place),
    }
}

fn call<'c>(
    entry: &'c ChartEntry,
    at: ChartAt<'c>,
    (loader, folder): (&'c dyn Loader, RepoPath),
    values: Vec<ChartValues>,
) -> ChartCall<'c> {
    let namespace = match &*entry.namespace {
        "" => at.namespace,
        own => own,
    };
    ChartCall {
        loader,
        folder,
        release_name: &entry.release_name,
        name_template: &entry.name_template,
        namespace,
        values,
        api_versions: entry.api_versions.iter().map(|at| &*at.value).collect(),
        kube_version: &entry.kube_version,
        includes_crds: entry.includes_crds,
        skips_hooks: entry.skips_hooks,
        skips_tests: entry.skips_tests,
    }
}

/// Reads `additionalValuesFiles`.
fn additional(
    source: &mut BuildSource<'_>,
    entry: &ChartEntry,
    at: ChartAt<'_>,
) -> Result<Vec<ChartValues>, Fault> {
    let files = entry.more_values_files.iter();
    let read = |file: &At<String>| {
        let (_, blob, _) = source.named(at.folder, file, file.place)?;
        Ok(ChartValues {
            name: file.value.clone(),
            text: blob.bytes,
        })
    };
    files.map(read).collect()
}

/// Finds a chart in its home, or among what was fetched; nothing while it is not fetched.
fn find(
    source: &mut BuildSource<'_>,
    entry: &At<ChartEntry>,
    at: ChartAt<'_>,
) -> Result<Option<Found>, Fault> {
    let mut home = source.path_in(at.folder, at.globals.home(), entry.place)?;
    let is_versioned = !entry.version.is_empty() && !entry.repository.is_empty();
    if is_versioned {
        let name = format!("{}-{}", entry.name, entry.version);
        home = source.path_in(&home, &name, entry.place)?;
    }
    let folder = source.path_in(&home, &entry.name, entry.place)?;

    let there = source.reads.canonical(source.loader, &folder);
    let refused = |text: String| Fault::At(entry.place, FileCause::Chart(text));
    match there {
        Ok((_, Child::Folder)) => {
            return Ok(Some(Found {
                home,
                folder,
                fetched: None,
            }));
        }
        Ok((_, Child::File)) | Err(lode_tree::Error::NotFound(_) | lode_tree::Error::IsFile(_)) => {
        }
        Err(error) => return Err(Fault::At(entry.place, unread(&entry.name, error))),
    }
    if entry.repository.is_empty() {
        let text = format!("no repo specified for pull, no chart found at '{folder}'");
        return Err(refused(text));
    }

    let wanted = WantedChart {
        repository: entry.repository.clone(),
        name: entry.name.clone(),
        version: entry.version.clone(),
        devel: entry.takes_previews,
    };
    let Some(charts) = source.charts else {
        return Ok(None);
    };
    let fetched = charts.fetched(&wanted).map_err(refused)?;
    let Some(tree) = fetched else {
        return Ok(None);
    };
    let inside = below(&home, &folder).unwrap_or_default();
    if !matches!(tree.canonical(&inside), Ok((_, Child::Folder))) {
        let text = format!("the chart fetched from the repository is not called \"{inside}\"");
        return Err(refused(text));
    }
    Ok(Some(Found {
        home,
        folder,
        fetched: Some(tree),
    }))
}

/// Returns a path relative to a folder that it is in.
fn below(folder: &RepoPath, path: &RepoPath) -> Option<RepoPath> {
    let inside = path.as_str().strip_prefix(folder.as_str())?;
    if !path.is_in(folder) {
        return None;
    }
    RepoPath::parse(inside.trim_start_matches('/')).ok()
}

/// Returns the values file that the chart gets: the one that is named or the chart's own, with the
/// inline values.
fn values(
    source: &mut BuildSource<'_>,
    entry: &At<ChartEntry>,
    found: &Found,
    (merge, at): (ValuesMerge, ChartAt<'_>),
) -> Result<ChartValues, Fault> {
    let name = if entry.values_file.is_empty() {
        found
            .folder
            .join(VALUES_FILE)
            .map_or_else(|_| VALUES_FILE.to_owned(), |path| path.to_string())
    } else {
        entry.values_file.value.clone()
    };
    let Some(inline) = entry.inline() else {
        let text = base(source, entry, found, at)?;
        return Ok(ChartValues { name, text });
    };
    let during = |exceeded| Fault::from(exceeded).during("read valuesInline", entry.place);
    inline.cost().charge_value(source.budget).map_err(during)?;
    let inline = inline
        .to_value(entry.dialect)
        .map_err(|error| refused_values(entry, &error.cause))?;
    let all = if merge == ValuesMerge::Replace {
        inline
    } else {
        let base = base(source, entry, found, at)?;
        merged(
            source,
            entry,
            (&base, &Node::from_value(&inline)),
            (merge, at),
        )?
    };
    let text = lode_yaml::to_string(&all);
    source.budget.bytes(text.len() as u64).map_err(during)?;
    Ok(ChartValues {
        name: format!("{name} with valuesInline"),
        text: text.into_bytes().into(),
    })
}

/// The chart's own values.
const VALUES_FILE: &str = "values.yaml";

fn refused_values(entry: &At<ChartEntry>, cause: &dyn std::fmt::Display) -> Fault {
    let text = format!("could not merge values: {cause}");
    Fault::At(entry.place, FileCause::Chart(text))
}

/// Reads the values file below the inline values.
fn base(
    source: &mut BuildSource<'_>,
    entry: &At<ChartEntry>,
    found: &Found,
    at: ChartAt<'_>,
) -> Result<Arc<[u8]>, Fault> {
    let (path, text, place) = if entry.values_file.is_empty() {
        let path = source.path_in(&found.folder, VALUES_FILE, entry.place)?;
        let text = path.to_string();
        (path, text, entry.place)
    } else {
        let file = &entry.values_file;
        let path = source.path_in(at.folder, file, file.place)?;
        (path, file.value.clone(), file.place)
    };
    if let Some(tree) = &found.fetched
        && let Some(inside) = below(&found.home, &path)
    {
        source.allow(at.folder, &path, &text, place)?;
        let blob = tree.read(&inside);
        let blob = blob.map_err(|error| Fault::At(place, unread(&text, error)))?;
        return Ok(blob.bytes);
    }

    let (real, _) = source
        .reads
        .canonical(source.loader, &path)
        .map_err(|error| Fault::At(place, unread(&text, error)))?;
    source.allow(at.folder, &real, &text, place)?;
    let (blob, _) = source
        .read(&path)
        .map_err(|error| Fault::At(place, unread(&text, error)))?;
    Ok(blob.bytes)
}

/// Merges the inline values over the file's, or the file's over them.
fn merged(
    source: &BuildSource<'_>,
    entry: &At<ChartEntry>,
    (base, inline): (&[u8], &Node),
    (merge, at): (ValuesMerge, ChartAt<'_>),
) -> Result<serde_json::Value, Fault> {
    let budget = source.budget;
    let mut nodes = Nodes::new(base, Dialect::V3, Origins::default()).with_budget(budget);
    let base = match nodes.next() {
        Some(node) => node.map_err(|error| refused_values(entry, &error.cause))?,
        None => return Err(refused_values(entry, &"the values file is empty")),
    };
    let (below, above) = if merge == ValuesMerge::Override {
        (base, inline.clone())
    } else {
        (inline.clone(), base)
    };
    let during = |exceeded| Fault::from(exceeded).during("merge values", entry.place);
    above.cost().charge(budget).map_err(during)?;
    let options = strategic::Options {
        lists: Lists::Append,
        infer: false,
    };
    let merged = strategic::merge(below, &above, at.schema, (options, budget));
    let merged = merged.map_err(|error| refused_values(entry, &error))?;
    let merged = merged.unwrap_or_else(Node::mapping);
    merged.cost().charge_value(budget).map_err(during)?;
    let value = merged.to_value(Dialect::V3);
    value.map_err(|error| refused_values(entry, &error.cause))
}
