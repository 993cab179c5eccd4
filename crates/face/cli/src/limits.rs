//! The flags that bound what one build may cost.

use lode_render::LIMITS;
use lode_stdx::budget::{Budget, Limits};

/// What one build may cost. Charges add up over the whole build, so the bytes are more than it ever holds.
#[derive(Debug, Clone, clap::Args)]
#[expect(
    clippy::struct_field_names,
    reason = "fields are named as the flags are"
)]
pub(crate) struct BuildLimits {
    /// Bytes that one build may allocate in sum
    #[arg(long, value_name = "BYTES", default_value_t = LIMITS.bytes)]
    build_bytes_max: u64,
    /// YAML values that one build may make in sum
    #[arg(long, value_name = "N", default_value_t = LIMITS.nodes)]
    build_nodes_max: u64,
    /// Steps that one build may take: a step is about as long as looking at one value
    #[arg(long, value_name = "N", default_value_t = LIMITS.steps)]
    build_steps_max: u64,
}

impl BuildLimits {
    /// Returns the limits.
    pub(crate) const fn limits(&self) -> Limits {
        Limits {
            bytes: self.build_bytes_max,
            nodes: self.build_nodes_max,
            steps: self.build_steps_max,
        }
    }

    /// Returns a budget for one build.
    pub(crate) const fn budget(&self) -> Budget {
        Budget::new(self.limits())
    }
}
