//! Figures of how the code reads: `cargo xtask house`, for this checkout or another one (`--root`).
//!
//! Gates say what is forbidden; these figures count what makes reading harder: one name for several
//! types ([`names`]), repeated passages ([`twins`]), long and dense functions ([`functions`]),
//! crowded folders, and files that depend on each other in a circle ([`circles`]). Test code does
//! not count, except where it is compared with the code that it tests ([`tested`]).

mod circles;
mod functions;
mod module;
mod names;
mod tested;
mod twins;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, Result};

use crate::tidy::source::SourceFile;
use crate::tidy::{list, statements};
use crate::workspace;

/// Folders whose code is measured.
const MEASURED: [&str; 2] = ["crates/", "xtask/"];

/// Options of `cargo xtask house`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Measure this checkout instead of the one that `xtask` was built from
    #[arg(long)]
    root: Option<PathBuf>,
    /// Print the figures without the places behind them
    #[arg(long)]
    brief: bool,
}

pub(crate) fn main(args: &Args) -> Result<ExitCode> {
    let root = args.root.as_deref().unwrap_or(workspace::root());
    let sources = read(root)?;
    let tested = tested::report(&sources, args.brief);
    let product = sources.into_iter().filter(|source| !source.is_test());
    let product: Vec<SourceFile> = product.collect();
    print!("{}{tested}", report(&product, args.brief)?);
    Ok(ExitCode::SUCCESS)
}

fn read(root: &Path) -> Result<Vec<SourceFile>> {
    let mut paths = Vec::new();
    list(root, Path::new(""), &mut paths)?;
    let mut sources = Vec::new();
    for path in paths {
        let name = path.to_string_lossy();
        if !name.ends_with(".rs") || !MEASURED.iter().any(|folder| name.starts_with(folder)) {
            continue;
        }
        let text = fs::read_to_string(root.join(&path))
            .with_context(|| format!("read {}", path.display()))?;
        let source = SourceFile::new(&name, text);
        // Another checkout may use syntax that the parser does not know; the remaining files can
        // still be compared.
        match syn::parse_file(&source.text) {
            Ok(_) => sources.push(source),
            Err(error) => eprintln!("left out: {}: {error}", source.path),
        }
    }
    Ok(sources)
}

fn report(sources: &[SourceFile], brief: bool) -> Result<String> {
    let mut lines = Vec::new();
    let mut section = |figure: String, places: Vec<String>| {
        lines.push(figure);
        if !brief {
            lines.extend(places.into_iter().map(|place| format!("    {place}")));
        }
    };

    let shared = names::shared(sources)?;
    section(
        format!("type names defined in four files or more: {}", shared.len()),
        shared
            .iter()
            .map(|(name, files)| format!("{name}: {}", files.join(", ")))
            .collect(),
    );

    let twins = twins::find(sources);
    section(
        format!(
            "windows of six lines that stand twice or more: {}",
            twins.windows
        ),
        twins.passages,
    );

    let mut statements = Vec::new();
    for source in sources {
        let found = statements::functions(&source.text)
            .with_context(|| format!("parse {}", source.path))?;
        statements.extend(found.into_iter().map(|(_, count)| count));
    }
    section(
        format!("statements per function, p90: {}", p90(&mut statements)),
        Vec::new(),
    );

    let density = functions::density(sources);
    section(
        format!(
            "comments per 100 lines of code: {:.2} ({} in {})",
            density.comments as f64 * 100.0 / density.code.max(1) as f64,
            density.comments,
            density.code
        ),
        Vec::new(),
    );
    section(
        format!(
            "functions of twenty lines or more without a blank line or a comment: {} of {}",
            density.unbroken.len(),
            density.long
        ),
        density.unbroken,
    );

    let mut folders = BTreeMap::<&str, usize>::new();
    for source in sources {
        let (folder, _) = source.path.rsplit_once('/').unwrap_or(("", &source.path));
        *folders.entry(folder).or_default() += 1;
    }
    let crowded = folders.iter().filter(|(_, files)| **files > 20);
    let crowded = crowded.map(|(folder, files)| format!("{folder}: {files}"));
    section(
        format!(
            "files per folder, p90: {}",
            p90(&mut folders.values().copied().collect::<Vec<_>>())
        ),
        crowded.collect(),
    );

    let circles = circles::find(sources)?;
    section(
        format!("circles of files inside a crate: {}", circles.len()),
        circles,
    );
    Ok(lines.join("\n") + "\n")
}

/// Returns the 90th percentile; zero if there are no values.
fn p90(values: &mut [usize]) -> usize {
    values.sort_unstable();
    let at = (values.len() * 9).div_ceil(10).saturating_sub(1);
    values.get(at).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nine_in_ten_do_not_exceed_the_p90() {
        assert_eq!(p90(&mut []), 0);
        assert_eq!(p90(&mut [7]), 7);
        assert_eq!(p90(&mut [10, 9, 8, 7, 6, 5, 4, 3, 2, 1]), 9);
    }

    #[test]
    fn a_report_names_each_figure_and_its_places() {
        let texts = (1..=4).map(|at| {
            SourceFile::new(
                &format!("crates/a/b{at}/src/lib.rs"),
                "struct Thing;".to_owned(),
            )
        });
        let sources: Vec<SourceFile> = texts.collect();
        let full = report(&sources, false).unwrap();
        assert!(full.starts_with("type names defined in four files or more: 1\n    Thing: crates"));
        let brief = report(&sources, true).unwrap();
        assert_eq!(brief.lines().count(), 7);
    }
}
