//! [`Table`]: what is known of the objects of one watched kind, and which of two tellings is the newer one.
//!
//! Two tell of an object: the watch, in the order of versions, and the answers to our own writes, which often come first.
//! An answer is taken while the watch has not got there yet; what the watch then tells of that version is known already
//! and need not be read. An answer that comes after the watch has passed its version is dropped: the object may have
//! gone since.
//!
//! Pure: no call, no clock, no lock.

use std::collections::HashMap;

use lode_health::Health;
use lode_merge::{Flags, Observed};
use lode_object::{NamespacedName, Value, meta};

/// What the cache keeps of one object.
#[derive(Debug, Clone)]
pub struct Seen {
    /// Identity, version, flags and digests.
    pub observed: Observed,
    /// Its health by the kind's own rules.
    pub health: Health,
    /// The label query for the Pods that decide about it, while it is on its way.
    pub pods: Option<Box<str>>,
    /// Whose it is by its labels.
    pub owner: Option<NamespacedName>,
}

impl Seen {
    /// Reads an object for what is kept of it; `now` is in seconds since 1970.
    pub(crate) fn of(object: &Value, manager: &str, overrides: &[String], now: i64) -> Self {
        let label = |key: &str| object.get("metadata")?.get("labels")?.get(key)?.as_str();
        let owner = label(meta::OWNER_NAME).zip(label(meta::OWNER_NAMESPACE));
        let health = lode_health::compute(object, now);
        let is_on_its_way = health.status == lode_health::Status::InProgress;
        let pods = if is_on_its_way {
            lode_health::pod_query(object).map(String::into_boxed_str)
        } else {
            None
        };
        Self {
            observed: lode_merge::observe(object, manager, overrides),
            health,
            pods,
            owner: owner.map(|(name, namespace)| NamespacedName::new(namespace, name)),
        }
    }
}

/// An object that is gone and is of those that go by themselves ([`Flags::ENDS`]).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gone {
    /// Tells it from others of its name.
    pub uid: Box<str>,
    /// It was done before it was deleted.
    pub ended: bool,
}

/// How many objects that are gone are remembered per kind: over it, all are forgotten.
const GONE_MAX: usize = 4096;

/// The objects of one watched kind.
#[derive(Default)]
pub(crate) struct Table {
    rows: HashMap<NamespacedName, Row>,
    gone: HashMap<NamespacedName, Gone>,
    /// Owners that are told of every change here, and how often they asked for it.
    pub(crate) subscribers: HashMap<NamespacedName, usize>,
    /// Number of the list that is being read or was read last.
    round: u32,
    /// A list is being read.
    is_listing: bool,
    /// How far the watch has come.
    reached: u64,
}

struct Row {
    version: u64,
    /// The list round it was last told of in.
    round: u32,
    seen: Seen,
}

impl Table {
    pub(crate) fn get(&self, name: &NamespacedName) -> Option<&Seen> {
        self.rows.get(name).map(|row| &row.seen)
    }

    /// Returns how an object went that goes by itself; nothing where another has its name, or where it was not seen.
    pub(crate) fn gone(&self, name: &NamespacedName) -> Option<&Gone> {
        self.gone.get(name)
    }

    pub(crate) fn all(&self) -> impl Iterator<Item = &Seen> {
        self.rows.values().map(|row| &row.seen)
    }

    /// Returns how far the watch has come: what was written up to there and is not here is not there.
    pub(crate) fn reached(&self) -> u64 {
        self.reached
    }

    pub(crate) fn len(&self) -> usize {
        self.rows.len()
    }

    /// Returns what is known of an object if it is known in just this version.
    pub(crate) fn same(&self, name: &NamespacedName, version: &str) -> Option<&Seen> {
        let version = number(version);
        self.rows
            .get(name)
            .filter(|row| row.version == version && version != 0)
            .map(|row| &row.seen)
    }

    /// A full list begins.
    pub(crate) fn restart(&mut self) {
        self.round = self.round.wrapping_add(1);
        self.is_listing = true;
    }

    /// The list is complete, as of a version. Returns what it did not show, which is removed.
    pub(crate) fn synced(&mut self, version: &str) -> Vec<(NamespacedName, Seen)> {
        self.is_listing = false;
        self.reached = number(version);
        let round = self.round;
        self.rows
            .extract_if(|_, row| row.round != round)
            .map(|(name, row)| (name, row.seen))
            .collect()
    }

    /// Notes how far the watch has come, and tells whether what it tells is known already, so that it need not be read.
    pub(crate) fn is_known(&mut self, name: &NamespacedName, version: &str) -> bool {
        let version = self.advance(version);
        let Some(row) = self.rows.get_mut(name).filter(|_| version != 0) else {
            return false;
        };
        // A new list outranks what was known before it, even where a restored server counts from an earlier number.
        let known = row.version == version || row.version > version && !self.is_listing;
        if known {
            row.round = self.round;
        }
        known
    }

    /// Takes what the watch tells, and returns what was known before.
    pub(crate) fn applied(
        &mut self,
        name: NamespacedName,
        version: &str,
        seen: Seen,
    ) -> Option<Seen> {
        self.insert(name, number(version), seen)
    }

    /// Takes the deletion the watch tells, and returns what was known.
    pub(crate) fn deleted(&mut self, name: &NamespacedName, version: &str) -> Option<Seen> {
        let version = self.advance(version);
        // An older deletion is that of an earlier object of this name.
        let goes = self
            .rows
            .get(name)
            .is_some_and(|row| version == 0 || version >= row.version);
        let seen = if goes {
            self.rows.remove(name).map(|row| row.seen)
        } else {
            None
        };
        if let Some(Seen { observed, .. }) = seen
            .as_ref()
            .filter(|seen| seen.observed.flags.contains(Flags::ENDS))
        {
            if self.gone.len() >= GONE_MAX {
                self.gone.clear();
            }
            let ended = observed.flags.contains(Flags::ENDED);
            self.gone.insert(
                name.clone(),
                Gone {
                    uid: observed.uid.clone(),
                    ended,
                },
            );
        }
        seen
    }

    /// Takes the answer to an own write where the watch has not told of that version yet. Tells whether it was taken,
    /// and what was known before.
    pub(crate) fn put(
        &mut self,
        name: NamespacedName,
        version: &str,
        seen: Seen,
    ) -> (bool, Option<Seen>) {
        let version = number(version);
        let known = self
            .rows
            .get(&name)
            .map_or(self.reached, |row| row.version.max(self.reached));
        if self.is_listing || version <= known {
            return (false, None);
        }
        (true, self.insert(name, version, seen))
    }

    fn insert(&mut self, name: NamespacedName, version: u64, mut seen: Seen) -> Option<Seen> {
        self.gone.remove(&name);
        // What is done only after somebody asked it to go, was cut off: a node ends the Pods that are deleted.
        let before = self.rows.get(&name).map(|row| &row.seen.observed);
        let was_done = before
            .is_some_and(|old| old.uid == seen.observed.uid && old.flags.contains(Flags::ENDED));
        if seen.observed.deleting && !was_done {
            seen.observed.flags.clear(Flags::ENDED);
        }
        self.rows
            .insert(
                name,
                Row {
                    version,
                    round: self.round,
                    seen,
                },
            )
            .map(|row| row.seen)
    }

    fn advance(&mut self, version: &str) -> u64 {
        let version = number(version);
        if !self.is_listing {
            self.reached = version;
        }
        version
    }
}

/// Versions are compared as numbers; zero stands for one that is none and is taken as it comes.
fn number(version: &str) -> u64 {
    version.parse().unwrap_or_default()
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

    fn known(table: &Table) -> Option<&str> {
        table
            .get(&name())
            .map(|seen| &*seen.observed.resource_version)
    }

    /// A table whose list ended at version 5, without the object.
    fn listed() -> Table {
        let mut table = Table::default();
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
