//! `--explain-impact`: which objects would change if a file changed.
//!
//! Every value of an object knows the file it comes from, and the object knows the files that
//! affect it without leaving a value in it: the kustomizations it passed through, patches, and the
//! sources of names and values that it takes from other objects. An object is listed if the file is
//! one of them, with the line that a value comes from.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use lode_tree::RepoPath;

use super::disk::Disk;
use super::outcome::{Outcome, Shown};

/// Returns one line per object that one of the files affects.
pub(super) fn text(outcomes: &[Outcome], files: &[PathBuf]) -> anyhow::Result<String> {
    let files = files
        .iter()
        .map(|file| named(file))
        .collect::<anyhow::Result<BTreeSet<RepoPath>>>()?;
    let mut text = String::new();
    for outcome in outcomes {
        let files: BTreeSet<RepoPath> = files
            .iter()
            .filter_map(|file| outcome.named(file))
            .collect();
        for object in &outcome.objects {
            let lines = object
                .origins
                .iter()
                .filter(|origin| files.contains(&origin.path))
                .map(ToString::to_string);
            let whole = object
                .parts
                .iter()
                .filter(|path| files.contains(*path))
                .map(ToString::to_string);
            let parts: Vec<String> = lines.chain(whole).collect();
            if !parts.is_empty() {
                // Writing to a `String` cannot fail.
                let _ = writeln!(
                    text,
                    "{} ({})",
                    shown(object),
                    super::relative(&parts.join(", "))
                );
            }
        }
    }
    Ok(text)
}

fn named(file: &Path) -> anyhow::Result<RepoPath> {
    Disk::path(file).with_context(|| format!("{}: no such file", file.display()))
}

fn shown(object: &Shown) -> String {
    match object.stated_namespace.as_str() {
        "" => format!("{}/{}", object.gvk.kind, object.name),
        namespace => format!("{}/{namespace}/{}", object.gvk.kind, object.name),
    }
}
