//! Simulates workloads: pods are scheduled to a virtual node and become ready, and controllers
//! count them.
//!
//! The task receives every change and collects the objects to process; objects are processed one at
//! a time, pods first, then their owners, so that a burst of changes causes few writes. What to do
//! is computed from stored objects only: each kind has a file that computes a [`plan::Plan`] from
//! what is seen, without a server, and [`act`] carries it out. Left out: autoscaling, schedules of
//! cron jobs, failures of pods, adoption of orphaned pods.

mod act;
mod budget;
mod claim;
mod condition;
mod daemon;
mod deployment;
mod job;
mod node;
mod object;
mod plan;
mod pod;
mod replicas;
mod rollout;
mod scene;
mod stateful;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::task::JoinHandle;

use crate::api::Api;
use crate::store::Noted;
use plan::{Plan, WorkloadKind, WorkloadPlace};
use scene::{Scene, Seen};

/// Starts the simulation of workloads.
pub(super) fn start(api: &Arc<Api>) -> JoinHandle<()> {
    let changes = api.store.tap();
    let workloads = Workloads {
        scene: Scene::new(api),
        due: BTreeSet::new(),
        later: BTreeSet::new(),
    };
    act::note_failure(&node::place(), act::furnish(api, &workloads.scene));
    tokio::spawn(run(Arc::clone(api), workloads, changes))
}

struct Workloads {
    scene: Scene,
    /// Objects to process now, each once. Kinds are in the order of processing.
    due: BTreeSet<WorkloadPlace>,
    /// Objects to process at a later time.
    later: BTreeSet<(Timestamp, WorkloadPlace)>,
}

async fn run(api: Arc<Api>, mut workloads: Workloads, mut changes: UnboundedReceiver<Noted>) {
    loop {
        // All changes are recorded before anything is processed, including our own writes: what is
        // seen is never older than what was done.
        while let Ok(noted) = changes.try_recv() {
            workloads.note(&noted);
        }
        workloads.wake(api.now());
        if let Some(place) = workloads.due.pop_first() {
            workloads.look(&api, &place);
            tokio::task::yield_now().await;
            continue;
        }
        let pause = workloads.pause(api.now());
        tokio::select! {
            noted = changes.recv() => match noted {
                Some(noted) => workloads.note(&noted),
                None => return,
            },
            () = tokio::time::sleep(pause) => {}
        }
    }
}

impl Workloads {
    fn note(&mut self, noted: &Noted) {
        let Some(kind) = WorkloadKind::of(&noted.resource) else {
            return;
        };
        let place = WorkloadPlace {
            kind,
            key: noted.change.key.clone(),
        };
        self.scene.note(&place, &noted.change);
        self.due.extend(self.scene.affected(&place, &noted.change));
    }

    /// Moves delayed objects whose time has come to the due ones.
    fn wake(&mut self, now: Timestamp) {
        while let Some((at, place)) = self.later.pop_first() {
            if at > now {
                self.later.insert((at, place));
                return;
            }
            self.due.insert(place);
        }
    }

    fn pause(&self, now: Timestamp) -> Duration {
        let first = self
            .later
            .first()
            .map(|(at, _)| Duration::try_from(at.duration_since(now)).unwrap_or_default());
        first.map_or(PAUSE_MAX, |first| first.clamp(PAUSE_MIN, LOOK_EVERY))
    }

    fn look(&mut self, api: &Api, place: &WorkloadPlace) {
        let Some(seen) = self.scene.seen(place, api.now()) else {
            return;
        };
        // A panic over one object must not end the simulation of all others.
        let planned = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| plan(place, &seen)));
        let Ok(plan) = planned else {
            tracing::error!(object = ?place.key, "the next action for an object could not be computed");
            return;
        };
        if let Some(at) = plan.again.filter(|_| self.later.len() < LATER_MAX) {
            self.later.insert((at, place.clone()));
        }
        act::note_failure(place, act::carry_out(api, &self.scene, place, plan));
    }
}

/// Computes what to do about an object.
fn plan(place: &WorkloadPlace, seen: &Seen) -> Plan {
    match place.kind {
        WorkloadKind::Pod => pod::plan(seen),
        WorkloadKind::Claim => claim::plan(seen),
        WorkloadKind::ReplicaSet | WorkloadKind::ReplicationController => replicas::plan(seen),
        WorkloadKind::StatefulSet => stateful::plan(seen),
        WorkloadKind::DaemonSet => daemon::plan(seen),
        WorkloadKind::Job => job::plan(seen),
        WorkloadKind::Deployment => deployment::plan(seen),
        WorkloadKind::Budget => budget::plan(seen),
        WorkloadKind::Node => Plan::default(),
    }
}

/// Longest sleep if nothing is delayed.
const PAUSE_MAX: Duration = Duration::from_hours(1);
/// Longest sleep if something is delayed, because a clock may jump.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Shortest sleep, in case a clock stands still.
const PAUSE_MIN: Duration = Duration::from_millis(10);
/// Most delayed objects.
const LATER_MAX: usize = 100_000;
