//! Checks a specification before anything is opened.
//!
//! Pure: the specification in, an [`OciPlan`] or a [`Failure`] out. A field of the contract that is not built yet is a
//! failure, too: ignoring it could let in what it is meant to keep out.

use std::time::Duration;

use lode_api::oci_repository::{LayerOperation, Reference, Spec};
use lode_api::shared::RegistryProvider;
use lode_api::{OCIRepository, reasons};
use lode_oci::{Repository, Scheme};
use lode_runtime::{Failure, Retry};

use crate::step;

/// What a URL begins with.
const PREFIX: &str = "oci://";
/// The tag if none is named.
const LATEST: &str = "latest";

/// A specification that can be acted on.
#[derive(Debug, PartialEq, Eq)]
pub struct OciPlan {
    pub(crate) repository: Repository,
    pub(crate) choice: ArtifactChoice,
    /// Media type of the layer; the first layer if absent.
    pub(crate) media_type: Option<String>,
    pub(crate) operation: LayerOperation,
    pub(crate) scheme: Scheme,
    /// Whether any certificate of the registry is accepted.
    pub(crate) accepts_any_certificate: bool,
    pub(crate) timeout: Duration,
}

/// Which artifact of a repository is meant.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum ArtifactChoice {
    Digest(String),
    /// The highest version in a range, among the tags that match a pattern.
    Range {
        range: String,
        filter: Option<String>,
    },
    Tag(String),
}

/// Checks one repository's specification.
pub(crate) fn validate(object: &OCIRepository) -> Result<OciPlan, Failure> {
    let spec = &object.spec;
    step::check_named(spec.nameless())?;
    refuse_unsupported(spec)?;

    let repository = repository(&spec.url)?;
    let is_insecure = spec.insecure.unwrap_or_default();
    let operation = spec.layer_operation();
    Ok(OciPlan {
        choice: choice(spec.r#ref.as_deref()),
        media_type: given(spec.layer_media_type()),
        operation: operation.map_err(|error| step::field(&error))?,
        scheme: scheme(&repository, is_insecure),
        accepts_any_certificate: is_insecure && spec.cert_secret_ref.is_none(),
        timeout: spec.timeout().map_err(|error| step::field(&error))?,
        repository,
    })
}

fn refuse_unsupported(spec: &Spec) -> Result<(), Failure> {
    let provider = spec.provider().map_err(|error| step::field(&error))?;
    if provider != RegistryProvider::Generic {
        let field = format!("spec.provider {}", provider.as_str());
        return Err(step::unsupported(&field));
    }
    if spec.verify.is_some() {
        return Err(step::unsupported("spec.verify"));
    }
    Ok(())
}

fn repository(url: &str) -> Result<Repository, Failure> {
    let invalid = |text: String| {
        let text = format!("URL validation failed for '{url}': {text}");
        step::fetch(reasons::URL_INVALID, text).with(Retry::Never)
    };
    let Some(bare) = url.strip_prefix(PREFIX) else {
        let text = "URL must be in format 'oci://<domain>/<org>/<repo>'";
        return Err(invalid(text.to_owned()));
    };
    Repository::parse(bare).map_err(|error| invalid(error.to_string()))
}

/// Registries in private networks often speak plain http; credentials go there by https, unless the user says that
/// plain http is fine.
fn scheme(repository: &Repository, is_insecure: bool) -> Scheme {
    match (is_insecure, repository.is_private()) {
        (true, _) => Scheme::Either,
        (false, true) => Scheme::EitherWithoutCredentials,
        (false, false) => Scheme::Https,
    }
}

fn choice(reference: Option<&Reference>) -> ArtifactChoice {
    let field = |field: fn(&Reference) -> &Option<Box<str>>| given(field(reference?).as_deref());
    if let Some(digest) = field(|reference| &reference.digest) {
        return ArtifactChoice::Digest(digest);
    }
    if let Some(range) = field(|reference| &reference.semver) {
        let filter = field(|reference| &reference.semver_filter);
        return ArtifactChoice::Range { range, filter };
    }
    let tag = field(|reference| &reference.tag);
    ArtifactChoice::Tag(tag.unwrap_or_else(|| LATEST.to_owned()))
}

/// Returns a text that is not empty.
fn given(text: Option<&str>) -> Option<String> {
    text.filter(|text| !text.is_empty()).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn plan(spec: &Value) -> Result<OciPlan, Failure> {
        let mut object =
            json!({"metadata": {"name": "a", "namespace": "ns"}, "spec": {"interval": "1m"}});
        object["spec"]["url"] = json!("oci://ghcr.io/stefanprodan/podinfo");
        for (field, value) in spec.as_object().unwrap() {
            object["spec"][field] = value.clone();
        }
        validate(&OCIRepository::parse(&object).unwrap())
    }

    fn failure(spec: &Value) -> Failure {
        plan(spec).err().unwrap()
    }

    #[test]
    fn what_is_not_built_is_refused() {
        for spec in [
            json!({"provider": "aws"}),
            json!({"provider": "gcp", "serviceAccountName": "a"}),
            json!({"verify": {"provider": "cosign"}}),
            json!({"verify": {"provider": "notation", "secretRef": {"name": "keys"}}}),
        ] {
            let failure = failure(&spec);
            assert_eq!(
                (failure.reason, failure.retry),
                ("Unsupported", Retry::Never),
                "{spec}"
            );
        }
        assert!(plan(&json!({"provider": "generic", "serviceAccountName": "a"})).is_ok());
    }

    #[test]
    fn what_means_nothing_is_refused() {
        for (spec, reason) in [
            (json!({"url": "https://ghcr.io/a/b"}), "URLInvalid"),
            (json!({"url": "oci://ghcr.io/a/b:v1"}), "URLInvalid"),
            (json!({"url": "oci://"}), "URLInvalid"),
            (json!({"timeout": "1d"}), "Failed"),
            (json!({"provider": "other"}), "Failed"),
            (json!({"secretRef": {"name": ""}}), "Failed"),
            (json!({"layerSelector": {"operation": "move"}}), "Failed"),
        ] {
            let failure = failure(&spec);
            assert_eq!(
                (failure.reason, failure.retry),
                (reason, Retry::Never),
                "{spec}"
            );
        }
        let text = failure(&json!({"url": "oci://ghcr.io/a/b:v1"})).message;
        assert!(
            text.starts_with(
                "URL validation failed for 'oci://ghcr.io/a/b:v1': repository can only"
            ),
            "{text}"
        );
    }

    #[test]
    fn a_digest_counts_before_a_range_and_a_range_before_a_tag() {
        let tag = |tag: &str| ArtifactChoice::Tag(tag.to_owned());
        let range = |filter: Option<&str>| ArtifactChoice::Range {
            range: "1.x".to_owned(),
            filter: filter.map(str::to_owned),
        };
        for (reference, expected) in [
            (json!({}), tag("latest")),
            (json!({"tag": ""}), tag("latest")),
            (json!({"tag": "v1"}), tag("v1")),
            (json!({"tag": "v1", "semverFilter": "x"}), tag("v1")),
            (json!({"tag": "v1", "semver": "1.x"}), range(None)),
            (
                json!({"semver": "1.x", "semverFilter": ".*"}),
                range(Some(".*")),
            ),
            (
                json!({"tag": "v1", "semver": "1.x", "digest": "sha256:0"}),
                ArtifactChoice::Digest("sha256:0".to_owned()),
            ),
        ] {
            let plan = plan(&json!({"ref": reference})).unwrap();
            assert_eq!(plan.choice, expected, "{reference}");
        }
        assert_eq!(plan(&json!({})).unwrap().choice, tag("latest"));
    }

    #[test]
    fn credentials_go_by_plain_http_only_where_the_user_says_so() {
        for (spec, scheme, any) in [
            (json!({}), Scheme::Https, false),
            (json!({"insecure": true}), Scheme::Either, true),
            (
                json!({"url": "oci://localhost:5000/app"}),
                Scheme::EitherWithoutCredentials,
                false,
            ),
            (
                json!({"insecure": true, "certSecretRef": {"name": "ca"}}),
                Scheme::Either,
                false,
            ),
        ] {
            let plan = plan(&spec).unwrap();
            assert_eq!(
                (plan.scheme, plan.accepts_any_certificate),
                (scheme, any),
                "{spec}"
            );
        }
    }
}
