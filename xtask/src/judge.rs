//! Replays scenarios recorded from Flux's own controllers against `lode serve`, and prints how many
//! end alike.
//!
//! The scenarios and the script that replays them are next to the checkout, in `../shared`. The run
//! uses a cluster of its own; its folder keeps the logs until the next run and is printed at the
//! end.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::{Result, bail};

use crate::cluster::Fresh;
use crate::operator::Serving;
use crate::{command, operator, workspace};

/// `cargo xtask judge`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Replay only the scenarios whose names contain this
    #[arg(long)]
    only: Option<String>,
    /// Scenarios to replay [default: those of sources and Kustomizations]
    #[arg(long)]
    file: Vec<PathBuf>,
    /// Binary of `lode` to use instead of building it
    #[arg(long)]
    lode: Option<PathBuf>,
    /// Further arguments of the replaying script, such as `--show 50`
    #[arg(last = true)]
    more: Vec<String>,
}

const SCRIPT: &str = "../judge/flux.py";
const SCENARIOS: [&str; 2] = ["flux/source.json", "flux/kustomization.json"];

pub(crate) fn main(args: &Args) -> Result<ExitCode> {
    let corpus = cases::folder();
    let script = corpus.join(SCRIPT);
    if !script.exists() {
        bail!(
            "{} is missing, so there is nothing to replay",
            script.display()
        );
    }
    let lode = operator::binary(args.lode.as_deref())?;
    let fresh = Fresh::start("judge")?;
    operator::install_definitions(&lode, &fresh.cluster)?;
    let serving = Serving::start(&lode, &fresh.cluster)?;

    let scored = command::status(&mut replay(args, &corpus, &script, &fresh)?)?;
    drop(serving);
    eprintln!(
        "log of lode: {}",
        fresh.cluster.state.join("log/lode.log").display()
    );
    // The script fails if any state differs, which the scores already show.
    Ok(if scored.success() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn replay(args: &Args, corpus: &Path, script: &Path, fresh: &Fresh) -> Result<Command> {
    let mut python = Command::new("python3");
    python.arg(script);
    if args.file.is_empty() {
        python.args(SCENARIOS.map(|file| corpus.join(file)));
    } else {
        python.args(&args.file);
    }
    if let Some(only) = &args.only {
        python.args(["--only", only]);
    }
    python
        .args(&args.more)
        .env("KUBECONFIG", fresh.cluster.kubeconfig());
    python.env("KUBECACHEDIR", fresh.cluster.state.join("kubectl"));
    python.env("PATH", workspace::path_with(&fresh.cluster.bin)?);
    Ok(python)
}
