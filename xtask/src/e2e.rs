//! Runs the tests of the crate `e2e`, which need a real cluster, the built `lode` and the `flux` command.
//!
//! The crate's tests find them in the environment: `KUBECONFIG`, `LODE_BIN`, `FLUX_BIN`, and `kubectl` on the `PATH`.
//! `LODE_BIN` is set by nothing else, so a plain `cargo test` never touches the cluster of who runs it.

use std::path::PathBuf;
use std::process::{Command, ExitCode};

use anyhow::{Result, bail};

use crate::cluster::Fresh;
use crate::{client, command, operator, workspace};

/// `cargo xtask e2e`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Run only the tests whose names contain this
    filter: Option<String>,
    /// Binary of `lode` to use instead of building it
    #[arg(long)]
    lode: Option<PathBuf>,
    /// Further arguments of the test binary, such as `--test-threads=1`
    #[arg(last = true)]
    more: Vec<String>,
}

pub(crate) fn main(args: &Args) -> Result<ExitCode> {
    let metadata = workspace::metadata()?;
    if !metadata["packages"].as_array().into_iter().flatten().any(|package| package["name"] == "e2e") {
        bail!("the workspace has no crate `e2e` yet, so there is nothing to run end to end");
    }
    let (lode, flux) = (operator::binary(args.lode.as_deref())?, client::flux()?);
    let fresh = Fresh::start("e2e")?;
    let mut tests = Command::new(workspace::cargo());
    tests.args(["test", "--package", "e2e"]).args(&args.filter);
    tests.args(["--", "--nocapture"]).args(&args.more);
    tests.env("KUBECONFIG", fresh.cluster.kubeconfig()).env("LODE_BIN", lode).env("FLUX_BIN", flux);
    tests.env("PATH", workspace::path_with(&fresh.cluster.bin)?).current_dir(workspace::root());
    command::run(&mut tests)?;
    Ok(ExitCode::SUCCESS)
}
