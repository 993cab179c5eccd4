//! The operator under test: building `lode`, and running `lode serve` against a test cluster.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::cluster::{Cluster, Process, free_port, http_ok, wait_until};
use crate::{command, workspace};

/// Optimised like a release, without the slowest part of linking.
const PROFILE: &str = "release-fast";

/// `lode serve` on a cluster; stopped when this is dropped.
pub(crate) struct Serving {
    process: Process,
}

/// Returns the `lode` binary: the given one, or one built from the checkout.
pub(crate) fn binary(given: Option<&Path>) -> Result<PathBuf> {
    match given {
        Some(path) => path
            .canonicalize()
            .with_context(|| format!("find {}", path.display())),
        None => build(),
    }
}

fn build() -> Result<PathBuf> {
    let metadata = workspace::metadata()?;
    if !has_binary(&metadata, "lode") {
        bail!("no crate of the workspace has a binary `lode` yet");
    }
    let build = ["build", "--bin", "lode", "--profile", PROFILE];
    command::run(
        Command::new(workspace::cargo())
            .args(build)
            .current_dir(workspace::root()),
    )
    .context("build lode")?;
    let target = metadata["target_directory"]
        .as_str()
        .context("find the target folder of cargo")?;
    Ok(Path::new(target).join(PROFILE).join("lode"))
}

/// Applies the custom resource definitions of `lode`.
pub(crate) fn install_definitions(lode: &Path, cluster: &Cluster) -> Result<()> {
    let mut install = Command::new(lode);
    install
        .args(["install", "--crds-only"])
        .env("KUBECONFIG", cluster.kubeconfig());
    // Its output goes to stderr, because stdout belongs to the result of the task.
    eprint!(
        "{}",
        command::output(&mut install).context("install the definitions")?
    );
    Ok(())
}

impl Serving {
    /// Starts `lode serve` for all namespaces, on free ports and an empty store; returns once it is
    /// ready.
    pub(crate) fn start(lode: &Path, cluster: &Cluster) -> Result<Self> {
        let storage = cluster.state.join("storage");
        fs::create_dir_all(&storage).with_context(|| format!("create {}", storage.display()))?;
        let (storage_address, health) = (format!("127.0.0.1:{}", free_port()?), free_port()?);
        let mut serve = Command::new(lode);
        serve.args(["serve", "--watch-all-namespaces"]);
        // The Git servers of the scenarios are on loopback, which is refused by default.
        serve.args(["--egress-allow", "127.0.0.0/8,::1"]);
        serve
            .arg("--kubeconfig")
            .arg(cluster.kubeconfig())
            .arg("--storage-path")
            .arg(&storage);
        serve.args([
            "--storage-addr",
            &storage_address,
            "--storage-adv-addr",
            &storage_address,
        ]);
        serve.args(["--metrics-addr", &format!("127.0.0.1:{}", free_port()?)]);
        serve.args(["--health-addr", &format!("127.0.0.1:{health}")]);
        let serving = Self {
            process: Process::start(&cluster.state, "lode", &mut serve)?,
        };
        wait_until(&serving.process, "lode being ready", || {
            Ok(http_ok(health, "/readyz"))
        })?;
        Ok(serving)
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        if let Err(error) = self.process.stop() {
            eprintln!("failed to stop lode: {error:#}");
        }
    }
}

/// Returns whether a member of the workspace has a binary of this name.
fn has_binary(metadata: &Value, name: &str) -> bool {
    let packages = metadata["packages"].as_array().into_iter().flatten();
    let mut targets =
        packages.flat_map(|package| package["targets"].as_array().into_iter().flatten());
    targets.any(|target| {
        target["name"] == name
            && target["kind"]
                .as_array()
                .is_some_and(|k| k.contains(&"bin".into()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_very_binary_is_found_and_others_are_not() {
        let metadata = workspace::metadata().unwrap();
        assert!(has_binary(&metadata, "xtask"));
        assert!(!has_binary(&metadata, "anyhow"));
    }
}
