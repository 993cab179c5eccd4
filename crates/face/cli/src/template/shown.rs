//! How a rendered release is shown: one text, chosen templates, or a file for each template.

use std::collections::BTreeSet;
use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow, bail};
use lode_chart::manifest::{show as add, split};
use lode_chart::release::{Event, Hook};
use lode_chart::{Crd, PathPattern, RenderedChart};
use lode_tree::RepoPath;

use crate::output;

/// A release that was rendered, and the definitions if they are wanted.
pub(super) struct RenderedRelease {
    pub(super) rendered: RenderedChart,
    pub(super) crds: Vec<Crd>,
}

/// How a release is shown, by the flags of those names.
pub(super) struct Showing<'a> {
    pub(super) output_dir: Option<&'a Path>,
    pub(super) release_name: bool,
    pub(super) show_only: &'a [String],
    pub(super) no_hooks: bool,
    pub(super) skip_tests: bool,
}

/// Shows a release.
pub(super) fn show(how: &Showing<'_>, name: &str, outcome: &RenderedRelease) -> anyhow::Result<()> {
    if let Some(folder) = how.output_dir {
        return write_files(how, name, outcome, folder);
    }

    let shown = outcome
        .rendered
        .parts(&outcome.crds, |hook| is_wanted(how, hook));
    if how.show_only.is_empty() {
        return output::parts(&shown);
    }
    output::data(&only(how.show_only, &shown.concat())?)
}

fn is_wanted(how: &Showing<'_>, hook: &Hook) -> bool {
    !how.no_hooks && (!how.skip_tests || !hook.is_for(Event::Test))
}

/// Returns the documents of chosen templates.
fn only(paths: &[String], all: &str) -> anyhow::Result<String> {
    let documents: Vec<(Option<&str>, &str)> = split(all)
        .into_iter()
        .map(|document| (path_of(document), document))
        .collect();
    let mut chosen = String::new();
    for path in paths {
        // A malformed pattern matches nothing, as in Helm.
        let pattern = PathPattern::parse(path).ok();
        let is_match = |found: &str| {
            pattern
                .as_ref()
                .is_some_and(|pattern| pattern.matches(found))
        };
        let found = documents
            .iter()
            .filter(|(path, _)| path.is_some_and(is_match));
        let before = chosen.len();
        for (_, document) in found {
            chosen.push_str("---\n");
            chosen.push_str(document);
            chosen.push('\n');
        }
        if chosen.len() == before {
            bail!("could not find template {path} in chart");
        }
    }
    Ok(chosen)
}

/// Returns the path of a document's template below the chart's folder.
fn path_of(document: &str) -> Option<&str> {
    let mut rest = document;
    loop {
        let (_, after) = rest.split_once("# Source: ")?;
        let line = after.split('\n').next().unwrap_or_default();
        match line.split_once('/') {
            Some((chart, path)) if !chart.is_empty() && !path.is_empty() => return Some(path),
            _ => rest = after,
        }
    }
}

/// Writes a file for each template and prints their names.
fn write_files(
    how: &Showing<'_>,
    name: &str,
    outcome: &RenderedRelease,
    folder: &Path,
) -> anyhow::Result<()> {
    let below = if how.release_name {
        folder.join(name)
    } else {
        folder.to_owned()
    };
    let mut written = BTreeSet::new();
    for crd in &outcome.crds {
        let content = String::from_utf8_lossy(&crd.file.data);
        write(folder, &crd.path, &content, &mut written)?;
    }
    for manifest in &outcome.rendered.manifests {
        write(&below, &manifest.path, &manifest.content, &mut written)?;
    }
    // As in Helm: what would have been the text of all manifests.
    let mut printed = "\n".to_owned();
    let hooks = outcome.rendered.hooks.iter();
    for hook in hooks.filter(|hook| is_wanted(how, hook)) {
        write(&below, &hook.path, &hook.manifest, &mut written)?;
    }
    if !how.show_only.is_empty() {
        printed = only(how.show_only, &printed)?;
    }
    output::data(&printed)
}

fn write(
    folder: &Path,
    path: &str,
    content: &str,
    written: &mut BTreeSet<PathBuf>,
) -> anyhow::Result<()> {
    // A chart must not write elsewhere.
    let inside = RepoPath::parse(path).map_err(|error| anyhow!("write {path}: {error}"))?;
    let file = folder.join(inside.as_str());
    if let Some(parent) = file.parent() {
        fs::create_dir_all(parent).with_context(|| format!("create {}", parent.display()))?;
    }

    let is_new = written.insert(file.clone());
    let mut options = OpenOptions::new();
    options
        .create(true)
        .write(true)
        .append(!is_new)
        .truncate(is_new);
    let mut text = String::new();
    add(path, content, &mut text);
    let outcome = options
        .open(&file)
        .and_then(|mut file| file.write_all(text.as_bytes()));
    outcome.with_context(|| format!("write {}", file.display()))?;
    output::data(&format!("wrote {}\n", file.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chosen_templates_are_shown_in_the_order_of_the_flags() {
        let all = "---\n# Source: web/templates/a.yaml\nkind: A\n---\n# Source: web/charts/db/templates/b.yaml\nkind: B\n\
                   ---\n# Source: web/templates/a.yaml\nkind: C\n";
        let paths = |paths: &[&str]| -> Vec<String> {
            paths.iter().map(|path| (*path).to_owned()).collect()
        };
        let shown = only(&paths(&["charts/*/templates/*", "templates/a.yaml"]), all).unwrap();
        let want = "---\n# Source: web/charts/db/templates/b.yaml\nkind: B\n---\n# Source: web/templates/a.yaml\nkind: A\n\
                    ---\n# Source: web/templates/a.yaml\nkind: C\n\n";
        assert_eq!(shown, want);
        let error = only(&paths(&["templates/x.yaml"]), all).unwrap_err();
        assert_eq!(
            error.to_string(),
            "could not find template templates/x.yaml in chart"
        );
    }
}
