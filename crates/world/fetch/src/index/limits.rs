//! [`IndexLimits`]: what an index may cost besides its budget.

/// What an index may cost besides its budget.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IndexLimits {
    /// Bytes of memory that the [`Index`](super::Index) may take.
    pub kept_bytes: u64,
    /// Bytes that the [`IndexFile`](super::IndexFile) may have.
    pub file_bytes: u64,
}

impl Default for IndexLimits {
    /// A hundred times what the largest public repositories need.
    fn default() -> Self {
        Self {
            kept_bytes: 64 << 20,
            file_bytes: 512 << 20,
        }
    }
}
