//! [`Options`]: what to fetch, and the limits.

use std::sync::Arc;

use lode_stdx::budget::{self, Budget};

use crate::admission::Admission;

/// What to fetch, and the limits.
#[derive(Debug, Clone)]
pub struct Options {
    /// The limits.
    pub limits: FetchLimits,
    /// Limits the total cost of files, names and the work of reading them; bytes are those of all
    /// files when unpacked, and nodes are files and folders.
    pub budget: Arc<Budget>,
    /// Folders to read; none means all. Each must exist.
    pub sparse: Vec<String>,
    /// When computation may start. The wait for it does not count against the remote's timeout.
    pub admission: Admission,
}

/// Size limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FetchLimits {
    /// Bytes of a pack as received.
    pub pack_bytes: u64,
    /// Bytes of one object when unpacked.
    pub object_bytes: u64,
    /// Largest file in a tree, in bytes; a larger one becomes
    /// [`Entry::Large`](lode_tree::Entry::Large).
    pub blob_bytes: u64,
}

/// Default limits of one fetch.
pub const BUDGET: budget::Limits = budget::Limits {
    bytes: 512 << 20,
    nodes: 200_000,
    steps: 1_000_000_000,
};

impl Default for Options {
    fn default() -> Self {
        let budget = Arc::new(Budget::new(BUDGET));
        Self {
            limits: FetchLimits::default(),
            budget,
            sparse: Vec::new(),
            admission: Admission::default(),
        }
    }
}

impl Default for FetchLimits {
    fn default() -> Self {
        Self {
            pack_bytes: 512 << 20,
            object_bytes: 256 << 20,
            blob_bytes: 32 << 20,
        }
    }
}
