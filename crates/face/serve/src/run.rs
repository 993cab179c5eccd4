//! Start, run and shutdown of the operator.

use std::num::NonZero;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use anyhow::Context as _;
use futures::future::{BoxFuture, join_all};
use lode_cluster::Client;
use lode_net::ReservedSocket;
use lode_runtime::{Memory, Metrics, Routes};
use lode_stdx::budget;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tracing::info;

use crate::ending::Ending;
use crate::leadership::Leadership;
use crate::obstacles;
use crate::options::Options;
use crate::parts::SharedByParts;

/// Time to write events during shutdown.
const FLUSH: Duration = Duration::from_secs(5);

/// Runs the operator until a signal asks it to end.
///
/// # Errors
/// As of [`run_until`], or the signals cannot be caught.
pub async fn run(options: Options) -> anyhow::Result<()> {
    let ending = Ending::listen().context("catch signals")?;
    run_until(options, ending).await
}

/// Runs the operator until it is asked to end. Dropping the future stops all work at once, as if
/// the process were killed.
///
/// # Errors
/// The operator could not start: the cluster is not configured, a port is taken, or the storage
/// cannot be written. Or it lost its Lease: another replica acts now, and this one must be
/// restarted.
pub async fn run_until(options: Options, mut ending: Ending) -> anyhow::Result<()> {
    // Held until the end: two processes on one folder would remove each other's files.
    let _lock = lode_store::Lock::take(&options.storage_path)?;
    let leadership = Leadership::prepare(&options).await?;
    let client = leadership.client(&options).await?;
    let artifacts = lode_store::Store::open(&options.storage_path)
        .with_context(|| format!("open storage at {}", options.storage_path.display()))?;
    let artifacts = Arc::new(artifacts.with_limits(read_limits(&options)));
    let (stop, stopped) = watch::channel(false);
    let metrics = Metrics::new();
    metrics.watch_client(&client, client.host());
    let ready = Arc::new(AtomicBool::new(false));
    // The port of artifacts is open only while this replica leads, because its artifacts are not the leader's.
    let artifacts_port = options
        .sockets
        .reserve(options.storage_addr)
        .with_context(|| format!("listen on {}", options.storage_addr))?;
    let background = serve_state(&options, &metrics, &ready, &stopped).await?;
    let namespace = options.namespace.as_deref().unwrap_or_default();
    if !obstacles::are_gone(&client, namespace, &mut ending).await {
        return Ok(());
    }
    let started = Started {
        options: &options,
        client,
        artifacts,
        artifacts_port,
        metrics,
        ready,
        stop,
        stopped,
        background,
        leadership,
    };
    started.act(ending).await
}

/// What exists before this replica leads.
struct Started<'a> {
    options: &'a Options,
    client: Client,
    artifacts: Arc<lode_store::Store>,
    artifacts_port: ReservedSocket,
    metrics: Metrics,
    ready: Arc<AtomicBool>,
    stop: watch::Sender<bool>,
    stopped: watch::Receiver<bool>,
    /// What goes on beside the controllers until the end.
    background: JoinSet<()>,
    leadership: Leadership,
}

impl Started<'_> {
    /// Mirrors our kinds, waits until this replica leads, and runs the controllers until it is asked to end.
    async fn act(mut self, mut ending: Ending) -> anyhow::Result<()> {
        let (mut runs, mut synced, mut events) = (Vec::new(), Vec::new(), Vec::new());
        for part in self.shared().parts()? {
            for follow in part.follow {
                self.background.spawn(follow);
            }
            runs.push(part.run);
            synced.push(part.synced);
            events.push(part.events);
        }

        // Until it leads, a replica only keeps its mirrors up to date.
        if !self.leadership.won(&self.metrics, &mut ending).await {
            return Ok(());
        }
        let listener = self.artifacts_port.listen();
        let listener = listener.context("listen for artifacts")?;
        let folder = self.artifacts.served().to_owned();
        let end = end(self.stopped.clone());
        self.background
            .spawn(lode_store::serve(listener, folder, end));

        let mut controllers = JoinSet::new();
        for run in runs {
            controllers.spawn(run(self.stopped.clone()));
        }
        let told = tell_when_ready(synced, &self.ready);
        self.leadership.keep(told, &mut ending).await?;

        info!("ending");
        self.stop.send_replace(true);
        while let Some(ended) = controllers.join_next().await {
            ended.context("a controller ended badly")?;
        }
        self.background.abort_all();
        join_all(events.iter().map(|events| events.flush(FLUSH))).await;
        // No write is in progress any more, so another replica may act.
        self.leadership.release().await;
        Ok(())
    }

    fn shared(&self) -> SharedByParts<'_> {
        // The processors are shared by the builds and fetches of all controllers.
        let processors = thread::available_parallelism().map_or(1, NonZero::get);
        let memory = Memory::new(self.options.memory_budget, processors);
        info!(mib = memory.total() >> 20, "memory budget");
        SharedByParts {
            options: self.options,
            client: &self.client,
            artifacts: &self.artifacts,
            metrics: &self.metrics,
            memory,
        }
    }
}

/// Marks the process as ready once the mirrors are complete; never ends.
async fn tell_when_ready(synced: Vec<BoxFuture<'static, usize>>, ready: &AtomicBool) {
    let objects: usize = join_all(synced).await.iter().sum();
    ready.store(true, Ordering::Relaxed);
    info!(objects, "ready");
    std::future::pending::<()>().await;
}

/// Returns the limits for reading an artifact: those for making it, plus the headers of its files.
fn read_limits(options: &Options) -> budget::Limits {
    let fetch = options.fetch;
    budget::Limits {
        bytes: fetch.bytes.saturating_mul(2),
        nodes: fetch.nodes.saturating_mul(2),
        steps: u64::MAX,
    }
}

/// Serves metrics and health.
async fn serve_state(
    options: &Options,
    metrics: &Metrics,
    ready: &Arc<AtomicBool>,
    stopped: &watch::Receiver<bool>,
) -> anyhow::Result<JoinSet<()>> {
    let ready = ready.clone();
    let routes = Routes::new(metrics.clone()).ready_when(move || ready.load(Ordering::Relaxed));
    let mut servers = JoinSet::new();
    for address in [options.metrics_addr, options.health_addr] {
        let listener = options
            .sockets
            .listen(address)
            .await
            .with_context(|| format!("listen on {address}"))?;
        servers.spawn(lode_runtime::serve(
            listener,
            routes.clone(),
            stopped.clone(),
        ));
    }
    Ok(servers)
}

/// Waits until the operator is asked to end.
async fn end(mut stopped: watch::Receiver<bool>) {
    let _ = stopped.wait_for(|stopped| *stopped).await;
}
