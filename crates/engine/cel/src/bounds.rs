//! Bounds of what an expression may build.

/// The longest text a function of ours builds.
pub(crate) const BUILT_BYTES_MAX: usize = 1 << 20;
