//! [`Spin`]: a key that keeps running although nothing changed.
//!
//! Pure: time comes in. The cause is always a bug in the controller, never in its objects; held
//! back, such a key costs next to nothing and shows up in the log and in a metric.

use std::time::Duration;

use tokio::time::Instant;

use crate::next::Backoff;

/// More unasked runs of a key within [`SPIN_WINDOW`] are a fault, and are held back.
pub(crate) const SPIN_RUNS: u32 = 10;
const SPIN_WINDOW: Duration = Duration::from_secs(10);
/// A key that was held back and then requests no run for this long has recovered.
pub(crate) const SPIN_REST: Duration = Duration::from_secs(1);
/// Longest time a key is held back.
const SPIN_WAIT_MAX: Duration = Duration::from_mins(1);

/// A key that kept running although nothing changed: its next run waits, unless something changes
/// before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Spin {
    /// The number of recent unasked runs.
    pub runs: u32,
    /// How long it is held back; the wait doubles while this goes on.
    pub wait: Duration,
}

/// The runs of a key since something changed.
#[derive(Default)]
pub(crate) struct Unasked {
    /// When the first counted run started.
    since: Option<Instant>,
    pub(crate) runs: u32,
    /// How often in a row it was held back.
    holds: u32,
}

impl Unasked {
    /// Counts a run that starts although nothing has changed.
    pub(crate) fn begin(&mut self, now: Instant) {
        if self.since.is_none_or(|since| now - since > SPIN_WINDOW) {
            (self.since, self.runs) = (Some(now), 0);
        }
        self.runs = self.runs.saturating_add(1);
    }

    /// Returns how long the next run must wait, if it is requested after `wait`.
    pub(crate) fn hold(&mut self, wait: Duration, backoff: Backoff) -> Option<Duration> {
        if wait >= SPIN_REST || self.holds == 0 && self.runs <= SPIN_RUNS {
            if wait >= SPIN_REST {
                self.holds = 0;
            }
            return None;
        }
        self.holds = self.holds.saturating_add(1);
        Some(backoff.delay(self.holds).clamp(SPIN_REST, SPIN_WAIT_MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BACKOFF: Backoff = Backoff {
        min: Duration::from_secs(1),
        max: Duration::from_mins(15),
    };
    const AT_ONCE: Duration = Duration::ZERO;

    fn after(runs: u32) -> Unasked {
        let mut unasked = Unasked::default();
        let now = Instant::now();
        for _ in 0..runs {
            unasked.begin(now);
        }
        unasked
    }

    #[test]
    fn some_unasked_runs_are_fine_and_one_more_is_held_back() {
        assert_eq!(after(SPIN_RUNS).hold(AT_ONCE, BACKOFF), None);
        let held = after(SPIN_RUNS + 1).hold(AT_ONCE, BACKOFF);
        assert_eq!(held, Some(SPIN_REST));
    }

    #[test]
    fn runs_that_are_far_apart_are_no_spin() {
        let mut unasked = Unasked::default();
        let mut now = Instant::now();
        for _ in 0..100 {
            now += SPIN_WINDOW / 5;
            unasked.begin(now);
        }
        assert!(unasked.runs <= SPIN_RUNS, "{}", unasked.runs);
        assert_eq!(unasked.hold(AT_ONCE, BACKOFF), None);
    }

    #[test]
    fn whatever_rests_by_itself_is_not_held_back() {
        assert_eq!(after(1000).hold(SPIN_REST, BACKOFF), None);
    }

    #[test]
    fn each_hold_in_a_row_is_longer_up_to_the_longest() {
        let mut unasked = after(SPIN_RUNS + 1);
        let holds: Vec<_> = (0..10)
            .map(|_| unasked.hold(AT_ONCE, BACKOFF).unwrap())
            .collect();
        let seconds: Vec<_> = holds.iter().map(Duration::as_secs).collect();
        assert_eq!(seconds, [1, 2, 4, 8, 16, 32, 60, 60, 60, 60]);
    }

    #[test]
    fn after_a_rest_holds_are_short_again() {
        let mut unasked = after(SPIN_RUNS + 1);
        unasked.hold(AT_ONCE, BACKOFF);
        unasked.hold(AT_ONCE, BACKOFF);
        assert_eq!(unasked.hold(SPIN_REST, BACKOFF), None);
        assert_eq!(unasked.hold(AT_ONCE, BACKOFF), Some(SPIN_REST));
    }
}
