//! How figures are shown, and how folders are built.

use std::path::Path;
use std::time::Duration;

use anyhow::Context as _;
use lode_kustomize::{Options, Restrictions};

use crate::launch::{self, Cost};
use crate::print;

/// What `kustomize build --load-restrictor LoadRestrictionsNone` does.
pub(super) fn options() -> Options {
    Options {
        restrictions: Restrictions::None,
        ..Options::default()
    }
}

pub(super) fn row(what: &str, theirs: f64, ours: f64) {
    print::line(&format!(
        "  {what:<36} {theirs:>10.2} {ours:>10.2} {:>8.1}x",
        theirs / ours.max(f64::MIN_POSITIVE)
    ));
}

pub(super) fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

pub(super) fn mebibytes(cost: Cost) -> f64 {
    cost.peak_kib as f64 / 1024.0
}

/// Runs both commands on a folder in turns; the shortest time and the smallest peak of each count.
pub(super) fn pair(
    lode: &Path,
    kustomize: &Path,
    folder: &Path,
    rounds: usize,
) -> anyhow::Result<(Cost, Cost)> {
    let folder = folder.to_str().context("the folder's name is UTF-8")?;
    let arguments = ["build", folder, "--load-restrictor", "LoadRestrictionsNone"];
    // The folders are in no checkout, so ours needs the root that it may read.
    let with_root = [&arguments[..], &["--root", "/"]].concat();
    let mut best: Option<(Cost, Cost)> = None;
    for _ in 0..rounds {
        let (ours, theirs) = (
            launch::cost(lode, &with_root)?,
            launch::cost(kustomize, &arguments)?,
        );
        let (a, b) = best.unwrap_or((ours, theirs));
        best = Some((less(a, ours), less(b, theirs)));
    }
    best.context("at least one round")
}

pub(super) fn less(a: Cost, b: Cost) -> Cost {
    Cost {
        time: a.time.min(b.time),
        peak_kib: a.peak_kib.min(b.peak_kib),
    }
}
