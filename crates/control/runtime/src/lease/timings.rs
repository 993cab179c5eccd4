//! [`Timings`]: when a Lease expires and how often it is renewed.
//!
//! Pure: the times are checked against each other, never against a clock.

use std::time::Duration;

/// When a Lease expires and how often it is renewed, with client-go's names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timings {
    /// How long others wait after they saw it renewed. Whole seconds.
    pub lease_duration: Duration,
    /// Longest time for a renewal; the holder stops writing this long after the last one.
    pub renew_deadline: Duration,
    /// The time between two renewals, or between two checks by a candidate.
    pub retry_period: Duration,
}

/// Why these times are inconsistent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UnfitTimings {
    /// The Lease duration is not a whole number of seconds, or exceeds its field.
    #[error("the lease duration must be whole seconds, from 1 to {}", i32::MAX)]
    Duration,
    /// A holder would write after others took over.
    #[error("the lease duration must be longer than the renew deadline")]
    Deadline,
    /// There would be no time for a second try.
    #[error("the renew deadline must be longer than 1.2 times the retry period")]
    Retry,
    /// The server would be asked without pause.
    #[error("the retry period must not be zero")]
    NoPause,
}

impl Timings {
    /// Checks that the times are consistent.
    ///
    /// # Errors
    /// See [`UnfitTimings`].
    pub fn check(&self) -> Result<(), UnfitTimings> {
        let seconds = self.lease_duration.as_secs();
        if self.lease_duration.subsec_nanos() != 0 || seconds == 0 || seconds > i32::MAX as u64 {
            Err(UnfitTimings::Duration)
        } else if self.lease_duration <= self.renew_deadline {
            Err(UnfitTimings::Deadline)
        } else if self.renew_deadline <= self.retry_period.saturating_mul(6) / 5 {
            Err(UnfitTimings::Retry)
        } else if self.retry_period.is_zero() {
            Err(UnfitTimings::NoPause)
        } else {
            Ok(())
        }
    }
}

impl Default for Timings {
    /// client-go's usual times: another replica takes over within 20 seconds.
    fn default() -> Self {
        Self {
            lease_duration: Duration::from_secs(15),
            renew_deadline: Duration::from_secs(10),
            retry_period: Duration::from_secs(2),
        }
    }
}
