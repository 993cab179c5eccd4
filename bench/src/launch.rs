//! Starts a command from a small process, and measures its cost.
//!
//! After a fork the child's peak memory starts at its parent's, so this program starts itself
//! again, does nothing but start the command and wait, and prints what the system counted.

use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use nix::sys::resource::{UsageWho, getrusage};

use crate::print;

/// The cost of a command.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cost {
    /// From start to end.
    pub(crate) time: Duration,
    /// Most memory it held, in KiB.
    pub(crate) peak_kib: u64,
}

/// Runs a command through a small process and ignores its output.
pub(crate) fn cost(program: &Path, arguments: &[&str]) -> anyhow::Result<Cost> {
    let own = std::env::current_exe().context("find this program")?;
    let run = Command::new(own)
        .arg("launch")
        .arg(program)
        .args(arguments)
        .output()
        .context("start this program")?;
    if !run.status.success() {
        bail!(
            "{} {}: {}",
            program.display(),
            arguments.join(" "),
            String::from_utf8_lossy(&run.stderr).trim()
        );
    }

    let text = String::from_utf8_lossy(&run.stdout);
    let mut numbers = text.split_whitespace().map(str::parse::<u64>);
    match (numbers.next(), numbers.next()) {
        (Some(Ok(micros)), Some(Ok(peak_kib))) => Ok(Cost {
            time: Duration::from_micros(micros),
            peak_kib,
        }),
        _ => bail!("the launcher printed {text:?}"),
    }
}

/// The small process: runs the command and prints microseconds and KiB.
pub(crate) fn main(command: &[String]) -> anyhow::Result<ExitCode> {
    let (program, arguments) = command.split_first().context("a command")?;
    let start = Instant::now();
    let run = Command::new(program)
        .args(arguments)
        .stdout(Stdio::null())
        .stdin(Stdio::null())
        .status();
    let time = start.elapsed();
    let status = run.with_context(|| format!("start {program}"))?;
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN).context("ask for the usage")?;
    print::line(&format!("{} {}", time.as_micros(), usage.max_rss()));
    Ok(if status.success() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
