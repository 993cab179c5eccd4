//! What holds for all Kustomizations; the names are those of Flux's flags.

use std::time::Duration;

/// What holds for all Kustomizations.
#[derive(Debug, Clone)]
pub struct Options {
    /// Wait for a source without an artifact, as told in its message (`--requeue-dependency`).
    pub requeue_dependency: Duration,
    /// Account used where a Kustomization names none (`--default-service-account`).
    pub default_service_account: Option<String>,
    /// Refuses sources and dependencies in other namespaces (`--no-cross-namespace-refs`).
    pub no_cross_namespace_refs: bool,
    /// An undefined variable is an error (feature gate `StrictPostBuildSubstitutions`).
    pub strict_substitution: bool,
    /// How far intervals are spread, in percent (`--interval-jitter-percentage`).
    pub interval_jitter_percent: u8,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            requeue_dependency: Duration::from_secs(30),
            default_service_account: None,
            no_cross_namespace_refs: false,
            strict_substitution: true,
            interval_jitter_percent: 5,
        }
    }
}
