//! [`Launched`]: an API server started for the benchmark, with its start-up time and memory.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use tempfile::TempDir;

use super::client::Client;

/// A server that answers.
pub(super) struct Launched {
    pub(super) client: Client,
    /// From the start of its process until it reported ready.
    pub(super) ready: Duration,
    process: u32,
    /// The process of its etcd.
    store: Option<u32>,
    _end: End,
}

/// How to stop it.
enum End {
    Real { state: TempDir },
    Ours { child: Child, _state: TempDir },
}

const READY_MAX: Duration = Duration::from_mins(1);
const LOOK_EVERY: Duration = Duration::from_millis(2);

impl Launched {
    /// Resident memory now.
    pub(super) fn memory_mib(&self) -> anyhow::Result<f64> {
        resident_mib(self.process)
    }

    /// Resident memory of its etcd.
    pub(super) fn store_mib(&self) -> Option<f64> {
        resident_mib(self.store?).ok()
    }
}

impl Drop for End {
    fn drop(&mut self) {
        match self {
            Self::Real { state } => {
                let stopped = cluster("down", state.path())
                    .stdout(Stdio::null())
                    .stderr(Stdio::null())
                    .status();
                drop(stopped);
            }
            Self::Ours { child, .. } => {
                // Fails if it has already ended.
                let _ = child.kill();
                let _ = child.wait();
            }
        }
    }
}

/// Starts etcd and the real API server with the recipe for test clusters.
pub(super) async fn launch_real() -> anyhow::Result<Launched> {
    let state = tempfile::tempdir()?;
    let mut up = cluster("up", state.path());
    up.args([
        "--etcd-port",
        &free_ports()?.to_string(),
        "--api-port",
        &free_ports()?.to_string(),
    ]);
    let mut up = up
        .arg("--only-api")
        .stdout(Stdio::null())
        .spawn()
        .context("start cargo")?;
    let end = End::Real { state };
    let End::Real { state } = &end else {
        bail!("the real server ends as the real one")
    };
    let kubeconfig = state.path().join("admin.kubeconfig");
    let pid_file = state.path().join("pid/kube-apiserver");
    // The recipe first builds what is missing, which may take minutes.
    while !pid_file.exists() {
        if let Some(status) = up.try_wait()? {
            bail!("the recipe ended with {status} before it started the API server");
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
    let start = Instant::now();
    let client = Client::of(&kubeconfig).await?;
    let ready = until_ready(&client, start).await?;
    if !up.wait()?.success() {
        bail!("the recipe failed");
    }
    let (process, store) = (pid(&pid_file)?, pid(&state.path().join("pid/etcd"))?);
    Ok(Launched {
        client,
        ready,
        process,
        store: Some(store),
        _end: end,
    })
}

/// Starts `lode apiserver`.
pub(super) async fn launch_ours(lode: &Path) -> anyhow::Result<Launched> {
    let state = tempfile::tempdir()?;
    let log = fs::File::create(state.path().join("lode.log"))?;
    let mut command = Command::new(lode);
    command.args([
        "apiserver",
        "--listen",
        &format!("127.0.0.1:{}", free_ports()?),
    ]);

    let start = Instant::now();
    let child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(log)
        .spawn();
    let mut child = child.with_context(|| format!("start {}", lode.display()))?;
    let (process, stdout) = (
        child.id(),
        child.stdout.take().context("the output of lode")?,
    );
    let end = End::Ours {
        child,
        _state: state,
    };
    let mut line = String::new();
    BufReader::new(stdout).read_line(&mut line)?;
    let kubeconfig = PathBuf::from(line.trim());
    if !kubeconfig.is_file() {
        bail!("lode apiserver named no kubeconfig but {line:?}");
    }

    let client = Client::of(&kubeconfig).await?;
    let ready = until_ready(&client, start).await?;
    Ok(Launched {
        client,
        ready,
        process,
        store: None,
        _end: end,
    })
}

async fn until_ready(client: &Client, start: Instant) -> anyhow::Result<Duration> {
    while client.get("/readyz").await.is_err() {
        if start.elapsed() > READY_MAX {
            bail!("the server is not ready after {READY_MAX:?}");
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
    Ok(start.elapsed())
}

fn cluster(action: &str, state: &Path) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command
        .args(["xtask", "cluster", action, "--state"])
        .arg(state);
    command.current_dir(env!("CARGO_MANIFEST_DIR"));
    command
}

/// Returns a free port whose successor is free too.
fn free_ports() -> anyhow::Result<u16> {
    loop {
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        if port < u16::MAX && TcpListener::bind(("127.0.0.1", port + 1)).is_ok() {
            return Ok(port);
        }
    }
}

/// Reads a pid file of the recipe, which begins with the pid.
fn pid(file: &Path) -> anyhow::Result<u32> {
    let text = fs::read_to_string(file).with_context(|| format!("read {}", file.display()))?;
    text.split_whitespace()
        .next()
        .context("a pid file begins with a pid")?
        .parse()
        .context("read a pid")
}

fn resident_mib(process: u32) -> anyhow::Result<f64> {
    let status = fs::read_to_string(format!("/proc/{process}/status"))?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .context("status has the field")?;
    Ok(line.trim().trim_end_matches(" kB").parse::<f64>()? / 1024.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_holds_memory() {
        assert!(resident_mib(std::process::id()).unwrap() > 1.0);
    }
}
