//! Mirror, frame, queue and workers together, as a process runs them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use lode_api::kustomization::Spec;
use lode_api::{Kustomization, Status as _};
use lode_object::NamespacedName;
use lode_runtime::{
    Backoff, Draft, Ended, Failure, Frame, Next, Progress, Queue, Reconcile, Removal, Report,
    name_of,
};
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::{KIND, PATIENCE, PAUSE, Played};

/// Counts attempts; fails for objects whose name begins with `bad`.
#[derive(Default)]
struct Counter {
    attempts: Mutex<HashMap<String, usize>>,
    is_stopped: Mutex<bool>,
}

impl Counter {
    fn attempts(&self, name: &str) -> usize {
        let attempts = self.attempts.lock().unwrap();
        attempts.get(name).copied().unwrap_or_default()
    }
}

impl Reconcile for Counter {
    type Spec = Spec;
    type State = ();
    type Facts = ();
    type Done = ();
    const NAME: &'static str = "counter";

    async fn attempt(
        &self,
        object: &Arc<Kustomization>,
        (): &mut (),
        (): &(),
    ) -> Result<(), Failure> {
        let name = object.metadata.name.to_string();
        let is_bad = name.starts_with("bad");
        *self.attempts.lock().unwrap().entry(name).or_default() += 1;
        if is_bad {
            return Err(Failure::new("Bad", "no"));
        }
        Ok(())
    }

    fn progress(&self, (): &()) -> Progress {
        Progress {
            doing: "Counting".to_owned(),
            ready: Some("in progress".into()),
        }
    }

    fn report(&self, ended: Ended<'_, Self>, end: Result<(), Failure>) -> Report<Spec> {
        let draft = Draft::new(ended.object, ended.now).handled();
        let (draft, next) = match end {
            Ok(()) => (draft.succeeded("Counted", "yes"), Next::Idle),
            Err(failure) => (draft.failed(&failure, "Counting"), Next::Backoff),
        };
        Report {
            status: Some(draft.status),
            told: Vec::new(),
            took: Some(ended.took),
            next,
        }
    }

    async fn remove(&self, _: &Arc<Kustomization>, (): &mut ()) -> Result<Removal, Failure> {
        Ok(Removal::Done)
    }

    fn stop(&self) {
        *self.is_stopped.lock().unwrap() = true;
    }
}

/// A controller that runs.
struct Running {
    played: Played,
    frame: Arc<Frame<Counter>>,
    queue: Arc<Queue<NamespacedName>>,
    shutdown: watch::Sender<bool>,
    workers: JoinHandle<()>,
}

impl Running {
    async fn start() -> Self {
        let played = Played::start().await;
        let backoff = Backoff {
            min: Duration::from_millis(50),
            max: Duration::from_millis(200),
        };
        let queue = Arc::new(Queue::new(backoff));
        let frame = Frame::new(played.own.clone(), queue.clone(), Counter::default());
        tokio::spawn(frame.clone().follow());
        let (shutdown, is_shutdown) = watch::channel(false);
        let workers = lode_runtime::run(frame.clone(), queue.clone(), 2, is_shutdown);
        Self {
            played,
            frame,
            queue,
            shutdown,
            workers: tokio::spawn(workers),
        }
    }

    async fn apply(&self, name: &str, annotations: &Value, prune: bool) {
        let object = json!({"apiVersion": KIND.0, "kind": KIND.1,
            "metadata": {"name": name, "namespace": "default", "annotations": annotations},
            "spec": {"interval": "1h", "prune": prune, "sourceRef": {"kind": "GitRepository", "name": "a"}}});
        let objects = self.played.sandbox.objects();
        objects.apply("somebody", &object).await.unwrap();
    }

    async fn live(&self, name: &str) -> Option<Kustomization> {
        let objects = self.played.sandbox.objects();
        let live = objects.get(KIND, "default", name).await.unwrap()?;
        Some(Kustomization::parse(&live).unwrap())
    }

    /// Waits until the status of an object is as it should be.
    async fn until(&self, name: &str, is_so: impl Fn(&Kustomization) -> bool) -> Kustomization {
        let wait = async {
            loop {
                if let Some(live) = self.live(name).await.filter(|live| is_so(live)) {
                    return live;
                }
                tokio::time::sleep(PAUSE).await;
            }
        };
        timeout(PATIENCE, wait).await.unwrap()
    }

    /// Waits until an object of this generation is settled.
    async fn settled(&self, name: &str, generation: i64) {
        let is_settled =
            |live: &Kustomization| live.status.observed_generation() == Some(generation);
        self.until(name, is_settled).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_object_is_attempted_once_until_it_is_edited_or_asked_for() {
    let running = Running::start().await;
    let names = ["a", "b", "c", "d", "e"];
    let nothing = json!({});
    for name in names {
        running.apply(name, &nothing, true).await;
    }
    for name in names {
        running.settled(name, 1).await;
    }
    running.apply("a", &nothing, false).await;
    running.settled("a", 2).await;
    let asked = json!({"reconcile.fluxcd.io/requestedAt": "now"});
    running.apply("b", &asked, true).await;
    let is_answered = |live: &Kustomization| live.status.last_handled_reconcile_at() == Some("now");
    running.until("b", is_answered).await;

    let attempts = names.map(|name| running.frame.kind().attempts(name));
    assert_eq!(attempts, [2, 2, 1, 1, 1], "our own writes wake nobody");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_fails_is_attempted_again_and_keeps_nobody_else_waiting() {
    let running = Running::start().await;
    let nothing = json!({});
    running.apply("bad", &nothing, true).await;
    running.apply("good", &nothing, true).await;
    running.settled("good", 1).await;
    let wait = async {
        while running.frame.kind().attempts("bad") < 3 {
            tokio::time::sleep(PAUSE).await;
        }
    };
    timeout(PATIENCE, wait).await.unwrap();
    let live = running.live("bad").await.unwrap();
    let ready = live.status.conditions().get("Ready").unwrap();
    assert_eq!(&*ready.reason, "Bad");
    assert_eq!(running.frame.kind().attempts("good"), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_object_that_is_deleted_is_let_go_and_its_figures_with_it() {
    let running = Running::start().await;
    running.apply("a", &json!({}), true).await;
    running.settled("a", 1).await;
    let live = running.live("a").await.unwrap();
    let figure = format!("name=\"{}\"", name_of(&live).name);
    let text = || running.played.own.metrics().text();
    assert!(text().contains(&figure));

    let objects = running.played.sandbox.objects();
    objects.delete(KIND, "default", "a").await.unwrap();
    let wait = async {
        while running.live("a").await.is_some() || text().contains(&figure) {
            tokio::time::sleep(PAUSE).await;
        }
    };
    timeout(PATIENCE, wait).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_shutdown_stops_the_kind_and_ends_the_workers() {
    let running = Running::start().await;
    running.apply("a", &json!({}), true).await;
    running.settled("a", 1).await;
    running.shutdown.send_replace(true);
    timeout(PATIENCE, running.workers).await.unwrap().unwrap();
    assert!(*running.frame.kind().is_stopped.lock().unwrap());
    assert_eq!(running.queue.next().await, None, "the queue is closed");
}
