//! Workloads are played: pods come and get ready on a node that is none, and what counts pods counts them.
//!
//! The task is told of every change and notes which objects to look at again; one object is looked at at a time, pods
//! first, then what owns them, so that a burst of changes ends in few writes. What is to be done is computed from what
//! is stored alone: each kind has a file that makes a [`plan::Plan`] of what is seen, without a server, and [`act`]
//! carries it out. Left out: autoscaling, schedules of cron jobs, failures of pods, adoption of pods that nobody owns.

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
use plan::{Kind, Place, Plan};
use scene::{Scene, Seen};

/// Starts to play the workloads.
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
    /// What to look at now, once however often it was noted. Kinds are in the order in which they are looked at.
    due: BTreeSet<Place>,
    /// What to look at when.
    later: BTreeSet<(Timestamp, Place)>,
}

async fn run(api: Arc<Api>, mut workloads: Workloads, mut changes: UnboundedReceiver<Noted>) {
    loop {
        // All is noted before anything is looked at, own writes too: what is seen is never older than what was done.
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
        let Some(kind) = Kind::of(&noted.resource) else {
            return;
        };
        let place = Place {
            kind,
            key: noted.change.key.clone(),
        };
        self.scene.note(&place, &noted.change);
        self.due.extend(self.scene.affected(&place, &noted.change));
    }

    /// Makes due what was put off until now.
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

    fn look(&mut self, api: &Api, place: &Place) {
        let Some(seen) = self.scene.seen(place, api.now()) else {
            return;
        };
        // An object that nobody foresaw must not end the play of all others.
        let planned = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| plan(place, &seen)));
        let Ok(plan) = planned else {
            tracing::error!(object = ?place.key, "what is to be done about an object could not be computed");
            return;
        };
        if let Some(at) = plan.again.filter(|_| self.later.len() < LATER_MAX) {
            self.later.insert((at, place.clone()));
        }
        act::note_failure(place, act::carry_out(api, &self.scene, place, plan));
    }
}

/// Computes what is to be done about an object.
fn plan(place: &Place, seen: &Seen) -> Plan {
    match place.kind {
        Kind::Pod => pod::plan(seen),
        Kind::Claim => claim::plan(seen),
        Kind::ReplicaSet | Kind::ReplicationController => replicas::plan(seen),
        Kind::StatefulSet => stateful::plan(seen),
        Kind::DaemonSet => daemon::plan(seen),
        Kind::Job => job::plan(seen),
        Kind::Deployment => deployment::plan(seen),
        Kind::Budget => budget::plan(seen),
        Kind::Node => Plan::default(),
    }
}

/// Longest time without a look at the clock while nothing is put off.
const PAUSE_MAX: Duration = Duration::from_hours(1);
/// The same while something is: a clock may jump.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Shortest time between two looks, also where a clock stands still.
const PAUSE_MIN: Duration = Duration::from_millis(10);
/// Most looks that are put off.
const LATER_MAX: usize = 100_000;
