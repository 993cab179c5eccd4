//! `cargo xtask`: the developer's tasks beyond `cargo` itself.
//!
//! Each task is a module: a test [`cluster`], a [`client`] for it, the [`e2e`], [`charts`], [`example`],
//! [`leader`] and [`judge`] runs on it, comparisons with a real API server ([`replay`], [`differential`],
//! [`clients`]), the [`schema`] of the built-in types, [`fuzz`] with hostile inputs, [`house`] with
//! its figures, and [`tidy`] with its gates. Data goes to stdout, messages to stderr. What a task
//! builds is kept in a cache outside the checkout. Left out on purpose: anything a plain `cargo`
//! command already does.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command line tool talks to its terminal"
)]

mod charts;
mod client;
mod clients;
mod cluster;
mod command;
mod controlplane;
mod differential;
mod e2e;
mod example;
mod fuzz;
mod house;
mod judge;
mod leader;
mod operator;
mod record;
mod replay;
mod schema;
mod simulation;
mod tidy;
mod workspace;

use std::process::ExitCode;

use clap::Parser;

/// The tasks.
#[derive(Parser)]
#[command(
    name = "cargo xtask",
    bin_name = "cargo xtask",
    about = "Tasks of the project"
)]
enum Task {
    /// Start, stop or show a real Kubernetes control plane on loopback
    Cluster(cluster::Args),
    /// Build a real client from its published module and print its path
    Client(client::Args),
    /// Play real charts as releases on a fresh cluster and compare with what helm says
    Charts(charts::Args),
    /// Run the end-to-end tests on a fresh cluster
    E2e(e2e::Args),
    /// Let a repository of controllers, configuration and apps converge on an embedded API and a real control plane
    Example(example::Args),
    /// Stop the leader of two replicas again and again and print what it still wrote
    Leader(leader::Args),
    /// Play the whole operator on a clock of the test's own, with many seeds
    Simulation(simulation::Args),
    /// Replay recorded scenarios against `lode serve` on a fresh cluster and print the scores
    Judge(judge::Args),
    /// Replay recorded requests against an API server and print how many are answered alike
    Replay(replay::Args),
    /// Record what the real tools make of our own inputs, for the tests of the engines
    Record(record::Args),
    /// Send the same random operations to the real API server and another one, and print where they differ
    Differential(differential::Args),
    /// Run kubectl, helm and flux against an API server and print which commands end as expected
    Clients(clients::Args),
    /// Generate the data files of Kubernetes' built-in types from its published modules
    Schema(schema::Args),
    /// Feed mutated inputs to a library until the time is up or something fails
    Fuzz(fuzz::Args),
    /// Print figures of how the code reads: shared names, twins, density, circles
    House(house::Args),
    /// Check the gates of the house: layers, purity, sizes, docs, links
    Tidy,
}

fn main() -> ExitCode {
    let done = match Task::parse() {
        Task::Cluster(args) => cluster::main(&args),
        Task::Client(args) => client::main(&args),
        Task::Charts(args) => charts::main(&args),
        Task::E2e(args) => e2e::main(&args),
        Task::Example(args) => example::main(&args),
        Task::Leader(args) => leader::main(&args),
        Task::Simulation(args) => simulation::main(&args),
        Task::Judge(args) => judge::main(&args),
        Task::Replay(args) => replay::main(&args),
        Task::Record(args) => record::main(&args),
        Task::Differential(args) => differential::main(&args),
        Task::Clients(args) => clients::main(&args),
        Task::Schema(args) => schema::main(&args),
        Task::Fuzz(args) => fuzz::main(&args),
        Task::House(args) => house::main(&args),
        Task::Tidy => tidy::main(),
    };
    done.unwrap_or_else(|error| {
        eprintln!("error: {error:#}");
        ExitCode::FAILURE
    })
}
