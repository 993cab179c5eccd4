//! [`State`]: what is remembered of one Kustomization between two reconciles.
//!
//! All of it can be lost: it is read from the store or made again.

use std::collections::HashMap;
use std::time::Duration;

use lode_api::Kustomization;
use lode_apply::{Change, Drift, Kinds, Records};
use lode_object::Id;
use lode_tree::ReadSet;
use tokio::time::Instant;

use crate::kept::Kept;
use crate::wait::Wait;

/// What is remembered of one Kustomization.
#[derive(Default)]
pub(crate) struct State {
    /// The object it is of: one that was deleted and made anew shares nothing but the name.
    pub(crate) uid: Box<str>,
    /// Whether the records were looked for in the store.
    pub(crate) loaded: bool,
    pub(crate) records: Records,
    /// Fingerprint of the records as the store has them: they are written again only when they differ.
    pub(crate) stored: Option<u64>,
    pub(crate) kinds: Kinds,
    /// What the last build read, and what else it was made from.
    pub(crate) reads: Option<(String, ReadSet)>,
    pub(crate) kept: Kept,
    /// The attempt that is under way, over several runs where it waits.
    pub(crate) attempt: Option<Attempt>,
    pub(crate) wait: Option<Wait>,
    /// When the next run by the clock is due.
    pub(crate) due: Option<Instant>,
    pub(crate) fights: Fights,
    /// Live edits that were told and left.
    pub(crate) told: Vec<Drift>,
    /// The last message about a dependency, so that it is told once.
    pub(crate) told_dependency: String,
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
    reverts: Vec<Instant>,
    wait: Duration,
    until: Option<Instant>,
}

/// How many reverts within [`WINDOW`] make a fight.
const REVERTS: usize = 3;
const WINDOW: Duration = Duration::from_mins(1);
const WAIT_MIN: Duration = Duration::from_secs(2);

impl Fights {
    /// Notes that an object was brought back; from the third time within a minute the wait doubles up to `max`.
    pub(crate) fn note(&mut self, id: &Id, max: Duration) {
        let now = Instant::now();
        let fight = self.by_object.entry(id.clone()).or_default();
        fight.reverts.retain(|at| now - *at < WINDOW.max(fight.wait * 2));
        fight.reverts.push(now);
        if fight.reverts.len() < REVERTS {
            fight.wait = Duration::ZERO;
            fight.until = None;
        } else {
            fight.wait = (fight.wait * 2).clamp(WAIT_MIN, max.max(WAIT_MIN));
            fight.until = Some(now + fight.wait);
        }
    }

    /// Returns until when an object is left alone, if it is.
    pub(crate) fn held(&self, id: &Id) -> Option<Instant> {
        self.by_object.get(id)?.until.filter(|until| *until > Instant::now())
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
            waits.push(fights.held(&id).map_or(0, |until| (until - Instant::now()).as_secs()));
            tokio::time::advance(Duration::from_secs(1)).await;
        }
        assert_eq!(waits, [0, 0, 2, 4, 8, 16, 32, 60, 60]);
        tokio::time::advance(Duration::from_mins(10)).await;
        fights.note(&id, max);
        assert_eq!(fights.held(&id), None, "peace makes it start over");
    }
}
