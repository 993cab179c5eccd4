//! [`SeenTable`]: what is known of the objects of one watched kind.
//!
//! [`Fresh`] decides which of two versions is newer.
//!
//! Pure: no call, no clock, no lock.

use std::collections::HashMap;

use lode_health::Health;
use lode_merge::{Flags, Observed};
use lode_object::{NamespacedName, Value};

use crate::fresh::Fresh;
use crate::side::Side;

/// What the cache keeps of one object.
#[derive(Debug, Clone)]
pub struct Seen {
    /// Identity, version, flags and digests.
    pub observed: Observed,
    /// Its health by the kind's own rules.
    pub health: Health,
    /// The label query for the Pods that decide its health, while it is progressing.
    pub pods: Option<Box<str>>,
    /// Its owner according to its labels.
    pub owner: Option<NamespacedName>,
}

impl Seen {
    /// Extracts what is kept of an object; `now` is in seconds since 1970.
    pub(crate) fn of(object: &Value, side: &Side, now: i64) -> Self {
        let health = lode_health::compute(object, now);
        let is_on_its_way = health.status == lode_health::Status::InProgress;
        let pods = if is_on_its_way {
            lode_health::pod_query(object).map(String::into_boxed_str)
        } else {
            None
        };
        Self {
            observed: side.manager.observe(object),
            health,
            pods,
            owner: side.labels.owner_of(object),
        }
    }
}

/// A deleted object of those that end by themselves ([`Flags::ENDS`]).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gone {
    /// Distinguishes it from others of its name.
    pub uid: Box<str>,
    /// Whether it had ended before it was deleted.
    pub ended: bool,
}

/// Most deleted objects remembered per kind; beyond that, all are forgotten.
const GONE_MAX: usize = 4096;

/// The objects of one watched kind.
#[derive(Default)]
pub(crate) struct SeenTable {
    fresh: Fresh<Seen>,
    gone: HashMap<NamespacedName, Gone>,
    /// Owners notified of every change of this kind, with the number of subscriptions.
    pub(crate) subscribers: HashMap<NamespacedName, usize>,
}

impl SeenTable {
    pub(crate) fn get(&self, name: &NamespacedName) -> Option<&Seen> {
        self.fresh.get(name)
    }

    /// Returns how an object that ends by itself was deleted; nothing if another has its name, or
    /// if its end was not seen.
    pub(crate) fn gone(&self, name: &NamespacedName) -> Option<&Gone> {
        self.gone.get(name)
    }

    pub(crate) fn all(&self) -> impl Iterator<Item = (&NamespacedName, &Seen)> {
        self.fresh.iter()
    }

    /// Returns the version that the watch has reached: an object written up to there that is not
    /// here does not exist.
    pub(crate) fn reached(&self) -> u64 {
        self.fresh.reached()
    }

    pub(crate) fn len(&self) -> usize {
        self.fresh.len()
    }

    /// Returns what is known of an object if exactly this version is known.
    pub(crate) fn same(&self, name: &NamespacedName, version: &str) -> Option<&Seen> {
        self.fresh.same(name, version)
    }

    /// Begins a full list.
    pub(crate) fn restart(&mut self) {
        self.fresh.restart();
    }

    /// Ends the list at a version. Returns and removes the objects it did not contain.
    pub(crate) fn synced(&mut self, version: &str) -> Vec<(NamespacedName, Seen)> {
        self.fresh.synced(version)
    }

    /// Records the watch's progress, and returns whether its event is not newer than what is known,
    /// so that it need not be parsed.
    pub(crate) fn is_known(&mut self, name: &NamespacedName, version: &str) -> bool {
        self.fresh.is_known(name, version)
    }

    /// Takes an event of the watch, and returns what was known before.
    pub(crate) fn applied(
        &mut self,
        name: NamespacedName,
        version: &str,
        mut seen: Seen,
    ) -> Option<Seen> {
        self.gone.remove(&name);

        // An object that ends only after its deletion was requested was cut off: a node ends the
        // Pods that are deleted.
        let before = self.fresh.get(&name).map(|seen| &seen.observed);
        let was_done = before
            .is_some_and(|old| old.uid == seen.observed.uid && old.flags.contains(Flags::ENDED));
        if seen.observed.deleting && !was_done {
            seen.observed.flags.clear(Flags::ENDED);
        }
        self.fresh.applied(name, version, seen)
    }

    /// Takes a deletion event, and returns what was known.
    pub(crate) fn deleted(&mut self, name: &NamespacedName, version: &str) -> Option<Seen> {
        let seen = self.fresh.deleted(name, version)?;
        if seen.observed.flags.contains(Flags::ENDS) {
            if self.gone.len() >= GONE_MAX {
                self.gone.clear();
            }
            let gone = Gone {
                uid: seen.observed.uid.clone(),
                ended: seen.observed.flags.contains(Flags::ENDED),
            };
            self.gone.insert(name.clone(), gone);
        }
        Some(seen)
    }

    /// Takes the response to our own write unless the watch has already reported that version.
    /// Returns whether it was taken, and what was known before.
    pub(crate) fn put(
        &mut self,
        name: NamespacedName,
        version: &str,
        seen: Seen,
    ) -> (bool, Option<Seen>) {
        if self.fresh.is_news(&name, version) {
            (true, self.applied(name, version, seen))
        } else {
            (false, None)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name() -> NamespacedName {
        NamespacedName::new("shop", "web")
    }

    fn seen(version: &str) -> Seen {
        let observed = Observed {
            resource_version: version.into(),
            ..Observed::default()
        };
        Seen {
            observed,
            health: Health::new(lode_health::Status::Current, "", ""),
            pods: None,
            owner: None,
        }
    }

    fn known(table: &SeenTable) -> Option<&str> {
        table
            .get(&name())
            .map(|seen| &*seen.observed.resource_version)
    }

    /// Returns a table after a list at version 5, without the object.
    fn listed() -> SeenTable {
        let mut table = SeenTable::default();
        table.restart();
        assert!(table.synced("5").is_empty());
        table
    }

    #[test]
    fn an_answer_comes_before_the_watch_and_is_not_read_twice() {
        let mut table = listed();
        assert!(table.put(name(), "7", seen("7")).0);
        assert!(table.is_known(&name(), "7"), "its own event");
        assert!(!table.is_known(&name(), "8"), "a later event is news");
    }

    #[test]
    fn it_is_known_whether_what_goes_by_itself_was_done_before_it_was_deleted() {
        let stages = |stages: &[(bool, bool)]| {
            let mut table = listed();
            for (version, (done, deleting)) in stages.iter().enumerate() {
                let version = (version + 6).to_string();
                let mut seen = seen(&version);
                let bits = Flags::ENDS.bits() | if *done { Flags::ENDED.bits() } else { 0 };
                (seen.observed.flags, seen.observed.deleting) = (Flags::from_bits(bits), *deleting);
                table.applied(name(), &version, seen);
            }
            table.deleted(&name(), "20");
            table.gone(&name()).map(|gone| gone.ended)
        };
        assert_eq!(
            stages(&[(false, false)]),
            Some(false),
            "somebody deleted it"
        );
        assert_eq!(stages(&[(false, false), (true, false)]), Some(true));
        assert_eq!(
            stages(&[(false, false), (true, false), (true, true)]),
            Some(true),
            "a time to live, with a finalizer"
        );
        assert_eq!(
            stages(&[(false, false), (false, true), (true, true)]),
            Some(false),
            "its node ended it"
        );
        let mut table = listed();
        table.applied(name(), "7", seen("7"));
        table.deleted(&name(), "8");
        assert_eq!(table.gone(&name()), None, "nothing that goes by itself");
    }

    #[test]
    fn an_answer_the_watch_has_passed_is_dropped() {
        let mut table = listed();
        assert!(!table.is_known(&name(), "7"));
        table.applied(name(), "7", seen("7"));
        table.deleted(&name(), "8");
        assert!(!table.put(name(), "7", seen("7")).0, "it has gone since");
        assert_eq!(known(&table), None);
    }

    #[test]
    fn nothing_older_replaces_an_answer() {
        let mut table = listed();
        table.put(name(), "9", seen("9"));
        assert!(table.is_known(&name(), "7"), "an earlier state of it");
        assert!(
            table.deleted(&name(), "8").is_none(),
            "the end of an object before it"
        );
        assert!(
            !table.put(name(), "8", seen("8")).0,
            "an answer that took longer"
        );
        assert_eq!(known(&table), Some("9"));
        assert!(table.deleted(&name(), "10").is_some());
    }

    #[test]
    fn no_answer_is_taken_while_a_list_is_read() {
        let mut table = listed();
        table.restart();
        assert!(
            !table.put(name(), "9", seen("9")).0,
            "the list may be newer and know that it is gone"
        );
        table.synced("10");
        assert!(table.put(name(), "11", seen("11")).0);
    }

    #[test]
    fn what_a_list_does_not_show_is_gone_and_what_it_shows_again_is_not_read() {
        let mut table = listed();
        let other = NamespacedName::new("shop", "db");
        for name in [name(), other.clone()] {
            table.applied(name, "4", seen("4"));
        }
        table.restart();
        assert!(table.is_known(&name(), "4"));
        let gone = table.synced("12");
        assert_eq!(
            gone.into_iter().map(|(name, _)| name).collect::<Vec<_>>(),
            [other]
        );
    }

    #[test]
    fn a_server_that_counts_anew_is_believed_after_its_list() {
        let mut table = listed();
        table.applied(name(), "900", seen("900"));
        table.restart();
        assert!(!table.is_known(&name(), "3"));
        table.applied(name(), "3", seen("3"));
        table.synced("4");
        assert_eq!(known(&table), Some("3"));
        assert!(!table.is_known(&name(), "6"));
    }
}
