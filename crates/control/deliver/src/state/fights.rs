//! [`Fights`]: objects that somebody else changes back again and again.
//!
//! The first reverts are corrected at once. From the third within a minute on, each waits twice as long as the one
//! before, up to a bound: two operators must not burn the cluster.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use lode_object::Id;
use tokio::time::Instant;

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
        // The wait alone says how often it was reverted: it lasts as long as the fight.
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
