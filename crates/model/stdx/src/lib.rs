//! The few things missing from the standard library.
//!
//! [`bare_url()`] returns a URL without its secrets; [`budget`] limits what one piece of work may
//! spend; [`duration`] parses and prints durations as Go does; [`Digest`] is a SHA-256;
//! [`go_float()`] prints a number with a point as Go does; [`Lock`] and [`SharedLock`] are locks
//! that survive a panic; [`printable()`] makes text safe for terminals; [`read`] reads external
//! data up to a limit; [`semver`] compares versions; [`shortened()`] takes
//! the middle out of a long text; [`time`] prints times as Kubernetes does.
//!
//! ```
//! use lode_stdx::{Digest, duration};
//!
//! let interval = duration::parse("1h30m").unwrap();
//! assert_eq!(interval.as_secs(), 5400);
//! assert_eq!(duration::format(interval), "1h30m0s");
//! assert!(Digest::of(b"").to_string().starts_with("sha256:e3b0c442"));
//! ```
//!
//! Left out on purpose: clocks and files. Time and content are passed as arguments.

mod bare_url;
pub mod base64;
pub mod budget;
pub mod digest;
pub mod duration;
mod go_float;
pub mod known_texts;
mod lock;
mod printable;
pub mod read;
pub mod semver;
mod shortened;
pub mod threads;
pub mod time;

pub use bare_url::bare_url;
pub use digest::Digest;
pub use go_float::go_float;
pub use lock::{Lock, SharedLock};
pub use printable::printable;
pub use shortened::shortened;
