//! [`ControllerPart`]: one controller with everything it needs, started in the same way as all others.

use std::sync::Arc;

use anyhow::Context as _;
use futures::future::BoxFuture;
use lode_api::{
    Kind, Resource, git_repository, helm_chart, helm_release, helm_repository, kustomization,
    oci_repository,
};
use lode_apply::{Applier, Preflight};
use lode_cluster::{Cache, Client, Discovery};
use lode_helmrelease::{HelmReleaseOptions, HelmReleaseParts, HelmReleases};
use lode_kustomization::Kustomizations;
use lode_merge::{FieldManager, OwnFields};
use lode_object::NamespacedName;
use lode_object::OwnerLabels;
use lode_runtime::{
    Backoff, Events, Frame, Memory, Metrics, Own, OwnParts, Queue, Reconcile, Sources, Store,
};
use lode_source::{
    GitOptions, GitOrigin, HelmChartOrigin, HelmChartOriginParts, HelmRepositoryOrigin, Indexes,
    OciOrigin, Origin, SourceOptions, SourceParts, SourceReconciler,
};
use tokio::sync::watch;

use crate::configs::{self, Wake};
use crate::options::Options;

/// Field manager of applied objects, as in Flux.
const MANAGER: &str = "kustomize-controller";
/// Field manager of sources, as in Flux.
const SOURCE_MANAGER: &str = "source-controller";

/// One controller that is ready to run.
pub(crate) struct ControllerPart {
    /// Resolves to the number of objects once all objects of the kind are known.
    pub(crate) synced: BoxFuture<'static, usize>,
    /// Tasks that turn changes into work, without end.
    pub(crate) follow: Vec<BoxFuture<'static, ()>>,
    /// Where its events go.
    pub(crate) events: Events,
    /// Runs the controller until the value it is given becomes true.
    pub(crate) run: Box<dyn FnOnce(watch::Receiver<bool>) -> BoxFuture<'static, ()> + Send>,
}

impl ControllerPart {
    fn new<R: Reconcile>(
        frame: &Arc<Frame<R>>,
        objects: Arc<Store<Resource<R::Spec>>>,
        events: Events,
        queue: Arc<Queue<NamespacedName>>,
        workers: usize,
    ) -> Self {
        let (follower, worker) = (frame.clone(), frame.clone());
        Self {
            synced: Box::pin(async move {
                objects.synced().await;
                objects.len()
            }),
            follow: vec![Box::pin(follower.follow())],
            events,
            run: Box::new(move |stopped| {
                Box::pin(lode_runtime::run(worker, queue, workers, stopped))
            }),
        }
    }

    fn with(mut self, follow: impl Future<Output = ()> + Send + 'static) -> Self {
        self.follow.push(Box::pin(follow));
        self
    }
}

/// What the controllers share that apply objects: who applies, sources, records.
type SharedByAppliers<'a> = (&'a Applier, &'a Arc<Sources>, &'a Arc<lode_store::Records>);

/// What all parts share.
pub(crate) struct SharedByParts<'a> {
    pub(crate) options: &'a Options,
    pub(crate) client: &'a Client,
    pub(crate) artifacts: &'a Arc<lode_store::Store>,
    pub(crate) metrics: &'a Metrics,
    pub(crate) memory: Memory,
}

impl SharedByParts<'_> {
    /// Wires all controllers; only the mirrors of their kinds run yet.
    ///
    /// # Errors
    /// A folder in the storage cannot be written.
    pub(crate) fn parts(&self) -> anyhow::Result<Vec<ControllerPart>> {
        let repositories = self.mirror::<git_repository::Spec>();
        let pulled = self.mirror::<oci_repository::Spec>();
        let kustomizations = self.mirror::<kustomization::Spec>();
        let releases = self.mirror::<helm_release::Spec>();
        let sources = Sources::new(self.artifacts.clone(), self.memory.clone());
        let (listed, charts) = (self.mirror(), self.mirror::<helm_chart::Spec>());
        let sources = sources.with(repositories.clone()).with(pulled.clone());
        let sources = Arc::new(sources.with(listed.clone()).with(charts.clone()));
        let indexes = Arc::new(Indexes::new(self.artifacts.clone(), self.memory.clone()));
        let of_charts = self.charts(&listed, &sources, &indexes);
        let applier = self.applier();
        let records = Arc::new(lode_store::Records::open(&self.options.storage_path));
        let (of_releases, released) = self.releases(releases, (&applier, &sources, &records));
        let (of_kustomizations, built) =
            self.kustomizations(kustomizations, (&applier, &sources, &records));
        let namespace = self.options.namespace.as_deref().unwrap_or_default();
        let wake: Wake = Arc::new(move |used| {
            built.wake(used);
            released.wake(used);
        });
        let mut of_kustomizations = of_kustomizations;
        let watches = configs::watches(self.client, namespace, &wake);
        of_kustomizations.follow.extend(watches);
        Ok(vec![
            self.repositories(repositories)?,
            self.source(pulled, self.oci(), None),
            self.source(listed, self.helm_repositories(&indexes), None),
            self.source(charts, of_charts, Some(sources.clone())),
            of_kustomizations,
            of_releases,
        ])
    }

    /// Starts to mirror the objects of a kind.
    fn mirror<S>(&self) -> Arc<Store<Resource<S>>>
    where
        S: Kind<Status: Send + Sync + PartialEq> + Send + Sync + 'static,
    {
        let namespace = self.options.namespace.as_deref().unwrap_or_default();
        Own::mirror(self.client, namespace, &self.options.watch_label_selector)
    }

    /// Wires the controller of Git repositories.
    fn repositories(
        &self,
        objects: Arc<Store<Resource<git_repository::Spec>>>,
    ) -> anyhow::Result<ControllerPart> {
        let git = GitOptions {
            cache_dir: self.options.storage_path.join("git"),
            egress: self.options.egress.clone(),
            ..GitOptions::default()
        };
        let memory = self.memory.clone();
        let origin = GitOrigin::open(self.client.clone(), objects.clone(), memory, git)
            .context("open the store of Git objects")?;
        let collector = origin.collector();
        Ok(self.source(objects, origin, None).with(collector))
    }

    /// Returns the origin of OCI repositories.
    fn oci(&self) -> OciOrigin {
        let egress = self.options.egress.clone();
        let (client, artifacts) = (self.client.clone(), self.artifacts.clone());
        OciOrigin::new(client, artifacts, self.memory.clone(), egress)
    }

    /// Returns the origin of Helm repositories.
    fn helm_repositories(&self, indexes: &Arc<Indexes>) -> HelmRepositoryOrigin {
        HelmRepositoryOrigin::new(
            self.client.clone(),
            self.artifacts.clone(),
            indexes.clone(),
            self.options.egress.clone(),
            self.options.helm_index_max,
        )
    }

    /// Returns the origin of charts.
    fn charts(
        &self,
        repositories: &Arc<Store<Resource<helm_repository::Spec>>>,
        sources: &Arc<Sources>,
        indexes: &Arc<Indexes>,
    ) -> HelmChartOrigin {
        HelmChartOrigin::new(HelmChartOriginParts {
            client: self.client.clone(),
            repositories: repositories.clone(),
            sources: sources.clone(),
            store: self.artifacts.clone(),
            indexes: indexes.clone(),
            memory: self.memory.clone(),
            egress: self.options.egress.clone(),
            index_max: self.options.helm_index_max,
            chart_max: self.options.helm_chart_max,
        })
    }

    /// Wires the controller of one kind of source; a change of others wakes its objects if they are made from them.
    fn source<O: Origin>(
        &self,
        objects: Arc<Store<Resource<O::Spec>>>,
        origin: O,
        others: Option<Arc<Sources>>,
    ) -> ControllerPart {
        let queue = Arc::new(self.queue());
        let events = self.events(SOURCE_MANAGER);
        let parts = SourceParts {
            own: Arc::new(self.own(objects.clone(), &events, SOURCE_MANAGER)),
            origin,
            artifacts: self.artifacts.clone(),
            memory: self.memory.clone(),
            options: SourceOptions {
                storage_adv_addr: self.options.storage_adv_addr.clone(),
                artifact_retention_records: self.options.artifact_retention_records,
                artifact_retention_ttl: self.options.artifact_retention_ttl,
                interval_jitter_percent: self.options.interval_jitter_percent,
                fetch: self.options.fetch,
                ..SourceOptions::default()
            },
        };
        let frame = SourceReconciler::frame(parts, queue.clone());
        // An attempt that waits for a server computes nothing; work that computes is bounded by the memory budget.
        let part = ControllerPart::new(&frame, objects, events, queue, lode_source::UNDER_WAY_MAX);
        match others {
            Some(others) => part.with(async move { others.follow(|used| frame.wake(used)).await }),
            None => part,
        }
    }

    /// Wires the controller of Kustomizations.
    fn kustomizations(
        &self,
        objects: Arc<Store<Resource<kustomization::Spec>>>,
        (applier, sources, records): SharedByAppliers<'_>,
    ) -> (ControllerPart, Arc<Frame<Kustomizations>>) {
        let queue = Arc::new(self.queue());
        let events = self.events(MANAGER);
        let parts = lode_kustomization::Parts {
            own: self.own(objects.clone(), &events, "gotk-kustomize-controller"),
            applier: applier.clone(),
            sources: sources.clone(),
            records: records.clone(),
            custom_stage_kinds: self.options.custom_stage_kinds.clone(),
            memory: self.memory.clone(),
        };
        let options = lode_kustomization::Options {
            requeue_dependency: self.options.requeue_dependency,
            default_service_account: self.options.default_service_account.clone(),
            no_cross_namespace_refs: self.options.no_cross_namespace_refs,
            strict_substitution: self.options.strict_substitution,
            strict_fields: self.options.strict_fields,
            charts: self.options.charts,
            build_limits: self.options.build_limits,
            interval_jitter_percent: self.options.interval_jitter_percent,
        };
        let frame = Kustomizations::frame(parts, queue.clone(), options);
        let part = ControllerPart::new(&frame, objects, events, queue, self.options.concurrent)
            .with(Kustomizations::follow_cluster(frame.clone()))
            .with(Kustomizations::follow_sources(frame.clone()));
        (part, frame)
    }

    /// Wires the controller of releases.
    fn releases(
        &self,
        objects: Arc<Store<Resource<helm_release::Spec>>>,
        (applier, sources, records): SharedByAppliers<'_>,
    ) -> (ControllerPart, Arc<Frame<HelmReleases>>) {
        let queue = Arc::new(self.queue());
        let events = self.events(lode_helmrelease::MANAGER);
        let parts = HelmReleaseParts {
            own: self.own(objects.clone(), &events, lode_helmrelease::MANAGER),
            applier: self.release_applier(applier),
            sources: sources.clone(),
            records: records.clone(),
            memory: self.memory.clone(),
        };
        let options = HelmReleaseOptions {
            requeue_dependency: self.options.requeue_dependency,
            default_service_account: self.options.default_service_account.clone(),
            no_cross_namespace_refs: self.options.no_cross_namespace_refs,
            chart_limits: self.options.chart_limits,
            interval_jitter_percent: self.options.interval_jitter_percent,
        };
        let frame = HelmReleases::frame(parts, queue.clone(), options);
        let workers = lode_helmrelease::ACTING_MAX;
        let part = ControllerPart::new(&frame, objects, events, queue, workers)
            .with(HelmReleases::follow_cluster(frame.clone()))
            .with(HelmReleases::follow_sources(frame.clone()));
        (part, frame)
    }

    /// Returns who applies the objects of releases: with Helm's field manager, and seeing the objects with their labels.
    fn release_applier(&self, applier: &Applier) -> Applier {
        let manager = FieldManager {
            name: lode_helmrelease::MANAGER.to_owned(),
            own: OwnFields::Written,
        };
        let cache = applier.cache().beside(manager, OwnerLabels::RELEASE);
        let options = lode_apply::Options {
            manager: lode_helmrelease::MANAGER.to_owned(),
            overrides: Vec::new(),
            custom_stage_kinds: Vec::new(),
            preflight: Preflight::Never,
            parallel: self.options.concurrent_ssa,
        };
        applier.beside(Arc::new(cache), options)
    }

    fn applier(&self) -> Applier {
        let cache = Cache::new(
            self.client.clone(),
            MANAGER,
            &self.options.override_managers,
            self.options.watches_per_namespace,
            self.options.ambient.clone(),
        );
        let apply = lode_apply::Options {
            manager: MANAGER.to_owned(),
            overrides: self.options.override_managers.clone(),
            custom_stage_kinds: self.options.custom_stage_kinds.clone(),
            preflight: if self.options.preflight_always {
                Preflight::Always
            } else {
                Preflight::Changes
            },
            parallel: self.options.concurrent_ssa,
        };
        let discovery = Discovery::new(self.client.clone());
        Applier::new(self.client.clone(), discovery, Arc::new(cache), apply)
    }

    fn own<S>(
        &self,
        objects: Arc<Store<Resource<S>>>,
        events: &Events,
        manager: &'static str,
    ) -> Own<S>
    where
        S: Kind<Status: Send + Sync + PartialEq> + Send + Sync + 'static,
    {
        Own::new(OwnParts {
            client: self.client.clone(),
            objects,
            events: events.clone(),
            metrics: self.metrics.clone(),
            ambient: self.options.ambient.clone(),
            manager,
        })
    }

    fn events(&self, component: &'static str) -> Events {
        let events = Events::start(self.client, component, self.options.ambient.clone());
        self.metrics.watch_events(&events);
        events
    }

    /// Namespaces take turns, so that the work of one cannot take all workers.
    fn queue(&self) -> Queue<NamespacedName> {
        let (min, max) = self.options.retry_delay;
        Queue::fair(Backoff { min, max }, |name: &NamespacedName| {
            &name.namespace
        })
    }
}
