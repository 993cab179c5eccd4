//! [`Reading`]: what reading an object came to, and for how long that holds.
//!
//! A version is read once, however late the watch reports it; an object that changes all the time is not read all the
//! time; what nobody may watch is polled, less and less often while it stays the same.

use std::time::Duration;

use lode_health::Health;
use tokio::time::Instant;

use crate::wait::moment::Moment;

/// How long the watch may lag behind our own writes and readings.
pub(crate) const BELIEVE: Duration = Duration::from_secs(30);

/// What reading an object came to.
pub(crate) struct Reading {
    pub(crate) health: Health,
    /// The label query for the Pods that decide about it.
    pub(crate) pods: Option<Box<str>>,
    /// The version that was read; nothing where there was no object.
    pub(crate) version: Option<Box<str>>,
    /// The version the cache knew then.
    pub(crate) seen: Option<Box<str>>,
    /// The watch had come as far and did not show it: it lacks the labels that are watched.
    pub(crate) is_unwatched: bool,
    pub(crate) at: Instant,
    /// How many readings there were.
    pub(crate) number: u32,
    /// How many readings before it found the same.
    pub(crate) same: u32,
}

/// So many readings of one object follow its changes at once; from then on they keep [`READ_EVERY`] between them, so
/// that an object which changes all the time is not read all the time.
const READINGS_AT_ONCE: u32 = 8;
const READ_EVERY: Duration = Duration::from_secs(1);
/// An object that is polled is read again after that, as Flux reads all of them; twice as long after each reading that
/// found the same, up to [`POLL_EVERY_MAX`].
const POLL_EVERY: Duration = Duration::from_secs(5);
const POLL_EVERY_MAX: Duration = Duration::from_secs(20);

impl Reading {
    /// Returns whether the object has changed since it was read, as the cache sees it now.
    pub(crate) fn is_outdated(
        &self,
        seen: Option<&str>,
        has_reached: impl Fn(&str) -> bool,
        now: Moment,
    ) -> bool {
        match (self.version.as_deref(), seen) {
            (None, None) => false,
            (None, seen) => seen != self.seen.as_deref(),
            // Not seen: it is gone, or the watch has not come as far as the reading.
            (Some(read), None) => !self.is_unwatched && has_reached(read),
            (Some(read), Some(seen)) => {
                let is_new = seen != read && self.seen.as_deref() != Some(seen);
                match (read.parse::<u64>(), seen.parse::<u64>()) {
                    (Ok(read), Ok(seen)) if seen > read => true,
                    // The watch tells late what was read already, but a restored server counts from lower numbers.
                    (Ok(_), Ok(_)) => is_new && now.instant > self.at + BELIEVE,
                    _ => is_new,
                }
            }
        }
    }

    pub(crate) fn poll_after(&self) -> Duration {
        POLL_EVERY
            .saturating_mul(1 << self.same.min(8))
            .min(POLL_EVERY_MAX)
    }

    pub(crate) fn spared_until(&self) -> Option<Instant> {
        (self.number >= READINGS_AT_ONCE).then(|| self.at + READ_EVERY)
    }
}

#[cfg(test)]
mod tests {
    use lode_health::Status;

    use super::*;

    fn reading(version: Option<&str>, seen: Option<&str>) -> Reading {
        let health = Health::new(Status::InProgress, "", "");
        let (version, seen) = (version.map(Into::into), seen.map(Into::into));
        Reading {
            health,
            pods: None,
            version,
            seen,
            is_unwatched: false,
            at: Instant::now(),
            number: 1,
            same: 0,
        }
    }

    /// Whether a reading is outdated by what the cache sees when its watch has come as far as `reached`.
    fn outdated(reading: &Reading, seen: Option<&str>, reached: u64) -> bool {
        let has_reached = |version: &str| {
            version
                .parse::<u64>()
                .is_ok_and(|version| version <= reached)
        };
        reading.is_outdated(
            seen,
            has_reached,
            Moment::now(&lode_ambient::Ambient::default()),
        )
    }

    #[tokio::test]
    async fn one_version_is_read_once_however_late_the_watch_tells_of_it() {
        let early = reading(Some("7"), None);
        assert!(!outdated(&early, None, 5), "the watch is behind");
        assert!(
            !outdated(&early, Some("6"), 6) && !outdated(&early, Some("7"), 7),
            "it tells what was read"
        );
        assert!(outdated(&early, Some("8"), 8));
        let absent = reading(None, None);
        assert!(!outdated(&absent, None, 9) && outdated(&absent, Some("8"), 8));
        let going = reading(None, Some("7"));
        assert!(
            !outdated(&going, Some("7"), 7),
            "its end is still to be told"
        );
        assert!(
            !outdated(&going, None, 8) && outdated(&going, Some("9"), 9),
            "it was made again"
        );
    }

    #[tokio::test]
    async fn the_end_of_what_was_read_is_news_unless_the_watch_never_showed_it() {
        assert!(outdated(&reading(Some("7"), Some("7")), None, 8));
        let unwatched = Reading {
            is_unwatched: true,
            ..reading(Some("7"), None)
        };
        assert!(!outdated(&unwatched, None, 9) && outdated(&unwatched, Some("9"), 9));
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_that_counts_anew_is_believed_after_a_while() {
        let before = reading(Some("900"), Some("900"));
        assert!(!outdated(&before, Some("3"), 3));
        tokio::time::advance(BELIEVE * 2).await;
        assert!(outdated(&before, Some("3"), 3));
        assert!(!outdated(&before, Some("900"), 900), "it is what was read");
    }

    #[tokio::test(start_paused = true)]
    async fn an_object_that_changes_all_the_time_is_read_once_a_second() {
        let mut hot = reading(Some("7"), Some("7"));
        assert_eq!(hot.spared_until(), None);
        hot.number = READINGS_AT_ONCE;
        assert_eq!(hot.spared_until(), Some(Instant::now() + READ_EVERY));
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_polled_and_stays_the_same_is_read_less_and_less_often() {
        let after = |same| {
            Reading {
                same,
                ..reading(Some("7"), None)
            }
            .poll_after()
            .as_secs()
        };
        assert_eq!([0, 1, 2, 3, u32::MAX].map(after), [5, 10, 20, 20, 20]);
    }
}
