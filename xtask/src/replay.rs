//! Replays requests recorded on a real API server and compares the responses.
//!
//! The recordings are next to the checkout, in `../shared/corpus/apiserver`. What differs between
//! servers (uids, times, resource versions, generated names) is compared by its pattern: see
//! [`same`]. The real server passes (nearly) everything, which validates the comparison.

mod kubectl;
mod lines;
mod report;
mod same;
mod scenarios;
mod server;
mod streams;
mod target;
mod text;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Result, bail};

use self::report::Report;
pub(crate) use self::same::{Difference, Same};
pub(crate) use self::server::{Answer, Call, Server};
pub(crate) use self::streams::without_bookmarks;
pub(crate) use self::target::{JudgedServer, Running, real};

/// `cargo xtask replay`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Which recordings
    what: What,
    #[command(flatten)]
    target: JudgedServer,
    /// Replay only the scenarios (for kubectl: commands) whose names contain this text; what they
    /// depend on must exist
    #[arg(long)]
    only: Option<String>,
    /// Misses to print
    #[arg(long, default_value_t = 40)]
    show: usize,
    /// Succeed if at least this many are right, instead of all
    #[arg(long)]
    floor: Option<usize>,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum What {
    /// Scenarios of plain requests
    Http,
    /// What kubectl sends
    Kubectl,
}

pub(crate) fn main(args: &Args) -> Result<ExitCode> {
    let corpus = corpus()?;
    let mut report = Report::default();
    let running = args.target.start("replay")?;
    let only = args.only.as_deref().unwrap_or_default();
    match args.what {
        What::Http => scenarios::replay(&corpus, &running, only, &mut report)?,
        What::Kubectl => kubectl::replay(&corpus, &running, only, &mut report)?,
    }
    report.print(args.show);
    Ok(report.outcome(args.floor))
}

/// Returns the folder of recordings.
fn corpus() -> Result<PathBuf> {
    let corpus = cases::folder().join("apiserver");
    if !corpus.is_dir() {
        bail!(
            "{} is missing, so there is nothing to replay",
            corpus.display()
        );
    }
    Ok(corpus)
}
