//! A real Kubernetes control plane on loopback: etcd, API server and, unless only those are
//! requested, controller manager, scheduler and kwok with simulated nodes.
//!
//! A cluster is a folder: certificates, data, logs, a pid file per part and `admin.kubeconfig`.
//! Starting a running cluster changes nothing. Stopping uses the pid files, after checking that
//! each process is still the one that was started. Left out on purpose: containers, network and
//! storage; pods become Ready without running anything.

mod parts;
mod pki;
mod process;
mod running;
mod settings;

use std::fs::{self, File};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, bail};

pub(crate) use self::parts::{TOKENS, compact, http_ok};
pub(crate) use self::process::{Process, wait_until};
pub(crate) use self::running::Cluster;
pub(crate) use self::settings::{Settings, audit_log};
use crate::{controlplane, workspace};

/// `cargo xtask cluster`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// What to do
    action: ClusterAction,
    /// Start only etcd and the API server
    #[arg(long)]
    only_api: bool,
    /// Folder of the cluster [default: `cluster` in the cache]
    #[arg(long)]
    state: Option<PathBuf>,
    /// Port of etcd for clients; the next one is for peers
    #[arg(long, env = "LODESTONE_ETCD_PORT", default_value_t = 22379)]
    etcd_port: u16,
    /// Port of the API server
    #[arg(long, env = "LODESTONE_API_PORT", default_value_t = 26443)]
    api_port: u16,
    /// Number of simulated nodes
    #[arg(long, default_value_t = 2)]
    nodes: u16,
    /// Delete the data before a start or after a stop
    #[arg(long)]
    wipe: bool,
}

#[derive(Clone, Copy, PartialEq, clap::ValueEnum)]
enum ClusterAction {
    /// Build what is missing, start, wait until ready, print environment variables
    Up,
    /// Stop what was started
    Down,
    /// Print which parts run; fails unless all do
    Status,
}

/// A new empty cluster for one run, on free ports, stopped when dropped. Its logs stay until the
/// next run, which also stops what an interrupted run left behind.
pub(crate) struct Fresh {
    pub(crate) cluster: Cluster,
    /// Client port of its etcd.
    pub(crate) etcd_port: u16,
    only_api: bool,
    /// Held while the folder is in use, so that concurrent runs use different folders.
    _lock: File,
}

/// Most runs with a fresh cluster at the same time.
const FRESH_MAX: u8 = 8;

pub(crate) fn main(args: &Args) -> Result<ExitCode> {
    let state = match &args.state {
        Some(state) => {
            std::path::absolute(state).context("make the folder of the cluster absolute")?
        }
        None => workspace::cache()?.join("cluster"),
    };
    match args.action {
        ClusterAction::Up => {
            let peer_port = args
                .etcd_port
                .checked_add(1)
                .context("use 65535 as the port of etcd")?;
            let (etcd_port, api_port) = (args.etcd_port, args.api_port);
            let settings = Settings {
                state,
                etcd_port,
                peer_port,
                api_port,
                nodes: args.nodes,
                only_api: args.only_api,
                audited: false,
            };
            let cluster = up(&settings, args.wipe)?;
            println!("export KUBECONFIG={}", cluster.kubeconfig().display());
            println!("export PATH={}:$PATH", cluster.bin.display());
            Ok(ExitCode::SUCCESS)
        }
        ClusterAction::Down => {
            let _lock = lock(&state)?;
            let stopped = down(&state)?;
            eprintln!("stopped {stopped} processes");
            if args.wipe {
                wipe(&state)?;
            }
            Ok(ExitCode::SUCCESS)
        }
        ClusterAction::Status => Ok(status(&state, args.only_api)),
    }
}

impl Fresh {
    /// Starts a cluster for one run of `purpose`.
    pub(crate) fn start(purpose: &str) -> Result<Self> {
        Self::of(purpose, false, false)
    }

    /// Starts a cluster with an audit log for one run of `purpose`.
    pub(crate) fn audited(purpose: &str) -> Result<Self> {
        Self::of(purpose, false, true)
    }

    /// Starts only etcd and the API server for one run of `purpose`.
    pub(crate) fn only_api(purpose: &str) -> Result<Self> {
        Self::of(purpose, true, false)
    }

    fn of(purpose: &str, only_api: bool, audited: bool) -> Result<Self> {
        let cache = workspace::cache()?;
        for number in 1..=FRESH_MAX {
            let state = cache.join(format!("cluster-{purpose}-{number}"));
            let Some(lock) = try_lock(&state)? else {
                continue;
            };
            let settings = Settings {
                state,
                etcd_port: free_port()?,
                peer_port: free_port()?,
                api_port: free_port()?,
                nodes: 2,
                only_api,
                audited,
            };
            let etcd_port = settings.etcd_port;
            return Ok(Self {
                cluster: up_locked(&settings, true)?,
                etcd_port,
                only_api,
                _lock: lock,
            });
        }
        bail!("{FRESH_MAX} runs of {purpose} have a cluster already");
    }
}

impl Drop for Fresh {
    fn drop(&mut self) {
        let state = &self.cluster.state;
        // An API server shuts down only after its watches end; here nothing depends on a clean
        // shutdown.
        let stopped = if self.only_api {
            kill(state)
        } else {
            down(state).map(drop)
        };
        if let Err(error) = stopped {
            eprintln!(
                "failed to stop the cluster in {}: {error:#}",
                state.display()
            );
        }
    }
}

/// Returns a free port of loopback.
pub(crate) fn free_port() -> Result<u16> {
    let listener = TcpListener::bind("127.0.0.1:0").context("find a free port")?;
    Ok(listener.local_addr().context("find a free port")?.port())
}

fn up(settings: &Settings, fresh: bool) -> Result<Cluster> {
    let _lock = lock(&settings.state)?;
    up_locked(settings, fresh)
}

fn up_locked(settings: &Settings, fresh: bool) -> Result<Cluster> {
    let cluster = Cluster {
        state: settings.state.clone(),
        bin: controlplane::bin()?,
    };
    let wanted = parts::names(settings.only_api);
    if !fresh
        && wanted
            .iter()
            .all(|part| Process::find(&settings.state, part).is_some())
    {
        eprintln!("already running");
        return Ok(cluster);
    }
    down(&settings.state)?;
    if fresh {
        wipe(&settings.state)?;
    }
    let started = parts::start(settings, &cluster);
    if started.is_err() {
        down(&settings.state)?;
    }
    started.map(|()| cluster)
}

/// Stops everything that was started in this folder, in reverse order; returns how many processes
/// ran.
fn down(state: &Path) -> Result<usize> {
    let processes = Process::all(state)?;
    processes.iter().rev().try_for_each(Process::stop)?;
    Ok(processes.len())
}

/// Kills everything that was started in this folder.
fn kill(state: &Path) -> Result<()> {
    Process::all(state)?.iter().try_for_each(Process::kill)
}

fn status(state: &Path, only_api: bool) -> ExitCode {
    let mut all = true;
    for part in parts::names(only_api) {
        let process = Process::find(state, part);
        all &= process.is_some();
        println!(
            "{part:<24} {}",
            process.map_or("stopped".to_owned(), |process| format!(
                "running, pid {}",
                process.pid()
            ))
        );
    }
    if all {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// Removes the files of a cluster; the folder itself may belong to the caller and contain other
/// things.
fn wipe(state: &Path) -> Result<()> {
    for folder in ["etcd", "pki", "log", "pid", "kubectl", "storage"] {
        match fs::remove_dir_all(state.join(folder)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(error)
                    .with_context(|| format!("remove {folder} of {}", state.display()));
            }
            _ => {}
        }
    }
    Ok(())
}

fn lock(state: &Path) -> Result<File> {
    let file = lock_file(state)?;
    file.lock()
        .with_context(|| format!("wait for {}", state.display()))?;
    Ok(file)
}

fn try_lock(state: &Path) -> Result<Option<File>> {
    let file = lock_file(state)?;
    Ok(file.try_lock().is_ok().then_some(file))
}

fn lock_file(state: &Path) -> Result<File> {
    fs::create_dir_all(state).with_context(|| format!("create {}", state.display()))?;
    File::create(state.join("lock"))
        .with_context(|| format!("create the lock of {}", state.display()))
}
