//! Plays the whole operator on a clock that the test holds, with many seeds.
//!
//! What is played is the test `simulation` of `lode-serve`, of which `cargo test` plays a few seeds.

use std::process::{Command, ExitCode};

use anyhow::Result;

use crate::{command, workspace};

/// `cargo xtask simulation`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// How many seeds
    #[arg(long, default_value_t = 100)]
    seeds: u64,
    /// The first of them
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Plays each seed twice and compares the requests and their times
    #[arg(long)]
    replay: bool,
}

pub(crate) fn main(args: &Args) -> Result<ExitCode> {
    let test = if args.replay {
        "plays_the_same_again"
    } else {
        "whatever_the_seed"
    };
    let mut tests = Command::new(workspace::cargo());
    tests
        .args(["test", "--package", "lode-serve", "--test", "simulation"])
        .args(["--", "--nocapture", test])
        .env("LODE_SEEDS", args.seeds.to_string())
        .env("LODE_SEED", args.seed.to_string())
        .current_dir(workspace::root());
    command::run(&mut tests)?;
    Ok(ExitCode::SUCCESS)
}
