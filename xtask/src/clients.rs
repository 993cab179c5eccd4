//! Runs real clients (kubectl, helm, flux) against an API server and checks that each command ends
//! as expected.
//!
//! The commands and their order are in `clients/list.yaml`; a check is one line of shell with the
//! expected exit code and words of the output. Checks build on earlier ones, so one failure may
//! cause others.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::{Context, Result, bail};
use lode_yaml::Dialect;
use serde_json::Value;

use crate::replay::{JudgedServer, Running};
use crate::{client, command, controlplane, workspace};

/// `cargo xtask clients`.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    target: JudgedServer,
    /// Run only the checks whose commands contain this text; what they depend on must exist
    #[arg(long)]
    only: Option<String>,
}

/// A command and its expected outcome.
struct Check<'l> {
    run: &'l str,
    says: &'l str,
    exit: i64,
}

/// How long a command may take, in seconds.
const COMMAND_MAX: &str = "60";
/// Characters of a failing command's output that are printed.
const SAID_MAX: usize = 400;

pub(crate) fn main(args: &Args) -> Result<ExitCode> {
    let list = lode_yaml::parse(include_bytes!("clients/list.yaml"), Dialect::V3)
        .context("read the list of checks")?;
    let bins = [
        controlplane::bin()?,
        folder(&client::helm()?)?,
        folder(&client::flux()?)?,
    ];
    let running = args.target.start("clients")?;
    let home = workspace::cache()?.join(format!("clients-{}", std::process::id()));
    let outcome = write_files(&list, &home).and_then(|()| {
        prepare(&home, &bins, &running)?;
        run_all(
            &list,
            args.only.as_deref().unwrap_or_default(),
            &home,
            &bins,
        )
    });
    fs::remove_dir_all(&home).with_context(|| format!("remove {}", home.display()))?;
    outcome
}

fn run_all(list: &Value, only: &str, home: &Path, bins: &[PathBuf]) -> Result<ExitCode> {
    let (mut right, mut total) = (0, 0);
    for check in checks(list)?
        .iter()
        .filter(|check| check.run.contains(only))
    {
        let failure = run(check, home, bins)?;
        println!(
            "{:<5} {}",
            if failure.is_none() { "ok" } else { "FAILS" },
            check.run
        );
        total += 1;
        match failure {
            None => right += 1,
            Some(failure) => println!("        {}", failure.replace('\n', "\n        ")),
        }
    }
    println!("{right} of {total} commands end as they should");
    Ok(if right == total && total > 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Runs a command; returns its outcome if it is not the expected one.
fn run(check: &Check<'_>, home: &Path, bins: &[PathBuf]) -> Result<Option<String>> {
    let output = shell(check.run, home, bins)?
        .output()
        .context("start a shell")?;
    let said = [output.stdout, output.stderr]
        .map(|said| String::from_utf8_lossy(&said).into_owned())
        .concat();
    let exit = output.status.code().map(i64::from);
    if exit == Some(check.exit) && said.contains(check.says) {
        return Ok(None);
    }
    let said: String = said.trim().chars().take(SAID_MAX).collect();
    Ok(Some(format!(
        "{} and not exit status: {} with \"{}\"\n{said}",
        output.status, check.exit, check.says
    )))
}

fn shell(line: &str, home: &Path, bins: &[PathBuf]) -> Result<Command> {
    let mut path = bins.to_vec();
    path.extend(std::env::split_paths(
        &std::env::var_os("PATH").unwrap_or_default(),
    ));
    let mut shell = Command::new("timeout");
    shell
        .args([COMMAND_MAX, "sh", "-c", line])
        .current_dir(home)
        .env("HOME", home);
    shell.env(
        "PATH",
        std::env::join_paths(path).context("extend the PATH")?,
    );
    shell
        .env("KUBECONFIG", home.join("kubeconfig"))
        .env("KUBECACHEDIR", home.join("cache"));
    Ok(shell)
}

/// Writes a kubeconfig that commands may change, and installs the definitions that the flux command
/// needs.
fn prepare(home: &Path, bins: &[PathBuf], running: &Running) -> Result<()> {
    let mut view = shell("kubectl config view --raw --flatten", home, bins)?;
    let kubeconfig = command::output(view.env("KUBECONFIG", &running.kubeconfig))
        .context("copy the kubeconfig")?;
    fs::write(home.join("kubeconfig"), kubeconfig).context("write the kubeconfig")?;
    let definitions = serde_json::json!({"apiVersion": "v1", "kind": "List", "items": lode_api::kinds::definitions()});
    fs::write(home.join("crds.json"), definitions.to_string())
        .context("write the definitions of Flux's kinds")
}

/// Writes the files of the list into a new folder.
fn write_files(list: &Value, home: &Path) -> Result<()> {
    for (name, text) in list["files"].as_object().context("the list has files")? {
        let path = home.join(name);
        fs::create_dir_all(folder(&path)?)
            .with_context(|| format!("create the folder of {}", path.display()))?;
        fs::write(&path, text.as_str().unwrap_or_default())
            .with_context(|| format!("write {}", path.display()))?;
    }
    Ok(())
}

fn checks(list: &Value) -> Result<Vec<Check<'_>>> {
    let rows = list["checks"].as_array().context("the list has checks")?;
    if let Some(odd) = rows.iter().find(|row| !row["run"].is_string()) {
        bail!("a check has no command: {odd}");
    }
    Ok(rows.iter().map(Check::of).collect())
}

impl<'l> Check<'l> {
    fn of(row: &'l Value) -> Self {
        let text = |field: &str| row[field].as_str().unwrap_or_default();
        Self {
            run: text("run"),
            says: text("says"),
            exit: row["exit"].as_i64().unwrap_or(0),
        }
    }
}

fn folder(file: &Path) -> Result<PathBuf> {
    Ok(file.parent().context("a file is in a folder")?.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list() -> Value {
        lode_yaml::parse(include_bytes!("clients/list.yaml"), Dialect::V3).unwrap()
    }

    #[test]
    fn every_check_has_a_command_and_words_that_are_text() {
        let list = list();
        assert!(checks(&list).unwrap().len() > 100);
        for row in list["checks"].as_array().unwrap() {
            assert!(row.get("says").is_none_or(Value::is_string), "{row}");
        }
    }

    #[test]
    fn a_command_must_end_and_speak_as_said() {
        let home = tempfile::tempdir().unwrap();
        let outcome = |run, says, exit| run_one(&Check { run, says, exit }, home.path());
        assert_eq!(outcome("echo all is well", "well", 0), None);
        assert_eq!(outcome("echo bad >&2; exit 3", "bad", 3), None);
        assert!(
            outcome("echo all is well", "ill", 0)
                .unwrap()
                .contains("all is well")
        );
        assert!(
            outcome("exit 1", "", 0)
                .unwrap()
                .contains("exit status: 1 and not exit status: 0")
        );
    }

    fn run_one(check: &Check<'_>, home: &Path) -> Option<String> {
        run(check, home, &[]).unwrap()
    }

    #[test]
    fn the_files_are_written() {
        let home = tempfile::tempdir().unwrap();
        write_files(&list(), home.path()).unwrap();
        assert!(home.path().join("chart/templates/conf.yaml").is_file());
    }
}
