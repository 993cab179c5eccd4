//! [`WaitNotice`]: when the status says what is waited for.
//!
//! Pure: times and words in, the time of the next write out. The first write says that an attempt takes long; a later
//! one says that something else is waited for by now, and keeps its distance, so that waiting costs next to nothing.

use std::time::Duration;

use lode_runtime::LONG;
use tokio::time::Instant;

/// How long after a write the status is written again because something else is waited for.
const REWRITE_EVERY: Duration = Duration::from_secs(30);

/// What the status says of an attempt that is under way.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct WaitNotice {
    told: Option<ToldWait>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct ToldWait {
    at: Instant,
    /// What was waited for; empty where that was not known.
    awaited: String,
}

impl WaitNotice {
    pub(crate) fn is_told(&self) -> bool {
        self.told.is_some()
    }

    /// Notes that the status says since now that this is waited for.
    pub(crate) fn tell(&mut self, awaited: &str) {
        self.told = Some(ToldWait {
            at: Instant::now(),
            awaited: awaited.to_owned(),
        });
    }

    /// Returns when the status is to say that this is waited for, by an attempt that began at `since`; nothing if it
    /// says so already.
    pub(crate) fn due(&self, since: Instant, awaited: &str) -> Option<Instant> {
        match &self.told {
            None => Some(since + LONG),
            Some(told) if awaited.is_empty() || told.awaited == awaited => None,
            // It said that the attempt is under way, not why it takes long.
            Some(told) if told.awaited.is_empty() => Some(told.at.max(since + LONG)),
            Some(told) => Some(told.at + REWRITE_EVERY),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_wait_is_told_once_it_takes_long() {
        let since = Instant::now();
        let notice = WaitNotice::default();
        assert_eq!(notice.due(since, "a"), Some(since + LONG));
        assert_eq!(notice.due(since, ""), Some(since + LONG));
        assert!(!notice.is_told());
    }

    #[tokio::test(start_paused = true)]
    async fn the_same_is_told_once_and_another_after_half_a_minute() {
        let since = Instant::now();
        let mut notice = WaitNotice::default();
        tokio::time::advance(LONG).await;
        notice.tell("a");
        assert_eq!(notice.due(since, "a"), None);
        assert_eq!(notice.due(since, "b"), Some(since + LONG + REWRITE_EVERY));
        assert_eq!(
            notice.due(since, ""),
            None,
            "nothing is waited for any more"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_told_without_a_reason_gets_one_once_it_takes_long() {
        let since = Instant::now();
        let mut notice = WaitNotice::default();
        notice.tell("");
        assert_eq!(notice.due(since, "a"), Some(since + LONG));
        tokio::time::advance(2 * LONG).await;
        notice.tell("");
        assert_eq!(notice.due(since, "a"), Some(Instant::now()));
    }

    #[tokio::test(start_paused = true)]
    async fn reasons_that_change_all_the_time_are_written_twice_a_minute() {
        let since = Instant::now();
        let mut notice = WaitNotice::default();
        let mut writes = 0;
        for second in 0..60 {
            let awaited = format!("reason {second}");
            let due = notice.due(since, &awaited);
            if due.is_some_and(|due| due <= Instant::now()) {
                notice.tell(&awaited);
                writes += 1;
            }
            tokio::time::advance(Duration::from_secs(1)).await;
        }
        assert_eq!(writes, 2);
    }
}
