//! Runs other programs, with errors that name the program and show its output.

use std::io;
use std::process::{Command, ExitStatus, Stdio};

use anyhow::{Context, Result, bail};

/// Runs to the end with the terminal attached; fails unless the program succeeds.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let status = status(command)?;
    if !status.success() {
        bail!("{} ended with {status}", name(command));
    }
    Ok(())
}

/// Runs to the end with the terminal attached.
pub(crate) fn status(command: &mut Command) -> Result<ExitStatus> {
    command.status().map_err(|error| missing(command, error))
}

/// Runs to the end and returns what it wrote to stdout; fails unless the program succeeds.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    let output = command
        .stdin(Stdio::null())
        .output()
        .map_err(|error| missing(command, error))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        bail!(
            "{} ended with {}: {}",
            name(command),
            output.status,
            said.trim()
        );
    }
    String::from_utf8(output.stdout)
        .with_context(|| format!("read the output of {}", name(command)))
}

/// Runs to the end without output; returns whether it succeeded.
pub(crate) fn succeeds(command: &mut Command) -> Result<bool> {
    let command = command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    Ok(status(command)?.success())
}

fn missing(command: &Command, error: io::Error) -> anyhow::Error {
    let hint = match command.get_program().to_str() {
        _ if error.kind() != io::ErrorKind::NotFound => "",
        Some("go") => "\nhint: Go 1.26 or newer builds the test cluster; see https://go.dev/dl",
        Some(_) => "\nhint: install it, or put it on the PATH",
        None => "",
    };
    anyhow::Error::new(error).context(format!("start {}{hint}", name(command)))
}

fn name(command: &Command) -> String {
    command.get_program().to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_names_the_program_and_what_it_said() {
        let error = output(Command::new("sh").args(["-c", "echo no such luck >&2; exit 3"]))
            .unwrap_err()
            .to_string();
        assert!(
            error.starts_with("sh ended with") && error.ends_with("no such luck"),
            "{error}"
        );
    }

    #[test]
    fn a_missing_program_is_named() {
        let error = run(&mut Command::new("no-such-program"))
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("no-such-program") && error.contains("hint: install it"),
            "{error}"
        );
    }
}
