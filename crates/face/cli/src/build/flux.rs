//! `--flux`: what a Flux Kustomization makes of a folder.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;

use anyhow::Context as _;
use lode_api::Kustomization;
use lode_render::{Plan, render};
use lode_stdx::read;
use lode_tree::{Loader, RepoPath};
use lode_yaml::Dialect;

use super::outcome::Outcome;
use crate::output;

/// Largest file read, in bytes.
const FILE_MAX: u64 = 4 << 20;

/// Reads a Flux Kustomization from a file and returns what it says about building.
pub(super) fn read(path: &Path) -> anyhow::Result<Plan> {
    let step = || format!("read {}", path.display());
    let bytes = read::all(File::open(path).with_context(step)?, FILE_MAX).with_context(step)?;
    let value = lode_yaml::parse(&bytes, Dialect::V2).with_context(step)?;
    let object = Kustomization::parse(&value).with_context(step)?;
    let mut variables = BTreeMap::new();
    if let Some(post_build) = object.spec.post_build.as_deref() {
        if !post_build.substitute_from.is_empty() {
            output::talk(
                "warning: substituteFrom is in the cluster and not read: variables come from substitute alone",
            );
        }
        let pairs = post_build.substitute.iter().map(|(name, value)| (name.to_string(), value.to_string()));
        variables.extend(pairs);
    }
    lode_kustomization::plan(&object, variables, false).with_context(step)
}

/// Builds a folder as Flux does; objects say all their files if `sources` are wanted.
pub(super) fn build(
    loader: &dyn Loader,
    folder: &RepoPath,
    plan: Option<&Plan>,
    sources: bool,
) -> anyhow::Result<Outcome> {
    let plan = Plan { path: folder.as_str().to_owned(), sources, ..plan.cloned().unwrap_or_default() };
    Ok(Outcome::flux(render(loader, &plan)?))
}
