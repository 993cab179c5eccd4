//! Proves that a replica without its Lease writes nothing: stops the leader of two replicas again
//! and again, and compares the requests that arrived afterwards, by the API server's audit log,
//! with the times at which they passed the gate.
//!
//! This runs a scenario of `lode-cli` and prints its figures; `cargo xtask e2e` runs it with a few
//! stops.

use std::path::PathBuf;
use std::process::{Command, ExitCode};

use anyhow::Result;

use crate::cluster::{self, Fresh};
use crate::{command, operator, workspace};

/// `cargo xtask leader`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Number of stops; each takes about six seconds
    #[arg(long, default_value_t = 200)]
    stops: u32,
    /// Seed of the moments
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Binary of `lode` to use instead of building it
    #[arg(long)]
    lode: Option<PathBuf>,
}

pub(crate) fn main(args: &Args) -> Result<ExitCode> {
    let lode = operator::binary(args.lode.as_deref())?;
    let fresh = Fresh::audited("leader")?;
    let mut tests = Command::new(workspace::cargo());
    tests
        .args(["test", "--package", "lode-cli", "--test", "scenarios"])
        .args(["--", "--nocapture", "stopped_leaders::"])
        .env("KUBECONFIG", fresh.cluster.kubeconfig())
        .env("LODE_BIN", lode)
        .env("LODE_AUDIT_LOG", cluster::audit_log(&fresh.cluster.state))
        .env("LODE_STOPS", args.stops.to_string())
        .env("LODE_SEED", args.seed.to_string())
        .current_dir(workspace::root());
    command::run(&mut tests)?;
    Ok(ExitCode::SUCCESS)
}
