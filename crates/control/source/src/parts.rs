//! [`SourceParts`]: what the controller of one kind of source stands on.

use std::sync::Arc;

use lode_runtime::{Memory, Own};

use crate::options::SourceOptions;
use crate::origin::Origin;

/// What the controller of one kind of source stands on.
pub struct SourceParts<O: Origin> {
    /// The objects.
    pub own: Arc<Own<O::Spec>>,
    /// Where their contents come from.
    pub origin: O,
    /// The store of artifacts.
    pub artifacts: Arc<lode_store::Store>,
    /// The memory that all work that computes shares.
    pub memory: Memory,
    /// What applies to all objects.
    pub options: SourceOptions,
}
