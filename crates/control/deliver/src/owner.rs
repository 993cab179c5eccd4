//! [`DeliveryOwner`]: what a delivery needs of the owner of objects, and what it says to it.

use lode_api::shared::InventoryEntry;
use lode_apply::{Change, Drift, Set};
use lode_cluster::Error as ClusterError;
use lode_runtime::Failure;

/// The owner of objects, of whatever kind.
pub trait DeliveryOwner: Sync {
    /// Builds the objects once more that were applied last: what was kept of them is lost.
    fn rebuild(&self) -> impl Future<Output = Result<Set, Failure>> + Send;

    /// Writes an inventory into the owner's status. Nothing that is new to it is written before this has succeeded.
    fn write_ahead(
        &self,
        inventory: Vec<InventoryEntry>,
    ) -> impl Future<Output = Result<(), ClusterError>> + Send;

    /// Hears what happens while it happens: whatever fails later, this has been so.
    fn hear(&self, news: DeliveryNews<'_>);
}

/// What happens in a delivery.
#[derive(Debug)]
pub enum DeliveryNews<'a> {
    /// What is done now, as Flux's `Reconciling` condition says it: `Detecting drift`.
    Doing(&'static str),
    /// Digest of the text that is brought about.
    Text(&'a str),
    /// Parts of names that values from Secrets went into: they are never shown.
    Hidden(Vec<Box<str>>),
    /// What is the owner's in the cluster by now.
    Inventory(Vec<InventoryEntry>),
    /// Objects were written or deleted.
    Changed {
        /// Which, in order; never none.
        changes: &'a [Change],
        /// The revision that they were changed for.
        revision: &'a str,
    },
    /// A live edit was met that nobody was told of yet.
    Drifted {
        /// What was edited, by whom, and what became of it.
        drift: &'a Drift,
        /// The revision that it strayed from.
        revision: &'a str,
    },
    /// Live edits could not be undone while a newer revision fails.
    NotHeld(&'a Failure),
}
