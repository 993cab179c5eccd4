//! Default limits of one render.

use lode_stdx::budget::Limits;

/// Default limits of loading, preparing and rendering one chart: at least ten times what the most
/// expensive of 355 renders of real charts needs. The test that renders those charts prints the
/// figures.
pub const LIMITS: Limits = Limits {
    bytes: 768 << 20,
    nodes: 5_000_000,
    steps: 100_000_000,
};
