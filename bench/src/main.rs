//! `cargo run --release -p bench -- …`: what the operator costs on a real control plane, beside a bare client loop in
//! the same run. All but `yaml` need a cluster (`cargo xtask cluster up` prints its `KUBECONFIG`) and the built `lode`
//! beside this binary. Nothing here asserts: figures are printed, people judge.

mod bare;
mod drift;
mod fleet;
mod print;
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
    /// One Kustomization of many objects
    Objects {
        /// How many objects
        #[arg(default_value_t = 10_000)]
        count: usize,
    },
    /// Live edits until they are undone, and pushes until they are applied
    Latency {
        /// How many of each
        #[arg(default_value_t = 100)]
        count: usize,
    },
    /// Reading YAML, beside libyaml and JSON; needs no cluster
    Yaml {
        /// Files; without any the larger ones of the kustomize corpus
        files: Vec<PathBuf>,
    },
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let run = match arguments.what {
        What::Kustomizations { count } => fleet::run(count).await,
        What::Objects { count } => single::run(count).await,
        What::Latency { count } => drift::run(count).await,
        What::Yaml { files } => yaml::run(&files),
    };
    match run {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            print::line(&format!("error: {error:#}"));
            ExitCode::FAILURE
        }
    }
}
