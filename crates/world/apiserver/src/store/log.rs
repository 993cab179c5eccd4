//! [`Log`]: the recent changes of a resource.
//!
//! A change shares its objects and its key with the store and with its neighbours; the lines that
//! watches send are not kept.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::store::key::Key;
use crate::store::stored::Stored;

/// One change of an object.
#[derive(Debug)]
pub(crate) struct StoreChange {
    pub(crate) key: Key,
    /// The object; after a deletion, its last state.
    pub(crate) object: Arc<Stored>,
    /// Its previous state.
    pub(crate) previous: Option<Arc<Stored>>,
    pub(crate) deleted: bool,
}

/// The changes of a resource, oldest first.
#[derive(Debug, Default)]
pub(crate) struct Log {
    changes: VecDeque<Arc<StoreChange>>,
    /// Bytes of objects that only the log still references.
    superseded_bytes: usize,
    /// The last change that was dropped.
    forgotten: u64,
}

/// The requested revision is no longer available.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Expired;

impl Log {
    /// Adds the latest change, and drops the oldest ones if the log is full.
    pub(crate) fn note(&mut self, change: StoreChange) -> Arc<StoreChange> {
        self.superseded_bytes += change.superseded_bytes();
        let change = Arc::new(change);
        self.changes.push_back(Arc::clone(&change));
        while self.changes.len() > CHANGES_MAX
            || self.superseded_bytes > BYTES_MAX && self.changes.len() > 1
        {
            self.forget_oldest();
        }
        change
    }

    /// Returns the changes after a revision.
    pub(crate) fn since(
        &self,
        revision: u64,
    ) -> Result<impl DoubleEndedIterator<Item = &Arc<StoreChange>>, Expired> {
        if revision < self.forgotten {
            return Err(Expired);
        }
        let start = self
            .changes
            .partition_point(|change| change.revision() <= revision);
        Ok(self.changes.range(start..))
    }

    /// Drops everything up to a revision, as a compaction does.
    pub(crate) fn compact(&mut self, revision: u64) {
        while self.forget_oldest() {}
        self.forgotten = self.forgotten.max(revision);
    }

    fn forget_oldest(&mut self) -> bool {
        let Some(change) = self.changes.pop_front() else {
            return false;
        };
        self.superseded_bytes = self
            .superseded_bytes
            .saturating_sub(change.superseded_bytes());
        self.forgotten = change.revision();
        true
    }
}

impl StoreChange {
    /// Returns the change's revision.
    pub(crate) fn revision(&self) -> u64 {
        self.object.revision
    }

    /// Returns the event object for a watch that no longer selects the object: its previous state
    /// with the new revision.
    pub(crate) fn left(&self) -> Arc<Stored> {
        match &self.previous {
            Some(previous) if !self.deleted => Arc::new(previous.gone_at(self.revision())),
            _ => Arc::clone(&self.object),
        }
    }

    fn superseded_bytes(&self) -> usize {
        self.previous
            .as_ref()
            .map_or(0, |previous| previous.text().len())
    }
}

/// Most changes kept per resource. A watch that is further behind must start again.
const CHANGES_MAX: usize = 16_384;
/// Most bytes of superseded objects kept per resource.
const BYTES_MAX: usize = 16 << 20;

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::store::stored::Draft;

    fn stored(value: &str, revision: u64) -> Arc<Stored> {
        let object = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}, "data": {"a": value}});
        Arc::new(Draft::new(&object, Box::default()).at(revision))
    }

    fn change(value: &str, revision: u64) -> StoreChange {
        let previous = Some(stored("before", revision - 1));
        StoreChange {
            key: Key::new("shop", "a"),
            object: stored(value, revision),
            previous,
            deleted: false,
        }
    }

    fn revisions(log: &Log, since: u64) -> Result<Vec<u64>, Expired> {
        Ok(log.since(since)?.map(|change| change.revision()).collect())
    }

    #[test]
    fn changes_come_in_order_and_old_ones_are_forgotten() {
        let mut log = Log::default();
        let last = 2 + CHANGES_MAX as u64;
        (2..=last).for_each(|revision| drop(log.note(change("now", revision))));
        assert_eq!(revisions(&log, 1), Err(Expired));
        assert_eq!(revisions(&log, 2).unwrap().len(), CHANGES_MAX);
        assert_eq!(revisions(&log, last - 2), Ok(vec![last - 1, last]));
        assert_eq!(revisions(&log, last), Ok(vec![]));
    }

    #[test]
    fn large_objects_are_forgotten_earlier() {
        let (mut log, large) = (Log::default(), "x".repeat(BYTES_MAX / 2));
        for revision in [2, 4, 6] {
            let previous = Some(stored(&large, revision - 1));
            log.note(StoreChange {
                previous,
                ..change("now", revision)
            });
        }
        assert_eq!(
            (revisions(&log, 2), revisions(&log, 4)),
            (Err(Expired), Ok(vec![6]))
        );
    }

    #[test]
    fn who_no_longer_selects_an_object_sees_how_it_was() {
        let left: Value = change("now", 9).left().value();
        assert_eq!(
            (&left["data"]["a"], &left["metadata"]["resourceVersion"]),
            (&json!("before"), &json!("9"))
        );
        let gone = StoreChange {
            deleted: true,
            ..change("last", 9)
        }
        .left()
        .value();
        assert_eq!(gone["data"]["a"], "last");
    }
}
