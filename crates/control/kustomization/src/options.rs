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
        // An empty name is none: it must not win over the default.
        let given = |name: &'a str| Some(name).filter(|name| !name.is_empty());
        let own = object.spec.service_account_name.as_deref().and_then(given);
        own.or_else(|| self.default_service_account.as_deref().and_then(given))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_account_is_no_account_and_does_not_win_over_the_default() {
        let account = |own: Option<&str>, default: Option<&str>| {
            let options = Options {
                default_service_account: default.map(Into::into),
                ..Options::default()
            };
            let mut object = Kustomization::default();
            object.spec.service_account_name = own.map(Into::into);
            options.account(&object).map(str::to_owned)
        };
        for own in [None, Some("")] {
            assert_eq!(account(own, Some("default")).as_deref(), Some("default"));
            assert_eq!(account(own, Some("")), None);
            assert_eq!(account(own, None), None);
        }
        assert_eq!(
            account(Some("own"), Some("default")).as_deref(),
            Some("own")
        );
    }
}
