//! [`Fresh`]: the latest known version of each object of one kind, whichever source reports it
//! first.
//!
//! There are two sources: the watch, in the order of versions, and the responses to our own writes,
//! which often arrive before the watch event of the same write. The rules:
//!
//! - An object only gets newer: a watch event older than the known version is skipped.
//! - A full list overrides what was known before it, even if a restored server counts from an
//!   earlier number.
//! - An object that a full list does not contain is gone.
//! - A deletion older than the known version is that of an earlier object of the same name.
//! - The response to our own write is taken only if the watch has not passed its version: the
//!   object may have been deleted since.
//!
//! Pure: no call, no clock, no lock.

use std::collections::HashMap;

use lode_object::NamespacedName;

/// The latest known version of each object of one kind, with a value for each.
pub struct Fresh<V> {
    entries: HashMap<NamespacedName, FreshEntry<V>>,
    /// Number of the current or last list.
    round: u32,
    /// Whether a list is in progress.
    is_listing: bool,
    /// The version that the watch has reached.
    reached: u64,
}

struct FreshEntry<V> {
    value: V,
    version: u64,
    /// The round of the list in which the watch last reported the object.
    seen: u32,
    /// The round of the list in which `version` was recorded.
    taken: u32,
}

impl<V> Default for Fresh<V> {
    fn default() -> Self {
        Self {
            entries: HashMap::new(),
            round: 0,
            is_listing: false,
            reached: 0,
        }
    }
}

impl<V> Fresh<V> {
    /// Returns the value of an object.
    pub fn get(&self, name: &NamespacedName) -> Option<&V> {
        self.entries.get(name).map(|entry| &entry.value)
    }

    /// Returns the value of an object if exactly this version is known.
    pub fn same(&self, name: &NamespacedName, version: &str) -> Option<&V> {
        let version = number(version);
        self.entries
            .get(name)
            .filter(|entry| entry.version == version && version != 0)
            .map(|entry| &entry.value)
    }

    /// Returns all objects, in no particular order.
    pub fn iter(&self) -> impl Iterator<Item = (&NamespacedName, &V)> {
        self.entries
            .iter()
            .map(|(name, entry)| (name, &entry.value))
    }

    /// Returns how many objects there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Returns whether there are no objects.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Returns the version that the watch has reached: an object written up to there that is not
    /// here does not exist.
    pub fn reached(&self) -> u64 {
        self.reached
    }

    /// Begins a full list.
    pub fn restart(&mut self) {
        self.round = self.round.wrapping_add(1);
        self.is_listing = true;
    }

    /// Ends a full list at a version. Returns and removes the objects it did not contain.
    pub fn synced(&mut self, version: &str) -> Vec<(NamespacedName, V)> {
        self.is_listing = false;
        self.reached = number(version);
        let round = self.round;
        self.entries
            .extract_if(|_, entry| entry.seen != round)
            .map(|(name, entry)| (name, entry.value))
            .collect()
    }

    /// Records the watch's progress; returns whether its event is not newer than what is known, so
    /// that it need not be parsed.
    pub fn is_known(&mut self, name: &NamespacedName, version: &str) -> bool {
        let version = self.advance(version);
        let Some(entry) = self.entries.get_mut(name).filter(|_| version != 0) else {
            return false;
        };
        let outranks = self.is_listing && entry.taken != self.round;
        let is_known = entry.version == version || entry.version > version && !outranks;
        if is_known {
            entry.seen = self.round;
        }
        is_known
    }

    /// Takes an event of the watch after [`Fresh::is_known`] returned false. Returns the old value.
    pub fn applied(&mut self, name: NamespacedName, version: &str, value: V) -> Option<V> {
        self.insert(name, number(version), value)
    }

    /// Keeps an object that the watch reported but that cannot be parsed.
    pub fn keep(&mut self, name: &NamespacedName) {
        if let Some(entry) = self.entries.get_mut(name) {
            entry.seen = self.round;
        }
    }

    /// Takes a deletion event, and returns the removed value.
    pub fn deleted(&mut self, name: &NamespacedName, version: &str) -> Option<V> {
        let version = self.advance(version);
        self.entries
            .get(name)
            .filter(|entry| version == 0 || version >= entry.version)?;
        self.entries.remove(name).map(|entry| entry.value)
    }

    /// Returns whether the response to our own write, which may have created the object, is newer
    /// than what is known. False during a list, which may be older or newer; the watch reports it
    /// soon.
    pub fn is_news(&self, name: &NamespacedName, version: &str) -> bool {
        let known = self
            .entries
            .get(name)
            .map_or(self.reached, |entry| entry.version.max(self.reached));
        !self.is_listing && number(version) > known
    }

    /// Takes the response to our own write to a known object, and returns the old value. Returns
    /// nothing, and changes nothing, if the object is not known (it may be gone) or already known
    /// in a version as new.
    pub fn update(&mut self, name: &NamespacedName, version: &str, value: V) -> Option<V> {
        let version = number(version);
        let entry = self.entries.get_mut(name)?;
        if entry.version >= version {
            return None;
        }
        // A response does not count as part of a list: if the list does not contain the object, it
        // is gone.
        (entry.version, entry.taken) = (version, self.round);
        Some(std::mem::replace(&mut entry.value, value))
    }

    fn insert(&mut self, name: NamespacedName, version: u64, value: V) -> Option<V> {
        let entry = FreshEntry {
            value,
            version,
            seen: self.round,
            taken: self.round,
        };
        self.entries.insert(name, entry).map(|entry| entry.value)
    }

    fn advance(&mut self, version: &str) -> u64 {
        let version = number(version);
        if !self.is_listing {
            self.reached = version;
        }
        version
    }
}

/// Returns a version as a number; zero means that it is not a number, and no ordering applies.
fn number(version: &str) -> u64 {
    version.parse().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name() -> NamespacedName {
        NamespacedName::new("shop", "web")
    }

    /// Returns objects after a list at version 5, with one object of version 4.
    fn listed() -> Fresh<u64> {
        let mut fresh = Fresh::default();
        fresh.restart();
        fresh.applied(name(), "4", 4);
        assert!(fresh.synced("5").is_empty());
        fresh
    }

    #[test]
    fn an_older_event_is_skipped_and_a_newer_one_is_news() {
        let mut fresh = listed();
        assert_eq!(fresh.update(&name(), "8", 8), Some(4));
        assert!(fresh.is_known(&name(), "7") && fresh.is_known(&name(), "8"));
        assert!(!fresh.is_known(&name(), "9"));
    }

    #[test]
    fn a_list_outranks_what_was_known_before_it_and_nothing_taken_during_it() {
        let mut fresh = listed();
        fresh.restart();
        assert!(!fresh.is_known(&name(), "2"), "a restored server");
        assert_eq!(fresh.update(&name(), "8", 8), Some(4));
        assert!(fresh.is_known(&name(), "6"));
        assert_eq!(fresh.synced("9"), []);
    }

    #[test]
    fn an_answer_does_not_keep_what_the_list_does_not_show() {
        let mut fresh = listed();
        fresh.restart();
        fresh.update(&name(), "8", 8);
        assert_eq!(fresh.synced("9"), [(name(), 8)]);
    }

    #[test]
    fn an_answer_is_news_until_the_watch_has_passed_its_version() {
        let mut fresh = listed();
        assert!(fresh.is_news(&NamespacedName::new("shop", "new"), "6"));
        fresh.restart();
        assert!(!fresh.is_news(&name(), "6"), "a list is being read");
        fresh.keep(&name());
        fresh.synced("6");
        assert!(!fresh.is_news(&name(), "6"));
        assert_eq!(fresh.deleted(&name(), "7"), Some(4));
        assert_eq!(fresh.update(&name(), "8", 8), None, "it is gone");
    }

    #[test]
    fn an_older_deletion_is_that_of_an_earlier_object() {
        let mut fresh = listed();
        assert_eq!(fresh.deleted(&name(), "3"), None);
        assert_eq!(fresh.deleted(&name(), "4"), Some(4));
    }
}
