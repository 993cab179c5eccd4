//! [`DeliveryAttempt`]: one attempt to bring a revision about, over several runs where it waits.

use std::collections::HashMap;

use lode_apply::{Change, Outcome};
use lode_object::Id;
use tokio::time::Instant;

use crate::state::notice::WaitNotice;

/// One attempt to bring a revision about.
#[derive(Debug)]
pub struct DeliveryAttempt {
    /// Revision and generation: another of either is another attempt.
    of: (String, i64),
    since: Instant,
    /// What was written so far and not told yet.
    changes: Vec<Change>,
    /// The resource versions its writes made.
    versions: HashMap<Id, u64>,
    notice: WaitNotice,
}

impl DeliveryAttempt {
    pub(crate) fn new(revision: &str, generation: i64) -> Self {
        Self {
            of: (revision.to_owned(), generation),
            since: Instant::now(),
            changes: Vec::new(),
            versions: HashMap::new(),
            notice: WaitNotice::default(),
        }
    }

    pub(crate) fn is_of(&self, revision: &str, generation: i64) -> bool {
        self.of.0 == revision && self.of.1 == generation
    }

    /// Returns when it began, maybe some runs ago.
    #[must_use]
    pub fn since(&self) -> Instant {
        self.since
    }

    /// Returns whether the status says that it is under way.
    #[must_use]
    pub fn is_told(&self) -> bool {
        self.notice.is_told()
    }

    /// Notes that the status says since now that it is under way, and waits for this; nothing where that is not known.
    pub fn tell(&mut self, awaited: &str) {
        self.notice.tell(awaited);
    }

    /// Returns when the status is to say that it waits for this; nothing if it says so already.
    #[must_use]
    pub fn tell_at(&self, awaited: &str) -> Option<Instant> {
        self.notice.due(self.since, awaited)
    }

    /// Notes that the status says something else again: that the attempt failed, and is tried again.
    pub(crate) fn untell(&mut self) {
        self.notice = WaitNotice::default();
    }

    pub(crate) fn note(&mut self, outcome: &Outcome) {
        self.changes.extend_from_slice(&outcome.changes);
        self.note_versions(outcome);
    }

    /// Notes which versions were made, where somebody else reports the changes.
    pub(crate) fn note_versions(&mut self, outcome: &Outcome) {
        self.versions.extend(outcome.versions.iter().cloned());
    }

    pub(crate) fn changes(&self) -> &[Change] {
        &self.changes
    }

    pub(crate) fn take_changes(&mut self) -> Vec<Change> {
        std::mem::take(&mut self.changes)
    }

    /// Returns the version that a write of its made of an object.
    pub(crate) fn written(&self, id: &Id) -> Option<u64> {
        self.versions.get(id).copied()
    }
}
