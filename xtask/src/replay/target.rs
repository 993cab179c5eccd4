//! [`JudgedServer`]: which API server is tested: a running one, a fresh `lode apiserver`, or a fresh real
//! one.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use super::server::{Call, Server};
use crate::cluster::{Fresh, TOKENS, free_port};
use crate::workspace;

/// Which server; by default a fresh real one.
#[derive(clap::Args, Default)]
pub(crate) struct JudgedServer {
    /// Kubeconfig of a running server; it should be empty and know the users of the test cluster
    #[arg(long, conflicts_with = "lode")]
    kubeconfig: Option<PathBuf>,
    /// Binary of `lode`, whose `apiserver` is started for the run
    #[arg(long)]
    lode: Option<PathBuf>,
}

/// A server for one run; what was started for it ends when this is dropped.
pub(crate) struct Running {
    pub(crate) server: Server,
    pub(crate) kubeconfig: PathBuf,
    /// Port of its etcd, for a fresh real server.
    pub(crate) etcd_port: Option<u16>,
    _started: Started,
}

enum Started {
    Nothing,
    Real { _cluster: Box<Fresh> },
    Lode { _process: Lode },
}

/// `lode apiserver`; killed when this is dropped, because it keeps nothing.
struct Lode {
    child: Child,
}

/// Longest time until `lode apiserver` answers.
const READY_MAX: Duration = Duration::from_secs(20);

impl JudgedServer {
    /// Finds or starts the server, for a run of `purpose`.
    pub(crate) fn start(&self, purpose: &str) -> Result<Running> {
        match (&self.kubeconfig, &self.lode) {
            (Some(kubeconfig), _) => Running::new(kubeconfig, None, Started::Nothing),
            (None, Some(lode)) => start_lode(lode, purpose),
            (None, None) => real(purpose),
        }
    }
}

impl Running {
    fn new(kubeconfig: &Path, etcd_port: Option<u16>, started: Started) -> Result<Self> {
        Ok(Self {
            server: Server::of(kubeconfig)?,
            kubeconfig: kubeconfig.to_owned(),
            etcd_port,
            _started: started,
        })
    }
}

impl Drop for Lode {
    fn drop(&mut self) {
        // Fails if it has already ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Starts a fresh real API server for a run of `purpose`.
pub(crate) fn real(purpose: &str) -> Result<Running> {
    let fresh = Fresh::only_api(purpose)?;
    let (kubeconfig, etcd_port) = (fresh.cluster.kubeconfig(), fresh.etcd_port);
    Running::new(
        &kubeconfig,
        Some(etcd_port),
        Started::Real {
            _cluster: Box::new(fresh),
        },
    )
}

fn start_lode(lode: &Path, purpose: &str) -> Result<Running> {
    let state = workspace::cache()?.join(format!("apiserver-{purpose}"));
    fs::create_dir_all(&state).with_context(|| format!("create {}", state.display()))?;
    let tokens = state.join("tokens.csv");
    fs::write(&tokens, TOKENS).with_context(|| format!("write {}", tokens.display()))?;
    let log = fs::File::create(state.join("lode.log")).context("create the log of lode")?;
    let mut command = Command::new(lode);
    // The recordings were made without controllers.
    command.args([
        "apiserver",
        "--controllers=false",
        "--listen",
        &format!("127.0.0.1:{}", free_port()?),
    ]);
    command.arg("--token-auth-file").arg(&tokens);
    let child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(log)
        .spawn();
    let mut process = Lode {
        child: child.with_context(|| format!("start {}", lode.display()))?,
    };
    eprintln!("log of lode: {}", state.join("lode.log").display());
    let stdout = process
        .child
        .stdout
        .take()
        .context("read the output of lode")?;
    let mut line = String::new();
    BufReader::new(stdout)
        .read_line(&mut line)
        .context("read the path of the kubeconfig")?;
    if line.trim().is_empty() {
        bail!(
            "lode apiserver ended without naming a kubeconfig; see {}",
            state.join("lode.log").display()
        );
    }
    let running = Running::new(
        Path::new(line.trim()),
        None,
        Started::Lode { _process: process },
    )?;
    await_ready(&running.server)?;
    Ok(running)
}

fn await_ready(server: &Server) -> Result<()> {
    let start = Instant::now();
    while !server
        .call(&Call::new("GET", "/readyz"))
        .is_ok_and(|answer| answer.status == 200)
    {
        if start.elapsed() > READY_MAX {
            bail!("the server is not ready after {} s", READY_MAX.as_secs());
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    Ok(())
}
