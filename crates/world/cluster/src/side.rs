//! [`Side`]: whose objects a cache is about.

use lode_merge::FieldManager;
use lode_object::OwnerLabels;

/// Whose objects a cache is about.
#[derive(Debug)]
pub(crate) struct Side {
    /// The manager that writes them.
    pub(crate) manager: FieldManager,
    /// The labels by which they name their owner.
    pub(crate) labels: OwnerLabels,
}
