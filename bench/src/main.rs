//! `cargo run --release -p bench -- …`: what the operator costs on a real control plane, compared
//! with a bare client loop in the same run. Most benchmarks need a cluster (`cargo xtask cluster
//! up` prints its `KUBECONFIG`) and a built `lode` next to this binary. Nothing here asserts; the
//! figures are for people to judge.

mod apiserver;
mod bare;
mod bare_releases;
mod bombs;
mod costs;
mod drift;
mod fleet;
mod follow;
mod helm;
mod kustomizations;
mod kustomize;
mod launch;
mod peer;
mod print;
mod releases;
mod single;
mod stage;
mod yaml;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Benchmarks against the cluster of `KUBECONFIG`.
#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Many Kustomizations of four objects: all at once, again on request, after a restart
    Kustomizations {
        /// How many
        #[arg(default_value_t = 1000)]
        count: usize,
    },
    /// Many releases of one chart with four objects: all at once, and again on request
    Helmreleases {
        /// How many
        #[arg(default_value_t = 1000)]
        count: usize,
    },
    /// One Kustomization of many objects
    Objects {
        /// How many objects
        #[arg(default_value_t = 10_000)]
        count: usize,
    },
    /// Time until live edits are undone, and until pushes are applied
    Latency {
        /// How many of each
        #[arg(default_value_t = 100)]
        count: usize,
    },
    /// Fifty honest Kustomizations, alone and next to a bomb of every kind
    Bombs,
    /// The embedded API server compared with the real one; starts both, needs no cluster
    Apiserver(apiserver::Args),
    /// Builds compared with the real kustomize; needs no cluster
    Kustomize(kustomize::Args),
    /// Charts rendered compared with the real helm; needs no cluster
    Helm(helm::Args),
    /// Reading YAML, compared with libyaml and JSON; needs no cluster
    Yaml {
        /// Files [default: the larger ones of the kustomize corpus]
        files: Vec<PathBuf>,
    },
    /// Run a command and print its cost
    #[command(hide = true)]
    Launch {
        /// The command
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        command: Vec<String>,
    },
}

fn main() -> ExitCode {
    match run(Arguments::parse().what) {
        Ok(code) => code,
        Err(error) => {
            print::line(&format!("error: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn run(what: What) -> anyhow::Result<ExitCode> {
    match what {
        What::Kustomizations { count } => on_cluster(kustomizations::run(count))?,
        What::Helmreleases { count } => on_cluster(releases::run(count))?,
        What::Objects { count } => on_cluster(single::run(count))?,
        What::Latency { count } => on_cluster(drift::run(count))?,
        What::Bombs => on_cluster(bombs::run())?,
        What::Apiserver(args) => on_cluster(apiserver::run(args))?,
        What::Kustomize(args) => kustomize::run(&args)?,
        What::Helm(args) => helm::run(&args)?,
        What::Yaml { files } => yaml::run(&files)?,
        What::Launch { command } => return launch::main(&command),
    }
    Ok(ExitCode::SUCCESS)
}

fn on_cluster(bench: impl Future<Output = anyhow::Result<()>>) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    runtime.block_on(bench)
}
