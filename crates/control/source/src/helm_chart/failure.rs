//! [`BuildStep`]: what part of making a chart went wrong, and the failure that tells it in the words of Flux.

use lode_api::reasons;
use lode_runtime::{Failure, Retry};

use crate::step;

/// A part of making a chart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BuildStep {
    /// Finding out which chart is meant.
    Reference,
    /// Bringing it.
    Pull,
    /// Setting its version.
    Version,
    /// Merging values files.
    Values,
    /// Bringing its dependencies.
    Dependencies,
    /// Packing it.
    Package,
}

/// What begins the message of a failure that belongs to no step.
const UNKNOWN: &str = "unknown build error: ";

impl BuildStep {
    /// Returns the failure of the step.
    pub(crate) fn failed(self, text: impl std::fmt::Display) -> Failure {
        let (reason, what) = self.words();
        let message = format!("{what}: {text}");
        let failure = match self {
            Self::Reference | Self::Pull => step::fetch(reason, message),
            _ => step::build(reason, message),
        };
        match self {
            // Only a change of the specification or of the source can help.
            Self::Reference | Self::Version | Self::Values => failure.with(Retry::Never),
            _ => failure,
        }
    }

    fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Reference => (reasons::INVALID_CHART_REFERENCE, "invalid chart reference"),
            Self::Pull => (reasons::CHART_PULL_ERROR, "chart pull error"),
            Self::Version => (reasons::METADATA_PATCH_ERROR, "chart metadata patch error"),
            Self::Values => (reasons::VALUES_FILES_ERROR, "values files merge error"),
            Self::Dependencies => (reasons::DEPENDENCY_BUILD_ERROR, "dependency build error"),
            Self::Package => (reasons::CHART_PACKAGE_ERROR, "chart package error"),
        }
    }
}

/// Returns the failure of something outside of the steps, such as credentials: conditions say that it is unknown.
pub(crate) fn outside(text: impl std::fmt::Display) -> Failure {
    step::fetch(reasons::UNKNOWN, format!("{UNKNOWN}{text}"))
}

/// Returns a failure that says so if it is about credentials or certificates of a Helm repository.
pub(crate) fn of_repository(failure: Failure) -> Failure {
    let is_about_access = [
        "401",
        "unauthorized",
        "authentication required",
        "tls",
        "TLS failed",
        "unknown certificate authority",
    ];
    if !is_about_access
        .iter()
        .any(|word| failure.message.contains(word))
    {
        return failure;
    }
    let text = failure.message;
    outside(format!(
        "failed to authenticate with the Helm repository: {text}"
    ))
}

/// Returns reason and text of the event about a failure, which says more of what is [`outside`].
pub(crate) fn told(failure: &Failure) -> (&'static str, &str) {
    let Some(text) = failure.message.strip_prefix(UNKNOWN) else {
        return (failure.reason, &failure.message);
    };
    let reason = match failure.retry {
        Retry::Never => reasons::URL_INVALID,
        _ => reasons::AUTHENTICATION_FAILED,
    };
    (reason, text)
}

#[cfg(test)]
mod tests {
    use lode_api::conditions::{BUILD_FAILED, FETCH_FAILED};

    use super::*;

    #[test]
    fn each_step_has_its_condition_and_its_time_for_another_try() {
        for (step, condition, retry) in [
            (BuildStep::Reference, FETCH_FAILED, Retry::Never),
            (BuildStep::Pull, FETCH_FAILED, Retry::Backoff),
            (BuildStep::Version, BUILD_FAILED, Retry::Never),
            (BuildStep::Values, BUILD_FAILED, Retry::Never),
            (BuildStep::Dependencies, BUILD_FAILED, Retry::Backoff),
            (BuildStep::Package, BUILD_FAILED, Retry::Backoff),
        ] {
            let failure = step.failed("no");
            assert_eq!(
                (failure.condition, failure.retry),
                (Some(condition), retry),
                "{step:?}"
            );
            assert!(failure.message.ends_with("error: no") || step == BuildStep::Reference);
        }
    }

    #[test]
    fn what_is_about_access_is_told_as_such() {
        let failure = of_repository(BuildStep::Pull.failed("http://x : 401 Unauthorized"));
        assert_eq!(failure.reason, "Unknown");
        let text = "failed to authenticate with the Helm repository: chart pull error: http://x : 401 Unauthorized";
        assert_eq!(failure.message, format!("unknown build error: {text}"));
        assert_eq!(told(&failure), ("AuthenticationFailed", text));
        let other = of_repository(BuildStep::Pull.failed("404"));
        assert_eq!(told(&other), ("ChartPullError", "chart pull error: 404"));
    }
}
