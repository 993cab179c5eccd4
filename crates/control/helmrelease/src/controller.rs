//! [`HelmReleases`]: what all runs of the kind share, and what of the cluster wakes them.

use std::collections::HashSet;
use std::sync::Arc;

use lode_api::helm_release::Spec;
use lode_apply::Applier;
use lode_chart::KubeVersion;
use lode_deliver::RecordKeeper;
use lode_object::{GroupKind, Id, NamespacedName};
use lode_runtime::{Cancellation, Frame, Memory, Own, Priority, Queue, Sources};
use tokio::sync::OnceCell;

use crate::charts::Charts;
use crate::computing::Computing;
use crate::options::HelmReleaseOptions;
use crate::state::State;
use crate::waiters::Waiters;

/// Where the store keeps our records.
const RECORDS: &str = "helmrelease";

/// The kind `HelmRelease`.
pub struct HelmReleases {
    pub(crate) own: Arc<Own<Spec>>,
    pub(crate) applier: Applier,
    pub(crate) sources: Arc<Sources>,
    pub(crate) computing: Computing,
    pub(crate) records: RecordKeeper,
    pub(crate) charts: Charts,
    /// The kind's own name at the API server.
    pub(crate) group_kind: GroupKind,
    pub(crate) queue: Arc<Queue<NamespacedName>>,
    pub(crate) options: HelmReleaseOptions,
    pub(crate) waiters: Waiters,
    /// The version of the server, once it was asked.
    pub(crate) kube_version: OnceCell<KubeVersion>,
    pub(crate) cancellation: Cancellation,
}

/// What the controller stands on.
pub struct HelmReleaseParts {
    /// The releases.
    pub own: Own<Spec>,
    /// Who applies; its cache sees the objects of releases.
    pub applier: Applier,
    /// Where charts come from.
    pub sources: Arc<Sources>,
    /// Where records of applied objects are kept.
    pub records: Arc<lode_store::Records>,
    /// What all work that computes shares.
    pub memory: Memory,
}

impl HelmReleases {
    /// Puts the controller together; nothing runs yet.
    #[must_use]
    pub fn frame(
        parts: HelmReleaseParts,
        queue: Arc<Queue<NamespacedName>>,
        options: HelmReleaseOptions,
    ) -> Arc<Frame<Self>> {
        let own = Arc::new(parts.own);
        let kind = Self {
            group_kind: own.resource().gvk.group_kind(),
            own: own.clone(),
            applier: parts.applier,
            sources: parts.sources,
            computing: Computing::new(parts.memory, options.chart_limits),
            records: RecordKeeper::new(parts.records, RECORDS),
            charts: Charts::default(),
            queue: queue.clone(),
            options,
            waiters: Waiters::default(),
            kube_version: OnceCell::new(),
            cancellation: Cancellation::default(),
        };
        Frame::new(own, queue, kind)
    }

    /// Looks at whose objects changed in the cluster, for ever.
    pub async fn follow_cluster(frame: Arc<Frame<Self>>) {
        let changes = frame.kind().applier.cache().changes();
        loop {
            for (owner, ids) in changes.next().await {
                frame.kind().waiters.wake(&owner);
                frame.look(&owner, ids);
            }
        }
    }

    /// Wakes whoever releases a chart that changed, for ever.
    pub async fn follow_sources(frame: Arc<Frame<Self>>) {
        let sources = frame.kind().sources.clone();
        sources.follow(|used| frame.wake(used)).await;
    }

    /// Asks for a run if an object has left what was released.
    pub(crate) fn look_at(&self, name: &NamespacedName, state: &State, ids: &HashSet<Id>) {
        if state.detects_drift
            && !ids.is_empty()
            && state.delivery.is_worth_a_run(&self.applier, ids)
        {
            self.queue.add(name.clone(), Priority::Change);
        }
    }
}
