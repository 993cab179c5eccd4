//! What a process takes from its machine without asking anybody.
//!
//! The time of the day, the time since boot, and random numbers are handed in wherever they count, so that a test can
//! decide them. Durations are measured by the clock of the async runtime, which a test can hold.
//!
//! ```
//! use lode_ambient::Ambient;
//!
//! let machine = Ambient::default();
//! assert!(machine.since_boot() > std::time::Duration::ZERO);
//! ```

mod ambient;

pub use ambient::{Ambient, Source, random_bytes};
