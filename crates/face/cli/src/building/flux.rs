//! `--flux`: what the operator makes of a folder, or says of it.
//!
//! With `-k`, PATH stands for the source: it is read as the artifact of a checkout is made (no links, nothing ignored),
//! and the Kustomization goes through the same checks, the same plan and the same build as in the operator. What only
//! a cluster knows is left out: whether accounts, dependencies and the source are there, and what an apply refuses.

use std::path::PathBuf;

use lode_kustomization::{BuildOptions, Failure};
use lode_render::{Plan, render};
use lode_stdx::budget::Budget;
use lode_tree::{Loader, RepoPath, Tree, ignore};

use super::outcome::Outcome;
use super::place::Place;
use super::wanted::Wanted;
use crate::folder;
use crate::report::Told;

/// A variable without a value fails the build, as in an operator that was not told otherwise.
const STRICT: bool = true;

/// A source on the disk or elsewhere, as its artifact would be.
pub(super) struct Checkout {
    tree: Tree,
    /// The folder of the disk that it is a copy of.
    folder: Option<PathBuf>,
}

impl Checkout {
    /// Returns the source that a place stands for: the folder that was named, unless that is the folder which the
    /// specification's path names in its root; then it is the root.
    pub(super) fn of(place: Place, path: &str) -> anyhow::Result<Self> {
        let wanted = RepoPath::parse_rooted(path).ok();
        match place {
            Place::Disk { folder, root, .. } => {
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
            Place::Tree { tree, folder } => {
                let tree = if Some(&folder) == wanted.as_ref() {
                    tree
                } else {
                    below(&tree, &folder)
                };
                Ok(Self { tree, folder: None })
            }
        }
    }

    /// Returns the source's top as builds of the disk name it, which is what its paths are relative to.
    pub(super) fn top(&self) -> Option<RepoPath> {
        self.folder.as_deref().and_then(super::disk::Disk::path)
    }
}

/// Returns a folder of a tree as a tree of its own.
fn below(tree: &Tree, folder: &RepoPath) -> Tree {
    let mut found = Tree::default();
    for (path, entry) in tree.entries().filter(|(path, _)| path.is_in(folder)) {
        let inside = path.as_str()[folder.as_str().len()..].trim_start_matches('/');
        // A part of a path is one.
        if let Ok(inside) = RepoPath::parse(inside) {
            found.insert(inside, entry.clone());
        }
    }
    found
}

/// Builds a folder as Flux does where nothing says more; objects say all their files if `sources` are wanted.
pub(super) fn plain(
    loader: &dyn Loader,
    folder: &RepoPath,
    (sources, budget): (bool, &Budget),
    strict_fields: bool,
) -> anyhow::Result<Outcome> {
    let plan = Plan {
        path: folder.as_str().to_owned(),
        sources,
        ..Plan::default()
    };
    let rendered = render(loader, &plan, budget)?;
    let dropped = lode_kustomization::dropped(&rendered.objects);
    if strict_fields && !dropped.is_empty() {
        return Err(Told::new(dropped.join("\n"), "correct or remove these fields").into());
    }
    Ok(Outcome::flux(rendered))
}

/// Builds a source as the operator does, and fails where it would.
pub(super) fn build(
    checkout: &Checkout,
    wanted: &Wanted,
    (sources, budget): (bool, &Budget),
    strict_fields: bool,
) -> anyhow::Result<Outcome> {
    let Wanted {
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
    let rendered = render(&checkout.tree, &plan, budget).map_err(|error| {
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
    };
    lode_kustomization::desired(object, rendered.objects.clone(), &options)
        .map_err(|failure| told(&failure))?;
    Ok(Outcome {
        top: checkout.top(),
        ..Outcome::flux(rendered)
    })
}

/// Says a refusal as the condition `Ready` does.
fn told(failure: &Failure) -> anyhow::Error {
    anyhow::anyhow!("{}: {}", failure.reason, failure.message)
}
