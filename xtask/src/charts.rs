//! Plays real charts of the shared corpus as releases on a real control plane, and compares after each step what the
//! status says with what the unmodified `helm` says of the same release.
//!
//! The charts and what is done with them are in `crates/face/cli/tests/scenarios/real_charts`. The cluster's nodes are
//! simulated: pods are ready without images, and there are no volumes.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Result, bail};

use crate::cluster::Fresh;
use crate::{command, e2e, operator};

/// `cargo xtask charts`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Play only the charts whose names begin with one of these, with commas between
    #[arg(default_value = "")]
    only: String,
    /// Binary of `lode` to use instead of building it
    #[arg(long)]
    lode: Option<PathBuf>,
}

pub(crate) fn main(args: &Args) -> Result<ExitCode> {
    if cases::find(cases::CHARTS).is_none() {
        bail!("the corpus has no charts, so there is nothing to play");
    }
    let lode = operator::binary(args.lode.as_deref())?;
    let fresh = Fresh::audited("charts")?;
    let mut tests = e2e::scenarios(&lode, &fresh, Some("real_charts::"))?;
    command::run(tests.env("LODE_CHARTS", &args.only))?;
    Ok(ExitCode::SUCCESS)
}
