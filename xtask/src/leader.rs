//! Proves that a replica without its Lease writes nothing: stops the leader of two replicas again and again, and holds
//! what arrived from it afterwards, by the API server's audit log, against when it passed the gate.
//!
//! What is played is a scenario of `lode-cli`, of which `cargo xtask e2e` plays a few stops. It prints the figures.

use std::path::PathBuf;
use std::process::{Command, ExitCode};

use anyhow::Result;

use crate::cluster::{self, Fresh};
use crate::{command, operator, workspace};

/// `cargo xtask leader`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// How often the leader is stopped; each takes about six seconds
    #[arg(long, default_value_t = 200)]
    stops: u32,
    /// Which moments
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
