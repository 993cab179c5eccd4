//! Default limits of one build.

use lode_stdx::budget::Limits;

/// Default limits of one build: at least ten times what the largest folder of twenty-nine real
/// repositories needs. The test that builds those folders prints the figures.
pub const LIMITS: Limits = Limits {
    bytes: 384 << 20,
    nodes: 5_000_000,
    steps: 30_000_000,
};
