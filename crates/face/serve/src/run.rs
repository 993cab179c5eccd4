//! Start, run, end.

use std::io;
use std::net::SocketAddr;
use std::num::NonZero;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use anyhow::Context as _;
use lode_api::{GitRepository, Kustomization, git_repository, kustomization};
use lode_apply::Applier;
use lode_cluster::{Cache, Client, Discovery, Resource, Subject};
use lode_kustomization::Kustomizations;
use lode_object::NamespacedName;
use lode_runtime::{Backoff, Events, Memory, Metrics, Queue, Routes, Store};
use lode_source::GitRepositories;
use lode_stdx::budget;
use tokio::net::{TcpListener, TcpSocket};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tracing::info;

use crate::ending::Ending;
use crate::leadership::Leadership;
use crate::options::Options;
use crate::{configs, obstacles};

/// Field manager of applied objects, as in Flux.
const MANAGER: &str = "kustomize-controller";
/// How long events have to be written at the end.
const FLUSH: Duration = Duration::from_secs(5);
/// Connections that wait to be accepted.
const BACKLOG: u32 = 1024;

/// Runs the operator until it is asked to end.
///
/// # Errors
/// It could not start: the cluster is not configured, a port is taken, the storage cannot be written. Or it led and lost
/// its Lease: another replica acts now, and this one has to be started anew.
pub async fn run(options: Options) -> anyhow::Result<()> {
    let mut ending = Ending::listen().context("catch signals")?;
    // Held until the end: two that write to one folder would take things from one another.
    let _lock = lode_store::Lock::take(&options.storage_path)?;
    let client = Client::connect(options.kubeconfig.as_deref(), options.context.as_deref()).await?;
    let leadership = Leadership::prepare(&options).await?;
    let client = leadership.gated(client);
    let artifacts = lode_store::Store::open(&options.storage_path)
        .with_context(|| format!("open storage at {}", options.storage_path.display()))?;
    let artifacts = Arc::new(artifacts.with_limits(read_limits(&options)));
    let (stop, stopped) = watch::channel(false);
    let metrics = Metrics::new();
    metrics.watch_client(&client, client.host());
    let ready = Arc::new(AtomicBool::new(false));
    let artifacts_port = listen(&options, &metrics, &ready, &stopped).await?;
    let namespace = options.namespace.clone().unwrap_or_default();
    if !obstacles::are_gone(&client, &namespace, &mut ending).await {
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
        leadership,
    };
    started.act(&namespace, ending).await
}

/// What is there before this replica is chosen.
struct Started<'a> {
    options: &'a Options,
    client: Client,
    artifacts: Arc<lode_store::Store>,
    artifacts_port: TcpSocket,
    metrics: Metrics,
    ready: Arc<AtomicBool>,
    stop: watch::Sender<bool>,
    stopped: watch::Receiver<bool>,
    leadership: Leadership,
}

impl Started<'_> {
    /// Mirrors our kinds, waits until this replica leads, and runs the controllers until it is asked to end.
    async fn act(self, namespace: &str, mut ending: Ending) -> anyhow::Result<()> {
        let Self {
            options,
            client,
            artifacts,
            artifacts_port,
            metrics,
            ready,
            stop,
            stopped,
            mut leadership,
        } = self;
        let sources = Store::start(
            client.clone(),
            subject::<git_repository::Spec>(options),
            read::<git_repository::Spec>,
            name_of,
        );
        let objects = Store::start(
            client.clone(),
            subject::<kustomization::Spec>(options),
            read::<kustomization::Spec>,
            name_of,
        );
        // Both controllers compute, each as many as it is told.
        let processors = thread::available_parallelism().map_or(1, NonZero::get);
        let memory = Memory::new(options.memory_budget, processors);
        info!(mib = memory.total() >> 20, "memory budget");
        let shared = Shared {
            options,
            client: &client,
            artifacts: &artifacts,
            metrics: &metrics,
            memory,
        };
        let events = [
            shared.events("source-controller"),
            shared.events("kustomize-controller"),
        ];
        let (repositories, repository_queue) = shared.repositories(&sources, &events[0])?;
        let (kustomizations, kustomization_queue) =
            shared.kustomizations(&objects, &sources, &events[1]);

        let mut helpers = configs::start(&client, namespace, &kustomizations);
        helpers.push(tokio::spawn(repositories.clone().follow()));
        helpers.push(tokio::spawn(kustomizations.clone().follow()));

        // Until it leads, a replica keeps its mirrors up to date and does nothing else.
        if !leadership.won(&metrics, &mut ending).await {
            return Ok(());
        }
        serve_artifacts(artifacts_port, &artifacts, &stopped)?;
        let controllers = [
            tokio::spawn(lode_runtime::run(
                repositories.clone(),
                repository_queue,
                // Who waits for a server computes nothing; what computes is bounded by the memory budget's places.
                lode_source::UNDER_WAY_MAX,
                stopped.clone(),
            )),
            tokio::spawn(lode_runtime::run(
                kustomizations.clone(),
                kustomization_queue,
                options.concurrent,
                stopped.clone(),
            )),
        ];
        let told = tell_when_ready(&sources, &objects, &ready);
        leadership.keep(told, &mut ending).await?;
        info!("ending");
        stop.send_replace(true);
        drained(controllers).await?;
        helpers.iter().for_each(JoinHandle::abort);
        tokio::join!(events[0].flush(FLUSH), events[1].flush(FLUSH));
        // Nothing is under way any more, so another replica may act.
        leadership.release().await;
        Ok(())
    }
}

async fn drained(controllers: [JoinHandle<()>; 2]) -> anyhow::Result<()> {
    for controller in controllers {
        controller.await.context("a controller ended badly")?;
    }
    Ok(())
}

/// Is ready once the mirrors are complete, and never ends.
async fn tell_when_ready(
    sources: &Store<GitRepository>,
    objects: &Store<Kustomization>,
    ready: &AtomicBool,
) {
    sources.synced().await;
    objects.synced().await;
    ready.store(true, Ordering::Relaxed);
    info!(
        sources = sources.len(),
        kustomizations = objects.len(),
        "ready"
    );
    std::future::pending::<()>().await;
}

struct Shared<'a> {
    options: &'a Options,
    client: &'a Client,
    artifacts: &'a Arc<lode_store::Store>,
    metrics: &'a Metrics,
    memory: Memory,
}

impl Shared<'_> {
    fn repositories(
        &self,
        sources: &Arc<Store<GitRepository>>,
        events: &Events,
    ) -> anyhow::Result<(Arc<GitRepositories>, Arc<Queue<NamespacedName>>)> {
        let queue = Arc::new(self.queue());
        let parts = lode_source::Parts {
            client: self.client.clone(),
            objects: sources.clone(),
            artifacts: self.artifacts.clone(),
            events: events.clone(),
            metrics: self.metrics.clone(),
            memory: self.memory.clone(),
        };
        let options = lode_source::Options {
            storage_adv_addr: self.options.storage_adv_addr.clone(),
            cache_dir: self.options.storage_path.join("git"),
            artifact_retention_records: self.options.artifact_retention_records,
            artifact_retention_ttl: self.options.artifact_retention_ttl,
            interval_jitter_percent: self.options.interval_jitter_percent,
            fetch: self.options.fetch,
            egress: self.options.egress.clone(),
            ..lode_source::Options::default()
        };
        let repositories = GitRepositories::new(parts, queue.clone(), options)
            .context("open the store of Git objects")?;
        Ok((repositories, queue))
    }

    fn kustomizations(
        &self,
        objects: &Arc<Store<Kustomization>>,
        sources: &Arc<Store<GitRepository>>,
        events: &Events,
    ) -> (Arc<Kustomizations>, Arc<Queue<NamespacedName>>) {
        let queue = Arc::new(self.queue());
        let cache = Arc::new(Cache::new(
            self.client.clone(),
            MANAGER,
            &self.options.override_managers,
            self.options.watches_per_namespace,
        ));
        let apply = lode_apply::Options {
            manager: MANAGER.to_owned(),
            overrides: self.options.override_managers.clone(),
            custom_stage_kinds: self.options.custom_stage_kinds.clone(),
            preflight_always: self.options.preflight_always,
            parallel: self.options.concurrent_ssa,
        };
        let applier = Applier::new(
            self.client.clone(),
            Discovery::new(self.client.clone()),
            cache,
            apply,
        );
        let parts = lode_kustomization::Parts {
            client: self.client.clone(),
            applier,
            objects: objects.clone(),
            sources: sources.clone(),
            artifacts: self.artifacts.clone(),
            records: Arc::new(lode_store::Records::open(&self.options.storage_path)),
            events: events.clone(),
            metrics: self.metrics.clone(),
            custom_stage_kinds: self.options.custom_stage_kinds.clone(),
            memory: self.memory.clone(),
        };
        let options = lode_kustomization::Options {
            requeue_dependency: self.options.requeue_dependency,
            default_service_account: self.options.default_service_account.clone(),
            no_cross_namespace_refs: self.options.no_cross_namespace_refs,
            strict_substitution: self.options.strict_substitution,
            strict_fields: self.options.strict_fields,
            build_limits: self.options.build_limits,
            interval_jitter_percent: self.options.interval_jitter_percent,
        };
        (Kustomizations::new(parts, queue.clone(), options), queue)
    }

    fn events(&self, component: &'static str) -> Events {
        let events = Events::start(self.client, component);
        self.metrics.watch_events(&events);
        events
    }

    /// Namespaces take turns: nobody's work keeps all workers from the others.
    fn queue(&self) -> Queue<NamespacedName> {
        let (min, max) = self.options.retry_delay;
        Queue::fair(Backoff { min, max }, |name: &NamespacedName| {
            &name.namespace
        })
    }
}

/// Returns what reading an artifact may cost: what making it may, and the headers of its files.
fn read_limits(options: &Options) -> budget::Limits {
    let fetch = options.fetch;
    budget::Limits {
        bytes: fetch.bytes.saturating_mul(2),
        nodes: fetch.nodes.saturating_mul(2),
        steps: u64::MAX,
    }
}

/// Opens the ports of metrics and health, and reserves that of artifacts: nobody is answered there before this replica
/// leads, for its artifacts are not the leader's.
async fn listen(
    options: &Options,
    metrics: &Metrics,
    ready: &Arc<AtomicBool>,
    stopped: &watch::Receiver<bool>,
) -> anyhow::Result<TcpSocket> {
    let artifacts = reserve(options.storage_addr)
        .with_context(|| format!("listen on {}", options.storage_addr))?;
    let ready = ready.clone();
    let routes = Routes::new(metrics.clone()).ready_when(move || ready.load(Ordering::Relaxed));
    for address in [options.metrics_addr, options.health_addr] {
        let listener = TcpListener::bind(address)
            .await
            .with_context(|| format!("listen on {address}"))?;
        tokio::spawn(lode_runtime::serve(
            listener,
            routes.clone(),
            stopped.clone(),
        ));
    }
    Ok(artifacts)
}

/// Takes a port without listening: connections to it are refused.
fn reserve(address: SocketAddr) -> io::Result<TcpSocket> {
    let socket = if address.is_ipv4() {
        TcpSocket::new_v4()?
    } else {
        TcpSocket::new_v6()?
    };
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    Ok(socket)
}

fn serve_artifacts(
    port: TcpSocket,
    artifacts: &lode_store::Store,
    stopped: &watch::Receiver<bool>,
) -> anyhow::Result<()> {
    let listener = port.listen(BACKLOG).context("listen for artifacts")?;
    let mut stopped = stopped.clone();
    let stop = async move {
        let _ = stopped.wait_for(|stopped| *stopped).await;
    };
    tokio::spawn(lode_store::serve(
        listener,
        artifacts.served().to_owned(),
        stop,
    ));
    Ok(())
}

fn subject<S: lode_api::Kind>(options: &Options) -> Subject {
    let names = S::NAMES;
    Subject {
        resource: Resource::known(&names.api_version(), names.kind, names.plural, true),
        namespace: options.namespace.as_deref().unwrap_or_default().into(),
        labels: options.watch_label_selector.as_str().into(),
        fields: "".into(),
    }
}

fn read<S: lode_api::Kind>(object: &[u8]) -> Result<lode_api::Resource<S>, String> {
    lode_api::Resource::read(object).map_err(|error| format!("{error}: {}", error.source))
}

fn name_of<S: lode_api::Kind>(object: &lode_api::Resource<S>) -> NamespacedName {
    NamespacedName::new(&object.metadata.namespace, &object.metadata.name)
}
