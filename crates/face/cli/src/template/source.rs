//! Where a chart and its values come from: folders, packed charts and files of this machine.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;

use anyhow::{Context as _, bail};
use lode_chart::{ARCHIVE_MAX, Chart};
use lode_disk::regular;
use lode_stdx::budget::Budget;
use lode_stdx::read;

use crate::building::disk::Disk;
use crate::building::root::Root;
use crate::report::Told;

/// Loads a chart from a folder or an archive.
pub(super) fn load(path: &str, budget: &Budget) -> anyhow::Result<Chart> {
    let named = Path::new(path);
    if !named.exists() {
        bail!(Told::new(
            format!("{path}: no such folder or file"),
            "a chart of a repository or registry must be fetched first: helm pull"
        ));
    }
    if !named.is_dir() {
        return archive(path, budget).with_context(|| format!("load {path}"));
    }

    let folder = fs::canonicalize(named).with_context(|| format!("{path}: follow links"))?;
    // Links of a chart may lead to other folders of the same checkout, and no further.
    let root = Root::find(&folder, None)?.unwrap_or_else(|| Root::of(&folder));
    let at = Disk::path(&folder).with_context(|| format!("{path}: the name is not allowed"))?;
    let chart = Chart::from_folder(&Disk::new(Some(root)), &at, budget);
    chart.with_context(|| format!("load {path}"))
}

fn archive(path: &str, budget: &Budget) -> anyhow::Result<Chart> {
    let bytes = all(regular::open(Path::new(path))?, ARCHIVE_MAX)?;
    Ok(Chart::from_archive(&bytes, budget)?)
}

/// Reads a file that a user names for values; `-` is stdin.
pub(super) fn values_file(name: &str) -> anyhow::Result<Vec<u8>> {
    if name.trim() == "-" {
        return all(io::stdin().lock(), VALUES_MAX).context("read stdin");
    }
    if name.starts_with("http://") || name.starts_with("https://") {
        bail!(Told::new(
            format!("{}: values are not fetched", lode_stdx::bare_url(name)),
            "name a file"
        ));
    }
    // A pipe is fine: the user named it.
    let file = File::open(name).with_context(|| format!("open {name}"))?;
    all(file, VALUES_MAX).with_context(|| format!("read {name}"))
}

/// Longest file with values.
const VALUES_MAX: u64 = lode_yaml::TEXT_MAX as u64;

fn all(reader: impl Read, limit: u64) -> anyhow::Result<Vec<u8>> {
    Ok(read::all(reader, limit)?)
}
