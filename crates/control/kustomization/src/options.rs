//! What holds for all Kustomizations; the names are those of Flux's flags.

use std::time::Duration;

use lode_api::Kustomization;
use lode_stdx::budget::Limits;

/// What holds for all Kustomizations.
#[derive(Debug, Clone)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub struct Options {
    /// Wait for a source without an artifact, as told in its message (`--requeue-dependency`).
    pub requeue_dependency: Duration,
    /// Account used where a Kustomization names none (`--default-service-account`).
    pub default_service_account: Option<String>,
    /// Refuses sources and dependencies in other namespaces (`--no-cross-namespace-refs`).
    pub no_cross_namespace_refs: bool,
    /// An undefined variable is an error (feature gate `StrictPostBuildSubstitutions`).
    pub strict_substitution: bool,
    /// A field that the type of its object does not have is an error (`--strict-fields`, ours).
    pub strict_fields: bool,
    /// Charts that are in the source are rendered (`--enable-helm-charts`, ours).
    pub charts: bool,
    /// What one build may cost (`--build-bytes-max` and its sisters).
    pub build_limits: Limits,
    /// How far intervals are spread, in percent (`--interval-jitter-percentage`).
    pub interval_jitter_percent: u8,
}

impl Options {
    /// Returns the account that everything happens with for a Kustomization; none means the operator's own rights.
    pub(crate) fn account<'a>(&'a self, object: &'a Kustomization) -> Option<&'a str> {
        lode_runtime::account(
            object.spec.service_account_name.as_deref(),
            self.default_service_account.as_deref(),
        )
    }
}

impl Default for Options {
    fn default() -> Self {
        Self {
            requeue_dependency: Duration::from_secs(30),
            default_service_account: None,
            no_cross_namespace_refs: false,
            strict_substitution: true,
            strict_fields: false,
            charts: false,
            build_limits: lode_render::LIMITS,
            interval_jitter_percent: 5,
        }
    }
}
