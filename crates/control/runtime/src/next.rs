//! [`Next`]: what a reconcile wants after it ended, and the waits after failures and intervals.
//!
//! Pure arithmetic on durations.

use std::time::Duration;

/// What happens with a key after its reconcile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// Nothing until something changes.
    Idle,
    /// Another run after this time.
    After(Duration),
    /// The run failed: another one after a wait that doubles with each failure in a row.
    Backoff,
}

/// The wait after failures in a row: `min`, doubling, at most `max`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backoff {
    /// Wait after the first failure.
    pub min: Duration,
    /// Longest wait.
    pub max: Duration,
}

impl Backoff {
    /// Returns the wait after the given number of failures in a row.
    #[must_use]
    pub fn delay(&self, failures: u32) -> Duration {
        let factor = 1_u32
            .checked_shl(failures.saturating_sub(1))
            .unwrap_or(u32::MAX);
        self.min.saturating_mul(factor).min(self.max)
    }
}

impl Default for Backoff {
    /// Flux's default waits.
    fn default() -> Self {
        Self {
            min: Duration::from_millis(750),
            max: Duration::from_mins(15),
        }
    }
}

/// Returns the interval, changed by a random part of at most `percent`, so that a thousand objects
/// with the same interval are not due at once.
pub(crate) fn jitter(interval: Duration, percent: u8, random: u64) -> Duration {
    // 53 bits fit a float exactly: a number from -1 to 1.
    let part = (random >> 11) as f64 / (1_u64 << 52) as f64 - 1.0;
    let factor = 1.0 + part * f64::from(percent.min(100)) / 100.0;
    Duration::try_from_secs_f64(interval.as_secs_f64() * factor).unwrap_or(interval)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_in_a_row_double_the_wait_up_to_the_longest() {
        let backoff = Backoff::default();
        let seconds: Vec<f64> = [0, 1, 2, 3, 11, 12, 40, u32::MAX]
            .map(|n| backoff.delay(n).as_secs_f64())
            .into();
        assert_eq!(seconds, [0.75, 0.75, 1.5, 3.0, 768.0, 900.0, 900.0, 900.0]);
    }

    #[test]
    fn jitter_stays_within_its_percentage() {
        let interval = Duration::from_mins(10);
        assert_eq!(jitter(interval, 5, 0), Duration::from_secs(570));
        assert!(
            jitter(interval, 5, u64::MAX).abs_diff(Duration::from_secs(630))
                < Duration::from_millis(1)
        );
        assert!(jitter(interval, 5, u64::MAX / 2).abs_diff(interval) < Duration::from_millis(1));
        assert_eq!(jitter(interval, 0, 7), interval);
        assert_eq!(jitter(Duration::ZERO, 5, 7), Duration::ZERO);
        assert_eq!(jitter(Duration::MAX, 100, u64::MAX), Duration::MAX);
    }

    #[test]
    fn a_backoff_of_one_length_does_not_grow() {
        let second = Duration::from_secs(1);
        let backoff = Backoff {
            min: second,
            max: second,
        };
        for failures in [0, 1, 5, u32::MAX] {
            assert_eq!(backoff.delay(failures), second);
        }
    }

    #[test]
    fn a_percentage_over_a_hundred_is_a_hundred() {
        let interval = Duration::from_mins(1);
        assert_eq!(jitter(interval, 200, 0), jitter(interval, 100, 0));
        assert_eq!(jitter(interval, 100, 0), Duration::ZERO);
    }
}
