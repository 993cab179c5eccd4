//! The gates that no compiler checks: `cargo xtask tidy`, also run as a test by `cargo test`.
//!
//! A gate is a function from the checkout (its files and `cargo metadata`) to findings, one line
//! each. All gates run and all findings are printed. Left out on purpose: what rustc, clippy,
//! rustfmt or cargo-deny already check.

mod kinds;
mod layers;
pub(crate) mod lexer;
mod links;
mod purity;
mod security;
mod shape;
mod sizes;
pub(crate) mod source;
pub(crate) mod statements;
mod words;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result};

use self::source::SourceFile;
use crate::workspace;

/// Folders without our own files.
const SKIPPED: [&str; 3] = [".git", "target", "node_modules"];

pub(crate) fn main() -> Result<ExitCode> {
    let findings = check(workspace::root())?;
    for finding in &findings {
        println!("{finding}");
    }
    eprintln!("tidy: {} findings", findings.len());
    Ok(if findings.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Runs all gates over a checkout.
fn check(root: &Path) -> Result<Vec<String>> {
    let mut paths = Vec::new();
    list(root, Path::new(""), &mut paths)?;
    let sources = read_sources(root, &paths)?;

    let mut findings = layers::check(root, &workspace::metadata()?)?;
    for source in &sources {
        findings.extend(words::check(source));
        findings.extend(purity::check(source));
    }
    findings.extend(shape::check(&sources));
    let ratchet = root.join(sizes::RATCHET);
    let listed =
        fs::read_to_string(&ratchet).with_context(|| format!("read {}", ratchet.display()))?;
    findings.extend(sizes::check(&sources, &listed)?);
    let page = root.join(security::PAGE);
    let page = fs::read_to_string(&page).with_context(|| format!("read {}", page.display()))?;
    findings.extend(security::check(&page, &sources));
    findings.extend(kinds::check(root, &sources)?);
    for path in paths
        .iter()
        .filter(|path| path.extension().is_some_and(|end| end == "md"))
    {
        let text = fs::read_to_string(root.join(path))
            .with_context(|| format!("read {}", path.display()))?;
        findings.extend(links::check(root, path, &text));
        findings.extend(words::check_page(path, &text));
    }
    Ok(findings)
}

fn read_sources(root: &Path, paths: &[PathBuf]) -> Result<Vec<SourceFile>> {
    let rust = paths
        .iter()
        .filter(|path| path.extension().is_some_and(|end| end == "rs"));
    rust.map(|path| {
        let text = fs::read_to_string(root.join(path))
            .with_context(|| format!("read {}", path.display()))?;
        Ok(SourceFile::new(&path.to_string_lossy(), text))
    })
    .collect()
}

/// Lists the files below a folder, relative to the root, in the order of their names.
pub(crate) fn list(root: &Path, folder: &Path, paths: &mut Vec<PathBuf>) -> Result<()> {
    let shown = root.join(folder);
    let mut entries = Vec::new();
    for entry in fs::read_dir(&shown).with_context(|| format!("list {}", shown.display()))? {
        entries.push(entry.with_context(|| format!("list {}", shown.display()))?);
    }
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let path = folder.join(entry.file_name());
        let kind = entry
            .file_type()
            .with_context(|| format!("look at {}", path.display()))?;
        if kind.is_file() {
            paths.push(path);
        } else if kind.is_dir() && !SKIPPED.iter().any(|name| entry.file_name() == *name) {
            list(root, &path, paths)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_house_is_tidy() {
        let findings = check(workspace::root()).unwrap();
        assert!(
            findings.is_empty(),
            "{} findings:\n{}",
            findings.len(),
            findings.join("\n")
        );
    }
}
