//! `bench kustomize`: builds compared with the real kustomize, in the same run.
//!
//! The commands `kustomize` and `kustomize-loop` come from `cargo xtask client`, the overlays from
//! the shared corpus. Processes take turns, so that other load on the machine affects both.

mod generated;
mod overlays;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use lode_kustomize::{Options, Restrictions};
use lode_tree::{RepoPath, Tree};

use crate::launch::Cost;
use crate::peer::{engine_loop, mebibytes, millis, row, turns};
use crate::print;

/// The programs to compare with.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The real command (`cargo xtask client kustomize` prints its path)
    #[arg(long, env = "KUSTOMIZE_BIN", value_name = "FILE")]
    kustomize: PathBuf,
    /// The loop around its engine (`cargo xtask client kustomize-loop`)
    #[arg(long, env = "KUSTOMIZE_LOOP_BIN", value_name = "FILE")]
    kustomize_loop: PathBuf,
    /// Build only every n-th overlay
    #[arg(long, default_value_t = 1)]
    every: usize,
}

/// Rounds of a comparison of processes.
const ROUNDS: usize = 5;
/// Time for one folder in a loop of ours.
const LOOP: Duration = Duration::from_millis(200);

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let lode = std::env::current_exe()
        .context("find this program")?
        .with_file_name("lode");
    if !lode.exists() {
        bail!(
            "{} is not there: build it with the same profile",
            lode.display()
        );
    }
    let corpus = overlays::Corpus::unpack()?;
    processes(args, &lode, &corpus)?;
    in_process(args, &corpus)?;
    generated::run(&lode, &args.kustomize)?;
    overlays::threads(&corpus)?;
    overlays::one_changed_file(&corpus)
}

fn processes(args: &Args, lode: &Path, corpus: &overlays::Corpus) -> anyhow::Result<()> {
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    let mut largest: Option<(usize, &Path)> = None;
    for overlay in corpus.overlays.iter().step_by(args.every) {
        let pair = pair(lode, &args.kustomize, &overlay.folder, 1)?;
        ours.push(pair.0);
        theirs.push(pair.1);
        if largest.is_none_or(|(length, _)| overlay.expected_len > length) {
            largest = Some((overlay.expected_len, &overlay.folder));
        }
    }
    print::line(&format!(
        "{} overlays, a process each (kustomize | lode | ratio)",
        ours.len()
    ));
    for (what, share) in [("median", 0.5), ("p90", 0.9), ("p99", 0.99)] {
        let at = |costs: &[Cost]| rank(costs.iter().map(|cost| millis(cost.time)), share);
        row(&format!("time, {what}, ms"), at(&theirs), at(&ours));
    }
    let at = |costs: &[Cost]| rank(costs.iter().map(|cost| mebibytes(*cost)), 0.5);
    row("memory, median, MiB", at(&theirs), at(&ours));
    let Some((length, folder)) = largest else {
        return Ok(());
    };
    let (ours, theirs) = pair(lode, &args.kustomize, folder, ROUNDS)?;
    print::line(&format!("the largest ({:.1} MB)", length as f64 / 1e6));
    row("time, ms", millis(theirs.time), millis(ours.time));
    row("memory, MiB", mebibytes(theirs), mebibytes(ours));
    Ok(())
}

/// Builds small overlays and the largest one repeatedly in one process, ours from a tree in memory.
fn in_process(args: &Args, corpus: &overlays::Corpus) -> anyhow::Result<()> {
    let mut by_length: Vec<_> = corpus.overlays.iter().collect();
    by_length.sort_by_key(|overlay| overlay.expected_len);
    let median = by_length.len() / 2;
    let mut chosen: Vec<_> = by_length
        .iter()
        .skip(median)
        .step_by(8)
        .take(10)
        .copied()
        .collect();
    chosen.extend(by_length.last().copied());
    let folders: Vec<&str> = chosen
        .iter()
        .filter_map(|overlay| overlay.folder.to_str())
        .collect();
    let theirs = engine_loop(&args.kustomize_loop, &folders)?;
    print::line("again and again in one process, shortest build (kustomize | lode | ratio)");
    for overlay in chosen {
        let Some(micros) = overlay
            .folder
            .to_str()
            .and_then(|folder| theirs.get(folder))
        else {
            continue;
        };
        let ours = shortest(&corpus.trees[&overlay.repository], &overlay.path)?;
        let what = format!("{} kB, ms", overlay.expected_len / 1000);
        row(&what, *micros as f64 / 1e3, millis(ours));
    }
    Ok(())
}

fn shortest(tree: &Tree, folder: &RepoPath) -> anyhow::Result<Duration> {
    let begin = Instant::now();
    let mut shortest = Duration::MAX;
    while begin.elapsed() < LOOP || shortest == Duration::MAX {
        let start = Instant::now();
        let text = overlays::text(tree, folder)?;
        shortest = shortest.min(start.elapsed());
        std::hint::black_box(text);
    }
    Ok(shortest)
}

/// Returns the value below which `share` of all lie.
fn rank(values: impl Iterator<Item = f64>, share: f64) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    let at = (values.len() as f64 * share) as usize;
    values
        .get(at.min(values.len().saturating_sub(1)))
        .copied()
        .unwrap_or_default()
}

/// What `kustomize build --load-restrictor LoadRestrictionsNone` does.
fn options() -> Options {
    Options {
        restrictions: Restrictions::None,
        ..Options::default()
    }
}

/// Builds a folder with both commands in turns.
fn pair(
    lode: &Path,
    kustomize: &Path,
    folder: &Path,
    rounds: usize,
) -> anyhow::Result<(Cost, Cost)> {
    let folder = folder.to_str().context("the folder's name is UTF-8")?;
    let arguments = ["build", folder, "--load-restrictor", "LoadRestrictionsNone"];
    // The folders are in no checkout, so ours needs the root that it may read.
    let with_root = [&arguments[..], &["--root", "/"]].concat();
    turns((lode, &with_root), (kustomize, &arguments), rounds)
}
