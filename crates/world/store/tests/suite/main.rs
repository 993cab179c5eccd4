//! The whole crate: the artifact server over loopback, and what reading an archive costs.
//!
//! One of the tests counts what is allocated, so it plays alone: the others share [`ALONE`], it takes it whole.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot set up its world fails"
)]

use tokio::sync::RwLock;

mod budget;
mod serve;

/// Held by every test of this binary for as long as it plays.
static ALONE: RwLock<()> = RwLock::const_new(());
