//! [`Lanes`]: the order of waiting keys, by urgency and fair among shares.
//!
//! A share groups keys, for instance by namespace. Lanes say how urgent a key is; within a lane
//! shares take turns, the one with the fewest running keys first, and the keys of one share are
//! served in order. [`fair`](crate::fair) says how many of them may run.
//!
//! Pure: no clock, no lock.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;

use crate::fair::Places;

/// Every n-th pick serves the lowest lane, so that no lane starves.
const LOW_PICK_EVERY: u64 = 8;
const LANES: usize = 3;

/// The group a key belongs to.
pub(crate) type Share = Arc<str>;

/// The waiting keys, and how many keys of each share run.
pub(crate) struct Lanes<K> {
    /// By urgency, the most urgent first.
    waiting: [Lane<K>; LANES],
    /// Shares with running keys.
    running: HashMap<Share, usize>,
    workers: Places,
    picks: u64,
}

/// The waiting keys of one urgency.
struct Lane<K> {
    /// Keys by ticket: first come, first served within a share.
    by_share: HashMap<Share, BTreeMap<u64, K>>,
    /// The shares with keys in this lane, in the order of their turns.
    turns: VecDeque<Share>,
}

impl<K> Lanes<K> {
    pub(crate) fn new() -> Self {
        let lane = || Lane {
            by_share: HashMap::new(),
            turns: VecDeque::new(),
        };
        Self {
            waiting: [lane(), lane(), lane()],
            running: HashMap::new(),
            workers: Places::new(usize::MAX),
            picks: 0,
        }
    }

    /// Sets how many keys may run at once.
    pub(crate) fn limit(&mut self, workers: Places) {
        self.workers = workers;
    }

    pub(crate) fn len(&self) -> usize {
        self.waiting
            .iter()
            .flat_map(|lane| lane.by_share.values())
            .map(BTreeMap::len)
            .sum()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.waiting.iter().all(|lane| lane.turns.is_empty())
    }

    pub(crate) fn put(&mut self, lane: usize, share: &Share, ticket: u64, key: K) {
        let lane = &mut self.waiting[lane];
        let keys = lane.by_share.entry(share.clone()).or_default();
        if keys.is_empty() {
            lane.turns.push_back(share.clone());
        }
        keys.insert(ticket, key);
    }

    pub(crate) fn remove(&mut self, lane: usize, share: &Share, ticket: u64) {
        let lane = &mut self.waiting[lane];
        let Some(keys) = lane.by_share.get_mut(share) else {
            return;
        };
        keys.remove(&ticket);
        if keys.is_empty() {
            lane.by_share.remove(share);
            lane.turns.retain(|waiting| waiting != share);
        }
    }

    /// Takes the next key and marks it as running; `None` if none waits or none may run now.
    pub(crate) fn pick(&mut self) -> Option<K> {
        let is_low = (self.picks + 1).is_multiple_of(LOW_PICK_EVERY);
        let mut order: [usize; LANES] = std::array::from_fn(|lane| lane);
        if is_low {
            order.reverse();
        }
        let (lane, turn) = order
            .into_iter()
            .find_map(|lane| Some((lane, self.turn(lane)?)))?;
        let (share, key) = self.waiting[lane].take(turn)?;
        self.picks += 1;
        *self.running.entry(share).or_default() += 1;
        Some(key)
    }

    /// Records that a key of a share has ended.
    pub(crate) fn ended(&mut self, share: &Share) {
        if let Some(running) = self.running.get_mut(share) {
            *running -= 1;
            if *running == 0 {
                self.running.remove(share);
            }
        }
    }

    /// Returns the position of the share in a lane whose turn it is.
    fn turn(&self, lane: usize) -> Option<usize> {
        let (mut best, mut fewest) = (None, usize::MAX);
        for (turn, share) in self.waiting[lane].turns.iter().enumerate() {
            let running = self.running.get(share).copied().unwrap_or_default();
            if running < fewest && self.may_run(share, running) {
                (best, fewest) = (Some(turn), running);
            }
            if fewest == 0 {
                break;
            }
        }
        best
    }

    fn may_run(&self, share: &Share, running: usize) -> bool {
        let others_wait = || {
            self.waiting
                .iter()
                .any(|lane| lane.turns.iter().any(|other| other != share))
        };
        self.workers.may_take(
            running,
            self.running.len(),
            self.running.values().sum(),
            others_wait,
        )
    }
}

impl<K> Lane<K> {
    /// Takes the first key of the share at a turn, and moves the share to the end of the line.
    fn take(&mut self, turn: usize) -> Option<(Share, K)> {
        let share = self.turns.remove(turn)?;
        let keys = self.by_share.get_mut(&share)?;
        let (_, key) = keys.pop_first()?;
        if keys.is_empty() {
            self.by_share.remove(&share);
        } else {
            self.turns.push_back(share.clone());
        }
        Some((share, key))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Lanes whose keys are named by their share and a number: `a1`, `a2`, `b1` …
    struct Keys(Lanes<String>, u64);

    impl Keys {
        fn new(workers: usize) -> Self {
            let mut lanes = Lanes::new();
            lanes.limit(Places::new(workers));
            Self(lanes, 0)
        }

        fn put(&mut self, lane: usize, keys: &[&str]) {
            for key in keys {
                self.1 += 1;
                self.0.put(lane, &share(key), self.1, (*key).to_owned());
            }
        }

        fn pick(&mut self, number: usize) -> Vec<String> {
            std::iter::from_fn(|| self.0.pick()).take(number).collect()
        }

        fn ended(&mut self, key: &str) {
            self.0.ended(&share(key));
        }
    }

    fn share(key: &str) -> Share {
        key[..1].into()
    }

    #[test]
    fn shares_take_turns_and_each_keeps_its_order() {
        let mut keys = Keys::new(usize::MAX);
        keys.put(1, &["a1", "a2", "a3", "b1", "b2", "c1"]);
        let mut order = Vec::new();
        for _ in 0..6 {
            let key = keys.pick(1).remove(0);
            keys.ended(&key);
            order.push(key);
        }
        assert_eq!(order, ["a1", "b1", "c1", "a2", "b2", "a3"]);
        assert!(keys.0.is_empty() && keys.0.running.is_empty());
    }

    #[test]
    fn whoever_holds_fewer_workers_goes_first() {
        let mut keys = Keys::new(4);
        keys.put(1, &["a1", "a2", "a3", "a4", "b1", "b2", "b3", "b4"]);
        assert_eq!(keys.pick(9), ["a1", "b1", "a2", "b2"]);
        for key in ["b1", "b2"] {
            keys.ended(key);
        }
        assert_eq!(keys.pick(9), ["b3", "b4"], "what runs long is a's own");
    }

    #[test]
    fn one_alone_takes_all_workers_and_another_runs_beside_it() {
        let mut keys = Keys::new(3);
        keys.put(1, &["a1", "a2", "a3", "a4"]);
        assert_eq!(keys.pick(9), ["a1", "a2", "a3"]);
        keys.put(2, &["b1", "b2"]);
        assert_eq!(keys.pick(9), ["b1"], "although all workers are busy");
        keys.put(2, &["c1", "c2"]);
        assert_eq!(keys.pick(9), ["c1"], "and so does a third one");
        keys.ended("b1");
        assert_eq!(keys.pick(9), ["b2"]);
        for key in ["a1", "a2", "a3"] {
            keys.ended(key);
        }
        assert_eq!(
            keys.pick(9),
            ["a4"],
            "b has one, c one, and the last one is for who has none"
        );
    }

    #[test]
    fn the_last_worker_is_not_for_who_holds_the_others_while_somebody_waits() {
        let mut keys = Keys::new(3);
        keys.put(0, &["a1", "a2", "a3", "a4"]);
        keys.put(2, &["b1"]);
        assert_eq!(
            keys.pick(9),
            ["a1", "a2", "b1"],
            "however urgent the rest is"
        );
        keys.ended("b1");
        assert_eq!(keys.pick(9), ["a3"], "alone again");
    }

    #[test]
    fn a_single_worker_goes_by_urgency() {
        let mut keys = Keys::new(1);
        keys.put(0, &["a1"]);
        keys.put(2, &["b1"]);
        assert_eq!(keys.pick(1), ["a1"]);
        assert_eq!(keys.pick(9), ["b1"], "beside it");
    }

    #[test]
    fn what_is_taken_out_is_not_picked() {
        let mut keys = Keys::new(4);
        keys.put(1, &["a1", "b1"]);
        keys.0.remove(1, &share("a1"), 1);
        keys.0.remove(1, &share("a1"), 1);
        assert_eq!((keys.0.len(), keys.pick(9)), (1, vec!["b1".to_owned()]));
    }

    #[test]
    fn every_eighth_pick_begins_at_the_lowest_lane() {
        let mut keys = Keys::new(usize::MAX);
        keys.put(0, &["a1", "a2", "a3", "a4", "a5", "a6", "a7", "a8", "a9"]);
        keys.put(2, &["a0"]);
        let order = keys.pick(10);
        assert_eq!(order[7], "a0", "{order:?}");
        assert_eq!(order.len(), 10);
    }

    #[test]
    fn keys_are_counted_over_all_lanes_and_shares() {
        let mut keys = Keys::new(4);
        assert!(keys.0.is_empty());
        keys.put(0, &["a1"]);
        keys.put(2, &["a2", "b1"]);
        assert_eq!(keys.0.len(), 3);
        assert!(!keys.0.is_empty());
        keys.pick(9);
        assert_eq!(keys.0.len(), 0);
        assert!(keys.0.is_empty(), "what runs does not wait");
    }

    #[test]
    fn the_end_of_what_never_ran_changes_nothing() {
        let mut keys = Keys::new(1);
        keys.ended("a1");
        keys.put(1, &["a1"]);
        assert_eq!(keys.pick(1), ["a1"]);
        keys.ended("b1");
        assert_eq!(keys.0.running.len(), 1);
    }

    #[test]
    fn what_was_taken_out_and_comes_back_goes_to_the_end() {
        let mut keys = Keys::new(usize::MAX);
        keys.put(1, &["a1", "a2"]);
        keys.0.remove(1, &share("a1"), 1);
        keys.put(1, &["a1"]);
        assert_eq!(keys.pick(9), ["a2", "a1"]);
    }
}
