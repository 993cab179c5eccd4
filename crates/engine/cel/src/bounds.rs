//! Bounds on what an expression may build.

/// Longest text that one of our functions builds.
pub(crate) const BUILT_BYTES_MAX: usize = 1 << 20;
