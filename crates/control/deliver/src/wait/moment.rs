//! [`Moment`]: now, on the clock of waits and on the clock of objects.

use std::time::Duration;

use lode_ambient::Ambient;
use lode_health::Seconds;
use tokio::time::Instant;

/// Longest wait for the clock: no rule looks further ahead.
const FAR: Duration = Duration::from_hours(24);

/// Now, on both clocks.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Moment {
    pub(crate) instant: Instant,
    /// Seconds since 1970 (UTC), as rules of health know the time.
    pub(crate) second: Seconds,
    /// How much of the second has passed.
    pub(super) part: Duration,
}

impl Moment {
    pub(crate) fn now(ambient: &Ambient) -> Self {
        let now = ambient.now();
        let part = u64::try_from(now.subsec_nanosecond()).unwrap_or_default();
        Self {
            instant: Instant::now(),
            second: now.as_second(),
            part: Duration::from_nanos(part),
        }
    }

    /// Returns when a second begins that is still to come.
    pub(crate) fn until(self, second: Seconds) -> Instant {
        let seconds = u64::try_from(second.saturating_sub(self.second)).unwrap_or_default();
        let wait = Duration::from_secs(seconds.min(FAR.as_secs())).saturating_sub(self.part);
        self.instant + wait
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_second_begins_when_the_one_before_it_has_passed() {
        let now = Moment {
            instant: Instant::now(),
            second: 100,
            part: Duration::from_millis(250),
        };
        let wait_ms = |second| (now.until(second) - now.instant).as_millis();
        assert_eq!(wait_ms(103), 2750);
        assert_eq!(wait_ms(100), 0, "it has begun");
        assert_eq!(wait_ms(7), 0, "it has passed");
        assert_eq!(
            now.until(Seconds::MAX) + now.part,
            now.instant + FAR,
            "no rule looks further ahead"
        );
    }
}
