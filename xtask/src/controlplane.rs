//! Builds the control plane binary of `e2e/controlplane` with Go, once per content of its sources.
//!
//! The result is `<cache>/controlplane/<hash>/cp` and a folder `bin/` with a link per part. Changed
//! sources have another hash and so another folder; nothing is rebuilt in place under a running
//! cluster.

use std::fs::{self, File};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use lode_stdx::digest::Hasher;

use crate::{command, workspace};

/// The programs that the binary contains.
pub(crate) const PARTS: [&str; 6] = [
    "etcd",
    "kube-apiserver",
    "kube-controller-manager",
    "kube-scheduler",
    "kwok",
    "kubectl",
];

/// Returns the folder with a link per part, building what is missing.
pub(crate) fn bin() -> Result<PathBuf> {
    let sources = workspace::root().join("e2e/controlplane");
    let home = workspace::cache()?
        .join("controlplane")
        .join(hash(&sources)?);
    let (binary, bin) = (home.join("cp"), home.join("bin"));
    fs::create_dir_all(&bin).with_context(|| format!("create {}", bin.display()))?;
    let lock = File::create(home.join("lock")).context("create the lock of the build")?;
    lock.lock().context("wait for another build")?;
    if !binary.exists() {
        build(&sources, &binary)?;
    }
    for part in PARTS {
        let link = bin.join(part);
        if !link.exists() {
            symlink("../cp", &link).with_context(|| format!("link {}", link.display()))?;
        }
    }
    Ok(bin)
}

fn build(sources: &Path, binary: &Path) -> Result<()> {
    eprintln!("building the control plane with Go; the first time takes minutes");
    let unfinished = binary.with_extension("new");
    command::run(
        Command::new("go")
            .args([
                "build",
                "-trimpath",
                "-ldflags",
                &version_flags(&kubernetes_version(sources)?),
                "-o",
            ])
            .arg(&unfinished)
            .arg(".")
            .current_dir(sources)
            .env("CGO_ENABLED", "0"),
    )
    .context("build the control plane")?;
    fs::rename(&unfinished, binary)
        .with_context(|| format!("move the binary to {}", binary.display()))
}

fn hash(sources: &Path) -> Result<String> {
    let mut hasher = Hasher::default();
    for name in ["go.mod", "go.sum", "main.go"] {
        let path = sources.join(name);
        let content = fs::read(&path).with_context(|| format!("read {}", path.display()))?;
        hasher.update(format!("{name} {}\n", content.len()).as_bytes());
        hasher.update(&content);
    }
    Ok(format!("{:.16}", hasher.finish().hex()))
}

fn kubernetes_version(sources: &Path) -> Result<String> {
    let text = fs::read_to_string(sources.join("go.mod")).context("read go.mod")?;
    let version = text
        .lines()
        .find_map(|line| line.trim().strip_prefix("k8s.io/kubernetes v"));
    Ok(version
        .context("find the version of k8s.io/kubernetes in go.mod")?
        .to_owned())
}

/// Returns linker flags that set the version; without one, clients cannot parse what the server
/// reports.
fn version_flags(version: &str) -> String {
    let mut numbers = version.split('.');
    let (major, minor) = (
        numbers.next().unwrap_or_default(),
        numbers.next().unwrap_or_default(),
    );
    let mut flags = "-s -w".to_owned();

    for package in [
        "k8s.io/component-base/version",
        "k8s.io/client-go/pkg/version",
    ] {
        for (name, value) in [
            ("gitVersion", format!("v{version}")),
            ("gitMajor", major.to_owned()),
            ("gitMinor", minor.to_owned()),
            ("gitTreeState", "clean".to_owned()),
            ("gitCommit", "0".repeat(40)),
            ("buildDate", "1970-01-01T00:00:00Z".to_owned()),
        ] {
            flags.extend([" -X ", package, ".", name, "=", &value]);
        }
    }
    flags
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_comes_from_the_module_file() {
        let version = kubernetes_version(&workspace::root().join("e2e/controlplane")).unwrap();
        assert!(version_flags(&version).contains(&format!(
            "-X k8s.io/component-base/version.gitVersion=v{version} "
        )));
    }

    #[test]
    fn another_source_is_another_folder() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["go.mod", "go.sum", "main.go"] {
            fs::write(folder.path().join(name), name).unwrap();
        }
        let before = hash(folder.path()).unwrap();
        fs::write(folder.path().join("main.go"), "package main").unwrap();
        assert_ne!(before, hash(folder.path()).unwrap());
    }
}
