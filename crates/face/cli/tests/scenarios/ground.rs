//! [`Ground`]: the cluster under a stage, either a sandbox of its own or the real one that `cargo
//! xtask e2e` names.
//!
//! `LODE_BIN` is set by nothing else, so a plain `cargo test` never touches the user's cluster.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, ensure};
use e2e::World;
use lode_sandbox::{Faults, Options, Sandbox};
use tokio::sync::{Mutex, MutexGuard};
use tokio::task::block_in_place;

/// The cluster under a stage.
pub(crate) enum Ground {
    /// A sandbox that ends with the stage.
    Sandbox(Box<Sandbox>),
    /// A shared cluster. Scenarios run on it one after another, because two operators on one
    /// cluster would fight.
    Real {
        /// Its kubeconfig.
        kubeconfig: PathBuf,
        /// Held while the scenario runs.
        _turn: MutexGuard<'static, bool>,
    },
}

/// Held by the scenario that runs on a shared cluster; the value says whether our definitions are
/// installed.
static PLAYING: Mutex<bool> = Mutex::const_new(false);

impl Ground {
    /// Finds or starts a cluster that serves our kinds.
    pub(crate) async fn enter() -> anyhow::Result<Self> {
        if !is_real() {
            let bare = Options {
                definitions: false,
                ..Options::default()
            };
            let ground = Self::Sandbox(Box::new(Sandbox::start(bare).await?));
            block_in_place(|| ground.install())?;
            return Ok(ground);
        }
        let kubeconfig = env::var_os("KUBECONFIG")
            .context("KUBECONFIG names the cluster")?
            .into();
        let turn = PLAYING.lock().await;
        let installed = *turn;
        let mut ground = Self::Real {
            kubeconfig,
            _turn: turn,
        };
        if !installed {
            block_in_place(|| ground.install())?;
        }
        if let Self::Real { _turn, .. } = &mut ground {
            **_turn = true;
        }
        Ok(ground)
    }

    /// Returns the scenario's own client; in a sandbox, faults do not affect it.
    pub(crate) async fn world(&self) -> anyhow::Result<World> {
        match self {
            Self::Sandbox(sandbox) => Ok(World {
                client: sandbox.objects().client().clone(),
            }),
            Self::Real { kubeconfig, .. } => World::connect(Some(kubeconfig)).await,
        }
    }

    /// Returns the handle that injects faults; none for a real cluster.
    pub(crate) fn faults(&self) -> Option<Faults<'_>> {
        match self {
            Self::Sandbox(sandbox) => Some(sandbox.faults()),
            Self::Real { .. } => None,
        }
    }

    /// Returns the kubeconfig of the cluster.
    pub(crate) fn kubeconfig(&self) -> &Path {
        match self {
            Self::Sandbox(sandbox) => sandbox.kubeconfig(),
            Self::Real { kubeconfig, .. } => kubeconfig,
        }
    }

    fn install(&self) -> anyhow::Result<()> {
        let mut install = Command::new(binary());
        let run = install
            .args(["install", "--crds-only"])
            .env("KUBECONFIG", self.kubeconfig())
            .output();
        let run = run.context("run lode")?;
        ensure!(
            run.status.success(),
            "install --crds-only: {}",
            String::from_utf8_lossy(&run.stderr)
        );
        Ok(())
    }
}

/// Returns whether scenarios run on a real control plane.
pub(crate) fn is_real() -> bool {
    env::var_os("LODE_BIN").is_some()
}

/// Returns the binary under test: the one in `LODE_BIN`, else the one just built.
pub(crate) fn binary() -> PathBuf {
    env::var_os("LODE_BIN").map_or_else(|| env!("CARGO_BIN_EXE_lode").into(), PathBuf::from)
}

/// Returns whether the `flux` command is available; prints a line if it is not.
pub(crate) fn has_flux() -> bool {
    let found = env::var_os("FLUX_BIN").is_some();
    if !found {
        println!("not played: FLUX_BIN names no flux command");
    }
    found
}

/// Returns whether the `helm` and `kustomize` commands are available; prints a line if one is not.
pub(crate) fn has_helm() -> bool {
    let missing = ["HELM_BIN", "KUSTOMIZE_BIN"]
        .into_iter()
        .find(|name| env::var_os(name).is_none());
    if let Some(missing) = missing {
        println!("not played: {missing} names no command");
    }
    missing.is_none()
}

/// Returns whether faults can be injected; prints a line if they cannot.
pub(crate) fn has_faults() -> bool {
    if is_real() {
        println!("not played: a real control plane has no faults on demand");
    }
    !is_real()
}
