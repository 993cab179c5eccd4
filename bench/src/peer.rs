//! A peer measured next to us: commands that take turns, a loop around the peer's engine, and rows
//! of figures.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::Context as _;

use crate::launch::{self, Cost};
use crate::print;

/// A command and its arguments.
pub(crate) type Invocation<'a> = (&'a Path, &'a [&'a str]);

/// Runs both commands in turns; the shortest time and the smallest peak of each count.
pub(crate) fn turns(
    ours: Invocation<'_>,
    theirs: Invocation<'_>,
    rounds: usize,
) -> anyhow::Result<(Cost, Cost)> {
    let mut best: Option<(Cost, Cost)> = None;
    for _ in 0..rounds {
        let (a, b) = (
            launch::cost(ours.0, ours.1)?,
            launch::cost(theirs.0, theirs.1)?,
        );
        let (best_a, best_b) = best.unwrap_or((a, b));
        best = Some((less(best_a, a), less(best_b, b)));
    }
    best.context("at least one round")
}

fn less(a: Cost, b: Cost) -> Cost {
    Cost {
        time: a.time.min(b.time),
        peak_kib: a.peak_kib.min(b.peak_kib),
    }
}

/// Runs a loop around a peer's engine on folders. Returns the shortest time of each in
/// microseconds; a folder that the peer cannot build is missing.
pub(crate) fn engine_loop(
    program: &Path,
    folders: &[&str],
) -> anyhow::Result<BTreeMap<String, u64>> {
    let mut peer = Command::new(program)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .context("start the peer")?;
    peer.stdin
        .take()
        .context("the peer reads")?
        .write_all(folders.join("\n").as_bytes())?;
    let output = peer.wait_with_output()?;
    let lines = String::from_utf8_lossy(&output.stdout).into_owned();
    let line = |line: &str| {
        let mut columns = line.split(' ');
        Some((columns.next()?.to_owned(), columns.next()?.parse().ok()?))
    };
    Ok(lines.lines().filter_map(line).collect())
}

/// Prints the peer's figure, ours, and their ratio.
pub(crate) fn row(what: &str, theirs: f64, ours: f64) {
    print::line(&format!(
        "  {what:<36} {theirs:>10.2} {ours:>10.2} {:>8.1}x",
        theirs / ours.max(f64::MIN_POSITIVE)
    ));
}

pub(crate) fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

pub(crate) fn mebibytes(cost: Cost) -> f64 {
    cost.peak_kib as f64 / 1024.0
}
