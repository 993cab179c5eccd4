//! [`Queue`]: which key is reconciled next.
//!
//! ```text
//! add ──────────────→ lanes: Person, Change, Background ─next→ running ─done→ Idle: forgotten
//! add_after → timers ───↑                                        │            After, Backoff: timer
//!                                                  add meanwhile └──────────→ its lane again
//! ```
//!
//! A key is in one lane at most and runs once at a time. Higher lanes go first, but every eighth
//! pick serves the lowest lane with waiting keys; within a lane, the shares that keys belong to
//! take turns ([`Queue::fair`]). A key that starts running loses its timer: the outcome of the run
//! sets the next.
//!
//! A key that keeps running although nothing changed is held back ([`Spin`]): whatever the cause,
//! it does not occupy a processor, and it is reported. Time is tokio's, so tests can control it.
//!
//! Left out on purpose: a limit on the number of keys. They are names of existing objects, so the
//! cluster bounds them.

use std::collections::{BTreeMap, HashMap};
use std::hash::Hash;
use std::time::Duration;

use lode_stdx::Lock;
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::fair::Places;
use crate::lanes::{Lanes, Share};
use crate::next::{Backoff, Next};
use crate::spin::{Spin, Unasked};

/// Longest timer: later than any interval, and near enough for every clock.
const AFTER_MAX: Duration = Duration::from_hours(24 * 365);

/// Why a key is to run; the more urgent goes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Priority {
    /// A person requested it and waits.
    Person,
    /// Something it depends on changed.
    Change,
    /// It is due again, or a retry.
    Background,
}

/// Keys waiting for a worker. Shared by all workers of one controller.
pub struct Queue<K> {
    state: Lock<QueueState<K>>,
    arrived: Notify,
}

/// Returns the share of a key.
type ShareOf<K> = Box<dyn Fn(&K) -> Share + Send>;

impl<K: Clone + Eq + Hash + Send + 'static> Queue<K> {
    /// Starts empty; `backoff` is the wait for [`Next::Backoff`]. All keys belong to one share.
    #[must_use]
    pub fn new(backoff: Backoff) -> Self {
        let all: Share = "".into();
        Self::of_shares(backoff, Box::new(move |_| all.clone()))
    }

    /// Starts empty; `share` returns the share of a key, for instance its namespace. While others
    /// wait, no share takes all workers.
    #[must_use]
    pub fn fair(backoff: Backoff, share: impl Fn(&K) -> &str + Send + 'static) -> Self {
        Self::of_shares(backoff, Box::new(move |key| share(key).into()))
    }

    fn of_shares(backoff: Backoff, share_of: ShareOf<K>) -> Self {
        let state = QueueState {
            backoff,
            share_of,
            lanes: Lanes::new(),
            timers: BTreeMap::new(),
            entries: HashMap::new(),
            tickets: 0,
            resting: 0,
            resting_max: 0,
            closed: false,
        };
        Self {
            state: Lock::new(state),
            arrived: Notify::new(),
        }
    }

    /// Sets how many keys run at once, and how many more only wait ([`Queue::rest`]).
    pub(crate) fn limit(&self, workers: Places, resting_max: usize) {
        let mut state = self.state.lock();
        state.lanes.limit(workers);
        state.resting_max = resting_max;
    }

    /// Requests a run as soon as possible. A key that already waits keeps its place unless this is
    /// more urgent; one that runs is run again afterwards.
    pub fn add(&self, key: K, priority: Priority) {
        self.state.lock().add(key, priority);
        self.arrived.notify_one();
    }

    /// Requests a run as [`Queue::add`] does, although nothing has changed since the last one: it
    /// counts as unasked.
    pub fn repeat(&self, key: K, priority: Priority) {
        self.state.lock().put(key, priority);
        self.arrived.notify_one();
    }

    /// Requests a run after some time. Of several timers of a key the earliest stays.
    pub fn add_after(&self, key: K, wait: Duration, priority: Priority) {
        self.state.lock().set_timer(key, due(wait), priority);
        self.arrived.notify_one();
    }

    /// Waits for the next key and marks it as running; `None` once the queue is closed.
    ///
    /// Every key returned must be handed back to [`Queue::done`]. Dropping the future loses no key.
    pub async fn next(&self) -> Option<K> {
        loop {
            let arrived = self.arrived.notified();
            tokio::pin!(arrived);
            // Registered before checking, so that nothing in between is missed.
            arrived.as_mut().enable();
            let (key, closed, due) = self.look();
            if closed || key.is_some() {
                return key;
            }
            match due {
                Some(due) => tokio::select! {
                    () = arrived => {}
                    () = tokio::time::sleep_until(due) => {}
                },
                None => arrived.await,
            }
        }
    }

    /// Ends a key's run and says when it runs again. An [`Queue::add`] made in the meantime goes
    /// before any wait. Returns whether the key was held back.
    pub fn done(&self, key: &K, next: Next) -> Option<Spin> {
        let spin = self.state.lock().done(key, next);
        self.arrived.notify_one();
        spin
    }

    /// Gives the place of a running key to others, because its run only waits from here on. If too many do so, it keeps
    /// its place.
    pub fn rest(&self, key: &K) {
        self.state.lock().rest(key);
        self.arrived.notify_one();
    }

    /// Drops the timer and failures of a key whose object is gone; a run already requested stays.
    pub fn forget(&self, key: &K) {
        self.state.lock().forget(key);
    }

    /// Returns how many keys wait for a worker; those with a timer do not count before it is due.
    pub fn len(&self) -> usize {
        self.state.lock().lanes.len()
    }

    /// Returns whether no key waits for a worker.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns whether a key is running now.
    pub fn is_running(&self, key: &K) -> bool {
        self.state
            .lock()
            .entries
            .get(key)
            .is_some_and(|entry| entry.running)
    }

    /// Closes the queue: every [`Queue::next`] returns `None` from now on.
    pub fn close(&self) {
        self.state.lock().closed = true;
        self.arrived.notify_waiters();
    }

    /// Takes the next key if there is one; otherwise returns whether the queue is closed and when
    /// the next timer is due.
    fn look(&self) -> (Option<K>, bool, Option<Instant>) {
        let mut state = self.state.lock();
        if state.closed {
            return (None, true, None);
        }
        state.ring(Instant::now());
        let key = state.pick();
        let due = state.timers.keys().next().map(|(due, _)| *due);
        let more = due.is_some() || !state.lanes.is_empty();
        drop(state);
        if key.is_some() && more {
            // The caller takes a key and no longer watches the rest.
            self.arrived.notify_one();
        }
        (key, false, due)
    }
}

struct QueueState<K> {
    backoff: Backoff,
    share_of: ShareOf<K>,
    lanes: Lanes<K>,
    timers: BTreeMap<(Instant, u64), (K, Priority)>,
    entries: HashMap<K, QueueEntry>,
    tickets: u64,
    /// How many running keys have given up their place, and how many may.
    resting: usize,
    resting_max: usize,
    closed: bool,
}

/// The state of a key; without any, it is not kept.
struct QueueEntry {
    share: Share,
    /// Its lane and ticket.
    waiting: Option<(Priority, u64)>,
    timer: Option<(Instant, u64)>,
    running: bool,
    /// It runs without a place.
    rests: bool,
    /// Requested while running.
    again: Option<Priority>,
    /// Failures in a row.
    failures: u32,
    /// Whether something changed since its last run started.
    is_news: bool,
    unasked: Unasked,
}

impl QueueEntry {
    fn new(share: Share) -> Self {
        Self {
            share,
            waiting: None,
            timer: None,
            running: false,
            rests: false,
            again: None,
            failures: 0,
            is_news: false,
            unasked: Unasked::default(),
        }
    }

    fn is_idle(&self) -> bool {
        self.waiting.is_none() && self.timer.is_none() && !self.running && self.failures == 0
    }
}

impl<K: Clone + Eq + Hash> QueueState<K> {
    fn add(&mut self, key: K, priority: Priority) {
        self.entry(&key).is_news = true;
        self.put(key, priority);
    }

    fn put(&mut self, key: K, priority: Priority) {
        let entry = self.entry(&key);
        if entry.running {
            entry.again = Some(entry.again.map_or(priority, |again| again.min(priority)));
            return;
        }
        let (waiting, share) = (entry.waiting, entry.share.clone());
        if let Some((lane, ticket)) = waiting {
            if lane <= priority {
                return;
            }
            self.lanes.remove(lane as usize, &share, ticket);
        }
        self.tickets += 1;
        let ticket = self.tickets;
        self.entry(&key).waiting = Some((priority, ticket));
        self.lanes.put(priority as usize, &share, ticket, key);
    }

    fn entry(&mut self, key: &K) -> &mut QueueEntry {
        let Self {
            entries, share_of, ..
        } = self;
        entries
            .entry(key.clone())
            .or_insert_with(|| QueueEntry::new(share_of(key)))
    }

    fn set_timer(&mut self, key: K, due: Instant, priority: Priority) {
        let timer = self.entry(&key).timer;
        if let Some(timer) = timer {
            if timer.0 <= due {
                return;
            }
            self.timers.remove(&timer);
        }
        self.tickets += 1;
        let timer = (due, self.tickets);
        self.entry(&key).timer = Some(timer);
        self.timers.insert(timer, (key, priority));
    }

    /// Moves keys whose timer is due to their lane.
    fn ring(&mut self, now: Instant) {
        while let Some(first) = self
            .timers
            .first_entry()
            .filter(|first| first.key().0 <= now)
        {
            let (key, priority) = first.remove();
            if let Some(entry) = self.entries.get_mut(&key) {
                entry.timer = None;
            }
            self.put(key, priority);
        }
    }

    fn pick(&mut self) -> Option<K> {
        let key = self.lanes.pick()?;
        let entry = self.entry(&key);
        entry.waiting = None;
        entry.running = true;
        if std::mem::take(&mut entry.is_news) {
            entry.unasked = Unasked::default();
        } else {
            entry.unasked.begin(Instant::now());
        }
        if let Some(timer) = entry.timer.take() {
            self.timers.remove(&timer);
        }
        Some(key)
    }

    fn done(&mut self, key: &K, next: Next) -> Option<Spin> {
        let entry = self.entries.get_mut(key).filter(|entry| entry.running)?;
        entry.running = false;
        if std::mem::take(&mut entry.rests) {
            self.resting -= 1;
        } else {
            self.lanes.ended(&entry.share);
        }
        entry.failures = if next == Next::Backoff {
            entry.failures.saturating_add(1)
        } else {
            0
        };
        let wait = match next {
            Next::Idle => None,
            Next::After(wait) => Some(wait),
            Next::Backoff => Some(self.backoff.delay(entry.failures)),
        };
        let again = entry.again.take();
        let wanted = if again.is_some() {
            Some(Duration::ZERO)
        } else {
            wait
        };
        let held = wanted
            .filter(|_| !entry.is_news)
            .and_then(|wanted| entry.unasked.hold(wanted, self.backoff));
        let runs = entry.unasked.runs;
        match (held, again, wait) {
            (Some(held), ..) => self.set_timer(
                key.clone(),
                due(held),
                again.unwrap_or(Priority::Background),
            ),
            // That run sets the next timer.
            (None, Some(priority), _) => self.put(key.clone(), priority),
            (None, None, Some(wait)) => {
                self.set_timer(key.clone(), due(wait), Priority::Background);
            }
            (None, None, None) => {}
        }
        self.sweep(key);
        held.map(|wait| Spin { runs, wait })
    }

    fn rest(&mut self, key: &K) {
        let has_room = self.resting < self.resting_max;
        let entry = self.entries.get_mut(key).filter(|entry| entry.running);
        if let Some(entry) = entry.filter(|entry| has_room && !entry.rests) {
            entry.rests = true;
            self.resting += 1;
            self.lanes.ended(&entry.share);
        }
    }

    fn forget(&mut self, key: &K) {
        let Some(entry) = self.entries.get_mut(key) else {
            return;
        };
        entry.failures = 0;
        if let Some(timer) = entry.timer.take() {
            self.timers.remove(&timer);
        }
        self.sweep(key);
    }

    fn sweep(&mut self, key: &K) {
        if self.entries.get(key).is_some_and(QueueEntry::is_idle) {
            self.entries.remove(key);
        }
    }
}

fn due(wait: Duration) -> Instant {
    Instant::now() + wait.min(AFTER_MAX)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use futures::FutureExt as _;

    use super::*;
    use crate::spin::{SPIN_REST, SPIN_RUNS};

    fn queue() -> Queue<&'static str> {
        Queue::new(Backoff::default())
    }

    /// Takes all keys that can be taken without waiting.
    fn now<K: Clone + Eq + Hash + Send + 'static>(queue: &Queue<K>) -> Option<K> {
        queue.next().now_or_never().flatten()
    }

    async fn seconds_to_next(queue: &Queue<&'static str>) -> (&'static str, f64) {
        let start = Instant::now();
        let key = queue.next().await.unwrap();
        (
            key,
            (start.elapsed().as_millis() as f64 / 10.0).round() / 100.0,
        )
    }

    #[tokio::test]
    async fn urgent_lanes_go_first_and_each_in_order() {
        let queue = queue();
        queue.add("b1", Priority::Background);
        queue.add("c1", Priority::Change);
        queue.add("p1", Priority::Person);
        queue.add("c2", Priority::Change);
        queue.add("p2", Priority::Person);
        assert_eq!(queue.len(), 5);
        let order: Vec<_> = std::iter::from_fn(|| now(&queue)).collect();
        assert_eq!(order, ["p1", "p2", "c1", "c2", "b1"]);
        assert!(queue.is_empty());
    }

    #[tokio::test]
    async fn every_eighth_pick_serves_the_lowest_lane() {
        let queue = Queue::new(Backoff::default());
        queue.add(100, Priority::Background);
        queue.add(101, Priority::Background);
        for key in 0..20 {
            queue.add(key, Priority::Person);
        }
        let order: Vec<i32> = std::iter::from_fn(|| now(&queue)).take(16).collect();
        assert_eq!(
            order,
            [0, 1, 2, 3, 4, 5, 6, 100, 7, 8, 9, 10, 11, 12, 13, 101]
        );
    }

    #[tokio::test]
    async fn a_key_waits_once_and_moves_up_when_it_gets_urgent() {
        let queue = queue();
        queue.add("a", Priority::Change);
        queue.add("b", Priority::Background);
        queue.add("b", Priority::Person);
        queue.add("a", Priority::Background);
        assert_eq!(queue.len(), 2);
        assert_eq!(
            [now(&queue), now(&queue), now(&queue)],
            [Some("b"), Some("a"), None]
        );
    }

    #[tokio::test]
    async fn a_running_key_is_not_handed_out_again_but_runs_afterwards() {
        let queue = queue();
        queue.add("a", Priority::Change);
        assert_eq!(now(&queue), Some("a"));
        assert!(queue.is_running(&"a"));
        queue.add("a", Priority::Background);
        queue.add("a", Priority::Person);
        queue.add("a", Priority::Change);
        assert_eq!(now(&queue), None);
        queue.add("b", Priority::Change);
        queue.done(&"a", Next::After(Duration::from_mins(1)));
        assert_eq!(
            [now(&queue), now(&queue)],
            [Some("a"), Some("b")],
            "the most urgent ask counts"
        );
        queue.done(&"a", Next::Idle);
        assert!(!queue.is_running(&"a"));
        assert_eq!(now(&queue), None);
    }

    #[tokio::test(start_paused = true)]
    async fn of_two_timers_the_earlier_stays() {
        let queue = queue();
        queue.add_after("a", Duration::from_secs(10), Priority::Background);
        queue.add_after("a", Duration::from_secs(5), Priority::Background);
        queue.add_after("a", Duration::from_secs(20), Priority::Background);
        assert!(queue.is_empty());
        assert_eq!(seconds_to_next(&queue).await, ("a", 5.0));
        queue.done(&"a", Next::Idle);
        assert!(
            tokio::time::timeout(Duration::from_mins(1), queue.next())
                .await
                .is_err(),
            "one run for three timers"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_run_replaces_the_timer_set_before_it() {
        let queue = queue();
        queue.add_after("a", Duration::from_secs(10), Priority::Background);
        queue.add("a", Priority::Person);
        assert_eq!(now(&queue), Some("a"));
        queue.done(&"a", Next::After(Duration::from_secs(30)));
        assert_eq!(seconds_to_next(&queue).await, ("a", 30.0));
    }

    #[tokio::test(start_paused = true)]
    async fn a_timer_due_while_its_key_runs_asks_for_another_run() {
        let queue = queue();
        queue.add("a", Priority::Change);
        assert_eq!(now(&queue), Some("a"));
        queue.add_after("a", Duration::from_secs(1), Priority::Change);
        tokio::time::advance(Duration::from_secs(2)).await;
        assert_eq!(now(&queue), None);
        queue.done(&"a", Next::Idle);
        assert_eq!(now(&queue), Some("a"));
    }

    #[tokio::test(start_paused = true)]
    async fn failures_wait_longer_each_time_and_success_starts_over() {
        let queue = queue();
        queue.add("a", Priority::Change);
        let mut waits = vec![seconds_to_next(&queue).await.1];
        for next in [
            Next::Backoff,
            Next::Backoff,
            Next::Backoff,
            Next::After(Duration::from_secs(9)),
            Next::Backoff,
        ] {
            queue.done(&"a", next);
            waits.push(seconds_to_next(&queue).await.1);
        }
        assert_eq!(waits, [0.0, 0.75, 1.5, 3.0, 9.0, 0.75]);
    }

    /// Runs a key as often as it wants for some time; `end` ends each run. Returns the numbers of
    /// runs and holds.
    async fn spin(
        queue: &Queue<&'static str>,
        time: Duration,
        end: impl Fn() -> Next,
    ) -> (usize, Vec<Spin>) {
        let (until, mut runs, mut holds) = (Instant::now() + time, 0, Vec::new());
        while Instant::now() < until {
            let Ok(Some(key)) = tokio::time::timeout_at(until, queue.next()).await else {
                break;
            };
            runs += 1;
            tokio::time::advance(Duration::from_millis(1)).await;
            let next = end();
            holds.extend(queue.done(&key, next));
        }
        (runs, holds)
    }

    #[tokio::test(start_paused = true)]
    async fn a_key_that_asks_for_itself_again_and_again_is_held_back() {
        let queue = queue();
        queue.add("a", Priority::Change);
        let again = || {
            queue.repeat("a", Priority::Change);
            Next::Idle
        };
        let (runs, holds) = spin(&queue, Duration::from_mins(1), again).await;
        assert!(runs < 20, "{runs} runs in a minute");
        assert_eq!(
            holds[0],
            Spin {
                runs: SPIN_RUNS + 1,
                wait: Duration::from_secs(1)
            }
        );
        let waits: Vec<f64> = holds.iter().map(|spin| spin.wait.as_secs_f64()).collect();
        assert_eq!(
            waits,
            [1.0, 1.5, 3.0, 6.0, 12.0, 24.0, 48.0],
            "the burst never starts over"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_timer_of_no_length_is_held_back_too() {
        let queue = queue();
        queue.add("a", Priority::Change);
        let (runs, holds) = spin(&queue, Duration::from_secs(10), || {
            Next::After(Duration::from_millis(1))
        })
        .await;
        assert!(runs < 20 && !holds.is_empty(), "{runs} runs in ten seconds");
    }

    #[tokio::test(start_paused = true)]
    async fn what_changes_runs_as_often_as_it_changes_and_lets_a_held_key_go() {
        let queue = queue();
        queue.add("a", Priority::Change);
        let changed = || {
            queue.add("a", Priority::Change);
            Next::Idle
        };
        let (runs, holds) = spin(&queue, Duration::from_secs(1), changed).await;
        assert!(runs > 500 && holds.is_empty(), "{runs} runs, {holds:?}");
        let (_, holds) = spin(&queue, Duration::from_secs(5), || {
            Next::After(Duration::ZERO)
        })
        .await;
        assert!(!holds.is_empty());
        queue.add("a", Priority::Person);
        assert_eq!(
            seconds_to_next(&queue).await,
            ("a", 0.0),
            "whoever asks is not kept waiting"
        );
        assert_eq!(
            queue.done(&"a", Next::After(Duration::ZERO)),
            None,
            "and it starts over"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_key_that_comes_to_rest_is_held_back_no_more() {
        let queue = queue();
        queue.add("a", Priority::Change);
        let (runs, holds) = spin(&queue, Duration::from_mins(1), || Next::After(SPIN_REST)).await;
        assert!(
            runs > 50 && holds.is_empty(),
            "once a second is no spin: {holds:?}"
        );
    }

    #[tokio::test]
    async fn one_namespace_cannot_keep_the_others_waiting() {
        let queue: Queue<String> = Queue::fair(Backoff::default(), |key: &String| &key[..1]);
        queue.limit(Places::new(2), 0);
        for number in 0..50 {
            queue.add(format!("a{number}"), Priority::Person);
        }
        assert_eq!(
            [now(&queue), now(&queue)],
            [Some("a0".into()), Some("a1".into())],
            "alone it uses all workers"
        );
        assert_eq!(now(&queue), None);
        queue.add("b0".into(), Priority::Background);
        assert_eq!(
            now(&queue).as_deref(),
            Some("b0"),
            "a worker more for who came later"
        );
        queue.done(&"a0".into(), Next::Idle);
        assert_eq!(now(&queue), None, "a has its part");
        queue.add("c0".into(), Priority::Background);
        assert_eq!(
            now(&queue).as_deref(),
            Some("c0"),
            "before the 48 that are more urgent"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_forgotten_key_has_no_timer_and_no_failures() {
        let queue = queue();
        queue.add("a", Priority::Change);
        assert_eq!(now(&queue), Some("a"));
        queue.done(&"a", Next::Backoff);
        queue.forget(&"a");
        assert!(
            tokio::time::timeout(Duration::from_hours(1), queue.next())
                .await
                .is_err()
        );
        assert!(queue.state.lock().entries.is_empty() && queue.state.lock().timers.is_empty());
        queue.add("a", Priority::Change);
        queue.forget(&"a");
        assert_eq!(now(&queue), Some("a"), "a run asked for stays");
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_is_kept_of_an_idle_key() {
        let queue = queue();
        queue.add_after("a", Duration::from_secs(1), Priority::Change);
        assert_eq!(seconds_to_next(&queue).await.0, "a");
        queue.done(&"a", Next::Idle);
        queue.done(&"a", Next::Backoff);
        assert!(queue.state.lock().entries.is_empty() && queue.state.lock().timers.is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn a_timer_is_seen_by_another_worker_while_the_first_is_busy() {
        let queue = Arc::new(queue());
        let workers: Vec<_> = (0..2)
            .map(|_| {
                let queue = queue.clone();
                tokio::spawn(async move { seconds_to_next(&queue).await })
            })
            .collect();
        tokio::task::yield_now().await;
        queue.add_after("a", Duration::from_secs(1), Priority::Change);
        tokio::task::yield_now().await;
        queue.add_after("b", Duration::from_secs(2), Priority::Change);
        let mut took = Vec::new();
        for worker in workers {
            took.push(worker.await.unwrap());
        }
        took.sort_by_key(|(key, _)| *key);
        assert_eq!(took, [("a", 1.0), ("b", 2.0)]);
    }

    #[tokio::test]
    async fn a_closed_queue_hands_out_nothing() {
        let queue = Arc::new(queue());
        let worker = tokio::spawn({
            let queue = queue.clone();
            async move { queue.next().await }
        });
        tokio::task::yield_now().await;
        queue.close();
        assert_eq!(worker.await.unwrap(), None);
        queue.add("a", Priority::Person);
        assert_eq!(queue.next().await, None);
    }

    #[tokio::test(start_paused = true)]
    async fn the_longest_wait_is_accepted() {
        let queue = queue();
        queue.add_after("a", Duration::MAX, Priority::Background);
        queue.add_after("a", Duration::from_secs(1), Priority::Background);
        assert_eq!(seconds_to_next(&queue).await, ("a", 1.0));
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn many_workers_run_every_key_and_none_twice_at_once() {
        use std::sync::atomic::{AtomicUsize, Ordering};
        const KEYS: usize = 50;
        const ROUNDS: usize = 40;
        let queue = Arc::new(Queue::<usize>::new(Backoff::default()));
        let running: Arc<Vec<AtomicUsize>> =
            Arc::new((0..KEYS).map(|_| AtomicUsize::new(0)).collect());
        let runs = Arc::new(AtomicUsize::new(0));
        let workers: Vec<_> = (0..8)
            .map(|_| {
                let (queue, running, runs) = (queue.clone(), running.clone(), runs.clone());
                tokio::spawn(async move {
                    while let Some(key) = queue.next().await {
                        assert_eq!(
                            running[key].fetch_add(1, Ordering::SeqCst),
                            0,
                            "key {key} runs twice at once"
                        );
                        tokio::task::yield_now().await;
                        running[key].fetch_sub(1, Ordering::SeqCst);
                        let all = runs.fetch_add(1, Ordering::SeqCst) + 1;
                        if all < KEYS * ROUNDS {
                            queue.add(key, Priority::Change);
                        }
                        queue.done(&key, Next::Idle);
                        if all >= KEYS * ROUNDS {
                            queue.close();
                        }
                    }
                })
            })
            .collect();
        for key in 0..KEYS {
            queue.add(key, Priority::Change);
            queue.add(key, Priority::Person);
        }
        for worker in workers {
            worker.await.unwrap();
        }
        assert!(runs.load(Ordering::SeqCst) >= KEYS * ROUNDS);
    }
}
