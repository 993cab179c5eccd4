//! Checks a specification before anything is opened.
//!
//! Pure: the specification in, a [`HelmRepositoryPlan`] or a [`Failure`] out.

use std::time::Duration;

use lode_api::helm_repository::RepositoryType;
use lode_api::{HelmRepository, reasons};
use lode_runtime::{Failure, Retry};

use crate::step;

/// A specification that can be acted on.
#[derive(Debug, PartialEq, Eq)]
pub struct HelmRepositoryPlan {
    pub(crate) timeout: Duration,
}

/// Returns whether a repository is a registry, which is only described.
pub(crate) fn is_registry(object: &HelmRepository) -> bool {
    object.spec.r#type() == Ok(RepositoryType::Oci)
}

/// Checks one repository's specification.
pub(crate) fn validate(object: &HelmRepository) -> Result<HelmRepositoryPlan, Failure> {
    let spec = &object.spec;
    step::check_named(spec.nameless())?;
    spec.r#type().map_err(|error| step::field(&error))?;
    if spec.url.starts_with("oci://") {
        return Err(invalid_url(
            &"'oci' URL scheme cannot be used with 'default' HelmRepository type",
        ));
    }
    let timeout = spec.timeout();
    Ok(HelmRepositoryPlan {
        timeout: timeout.map_err(|error| step::field(&error))?,
    })
}

/// The URL cannot be that of a repository.
pub(crate) fn invalid_url(why: &dyn std::fmt::Display) -> Failure {
    let text = format!("invalid Helm repository URL: {why}");
    step::fetch(reasons::URL_INVALID, text).with(Retry::Never)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn object(spec: &Value) -> HelmRepository {
        HelmRepository::parse(&json!({"metadata": {"name": "a"}, "spec": spec})).unwrap()
    }

    #[test]
    fn a_registry_is_only_described() {
        let url = "oci://ghcr.io/charts";
        assert!(is_registry(&object(&json!({"url": url, "type": "oci"}))));
        assert!(!is_registry(&object(&json!({"url": url}))));
        let failure = validate(&object(&json!({"url": url}))).unwrap_err();
        assert_eq!(
            (failure.reason, failure.retry),
            ("URLInvalid", Retry::Never)
        );
    }

    #[test]
    fn what_means_nothing_is_refused() {
        for spec in [
            json!({"url": "http://x", "timeout": "1d"}),
            json!({"url": "http://x", "type": "git"}),
            json!({"url": "http://x", "secretRef": {"name": ""}}),
        ] {
            assert_eq!(
                validate(&object(&spec)).unwrap_err().retry,
                Retry::Never,
                "{spec}"
            );
        }
        let plan = validate(&object(&json!({"url": "http://x", "timeout": "5s"})));
        assert_eq!(plan.unwrap().timeout, Duration::from_secs(5));
    }
}
