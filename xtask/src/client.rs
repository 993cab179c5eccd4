//! Real clients of the API, and the registry they push to, built from their published Go modules into the cache.
//!
//! The `flux` command embeds the manifests that `flux install` applies, which exist only in its
//! releases. Its module is therefore copied and given empty manifests; every command except
//! `install` and `bootstrap` works.

use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::{Context, Result};

use crate::{command, workspace};

/// `cargo xtask client`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Which client
    name: Name,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum Name {
    /// The command line of Flux
    Flux,
    /// The command line of Helm
    Helm,
    /// A loop around Helm's packages, for benchmarks
    HelmLoop,
    /// The command line of kustomize
    Kustomize,
    /// A loop around kustomize's engine, for benchmarks
    KustomizeLoop,
    /// The reference registry of the distribution specification
    Registry,
}

const FLUX_MODULE: &str = "github.com/fluxcd/flux2/v2";
const FLUX_VERSION: &str = "2.9.4";
const HELM_MODULE: &str = "helm.sh/helm/v4/cmd/helm";
const HELM_VERSION: &str = "4.2.1";
const KUSTOMIZE_MODULE: &str = "sigs.k8s.io/kustomize/kustomize/v5";
const KUSTOMIZE_VERSION: &str = "5.8.1";
const REGISTRY_MODULE: &str = "github.com/distribution/distribution/v3/cmd/registry";
const REGISTRY_VERSION: &str = "3.0.0";
/// Files that the command embeds and that are missing in its module.
const FLUX_EMBEDS: [&str; 8] = [
    "source-controller.yaml",
    "kustomize-controller.yaml",
    "helm-controller.yaml",
    "notification-controller.yaml",
    "image-automation-controller.yaml",
    "image-reflector-controller.yaml",
    "rbac.yaml",
    "policies.yaml",
];

pub(crate) fn main(args: &Args) -> Result<ExitCode> {
    let path = match args.name {
        Name::Flux => flux()?,
        Name::Helm => helm()?,
        Name::HelmLoop => engine_loop("helm", HELM_VERSION)?,
        Name::Kustomize => kustomize()?,
        Name::KustomizeLoop => engine_loop("kustomize", KUSTOMIZE_VERSION)?,
        Name::Registry => registry()?,
    };
    println!("{}", path.display());
    Ok(ExitCode::SUCCESS)
}

/// Returns the path of the `flux` command, building it if it is missing.
pub(crate) fn flux() -> Result<PathBuf> {
    let home = workspace::cache()?.join(format!("clients/flux-{FLUX_VERSION}"));
    let binary = home.join("flux");
    fs::create_dir_all(&home).with_context(|| format!("create {}", home.display()))?;
    let lock = File::create(home.join("lock")).context("create the lock of the build")?;
    lock.lock().context("wait for another build")?;
    if !binary.exists() {
        eprintln!("building flux {FLUX_VERSION} with Go; the first time takes a minute");
        build_flux(&home, &binary).context("build flux")?;
    }
    Ok(binary)
}

/// Returns the path of the `helm` command, building it if it is missing.
pub(crate) fn helm() -> Result<PathBuf> {
    install("helm", HELM_MODULE, HELM_VERSION)
}

/// Returns the path of the `kustomize` command, building it if it is missing.
pub(crate) fn kustomize() -> Result<PathBuf> {
    install("kustomize", KUSTOMIZE_MODULE, KUSTOMIZE_VERSION)
}

/// Returns the path of the reference registry, building it if it is missing.
pub(crate) fn registry() -> Result<PathBuf> {
    install("registry", REGISTRY_MODULE, REGISTRY_VERSION)
}

/// Installs a command that can be built from its module unchanged.
fn install(name: &str, module: &str, version: &str) -> Result<PathBuf> {
    let home = workspace::cache()?.join(format!("clients/{name}-{version}"));
    let binary = home.join(name);
    fs::create_dir_all(&home).with_context(|| format!("create {}", home.display()))?;
    let lock = File::create(home.join("lock")).context("create the lock of the build")?;
    lock.lock().context("wait for another build")?;
    if !binary.exists() {
        eprintln!("building {name} {version} with Go; the first time takes a minute");
        let mut go = Command::new("go");
        go.args([
            "install",
            "-trimpath",
            "-ldflags",
            "-s -w",
            &format!("{module}@v{version}"),
        ]);
        command::run(
            go.current_dir(&home)
                .env("CGO_ENABLED", "0")
                .env("GOBIN", &home),
        )?;
    }
    Ok(binary)
}

/// Builds the loop around a tool's own packages; Go's own cache decides what has to be rebuilt.
fn engine_loop(name: &str, version: &str) -> Result<PathBuf> {
    let home = workspace::cache()?.join(format!("clients/{name}-{version}"));
    fs::create_dir_all(&home).with_context(|| format!("create {}", home.display()))?;
    let binary = home.join(format!("{name}-loop"));
    own_program(name, &binary)?;
    Ok(binary)
}

/// Builds one of our own Go programs, whose source is in `e2e/NAME`.
pub(crate) fn own_program(name: &str, binary: &Path) -> Result<()> {
    let mut go = Command::new("go");
    go.args(["build", "-trimpath", "-ldflags", "-s -w", "-o"])
        .arg(binary)
        .arg(".");
    let source = workspace::root().join("e2e").join(name);
    command::run(go.current_dir(source).env("CGO_ENABLED", "0"))
        .with_context(|| format!("build e2e/{name}"))
}

fn build_flux(home: &Path, binary: &Path) -> Result<()> {
    let sources = home.join("sources");
    let manifests = sources.join("cmd/flux/manifests");
    remove(&sources)?;
    copy_writable(&module_folder(home)?, &sources)?;
    fs::create_dir_all(&manifests).context("create the folder of manifests")?;
    for name in FLUX_EMBEDS {
        fs::write(manifests.join(name), "").with_context(|| format!("write {name}"))?;
    }

    let unfinished = binary.with_extension("new");
    let version = format!("-s -w -X main.VERSION={FLUX_VERSION}");
    let mut go = Command::new("go");
    go.args(["build", "-trimpath", "-ldflags", &version, "-o"])
        .arg(&unfinished)
        .arg("./cmd/flux");
    command::run(go.current_dir(&sources).env("CGO_ENABLED", "0"))?;
    fs::rename(&unfinished, binary)
        .with_context(|| format!("move the binary to {}", binary.display()))?;
    remove(&sources)
}

/// Fetches the module and returns the folder where Go keeps it.
fn module_folder(home: &Path) -> Result<PathBuf> {
    let module = format!("{FLUX_MODULE}@v{FLUX_VERSION}");
    let text = command::output(
        Command::new("go")
            .args(["mod", "download", "-json", &module])
            .current_dir(home),
    )?;
    let answer: serde_json::Value =
        serde_json::from_str(&text).context("read the answer of go mod download")?;
    Ok(answer["Dir"]
        .as_str()
        .context("find the module's folder")?
        .into())
}

/// Copies a folder as writable: Go's own copy is read-only, and Go refuses to build a module in its
/// cache with files added.
fn copy_writable(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to).with_context(|| format!("create {}", to.display()))?;
    for entry in fs::read_dir(from).with_context(|| format!("list {}", from.display()))? {
        let entry = entry.with_context(|| format!("list {}", from.display()))?;
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        if source.is_dir() {
            copy_writable(&source, &target)?;
        } else {
            fs::copy(&source, &target).with_context(|| format!("copy {}", source.display()))?;
            fs::set_permissions(&target, fs::Permissions::from_mode(0o644))
                .with_context(|| format!("make {} writable", target.display()))?;
        }
    }
    Ok(())
}

fn remove(folder: &Path) -> Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("remove {}", folder.display()))
        }
        _ => Ok(()),
    }
}
