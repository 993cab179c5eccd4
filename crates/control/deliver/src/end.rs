//! [`DeliveryEnd`]: how a run of a delivery ended.

use std::time::Duration;

use lode_api::shared::InventoryEntry;
use tokio::time::Instant;

use crate::wait::awaited::Awaited;

/// How a run ended that did not fail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DeliveryEnd {
    /// All is applied and healthy.
    Done {
        /// How long health took, if anything had to be healthy.
        health: Option<Duration>,
        /// What is the owner's in the cluster.
        inventory: Vec<InventoryEntry>,
    },
    /// Objects must become ready first; their change starts the next run, or at last the clock.
    Parked {
        /// When to run again at the latest.
        until: Instant,
        /// What is waited for; nothing if it has come in the meantime.
        awaited: Vec<Awaited>,
    },
    /// Live edits were seen to, nothing else was due.
    TouchedUp,
}
