//! The command line as a whole: the verb and its exit code.
//!
//! 0 is success. `diff` exits as `kubectl diff` does: 1 if there are differences, 2 on an error.
//! All other verbs exit with 1 on an error and with 2 on a command line that cannot be parsed.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use clap::{Parser, Subcommand};

use crate::{
    apiserver, building, demo, diff, get, install, output, reconcile, report, serve, suspend,
    template,
};

/// A GitOps operator: keeps Kubernetes clusters in sync with Git
#[derive(Debug, Parser)]
#[command(name = "lode", version, disable_help_subcommand = true)]
struct Command {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Show everything at work in one process: a cluster, Git and a sample fleet
    Demo(demo::Args),
    /// Run the operator
    Serve(Box<serve::Args>),
    /// Install the operator into a cluster, or print its objects
    Install(install::Args),
    /// List the objects that the operator manages, with their status
    Get(get::Args),
    /// Reconcile an object now and wait for the outcome
    Reconcile(reconcile::Args),
    /// Suspend objects until they are resumed
    Suspend(suspend::SuspendArgs),
    /// Resume suspended objects and wait until they are ready
    Resume(suspend::ResumeArgs),
    /// Show what a reconcile would change in the cluster, field by field
    Diff(diff::Args),
    /// Print the objects that a folder builds into
    Build(Box<building::Args>),
    /// Print what a Helm chart renders into
    Template(Box<template::Args>),
    /// Serve an in-memory Kubernetes API, without a cluster
    Apiserver(apiserver::Args),
}

/// Parses the command line, runs the verb and returns the exit code.
#[must_use]
pub fn main() -> ExitCode {
    let command = match Command::try_parse() {
        Ok(command) => command,
        Err(error) => {
            output::usage(&error);
            return code(error.exit_code());
        }
    };
    let on_error = if matches!(command.verb, Verb::Diff(_)) {
        2
    } else {
        1
    };
    match run(command.verb) {
        Ok(code) => code,
        Err(error) => {
            output::talk(&report::text(&error));
            ExitCode::from(on_error)
        }
    }
}

fn run(verb: Verb) -> anyhow::Result<ExitCode> {
    if let Verb::Build(args) = verb {
        // A build is synchronous and needs no runtime.
        return building::run(&args);
    }
    if let Verb::Template(args) = verb {
        return template::run(&args);
    }
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    if matches!(verb, Verb::Serve(_)) {
        builder.worker_threads(operator_workers());
    }
    let runtime = builder.enable_all().build().context("start the runtime")?;
    // The storage folder is removed after the last thread has ended; a thread that still writes
    // would create it again.
    let mut storage = None;
    let end = runtime.block_on(async {
        match verb {
            Verb::Demo(args) => demo::run(args, &mut storage).await,
            Verb::Serve(args) => serve::run(*args).await,
            Verb::Install(args) => install::run(args).await,
            Verb::Get(args) => get::run(args).await,
            Verb::Reconcile(args) => reconcile::run(args).await,
            Verb::Suspend(args) => suspend::suspend(args).await,
            Verb::Resume(args) => suspend::resume(args).await,
            Verb::Diff(args) => return diff::run(args).await,
            Verb::Build(args) => return building::run(&args),
            Verb::Template(args) => return template::run(&args),
            Verb::Apiserver(args) => apiserver::run(args).await,
        }
        .map(|()| ExitCode::SUCCESS)
    });
    // A blocking DNS lookup or disk access may never return, and nothing needs its result any more.
    runtime.shutdown_timeout(THREADS_END);
    drop(storage);
    end
}

/// The operator mostly waits for I/O, and builds run on their own threads: more workers would only
/// spend time waking each other.
fn operator_workers() -> usize {
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    (processors / 2).clamp(1, OPERATOR_WORKERS_MAX)
}

const OPERATOR_WORKERS_MAX: usize = 4;
/// How long threads may take to end after everything else has.
const THREADS_END: Duration = Duration::from_secs(1);

fn code(number: i32) -> ExitCode {
    u8::try_from(number).map_or(ExitCode::FAILURE, ExitCode::from)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Command::command().debug_assert();
    }

    #[test]
    fn help_names_every_verb() {
        insta::assert_snapshot!(Command::command().render_help(), @r"
        A GitOps operator: keeps Kubernetes clusters in sync with Git

        Usage: lode <COMMAND>

        Commands:
          demo       Show everything at work in one process: a cluster, Git and a sample fleet
          serve      Run the operator
          install    Install the operator into a cluster, or print its objects
          get        List the objects that the operator manages, with their status
          reconcile  Reconcile an object now and wait for the outcome
          suspend    Suspend objects until they are resumed
          resume     Resume suspended objects and wait until they are ready
          diff       Show what a reconcile would change in the cluster, field by field
          build      Print the objects that a folder builds into
          template   Print what a Helm chart renders into
          apiserver  Serve an in-memory Kubernetes API, without a cluster

        Options:
          -h, --help     Print help
          -V, --version  Print version
        ");
    }

    #[test]
    fn unknown_verbs_end_with_2() {
        let error = Command::try_parse_from(["lode", "frobnicate"]).unwrap_err();
        assert_eq!(error.exit_code(), 2);
    }
}
