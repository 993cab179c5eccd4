//! Flags that limit the cost of one build, or of one chart.

use lode_render::LIMITS;
use lode_stdx::budget::{Budget, Limits};

/// Limits of one build. Charges add up over the whole build, so the byte limit is higher than the
/// memory it holds at any time.
#[derive(Debug, Clone, clap::Args)]
#[expect(
    clippy::struct_field_names,
    reason = "fields are named as the flags are"
)]
pub(crate) struct BuildLimits {
    /// Bytes that one build may allocate in total
    #[arg(long, value_name = "BYTES", default_value_t = LIMITS.bytes)]
    build_bytes_max: u64,
    /// YAML values that one build may create in total
    #[arg(long, value_name = "N", default_value_t = LIMITS.nodes)]
    build_nodes_max: u64,
    /// Steps that one build may take; one step is about one value visited
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

    /// Returns a new budget for one build.
    pub(crate) const fn budget(&self) -> Budget {
        Budget::new(self.limits())
    }
}

/// Limits of loading or rendering one chart.
#[derive(Debug, Clone, clap::Args)]
#[expect(
    clippy::struct_field_names,
    reason = "fields are named as the flags are"
)]
pub(crate) struct ChartLimits {
    /// Bytes that loading or rendering a chart may allocate in total
    #[arg(long, value_name = "BYTES", default_value_t = lode_chart::LIMITS.bytes)]
    chart_bytes_max: u64,
    /// Values that loading or rendering a chart may create in total
    #[arg(long, value_name = "N", default_value_t = lode_chart::LIMITS.nodes)]
    chart_nodes_max: u64,
    /// Steps that loading or rendering a chart may take; one step is about one value visited
    #[arg(long, value_name = "N", default_value_t = lode_chart::LIMITS.steps)]
    chart_steps_max: u64,
}

impl ChartLimits {
    /// Returns the limits.
    pub(crate) const fn limits(&self) -> Limits {
        Limits {
            bytes: self.chart_bytes_max,
            nodes: self.chart_nodes_max,
            steps: self.chart_steps_max,
        }
    }
}
