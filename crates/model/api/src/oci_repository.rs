//! `OCIRepository`: a source that is a layer of an artifact in a registry.
//!
//! Left out: the behaviour, which is in `world/oci` and `control/source`.

use std::time::Duration;

use crate::field::{self, words};
use crate::names::{AGE, Column, Names, READY, STATUS, Scope};
use crate::resource::{Kind, SourceStatus, usual_status};
use crate::schema::{ExplicitText, default, duration, object, one_of, pattern, short_duration};
use crate::shared::{self, Artifact, LocalRef, OidcIdentity, RegistryProvider};
use crate::{Conditions, FieldError};

object! {
    /// What to pull, from where and how often.
    pub struct Spec {
        required {
            /// Interval at which the registry is checked for changes.
            pub interval: Box<str> => duration();
            /// URL of the repository, without a tag.
            pub url: Box<str> => pattern("^oci://.*$");
        }
        optional {
            /// Secret with TLS certificates.
            pub cert_secret_ref: Option<LocalRef>;
            /// Patterns, in gitignore format, of files that the artifact leaves out; they replace
            /// the defaults.
            pub ignore: Option<ExplicitText>;
            /// Allow plain http, and certificates that cannot be verified.
            pub insecure: Option<bool>;
            /// Layer to pull, and what to do with it; the first layer if absent.
            pub layer_selector: Option<Box<LayerSelector>>;
            /// Identity to authenticate with.
            pub provider: Option<Box<str>> => default("generic"), one_of(RegistryProvider::WORDS);
            /// Secret with the address and credentials of a proxy.
            pub proxy_secret_ref: Option<LocalRef>;
            /// What to pull from the repository; the tag `latest` if absent.
            pub r#ref: Option<Box<Reference>>;
            /// Secret with credentials, of the type `kubernetes.io/dockerconfigjson`.
            pub secret_ref: Option<LocalRef>;
            /// `ServiceAccount` whose image pull secrets, or whose identity, are used.
            pub service_account_name: Option<Box<str>>;
            /// Suspend the reconciliation of this repository.
            pub suspend: Option<bool>;
            /// Timeout of operations with the registry.
            pub timeout: Option<Box<str>> => default("60s"), short_duration();
            /// Signatures to verify.
            pub verify: Option<Box<Verification>>;
        }
    }
}

object! {
    /// An artifact, by one of its names. If several are set, the order of precedence is digest, semver, tag.
    pub struct Reference {
        optional {
            /// Digest of the manifest, as `sha256:hex`.
            pub digest: Option<Box<str>>;
            /// Range of versions; the tag with the highest version in the range is pulled.
            pub semver: Option<Box<str>>;
            /// Regular expression that tags have to match to be considered for the range.
            pub semver_filter: Option<Box<str>>;
            /// Tag to pull.
            pub tag: Option<Box<str>>;
        }
    }
}

object! {
    /// Which layer to pull, and what to do with it.
    pub struct LayerSelector {
        optional {
            /// Media type of the layer; the first layer if absent.
            pub media_type: Option<Box<str>>;
            /// What to do with the layer; extract if absent.
            pub operation: Option<Box<str>> => one_of(LayerOperation::WORDS);
        }
    }
}

object! {
    /// Which signatures to verify, with which keys.
    pub struct Verification {
        required {
            /// Tool that made the signatures.
            pub provider: Box<str> => default("cosign"), one_of(&["cosign", "notation"]);
        }
        optional {
            /// Identities of which one has to have signed, for signatures without a key.
            pub match_oidc_identity as "matchOIDCIdentity": Vec<OidcIdentity>;
            /// Secret with the public keys.
            pub secret_ref: Option<LocalRef>;
            /// Secret with the root of trust for signatures without a key.
            pub trusted_root_secret_ref: Option<LocalRef>;
        }
    }
}

object! {
    /// State of the last pull and of the stored artifact.
    pub struct OCIRepositoryStatus {
        optional {
            /// The latest artifact.
            pub artifact: Option<Box<Artifact>>;
            /// Conditions of the repository.
            pub conditions: Conditions;
            /// Value of the last reconcile request that was handled.
            pub last_handled_reconcile_at: Option<Box<str>>;
            /// Last generation that was reconciled.
            pub observed_generation: Option<i64>;
            /// Ignore patterns of the latest artifact.
            pub observed_ignore: Option<ExplicitText>;
            /// Layer selector of the latest artifact.
            pub observed_layer_selector: Option<Box<LayerSelector>>;
            /// URL of the latest artifact inside the cluster.
            pub url: Option<Box<str>>;
        }
    }
}
usual_status!(OCIRepositoryStatus);

impl SourceStatus for OCIRepositoryStatus {
    fn artifact(&self) -> Option<&Artifact> {
        self.artifact.as_deref()
    }

    fn set_artifact(&mut self, artifact: Option<Artifact>) {
        self.artifact = artifact.map(Box::new);
    }

    fn set_url(&mut self, url: Option<Box<str>>) {
        self.url = url;
    }
}

words! {
    /// What to do with a layer.
    pub enum LayerOperation {
        /// Unpack it, and archive the files in it.
        Extract = "extract",
        /// Keep it as it is.
        Copy = "copy",
    }
}

impl Kind for Spec {
    const NAMES: Names = Names {
        group: "source.toolkit.fluxcd.io",
        version: "v1",
        kind: "OCIRepository",
        singular: "ocirepository",
        plural: "ocirepositories",
        short: &["ocirepo"],
        categories: &["all", "fluxcd", "fluxcd-sources"],
        component: "source-controller",
        scope: Scope::Namespaced,
    };
    const COLUMNS: &'static [Column] = &[
        Column {
            name: "URL",
            kind: "string",
            path: ".spec.url",
        },
        READY,
        STATUS,
        AGE,
    ];
    type Status = OCIRepositoryStatus;

    fn suspended(&self) -> bool {
        self.suspend.unwrap_or_default()
    }

    fn interval(&self) -> Result<Option<Duration>, FieldError> {
        field::duration("spec.interval", &self.interval).map(Some)
    }
}

impl Spec {
    /// Returns the timeout of operations with the registry.
    ///
    /// # Errors
    /// The field is not a duration.
    pub fn timeout(&self) -> Result<Duration, FieldError> {
        let text = self.timeout.as_deref();
        text.map_or(Ok(TIMEOUT), |text| field::duration("spec.timeout", text))
    }

    /// Returns the identity to authenticate with.
    ///
    /// # Errors
    /// The field is not one of [`RegistryProvider::WORDS`].
    pub fn provider(&self) -> Result<RegistryProvider, FieldError> {
        RegistryProvider::of_spec(self.provider.as_deref())
    }

    /// Returns what to do with the layer.
    ///
    /// # Errors
    /// The field is not one of [`LayerOperation::WORDS`].
    pub fn layer_operation(&self) -> Result<LayerOperation, FieldError> {
        let selector = self.layer_selector.as_deref();
        let operation = selector.and_then(|selector| selector.operation.as_deref());
        let read = LayerOperation::read("spec.layerSelector.operation", operation)?;
        Ok(read.unwrap_or(LayerOperation::Extract))
    }

    /// Returns the media type of the layer to pull; the first layer if absent.
    #[must_use]
    pub fn layer_media_type(&self) -> Option<&str> {
        self.layer_selector.as_deref()?.media_type.as_deref()
    }

    /// Returns the first reference with an empty name, which is refused.
    #[must_use]
    pub fn nameless(&self) -> Option<String> {
        let verify = self.verify.as_deref();
        shared::nameless(&[
            ("spec.secretRef", self.secret_ref.as_ref()),
            ("spec.certSecretRef", self.cert_secret_ref.as_ref()),
            ("spec.proxySecretRef", self.proxy_secret_ref.as_ref()),
            (
                "spec.verify.secretRef",
                verify.and_then(|verify| verify.secret_ref.as_ref()),
            ),
            (
                "spec.verify.trustedRootSecretRef",
                verify.and_then(|verify| verify.trusted_root_secret_ref.as_ref()),
            ),
        ])
    }
}

/// Timeout of an object created without the default of our `CustomResourceDefinition`.
const TIMEOUT: Duration = Duration::from_mins(1);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_absent_has_its_default() {
        let spec = Spec {
            interval: "1m".into(),
            ..Spec::default()
        };
        assert_eq!(Kind::interval(&spec), Ok(Some(Duration::from_mins(1))));
        assert_eq!(spec.timeout(), Ok(TIMEOUT));
        assert_eq!(spec.provider(), Ok(RegistryProvider::Generic));
        assert_eq!(spec.layer_operation(), Ok(LayerOperation::Extract));
        assert_eq!(spec.layer_media_type(), None);
    }

    #[test]
    fn a_layer_is_selected_by_its_media_type() {
        let selector = LayerSelector {
            media_type: Some("text/plain".into()),
            operation: Some("copy".into()),
        };
        let mut spec = Spec {
            layer_selector: Some(selector.into()),
            ..Spec::default()
        };
        assert_eq!(spec.layer_media_type(), Some("text/plain"));
        assert_eq!(spec.layer_operation(), Ok(LayerOperation::Copy));
        spec.layer_selector.as_mut().unwrap().operation = Some("move".into());
        let error = spec.layer_operation().unwrap_err();
        assert_eq!(
            error.to_string(),
            "spec.layerSelector.operation: \"move\" is not one of extract, copy"
        );
    }

    #[test]
    fn a_reference_without_a_name_is_found_in_the_verification_too() {
        let verify = Verification {
            trusted_root_secret_ref: Some(LocalRef::default()),
            ..Verification::default()
        };
        let spec = Spec {
            verify: Some(verify.into()),
            ..Spec::default()
        };
        let found = spec.nameless();
        assert_eq!(
            found.as_deref(),
            Some("spec.verify.trustedRootSecretRef.name")
        );
        assert_eq!(Spec::default().nameless(), None);
    }
}
