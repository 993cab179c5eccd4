//! What one build may cost where nobody says otherwise.

use lode_stdx::budget::Limits;

/// What one build may cost: at least ten times what the largest folder of twenty-nine real repositories needs. The test
/// that builds those folders prints how much that is.
pub const LIMITS: Limits = Limits {
    bytes: 384 << 20,
    nodes: 5_000_000,
    steps: 30_000_000,
};
