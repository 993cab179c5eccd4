//! [`Kustomizations`]: what all reconciles of the kind share, and what of the cluster wakes them.

use std::collections::HashSet;
use std::sync::Arc;

use lode_api::kustomization::Spec;
use lode_apply::Applier;
use lode_deliver::RecordKeeper;
use lode_object::{GroupKind, Id, NamespacedName};
use lode_runtime::{Cancellation, Frame, Memory, Own, Priority, Queue, Sources};
use tokio::time::Instant;

use crate::build;
use crate::options::Options;
use crate::state::State;

/// Where the store keeps our records.
const RECORDS: &str = "kustomization";

/// The kind `Kustomization`.
pub struct Kustomizations {
    pub(crate) own: Arc<Own<Spec>>,
    pub(crate) applier: Applier,
    pub(crate) sources: Arc<Sources>,
    pub(crate) memory: Memory,
    pub(crate) records: RecordKeeper,
    /// The kind's own name at the API server.
    pub(crate) group_kind: GroupKind,
    pub(crate) queue: Arc<Queue<NamespacedName>>,
    pub(crate) options: Options,
    pub(crate) build: build::Options,
    pub(crate) cancellation: Cancellation,
}

/// What the controller stands on.
pub struct Parts {
    /// The Kustomizations.
    pub own: Own<Spec>,
    /// Who applies.
    pub applier: Applier,
    /// What is built from.
    pub sources: Arc<Sources>,
    /// Where records are kept.
    pub records: Arc<lode_store::Records>,
    /// Kinds with an apply stage of their own.
    pub custom_stage_kinds: Vec<String>,
    /// What all work that computes shares.
    pub memory: Memory,
}

impl Kustomizations {
    /// Puts the controller together; nothing runs yet.
    #[must_use]
    pub fn frame(
        parts: Parts,
        queue: Arc<Queue<NamespacedName>>,
        options: Options,
    ) -> Arc<Frame<Self>> {
        let own = Arc::new(parts.own);
        let kind = Self {
            group_kind: own.resource().gvk.group_kind(),
            own: own.clone(),
            applier: parts.applier,
            sources: parts.sources,
            records: RecordKeeper::new(parts.records, RECORDS),
            memory: parts.memory,
            queue: queue.clone(),
            build: build::Options {
                strict: options.strict_substitution,
                limits: options.build_limits,
                custom_stage_kinds: parts.custom_stage_kinds,
                strict_fields: options.strict_fields,
                charts: options.charts,
            },
            options,
            cancellation: Cancellation::default(),
        };
        Frame::new(own, queue, kind)
    }

    /// Looks at whose applied objects changed in the cluster, for ever.
    pub async fn follow_cluster(frame: Arc<Frame<Self>>) {
        let changes = frame.kind().applier.cache().changes();
        loop {
            for (owner, ids) in changes.next().await {
                frame.look(&owner, ids);
            }
        }
    }

    /// Wakes whoever builds from a source that changed, for ever.
    pub async fn follow_sources(frame: Arc<Frame<Self>>) {
        let sources = frame.kind().sources.clone();
        sources.follow(|used| frame.wake(used)).await;
    }

    /// Asks for a run if what is waited for may have come, or an object has left what was applied.
    pub(crate) fn look_at(&self, name: &NamespacedName, state: &State, ids: &HashSet<Id>) {
        if !state.delivery.is_worth_a_run(&self.applier, ids) {
            if !ids.is_empty() {
                self.wind_clock(name, state);
            }
        } else if ids.is_empty() {
            // The run that ends now has seen all there is: this guards against one that repeats itself.
            self.queue.repeat(name.clone(), Priority::Change);
        } else {
            self.queue.add(name.clone(), Priority::Change);
        }
    }

    /// Sees to a run that only the clock asks for: what changed may have made it due.
    fn wind_clock(&self, name: &NamespacedName, state: &State) {
        if let Some(at) = state.delivery.next_by_clock() {
            let after = at.saturating_duration_since(Instant::now());
            self.queue.add_after(name.clone(), after, Priority::Change);
        }
    }
}
