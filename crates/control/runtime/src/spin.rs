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
