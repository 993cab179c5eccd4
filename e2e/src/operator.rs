//! [`Operator`]: `lode serve` as a separate process, with its cost.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};

const START_TIMEOUT: Duration = Duration::from_mins(1);
const STOP_TIMEOUT: Duration = Duration::from_secs(30);
/// The flag of leader election.
const ELECTION: &str = "--enable-leader-election";

/// How the operator is started.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The binary.
    pub binary: PathBuf,
    /// The cluster; without it, that of the environment.
    pub kubeconfig: Option<PathBuf>,
    /// Its storage; reusing the folder keeps the contents.
    pub storage: PathBuf,
    /// Further arguments of `serve`.
    pub arguments: Vec<String>,
}

/// A running `lode serve`.
pub struct Operator {
    child: Child,
    metrics: u16,
    health: u16,
    /// Where it logs.
    pub log: PathBuf,
}

/// API calls by verb.
pub type Calls = BTreeMap<String, u64>;

impl Operator {
    /// Starts it and waits until it is ready.
    pub fn start(settings: &Settings) -> anyhow::Result<Self> {
        let mut operator = Self::spawn(settings)?;
        let until = Instant::now() + START_TIMEOUT;
        while !operator.is_ready() {
            if let Some(status) = operator.ended()? {
                bail!(
                    "the operator ended at once: {status}; see {}",
                    operator.log.display()
                );
            }
            if Instant::now() > until {
                bail!(
                    "the operator is not ready after {START_TIMEOUT:?}; see {}",
                    operator.log.display()
                );
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(operator)
    }

    /// Starts it and does not wait: a replica that waits for its Lease is not ready.
    pub fn spawn(settings: &Settings) -> anyhow::Result<Self> {
        std::fs::create_dir_all(&settings.storage)?;
        let [storage, metrics, health] =
            [storage_port(&settings.storage)?, free_port()?, free_port()?];
        let local = |port: u16| format!("127.0.0.1:{port}");
        let log = settings.storage.join("lode.log");
        let file = File::options().create(true).append(true).open(&log)?;
        let mut command = Command::new(&settings.binary);
        command
            .arg("serve")
            .arg("--storage-path")
            .arg(&settings.storage);
        if let Some(kubeconfig) = &settings.kubeconfig {
            command.arg("--kubeconfig").arg(kubeconfig);
        }
        for (flag, port) in [
            ("--storage-addr", storage),
            ("--storage-adv-addr", storage),
            ("--metrics-addr", metrics),
        ] {
            command.arg(flag).arg(local(port));
        }
        // The Git servers of tests and benchmarks are on loopback, which is refused by default.
        command.args(["--egress-allow", "127.0.0.0/8", "--egress-allow", "::1"]);
        command.arg("--health-addr").arg(local(health));
        // Most operators here are alone on their cluster and are killed on purpose: the next one
        // must not wait for a Lease.
        if !settings
            .arguments
            .iter()
            .any(|flag| flag.starts_with(ELECTION))
        {
            command.arg(format!("{ELECTION}=false"));
        }
        command.args(&settings.arguments);
        let child = command
            .stdout(file.try_clone()?)
            .stderr(file)
            .spawn()
            .context("start the operator")?;
        Ok(Self {
            child,
            metrics,
            health,
            log,
        })
    }

    /// Returns whether it reports ready.
    pub fn is_ready(&self) -> bool {
        matches!(get(self.health, "/readyz"), Ok(text) if text.starts_with("HTTP/1.1 200"))
    }

    /// Returns whether it holds its Lease; false if it does not answer.
    pub fn leads(&self) -> bool {
        let samples = self.metric("leader_election_master_status");
        samples.is_ok_and(|samples| samples.iter().any(|(_, value)| *value > 0.0))
    }

    /// Sends it a signal, by its name for `kill`.
    pub fn signal(&self, name: &str) -> anyhow::Result<()> {
        let mut kill = Command::new("kill");
        kill.args(["-s", name]).arg(self.child.id().to_string());
        let status = kill.status().context("run kill")?;
        ensure!(status.success(), "kill -s {name}: {status}");
        Ok(())
    }

    /// Returns the id of its process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Returns its exit status, if it has ended.
    pub fn ended(&mut self) -> anyhow::Result<Option<ExitStatus>> {
        Ok(self.child.try_wait()?)
    }

    /// Waits until it ends by itself.
    pub fn wait(&mut self) -> anyhow::Result<ExitStatus> {
        let until = Instant::now() + STOP_TIMEOUT;
        loop {
            if let Some(status) = self.ended()? {
                return Ok(status);
            }
            ensure!(
                Instant::now() < until,
                "the operator did not end within {STOP_TIMEOUT:?}"
            );
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Stops it as Kubernetes would, and waits.
    pub fn stop(mut self) -> anyhow::Result<()> {
        Command::new("kill")
            .arg(self.child.id().to_string())
            .status()?;
        self.wait().map(drop)
    }

    /// Kills it, as if its machine had failed.
    pub fn kill(mut self) -> anyhow::Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// Returns how many API calls it has made, by verb; watches count once each.
    pub fn calls(&self) -> anyhow::Result<Calls> {
        let mut calls = Calls::new();
        for (labels, value) in self.metric("lode_api_calls_total")? {
            let verb = labels
                .split('"')
                .zip(labels.split('"').skip(1))
                .find(|(name, _)| name.ends_with("verb="));
            *calls
                .entry(verb.map_or("?", |(_, verb)| verb).to_owned())
                .or_default() += value as u64;
        }
        Ok(calls)
    }

    /// Returns all its metrics as text.
    pub fn metrics(&self) -> anyhow::Result<String> {
        get(self.metrics, "/metrics")
    }

    /// Returns the samples of a metric: labels and value.
    pub fn metric(&self, name: &str) -> anyhow::Result<Vec<(String, f64)>> {
        let text = self.metrics()?;
        let samples = text.lines().filter_map(|line| {
            let (key, value) = line.rsplit_once(' ')?;
            let labels = key.strip_prefix(name)?;
            (labels.is_empty() || labels.starts_with('{'))
                .then(|| Some((labels.to_owned(), value.parse().ok()?)))?
        });
        Ok(samples.collect())
    }

    /// Returns the CPU time it has used, in seconds.
    pub fn cpu_seconds(&self) -> anyhow::Result<f64> {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id()))?;
        let fields: Vec<&str> = stat
            .rsplit_once(')')
            .context("stat names the program")?
            .1
            .split_whitespace()
            .collect();
        let ticks: f64 = fields[11].parse::<f64>()? + fields[12].parse::<f64>()?;
        Ok(ticks / 100.0)
    }

    /// Returns the largest resident memory so far, in MiB.
    pub fn peak_mib(&self) -> anyhow::Result<f64> {
        self.status("VmHWM:")
    }

    /// Returns the resident memory now, in MiB.
    pub fn rss_mib(&self) -> anyhow::Result<f64> {
        self.status("VmRSS:")
    }

    fn status(&self, field: &str) -> anyhow::Result<f64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix(field))
            .context("status has the field")?;
        Ok(line.trim().trim_end_matches(" kB").parse::<f64>()? / 1024.0)
    }
}

impl Drop for Operator {
    fn drop(&mut self) {
        // Fails if it was already stopped.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Returns the artifact port for a storage folder: artifact URLs are part of a status, so it must
/// be the same after a restart.
fn storage_port(storage: &Path) -> anyhow::Result<u16> {
    let file = storage.join("port");
    if let Ok(text) = std::fs::read_to_string(&file) {
        return Ok(text.parse()?);
    }
    let port = free_port()?;
    std::fs::write(file, port.to_string())?;
    Ok(port)
}

/// Returns a port that is free and stays free until the operator listens: it is below those that
/// Linux assigns to outgoing connections, and each is returned once.
fn free_port() -> anyhow::Result<u16> {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let start = (std::process::id() % u32::from(PORTS.end - PORTS.start)) as u16;
    for _ in PORTS {
        let step = NEXT.fetch_add(1, Ordering::Relaxed);
        let port = PORTS.start + start.wrapping_add(step) % (PORTS.end - PORTS.start);
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return Ok(port);
        }
    }
    bail!("no port from {} to {} is free", PORTS.start, PORTS.end)
}

const PORTS: std::ops::Range<u16> = 20_000..30_000;

fn get(port: u16, path: &str) -> anyhow::Result<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    )?;
    let mut text = String::new();
    stream.read_to_string(&mut text)?;
    Ok(text)
}
