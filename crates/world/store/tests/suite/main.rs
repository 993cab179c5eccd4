//! The whole crate: the artifact server over loopback, and the cost of reading an archive.
//!
//! One of the tests counts allocations, so it must run alone: the others hold [`ALONE`] shared, it
//! holds it exclusively.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot set up its world fails"
)]

use tokio::sync::RwLock;

mod budget;
mod serve;

/// Held by every test of this binary while it runs.
static ALONE: RwLock<()> = RwLock::const_new(());
