//! Lets somebody's repository converge by `lode serve`: on an embedded API, then on a real control plane.
//!
//! The repository and its charts are folders on this machine, and nothing is fetched. The run is the scenario
//! `an_example_repository` of `lode-cli`, which puts the charts into a registry and a chart repository of its own, prints
//! every object of our kinds with its condition Ready, and fails unless all are ready and go again.

use std::path::PathBuf;
use std::process::{Command, ExitCode};

use anyhow::{Context, Result};

use crate::cluster::Fresh;
use crate::{command, operator, workspace};

/// `cargo xtask example`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Folder of the repository: the folders `clusters/NAME`, and what they name
    folder: PathBuf,
    /// Folder of a chart that the repository uses, with `=VERSION` if it is not the one to play; repeatable
    #[arg(long)]
    chart: Vec<String>,
    /// Which of the clusters to play
    #[arg(long, default_value = "production")]
    cluster: String,
    /// Binary of `lode` to use on the real control plane instead of building it
    #[arg(long)]
    lode: Option<PathBuf>,
    /// Play on the embedded API only
    #[arg(long)]
    only_embedded: bool,
}

const SCENARIO: &str = "an_example_repository::it_converges";

pub(crate) fn main(args: &Args) -> Result<ExitCode> {
    println!("on the embedded API:");
    command::run(&mut playing(args)?)?;
    if args.only_embedded {
        return Ok(ExitCode::SUCCESS);
    }
    let lode = operator::binary(args.lode.as_deref())?;
    let fresh = Fresh::start("example")?;
    println!("on the real control plane:");
    let kubeconfig = fresh.cluster.kubeconfig();
    command::run(
        playing(args)?
            .env("KUBECONFIG", kubeconfig)
            .env("LODE_BIN", lode),
    )?;
    Ok(ExitCode::SUCCESS)
}

fn playing(args: &Args) -> Result<Command> {
    let folder = args.folder.canonicalize();
    let folder = folder.with_context(|| format!("find {}", args.folder.display()))?;
    let mut tests = Command::new(workspace::cargo());
    tests
        .args([
            "test",
            "--package",
            "lode-cli",
            "--test",
            "scenarios",
            SCENARIO,
            "--",
            "--nocapture",
        ])
        .env("LODE_EXAMPLE", folder)
        .env("LODE_EXAMPLE_CLUSTER", &args.cluster)
        .env("LODE_EXAMPLE_CHARTS", charts(&args.chart)?)
        .env_remove("LODE_BIN")
        .current_dir(workspace::root());
    Ok(tests)
}

/// Returns the charts by lines, with absolute paths.
fn charts(given: &[String]) -> Result<String> {
    let lines = given.iter().map(|chart| {
        let (folder, version) = chart
            .rsplit_once('=')
            .map_or((&**chart, None), |(folder, it)| (folder, Some(it)));
        let path = std::path::absolute(folder).with_context(|| format!("find {folder}"))?;
        let version = version
            .map(|version| format!("={version}"))
            .unwrap_or_default();
        Ok(format!("{}{version}", path.display()))
    });
    Ok(lines.collect::<Result<Vec<_>>>()?.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn charts_keep_their_versions() {
        let given = ["/a/web".to_owned(), "/b/c=1.2.0".to_owned()];
        assert_eq!(charts(&given).unwrap(), "/a/web\n/b/c=1.2.0");
    }
}
