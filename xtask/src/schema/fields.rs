//! How Go reads and writes the built-in types, which only the Go types themselves define.
//!
//! The program `e2e/fields` prints it; its `go.mod` names the modules it uses.

use std::fmt::Write as _;
use std::fs;
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::{command, workspace};

/// Returns the data file and its number of kinds.
pub(super) fn made(version: &str) -> Result<(String, usize)> {
    let folder = workspace::root().join("e2e/fields");
    let modules = fs::read_to_string(folder.join("go.mod")).context("read e2e/fields/go.mod")?;
    let modules = modules_of(&modules, version)?;
    let mut text = format!(
        "# cargo xtask schema: e2e/fields on {}\n",
        modules.join(", ")
    );
    let printed = command::output(Command::new("go").args(["run", "."]).current_dir(folder))?;
    write!(text, "{printed}")?;
    Ok((
        text,
        printed
            .lines()
            .filter(|line| line.starts_with("kind "))
            .count(),
    ))
}

/// Returns the Kubernetes modules that a module file requires directly; all must have one version.
fn modules_of(file: &str, version: &str) -> Result<Vec<String>> {
    let expected = format!("v0.{}", version.trim_start_matches("1."));
    let required = file
        .lines()
        .filter(|line| !line.ends_with("// indirect"))
        .map(str::trim);
    let mut modules = Vec::new();
    for (module, found) in required
        .filter(|line| line.starts_with("k8s.io/"))
        .filter_map(|line| line.split_once(' '))
    {
        if found != expected {
            bail!("e2e/fields requires {module} {found}, not {expected}");
        }
        modules.push(format!("{module}@{found}"));
    }
    Ok(modules)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_modules_are_of_the_version() {
        let file = "require (\n\tk8s.io/api v0.36.4\n\tk8s.io/client-go v0.36.4\n\tk8s.io/klog/v2 v2.1.0 // indirect\n)\n";
        assert_eq!(
            modules_of(file, "1.36.4").unwrap(),
            ["k8s.io/api@v0.36.4", "k8s.io/client-go@v0.36.4"]
        );
        assert!(modules_of(file, "1.36.5").is_err());
    }
}
