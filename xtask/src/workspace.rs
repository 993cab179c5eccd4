//! Paths: the checkout, the cache outside it, and `cargo metadata`.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use serde_json::Value;

use crate::command;

/// Returns the root of the checkout.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("xtask lies in a folder of the workspace")
}

/// Returns the folder for what is built or kept outside the checkout: `LODESTONE_CACHE`, or
/// `lodestone` in the user's cache.
pub(crate) fn cache() -> Result<PathBuf> {
    if let Some(folder) = env::var_os("LODESTONE_CACHE") {
        return Ok(folder.into());
    }
    if let Some(folder) = env::var_os("XDG_CACHE_HOME") {
        return Ok(Path::new(&folder).join("lodestone"));
    }
    let home = env::var_os("HOME")
        .context("find the cache: neither LODESTONE_CACHE, XDG_CACHE_HOME nor HOME is set")?;
    Ok(Path::new(&home).join(".cache/lodestone"))
}

/// Returns the output of `cargo metadata` for the members of the workspace, without dependencies.
pub(crate) fn metadata() -> Result<Value> {
    let text = command::output(
        Command::new(cargo())
            .args(["metadata", "--no-deps", "--offline", "--format-version=1"])
            .current_dir(root()),
    )?;
    serde_json::from_str(&text).context("read the output of cargo metadata")
}

/// Returns the `cargo` that runs this task.
pub(crate) fn cargo() -> PathBuf {
    env::var_os("CARGO").map_or_else(|| "cargo".into(), PathBuf::from)
}

/// Returns the search path with `folder` in front.
pub(crate) fn path_with(folder: &Path) -> Result<std::ffi::OsString> {
    let others = env::var_os("PATH").unwrap_or_default();
    env::join_paths(
        [folder.to_path_buf()]
            .into_iter()
            .chain(env::split_paths(&others)),
    )
    .context("extend the PATH")
}
