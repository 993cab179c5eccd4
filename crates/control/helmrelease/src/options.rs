//! What holds for all releases; the names are those of Flux's flags.

use std::time::Duration;

use lode_api::HelmRelease;
use lode_stdx::budget::Limits;

/// How many releases are acted for at once: each holds its manifest and its objects while they are written, and more
/// requests at a time make no server faster.
pub const ACTING_MAX: usize = 32;

/// How many more may wait for their objects.
pub(crate) const WAITING_MAX: usize = 512;

/// The field manager of everything that is written for a release, as in Flux.
pub const MANAGER: &str = "helm-controller";

/// What holds for all releases.
#[derive(Debug, Clone)]
pub struct HelmReleaseOptions {
    /// Longest wait for a chart or a dependency (`--requeue-dependency`).
    pub requeue_dependency: Duration,
    /// Account used where a release names none (`--default-service-account`).
    pub default_service_account: Option<String>,
    /// Refuses sources and dependencies in other namespaces (`--no-cross-namespace-refs`).
    pub no_cross_namespace_refs: bool,
    /// What loading or rendering one chart may cost (`--chart-bytes-max` and its sisters).
    pub chart_limits: Limits,
    /// How far intervals are spread, in percent (`--interval-jitter-percentage`).
    pub interval_jitter_percent: u8,
}

impl HelmReleaseOptions {
    /// Returns the account that everything happens with for a release; none means the operator's own rights.
    pub(crate) fn account<'a>(&'a self, object: &'a HelmRelease) -> Option<&'a str> {
        lode_runtime::account(
            object.spec.service_account_name.as_deref(),
            self.default_service_account.as_deref(),
        )
    }
}

impl Default for HelmReleaseOptions {
    fn default() -> Self {
        Self {
            requeue_dependency: Duration::from_secs(30),
            default_service_account: None,
            no_cross_namespace_refs: false,
            chart_limits: lode_chart::LIMITS,
            interval_jitter_percent: 5,
        }
    }
}
