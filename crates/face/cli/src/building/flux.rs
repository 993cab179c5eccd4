//! `--flux`: what the operator would build from a folder, or report about it.
//!
//! With `-k`, PATH stands for the source: it is read as an artifact is made from a checkout
//! (without links, nothing ignored), and the Kustomization goes through the same checks, plan and
//! build as in the operator. What only a cluster knows is left out: whether accounts, dependencies
//! and the source exist, and what an apply would refuse.

use std::path::PathBuf;

use lode_kustomization::{BuildOptions, Failure};
use lode_render::{Charts, Plan, render_with_charts};
use lode_stdx::budget::Budget;
use lode_tree::{Loader, RepoPath, Tree, ignore};

use super::outcome::Outcome;
use super::place::BuildPlace;
use super::wanted::WantedKustomization;
use crate::folder;
use crate::report::Told;

/// An undefined variable fails the build, as in an operator with default flags.
const STRICT: bool = true;

/// What renders charts, if anything does, and what the build may spend.
type Cost<'c> = (Option<&'c dyn Charts>, &'c Budget);

/// A source on the disk or elsewhere, as its artifact would be.
pub(super) struct Checkout {
    pub(super) tree: Tree,
    /// The folder on the disk that it is a copy of.
    folder: Option<PathBuf>,
}

impl Checkout {
    /// Returns the source for a place: the folder that was named is its root, unless it is the one
    /// that `spec.path` names; then the root is above it.
    pub(super) fn of(place: BuildPlace, path: &str) -> anyhow::Result<Self> {
        let wanted = RepoPath::parse_rooted(path).ok();
        match place {
            BuildPlace::Disk { folder, root, .. } => {
                let within = root
                    .as_ref()
                    .and_then(|root| folder.strip_prefix(root.path()).ok()?.to_str());
                let within = within.and_then(|within| RepoPath::parse(within).ok());
                let source = match root {
                    Some(root) if wanted.is_some() && within == wanted => root.path().to_owned(),
                    _ => folder,
                };
                let tree =
                    ignore::filter(folder::read(&source)?, None, &Budget::new(lode_git::BUDGET))?;
                Ok(Self {
                    tree,
                    folder: Some(source),
                })
            }
            BuildPlace::Tree { tree, folder } => {
                let tree = if Some(&folder) == wanted.as_ref() {
                    tree
                } else {
                    below(&tree, &folder)
                };
                Ok(Self { tree, folder: None })
            }
        }
    }

    /// Returns the source's root as builds of the disk name it; its paths are relative to it.
    pub(super) fn top(&self) -> Option<RepoPath> {
        self.folder.as_deref().and_then(super::disk::Disk::path)
    }
}

/// Returns a folder of a tree as a tree of its own.
fn below(tree: &Tree, folder: &RepoPath) -> Tree {
    let mut found = Tree::default();
    for (path, entry) in tree.entries().filter(|(path, _)| path.is_in(folder)) {
        let inside = path.as_str()[folder.as_str().len()..].trim_start_matches('/');
        // Part of a valid path is itself valid.
        if let Ok(inside) = RepoPath::parse(inside) {
            found.insert(inside, entry.clone());
        }
    }
    found
}

/// Builds a folder as Flux does without a Kustomization; with `sources`, objects list all their
/// files.
pub(super) fn plain(
    loader: &dyn Loader,
    folder: &RepoPath,
    (sources, cost): (bool, Cost<'_>),
    strict_fields: bool,
) -> anyhow::Result<Outcome> {
    let plan = Plan {
        path: folder.as_str().to_owned(),
        sources,
        ..Plan::default()
    };
    let rendered = render_with_charts(loader, &plan, cost)?;
    let dropped = lode_kustomization::dropped(&rendered.objects);
    if strict_fields && !dropped.is_empty() {
        return Err(Told::new(dropped.join("\n"), "correct or remove these fields").into());
    }
    Ok(Outcome::flux(rendered))
}

/// Builds a source as the operator does, and fails where it would.
pub(super) fn build(
    checkout: &Checkout,
    wanted: &WantedKustomization,
    (sources, (charts, budget)): (bool, Cost<'_>),
    strict_fields: bool,
) -> anyhow::Result<Outcome> {
    let WantedKustomization {
        object,
        variables,
        has_unread,
    } = wanted;
    let mut plan = lode_kustomization::plan(object, variables.clone(), STRICT)
        .map_err(|failure| told(&failure))?;
    plan.sources = sources;
    if let Some(substitution) = &mut plan.substitute {
        substitution.always |= has_unread;
    }
    let rendered = render_with_charts(&checkout.tree, &plan, (charts, budget));
    let rendered = rendered.map_err(|error| {
        let hint = error.hint().filter(|_| error.exceeded().is_none());
        let failure = told(&lode_kustomization::unrendered(&error));
        match hint {
            Some(hint) => Told::new(failure.to_string(), hint).into(),
            None => failure,
        }
    })?;

    let limits = budget.limits();
    let options = BuildOptions {
        strict: STRICT,
        limits,
        custom_stage_kinds: Vec::new(),
        strict_fields,
        charts: charts.is_some(),
    };
    lode_kustomization::desired(object, rendered.objects.clone(), &options)
        .map_err(|failure| told(&failure))?;
    Ok(Outcome {
        top: checkout.top(),
        ..Outcome::flux(rendered)
    })
}

/// Returns a failure with the text that the condition `Ready` would have.
fn told(failure: &Failure) -> anyhow::Error {
    anyhow::anyhow!("{}: {}", failure.reason, failure.message)
}
