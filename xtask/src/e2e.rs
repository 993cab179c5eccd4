//! Runs the scenarios of `lode-cli` on a real control plane; a plain `cargo test` runs them on
//! sandboxes.
//!
//! They read the environment variables `KUBECONFIG`, `LODE_BIN`, `LODE_AUDIT_LOG` and those of the
//! clients, such as `FLUX_BIN`, and of the registry. `LODE_BIN` is set by nothing else, so a plain `cargo test` never touches the user's cluster.

use std::path::{Path, PathBuf};
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
    let lode = operator::binary(args.lode.as_deref())?;
    let fresh = Fresh::audited("e2e")?;
    let mut tests = scenarios(&lode, &fresh, args.filter.as_deref())?;
    // The demo starts its own cluster and is already covered by `cargo test`.
    tests.args(["--skip", "demo::"]).args(&args.more);
    command::run(&mut tests)?;
    Ok(ExitCode::SUCCESS)
}

/// Returns the command that plays the scenarios whose names contain a text, on a cluster, with all
/// clients; what follows are arguments of the test binary.
pub(crate) fn scenarios(lode: &Path, fresh: &Fresh, filter: Option<&str>) -> Result<Command> {
    let mut tests = Command::new(workspace::cargo());
    tests
        .args(["test", "--package", "lode-cli", "--test", "scenarios"])
        .args(filter)
        .args(["--", "--nocapture"]);
    tests
        .env("KUBECONFIG", fresh.cluster.kubeconfig())
        .env("LODE_BIN", lode)
        .env("FLUX_BIN", client::flux()?)
        .env("HELM_BIN", client::helm()?)
        .env("KUSTOMIZE_BIN", client::kustomize()?)
        .env("REGISTRY_BIN", client::registry()?)
        .env("LODE_AUDIT_LOG", cluster::audit_log(&fresh.cluster.state));
    tests.current_dir(workspace::root());
    Ok(tests)
}
