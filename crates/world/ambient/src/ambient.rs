//! [`Ambient`]: times and random numbers, handed in.

use std::collections::hash_map::RandomState;
use std::fmt;
use std::hash::{BuildHasher as _, Hasher as _};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use lode_stdx::time::rfc3339;
use rustix::time::{ClockId, clock_gettime};

/// Times and random numbers. Cloning is cheap and shares the source; the default is the machine.
#[derive(Clone)]
pub struct Ambient(Arc<dyn Source>);

/// Where times and random numbers come from.
pub trait Source: Send + Sync + 'static {
    /// Returns the time of the day.
    fn now(&self) -> Timestamp;

    /// Returns the time since boot, including the time in which the machine slept.
    fn since_boot(&self) -> Duration;

    /// Returns a random number; nothing secret depends on it.
    fn random(&self) -> u64;
}

impl Ambient {
    /// Takes all from `source`.
    pub fn new(source: impl Source) -> Self {
        Self(Arc::new(source))
    }

    /// Returns the time of the day.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.0.now()
    }

    /// Returns the time of the day as the API writes it (RFC 3339, UTC, whole seconds).
    #[must_use]
    pub fn now_text(&self) -> String {
        rfc3339(self.now())
    }

    /// Returns the time since boot, including the time in which the machine slept.
    #[must_use]
    pub fn since_boot(&self) -> Duration {
        self.0.since_boot()
    }

    /// Returns a random number; nothing secret depends on it.
    #[must_use]
    pub fn random(&self) -> u64 {
        self.0.random()
    }
}

impl Default for Ambient {
    fn default() -> Self {
        Self::new(Machine)
    }
}

impl fmt::Debug for Ambient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Ambient")
    }
}

/// Fills bytes with the system's random numbers, which secrets may depend on.
///
/// # Panics
/// The system has none to give: a secret that is not random would be worse.
pub fn random_bytes(bytes: &mut [u8]) {
    let mut filled = 0;
    while let Some(rest) = bytes.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        // Interrupted calls are repeated; anything else cannot happen on a system that has started.
        match rustix::rand::getrandom(rest, rustix::rand::GetRandomFlags::empty()) {
            Ok(count) => filled += count,
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => panic!("the system has no random numbers: {error}"),
        }
    }
}

/// This machine.
struct Machine;

impl Source for Machine {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    fn since_boot(&self) -> Duration {
        // Only Linux has this clock.
        #[cfg(target_os = "linux")]
        let clock = ClockId::Boottime;
        #[cfg(not(target_os = "linux"))]
        let clock = ClockId::Monotonic;
        let time = clock_gettime(clock);
        Duration::new(
            time.tv_sec.unsigned_abs(),
            time.tv_nsec.unsigned_abs() as u32,
        )
    }

    fn random(&self) -> u64 {
        // Every new state hashes differently.
        RandomState::new().build_hasher().finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Fixed;

    impl Source for Fixed {
        fn now(&self) -> Timestamp {
            "2026-01-02T03:04:05.678+02:00".parse().unwrap()
        }

        fn since_boot(&self) -> Duration {
            Duration::from_secs(7)
        }

        fn random(&self) -> u64 {
            4
        }
    }

    #[test]
    fn what_is_handed_in_is_what_is_read() {
        let ambient = Ambient::new(Fixed);
        assert_eq!(ambient.now_text(), "2026-01-02T01:04:05Z");
        assert_eq!(ambient.since_boot(), Duration::from_secs(7));
        assert_eq!(ambient.random(), 4);
    }

    #[test]
    fn the_machine_runs_on_and_is_random() {
        let machine = Ambient::default();
        let before = machine.since_boot();
        assert!(before > Duration::ZERO && machine.since_boot() >= before);
        assert_ne!(machine.random(), machine.random());
    }
}
