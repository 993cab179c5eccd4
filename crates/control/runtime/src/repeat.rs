//! [`Repeats`]: which events repeat one sent within the hour.
//!
//! Pure: the content comes in as anything that hashes, time as an argument. Only a limited number
//! of fingerprints is kept, never the content.

use std::collections::{BTreeMap, HashMap};
use std::hash::{BuildHasher as _, Hash, RandomState};

use jiff::{SignedDuration, Timestamp};

/// An event older than this is sent as a new one: the server keeps events for an hour, too.
const REPEAT_WITHIN: SignedDuration = SignedDuration::from_hours(1);
/// Most events remembered; the one not sent for longest is removed first.
const KNOWN_MAX: usize = 4096;

/// A 128-bit hash of an event's content: long enough to avoid collisions.
pub(crate) type Fingerprint = (u64, u64);

/// When and how often an event was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Times {
    /// Nanoseconds of the first time, moved if needed to be unique: it is part of the event's name.
    pub(crate) stamp: u64,
    pub(crate) first: Timestamp,
    pub(crate) last: Timestamp,
    pub(crate) count: u32,
}

/// The recent events.
pub(crate) struct Repeats {
    hashers: (RandomState, RandomState),
    known: HashMap<Fingerprint, (u64, Times)>,
    /// Fingerprints by the ticket of their last time.
    order: BTreeMap<u64, Fingerprint>,
    tickets: u64,
    last_stamp: u64,
}

impl Repeats {
    pub(crate) fn new() -> Self {
        let hashers = (RandomState::new(), RandomState::new());
        Self {
            hashers,
            known: HashMap::new(),
            order: BTreeMap::new(),
            tickets: 0,
            last_stamp: 0,
        }
    }

    /// Records that an event is sent now, and returns since when and how often it was.
    pub(crate) fn take(&mut self, said: &impl Hash, now: Timestamp) -> (Fingerprint, Times) {
        let fingerprint = (self.hashers.0.hash_one(said), self.hashers.1.hash_one(said));
        let old = self
            .forget(fingerprint)
            .filter(|old| now.duration_since(old.last) < REPEAT_WITHIN);
        let times = match old {
            Some(old) => Times {
                last: now.max(old.last),
                count: old.count.saturating_add(1),
                ..old
            },
            None => Times {
                stamp: self.stamp(now),
                first: now,
                last: now,
                count: 1,
            },
        };

        self.tickets += 1;
        self.known.insert(fingerprint, (self.tickets, times));
        self.order.insert(self.tickets, fingerprint);
        if self.known.len() > KNOWN_MAX
            && let Some((_, oldest)) = self.order.pop_first()
        {
            self.known.remove(&oldest);
        }
        (fingerprint, times)
    }

    /// Forgets that it was sent.
    pub(crate) fn forget(&mut self, fingerprint: Fingerprint) -> Option<Times> {
        let (ticket, times) = self.known.remove(&fingerprint)?;
        self.order.remove(&ticket);
        Some(times)
    }

    fn stamp(&mut self, now: Timestamp) -> u64 {
        let nanoseconds = u64::try_from(now.as_nanosecond()).unwrap_or_default();
        self.last_stamp = nanoseconds.max(self.last_stamp.saturating_add(1));
        self.last_stamp
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + seconds).unwrap()
    }

    fn count(repeats: &mut Repeats, said: &str, second: i64) -> u32 {
        repeats.take(&said, at(second)).1.count
    }

    #[test]
    fn the_same_within_an_hour_is_one() {
        let mut repeats = Repeats::new();
        let counts = [("a", 0), ("b", 1), ("a", 3599), ("a", 7000), ("a", 10_601)]
            .map(|(it, s)| count(&mut repeats, it, s));
        assert_eq!(counts, [1, 1, 2, 3, 1], "an hour counts from the last time");
    }

    #[test]
    fn no_two_share_a_stamp() {
        let mut repeats = Repeats::new();
        let stamps = ["a", "b", "c"].map(|said| repeats.take(&said, at(0)).1.stamp);
        assert_eq!([stamps[1] - stamps[0], stamps[2] - stamps[1]], [1, 1]);
        assert_eq!(repeats.take(&"a", at(5)).1.stamp, stamps[0]);
    }

    #[test]
    fn memory_is_bounded_and_the_longest_unsaid_goes_first() {
        let mut repeats = Repeats::new();
        count(&mut repeats, "kept", 0);
        count(&mut repeats, "lost", 0);
        for number in 0..KNOWN_MAX - 2 {
            repeats.take(&number, at(1));
        }
        assert_eq!(count(&mut repeats, "kept", 2), 2);
        repeats.take(&"one more", at(3));
        assert_eq!(
            (repeats.known.len(), repeats.order.len()),
            (KNOWN_MAX, KNOWN_MAX)
        );
        assert_eq!(
            (
                count(&mut repeats, "kept", 4),
                count(&mut repeats, "lost", 4)
            ),
            (3, 1)
        );
    }

    #[test]
    fn a_clock_that_goes_back_changes_nothing() {
        let mut repeats = Repeats::new();
        repeats.take(&"a", at(100));
        let times = repeats.take(&"a", at(50)).1;
        assert_eq!(
            (times.first, times.last, times.count),
            (at(100), at(100), 2)
        );
    }

    #[test]
    fn what_was_forgotten_is_said_for_the_first_time_again() {
        let mut repeats = Repeats::new();
        let now = Timestamp::from_second(1_800_000_000).unwrap();
        let (fingerprint, first) = repeats.take(&"it broke", now);
        let (_, second) = repeats.take(&"it broke", now);
        assert_eq!((first.count, second.count), (1, 2));
        assert_eq!(second.stamp, first.stamp, "the same event");
        assert_eq!(repeats.forget(fingerprint), Some(second));
        assert_eq!(repeats.forget(fingerprint), None);
        let (_, again) = repeats.take(&"it broke", now);
        assert_eq!(again.count, 1);
        assert_ne!(again.stamp, first.stamp, "another event needs another name");
    }
}
