//! [`run()`]: workers that take keys from a queue and reconcile them until shutdown.
//!
//! A panic inside a reconcile counts as a failure of that key only. Shutdown takes no new keys and
//! gives running reconciles a limited time to end.

use std::any::Any;
use std::fmt;
use std::hash::Hash;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt as _;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tracing::{error, warn};

use crate::fair::Places;
use crate::metrics::Metrics;
use crate::next::Next;
use crate::queue::Queue;
use crate::spin::Spin;

/// How long running reconciles have at shutdown: Kubernetes kills after 30 s, and events are sent
/// after this.
const DRAIN_MAX: Duration = Duration::from_secs(15);

/// Reconciles keys.
pub trait Controller: Send + Sync + 'static {
    /// What is reconciled, for instance the name of an object.
    type Key: Clone + Eq + Hash + fmt::Display + Send + Sync + 'static;
    /// Name in logs and metrics.
    const NAME: &'static str;
    /// How many runs may go on without a worker of the limit, because they only wait ([`Queue::rest`]).
    const RESTING_MAX: usize = 0;

    /// Reads all it needs and makes the actual state equal to the desired one. It is safe to run
    /// twice and does not depend on what triggered it.
    fn reconcile(&self, key: &Self::Key) -> impl Future<Output = Next> + Send;

    /// Cancels waits for external systems because the process is about to end.
    fn stop(&self) {}

    /// Returns the metrics in which runs are counted, if any.
    fn metrics(&self) -> Option<&Metrics> {
        None
    }
}

/// Runs a controller with a number of workers until `shutdown` turns true (or its sender is
/// dropped).
///
/// The same number of additional workers is reserved for shares that arrive while others hold all
/// regular ones (see [`Queue::fair`]).
///
/// It returns when the last reconcile has ended, or was aborted 15 s after the shutdown. The queue
/// is closed then.
pub async fn run<C: Controller>(
    controller: Arc<C>,
    queue: Arc<Queue<C::Key>>,
    workers: usize,
    mut shutdown: watch::Receiver<bool>,
) {
    if let Some(metrics) = controller.metrics() {
        let queue = queue.clone();
        metrics.watch_depth(C::NAME, move || queue.len());
    }

    let mut tasks = JoinSet::new();
    let places = Places::new(workers);
    queue.limit(places, C::RESTING_MAX);
    for _ in 0..places.most() + C::RESTING_MAX {
        tasks.spawn(work(controller.clone(), queue.clone()));
    }

    // The queue is closed first: what the stop lets go must not be handed out again.
    let _ = shutdown.wait_for(|shutdown| *shutdown).await;
    queue.close();
    controller.stop();
    let drained = tokio::time::timeout(DRAIN_MAX, async {
        while tasks.join_next().await.is_some() {}
    })
    .await;
    if drained.is_err() {
        warn!(
            controller = C::NAME,
            running = tasks.len(),
            "reconciles aborted at shutdown"
        );
        tasks.shutdown().await;
    }
}

async fn work<C: Controller>(controller: Arc<C>, queue: Arc<Queue<C::Key>>) {
    while let Some(key) = queue.next().await {
        let start = Instant::now();
        if let Some(metrics) = controller.metrics() {
            metrics.run_started(C::NAME);
        }
        let next = guarded(controller.as_ref(), &key).await;
        if let Some(metrics) = controller.metrics() {
            metrics.run_ended(C::NAME, next, start.elapsed());
        }
        if let Some(Spin { runs, wait }) = queue.done(&key, next) {
            if let Some(metrics) = controller.metrics() {
                metrics.held_back(C::NAME);
            }
            let wait_s = wait.as_secs_f64();
            warn!(controller = C::NAME, %key, runs, wait_s, "held back: it kept running although nothing changed");
        }
    }
}

/// Reconciles; a panic is treated like other failures.
async fn guarded<C: Controller>(controller: &C, key: &C::Key) -> Next {
    // The next run reads all state again, as after any failure.
    let run = AssertUnwindSafe(async { controller.reconcile(key).await })
        .catch_unwind()
        .await;
    run.unwrap_or_else(|panic| {
        error!(controller = C::NAME, %key, panic = said(panic.as_ref()), "reconcile panicked");
        Next::Backoff
    })
}

fn said(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("no message")
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;
    use crate::next::Backoff;
    use crate::queue::Priority;

    /// Returns the outcome that its keys name.
    struct Obedient {
        ended: Mutex<Vec<String>>,
        metrics: Metrics,
        queue: Arc<Queue<String>>,
    }

    impl Controller for Obedient {
        type Key = String;
        const NAME: &'static str = "obedient";
        const RESTING_MAX: usize = 1;

        async fn reconcile(&self, key: &String) -> Next {
            match key.as_str() {
                "panic" if self.ended.lock().unwrap().is_empty() => {
                    self.ended.lock().unwrap().push("panicked".to_owned());
                    panic!("told to");
                }
                key if key.starts_with("rest") => {
                    self.queue.rest(&key.to_owned());
                    tokio::time::sleep(Duration::from_secs(10)).await;
                }
                "slow" => tokio::time::sleep(Duration::from_secs(10)).await,
                "stuck" => std::future::pending().await,
                _ => {}
            }
            self.ended.lock().unwrap().push(key.clone());
            if key == "spin" {
                Next::After(Duration::ZERO)
            } else {
                Next::Idle
            }
        }

        fn metrics(&self) -> Option<&Metrics> {
            Some(&self.metrics)
        }
    }

    struct Running {
        controller: Arc<Obedient>,
        queue: Arc<Queue<String>>,
        shutdown: watch::Sender<bool>,
        task: tokio::task::JoinHandle<()>,
    }

    fn start(workers: usize) -> Running {
        let queue = Arc::new(Queue::new(Backoff::default()));
        let controller = Arc::new(Obedient {
            ended: Mutex::default(),
            metrics: Metrics::new(),
            queue: queue.clone(),
        });
        let (shutdown, is_shutdown) = watch::channel(false);
        let task = tokio::spawn(run(controller.clone(), queue.clone(), workers, is_shutdown));
        Running {
            controller,
            queue,
            shutdown,
            task,
        }
    }

    impl Running {
        fn ended(&self) -> Vec<String> {
            self.controller.ended.lock().unwrap().clone()
        }

        async fn after(&self, millis: u64) -> Vec<String> {
            tokio::time::sleep(Duration::from_millis(millis)).await;
            self.ended()
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_panic_is_a_failure_of_its_key_alone() {
        let running = start(1);
        running.queue.add("panic".into(), Priority::Change);
        running.queue.add("other".into(), Priority::Change);
        assert_eq!(running.after(100).await, ["panicked", "other"]);
        assert_eq!(
            running.after(1000).await,
            ["panicked", "other", "panic"],
            "tried again after the first backoff"
        );
        let text = running.controller.metrics.text();
        assert!(
            text.contains("controller_runtime_reconcile_errors_total{controller=\"obedient\"} 1"),
            "{text}"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_key_that_spins_is_counted() {
        let running = start(1);
        running.queue.add("spin".into(), Priority::Change);
        let ended = running.after(9000).await.len();
        assert!(ended < 20, "{ended} runs");
        let text = running.controller.metrics.text();
        let count = text
            .lines()
            .find_map(|line| line.strip_prefix("lode_held_back_total{controller=\"obedient\"} "));
        assert_eq!(
            count,
            Some("4"),
            "after the 11th run, then after 1, 1.5 and 3 seconds: {text}"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn shutdown_lets_what_runs_end_and_takes_nothing_new() {
        let running = start(1);
        running.queue.add("slow".into(), Priority::Change);
        running.queue.add("other".into(), Priority::Change);
        assert!(running.after(1000).await.is_empty());
        running.shutdown.send_replace(true);
        let start = Instant::now();
        let Running {
            controller, task, ..
        } = running;
        task.await.unwrap();
        assert_eq!(start.elapsed().as_secs(), 9);
        assert_eq!(*controller.ended.lock().unwrap(), ["slow"]);
    }

    #[tokio::test(start_paused = true)]
    async fn shutdown_does_not_wait_for_ever() {
        let running = start(2);
        running.queue.add("stuck".into(), Priority::Change);
        running.after(1000).await;
        running.shutdown.send_replace(true);
        let start = Instant::now();
        running.task.await.unwrap();
        assert_eq!(start.elapsed().as_secs(), DRAIN_MAX.as_secs());
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_key_holds_one_worker_only() {
        let running = start(2);
        running.queue.add("slow".into(), Priority::Change);
        running.queue.add("other".into(), Priority::Change);
        assert_eq!(running.after(1000).await, ["other"]);
        assert_eq!(running.after(10_000).await, ["other", "slow"]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_run_that_rests_gives_its_place_to_another_up_to_a_bound() {
        let running = start(1);
        for key in ["rest 1", "rest 2", "other"] {
            running.queue.add(key.into(), Priority::Change);
        }
        assert!(
            running.after(9_000).await.is_empty(),
            "one rests, the other one keeps the only place"
        );
        assert_eq!(running.after(2_000).await, ["rest 1", "rest 2", "other"]);

        running.queue.add("rest 3".into(), Priority::Change);
        running.queue.add("last".into(), Priority::Change);
        assert_eq!(
            running.after(1_000).await.last().unwrap(),
            "last",
            "the bound is of those that rest now"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_panic_says_what_it_said() {
        let says = |panic: Box<dyn Any + Send>| said(panic.as_ref()).to_owned();
        assert_eq!(says(Box::new("told to")), "told to");
        assert_eq!(says(Box::new("told to".to_owned())), "told to");
        assert_eq!(says(Box::new(7)), "no message");
    }

    #[tokio::test(start_paused = true)]
    async fn runs_and_waiting_keys_are_counted() {
        let running = start(1);
        running.queue.add("slow".to_owned(), Priority::Change);
        running.queue.add("other".to_owned(), Priority::Change);
        running.after(5_000).await;
        let text = running.controller.metrics.text();
        let depth = "workqueue_depth{name=\"obedient\",controller=\"obedient\"}";
        assert!(text.contains(&format!("{depth} ")), "{text}");
        let busy = "controller_runtime_active_workers{controller=\"obedient\"} 1";
        assert!(text.contains(busy), "{text}");

        running.after(10_000).await;
        let text = running.controller.metrics.text();
        let done =
            "controller_runtime_reconcile_total{controller=\"obedient\",result=\"success\"} 2";
        assert!(text.contains(done), "{text}");
        assert!(text.contains(&format!("{depth} 0")), "{text}");
    }
}
