//! [`Clock`]: the current time, injectable for tests.

use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;
use lode_stdx::time::rfc3339;

/// A source of wall-clock time. Durations are measured by the async runtime's clock, never by this
/// one.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> Timestamp + Send + Sync>);

impl Clock {
    /// Returns the clock of the system.
    #[must_use]
    pub fn system() -> Self {
        Self::new(Timestamp::now)
    }

    /// Returns a clock that calls `now`.
    pub fn new(now: impl Fn() -> Timestamp + Send + Sync + 'static) -> Self {
        Self(Arc::new(now))
    }

    /// Returns the time.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        (self.0)()
    }

    /// Returns the time as the API writes it (RFC 3339, UTC, whole seconds).
    #[must_use]
    pub fn text(&self) -> String {
        rfc3339(self.now())
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Clock")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_written_in_whole_seconds_of_utc() {
        let at = "2026-01-02T03:04:05.678+02:00"
            .parse::<Timestamp>()
            .unwrap();
        assert_eq!(Clock::new(move || at).text(), "2026-01-02T01:04:05Z");
    }
}
