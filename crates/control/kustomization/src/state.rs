//! [`State`]: what is remembered of one Kustomization between two reconciles.
//!
//! All of it can be lost: it is read from the store or made again.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use lode_api::Kustomization;
use lode_apply::{Change, Drift, Kinds, Records};
use lode_object::Id;
use lode_runtime::Retry;
use lode_tree::ReadSet;
use tokio::time::Instant;

use crate::kept::Kept;
use crate::wait::Wait;

/// What is remembered of one Kustomization.
#[derive(Default)]
pub struct State {
    /// Whether the records were looked for in the store.
    pub(crate) loaded: bool,
    pub(crate) records: Records,
    /// Fingerprint of the records as the store has them: they are written again only when they differ.
    pub(crate) stored: Option<u64>,
    pub(crate) kinds: Kinds,
    /// What the last build read, and what else it was made from.
    pub(crate) reads: Option<(String, ReadSet)>,
    /// How many bytes the last build took.
    pub(crate) build_bytes: u64,
    pub(crate) kept: Kept,
    /// The attempt that is under way, over several runs where it waits.
    pub(crate) attempt: Option<Attempt>,
    pub(crate) wait: Option<Wait>,
    /// When the next run by the clock is due.
    pub(crate) due: Option<Instant>,
    pub(crate) fights: Fights,
    /// Live edits that were told and left.
    pub(crate) told: Vec<Drift>,
    /// The revision of which dropped fields were told, so that they are told once.
    pub(crate) told_dropped: String,
    /// The revision of which objects of kinds that nobody serves were told.
    pub(crate) told_unserved: String,
}

/// One attempt to bring a revision about.
#[derive(Debug, Clone)]
pub(crate) struct Attempt {
    /// Revision and generation: another of either is another attempt.
    pub(crate) of: (String, i64),
    pub(crate) since: Instant,
    pub(crate) changes: Vec<Change>,
    /// The resource versions its writes made.
    pub(crate) versions: HashMap<Id, u64>,
    /// Whether somebody was told that it takes long.
    pub(crate) told: bool,
}

impl State {
    /// Forgets all objects but some, and lets go of the kinds that none of them is of: those need not be watched.
    pub(crate) fn keep_only(&mut self, ids: &HashSet<&Id>) {
        let records = &mut self.records;
        records.objects.retain(|id, _| ids.contains(id));
        records.replaced.retain(|id, _| ids.contains(id));
        records.ran.retain(|id, _| ids.contains(id));
        let kinds: HashSet<_> = records
            .objects
            .iter()
            .map(|(id, record)| Records::gvk(id, record))
            .collect();
        self.kinds.retain(|gvk, _| kinds.contains(gvk));
    }

    /// Ends the attempt that failed. After a fault that passes by itself the next run goes on with it, so that what must
    /// get healthy has no more time than it was given.
    pub(crate) fn failed(&mut self, retry: Retry) {
        match &mut self.attempt {
            Some(attempt) if retry == Retry::Backoff => attempt.told = false,
            _ => (self.attempt, self.wait) = (None, None),
        }
    }

    /// Returns the attempt at this revision, begun now if it is new.
    pub(crate) fn attempt(&mut self, object: &Kustomization, revision: &str) -> &mut Attempt {
        let of = (revision.to_owned(), object.metadata.generation);
        if self.attempt.as_ref().is_none_or(|attempt| attempt.of != of) {
            self.wait = None;
            self.attempt = None;
        }
        self.attempt.get_or_insert_with(|| Attempt {
            of,
            since: Instant::now(),
            changes: Vec::new(),
            versions: HashMap::new(),
            told: false,
        })
    }
}

/// Objects that somebody else changes back again and again.
#[derive(Debug, Default)]
pub(crate) struct Fights {
    by_object: HashMap<Id, Fight>,
}

#[derive(Debug, Default)]
struct Fight {
    /// The latest reverts, until they make a fight.
    reverts: Vec<Instant>,
    /// The wait before the next revert, once it is a fight.
    wait: Duration,
    /// When that wait ends.
    until: Option<Instant>,
}

/// How many reverts within [`WINDOW`] make a fight.
const REVERTS: usize = 3;
const WINDOW: Duration = Duration::from_mins(1);
const WAIT_MIN: Duration = Duration::from_secs(2);

impl Fight {
    /// Returns whether the other side has kept quiet: for as long again as the wait before the last revert was.
    fn is_over(&self, now: Instant) -> bool {
        match self.until {
            Some(until) => now.saturating_duration_since(until) > WINDOW.max(self.wait),
            None => self
                .reverts
                .iter()
                .all(|at| now.saturating_duration_since(*at) >= WINDOW),
        }
    }

    fn note(&mut self, now: Instant, max: Duration) {
        if self.until.is_none() {
            self.reverts
                .retain(|at| now.saturating_duration_since(*at) < WINDOW);
            self.reverts.push(now);
            if self.reverts.len() < REVERTS {
                return;
            }
            self.reverts.clear();
        }
        // How often it was reverted is told by the wait alone: it lasts as long as the fight.
        self.wait = self
            .wait
            .saturating_mul(2)
            .clamp(WAIT_MIN, max.max(WAIT_MIN));
        self.until = now.checked_add(self.wait);
    }
}

impl Fights {
    /// Notes that an object was brought back; from the third time within a minute the wait doubles up to `max`, and
    /// stays there while the other side goes on.
    pub(crate) fn note(&mut self, id: &Id, max: Duration) {
        let now = Instant::now();
        self.by_object.retain(|_, fight| !fight.is_over(now));
        self.by_object.entry(id.clone()).or_default().note(now, max);
    }

    /// Returns until when an object is left alone, if it is.
    pub(crate) fn held(&self, id: &Id) -> Option<Instant> {
        self.by_object
            .get(id)?
            .until
            .filter(|until| *until > Instant::now())
    }

    /// Returns the objects that are left alone for now.
    pub(crate) fn held_now(&self) -> HashSet<Id> {
        self.contested().into_iter().cloned().collect()
    }

    /// Returns when the first of them is due.
    pub(crate) fn next(&self) -> Option<Instant> {
        let now = Instant::now();
        self.by_object
            .values()
            .filter_map(|fight| fight.until)
            .filter(|until| *until > now)
            .min()
    }

    /// Returns the objects that are fought over.
    pub(crate) fn contested(&self) -> Vec<&Id> {
        let now = Instant::now();
        let mut ids: Vec<&Id> = self
            .by_object
            .iter()
            .filter(|(_, fight)| fight.until.is_some_and(|until| until > now))
            .map(|(id, _)| id)
            .collect();
        ids.sort();
        ids
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_that_passes_does_not_begin_the_attempt_anew() {
        let object = Kustomization::default();
        let mut state = State::default();
        let since = state.attempt(&object, "r").since;
        state.attempt(&object, "r").told = true;
        state.failed(Retry::Backoff);
        let attempt = state.attempt.as_ref().unwrap();
        assert!(
            attempt.since == since && !attempt.told,
            "its progress is told again over the failure"
        );
        state.failed(Retry::Interval);
        assert!(state.attempt.is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn the_third_revert_within_a_minute_begins_to_wait_and_doubles() {
        let id = Id::parse_inventory("ns_a__ConfigMap").unwrap();
        let mut fights = Fights::default();
        let max = Duration::from_mins(1);
        let mut waits = Vec::new();
        for _ in 0..9 {
            fights.note(&id, max);
            waits.push(
                fights
                    .held(&id)
                    .map_or(0, |until| (until - Instant::now()).as_secs()),
            );
            tokio::time::advance(Duration::from_secs(1)).await;
        }
        assert_eq!(waits, [0, 0, 2, 4, 8, 16, 32, 60, 60]);
        tokio::time::advance(Duration::from_mins(10)).await;
        fights.note(&id, max);
        assert_eq!(fights.held(&id), None, "peace makes it start over");
    }

    #[tokio::test(start_paused = true)]
    async fn the_wait_stays_at_its_top_while_the_other_side_goes_on() {
        let id = Id::parse_inventory("ns_a__ConfigMap").unwrap();
        let max = Duration::from_mins(1);
        // The other side answers at once, after a while, and late in the time after the wait.
        for delay_s in [0, 1, 20, 59] {
            let mut fights = Fights::default();
            let mut waits = Vec::new();
            for _ in 0..30 {
                fights.note(&id, max);
                waits.push(
                    fights
                        .held(&id)
                        .map_or(0, |until| (until - Instant::now()).as_secs()),
                );
                let quiet = fights
                    .held(&id)
                    .map_or(Duration::ZERO, |until| until - Instant::now());
                // Slower from the start, it would be no fight.
                let delay_s = if waits.len() < 3 {
                    delay_s.min(20)
                } else {
                    delay_s
                };
                tokio::time::advance(quiet + Duration::from_secs(delay_s)).await;
            }
            assert_eq!(waits[..3], [0, 0, 2], "{delay_s}");
            assert!(
                waits[8..].iter().all(|wait| *wait == 60),
                "{delay_s}: {waits:?}"
            );
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_no_fight_is_forgotten() {
        let mut fights = Fights::default();
        for name in 0..100 {
            let id = Id::parse_inventory(&format!("ns_a{name}__ConfigMap")).unwrap();
            fights.note(&id, Duration::from_mins(1));
            tokio::time::advance(Duration::from_secs(10)).await;
        }
        assert!(fights.by_object.len() <= 7, "{}", fights.by_object.len());
    }
}
