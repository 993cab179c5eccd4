//! Runs the scenarios of `lode-cli` on a real control plane; a plain `cargo test` runs them on
//! sandboxes.
//!
//! They read the environment variables `KUBECONFIG`, `LODE_BIN`, `FLUX_BIN` and `LODE_AUDIT_LOG`.
//! `LODE_BIN` is set by nothing else, so a plain `cargo test` never touches the user's cluster.

use std::path::PathBuf;
use std::process::{Command, ExitCode};

use anyhow::Result;

use crate::cluster::{self, Fresh};
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
    let (lode, flux) = (operator::binary(args.lode.as_deref())?, client::flux()?);
    let fresh = Fresh::audited("e2e")?;
    let mut tests = Command::new(workspace::cargo());
    tests
        .args(["test", "--package", "lode-cli", "--test", "scenarios"])
        .args(&args.filter);
    // The demo starts its own cluster and is already covered by `cargo test`.
    tests
        .args(["--", "--nocapture", "--skip", "demo::"])
        .args(&args.more);
    tests
        .env("KUBECONFIG", fresh.cluster.kubeconfig())
        .env("LODE_BIN", lode)
        .env("FLUX_BIN", flux)
        .env("LODE_AUDIT_LOG", cluster::audit_log(&fresh.cluster.state));
    tests.current_dir(workspace::root());
    command::run(&mut tests)?;
    Ok(ExitCode::SUCCESS)
}
