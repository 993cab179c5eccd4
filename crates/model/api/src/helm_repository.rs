//! `HelmRepository`: a source of charts, either an index that is fetched or a registry of OCI artifacts.
//!
//! A registry is only described: its charts are fetched by the `HelmChart`s that name it. Left out: the behaviour, which
//! is in `world/fetch`, `world/oci` and `control/source`.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::field::{self, words};
use crate::names::{AGE, Column, Names, READY, STATUS, Scope};
use crate::resource::{Kind, SourceStatus, usual_status};
use crate::schema::{default, duration, object, one_of, pattern, short_duration};
use crate::shared::{self, Artifact, LocalRef, RegistryProvider};
use crate::{Conditions, FieldError};

object! {
    /// Where charts are, how often to look for new ones, and how to authenticate.
    pub struct Spec {
        required {
            /// URL of the repository: http, https or oci.
            pub url: Box<str> => pattern("^(http|https|oci)://.*$");
        }
        optional {
            /// Namespaces whose objects may use this repository; not enforced, as in Flux.
            pub access_from: Option<Box<AccessFrom>>;
            /// Secret with TLS certificates.
            pub cert_secret_ref: Option<LocalRef>;
            /// Allow plain http, for repositories of type oci.
            pub insecure: Option<bool>;
            /// Interval at which the index is checked for changes; one minute if absent.
            pub interval: Option<Box<str>> => duration();
            /// Send the credentials to every host that a chart is fetched from.
            pub pass_credentials: Option<bool>;
            /// Identity to authenticate with, for repositories of type oci.
            pub provider: Option<Box<str>> => default("generic"), one_of(RegistryProvider::WORDS);
            /// Secret with credentials.
            pub secret_ref: Option<LocalRef>;
            /// Suspend the reconciliation of this repository.
            pub suspend: Option<bool>;
            /// Timeout of fetching the index or a chart; one minute if absent.
            pub timeout: Option<Box<str>> => short_duration();
            /// Type of the repository; default if absent.
            pub r#type: Option<Box<str>> => one_of(RepositoryType::WORDS);
        }
    }
}

object! {
    /// Which namespaces may use an object.
    pub struct AccessFrom {
        required {
            /// Selectors of namespaces; one of them has to match.
            pub namespace_selectors: Vec<NamespaceSelector>;
        }
    }
}

object! {
    /// A selector of namespaces by their labels.
    pub struct NamespaceSelector {
        optional {
            /// Labels that a namespace must have.
            pub match_labels: BTreeMap<Box<str>, Box<str>>;
        }
    }
}

object! {
    /// State of the last fetch and of the stored index.
    pub struct HelmRepositoryStatus {
        optional {
            /// The latest index.
            pub artifact: Option<Box<Artifact>>;
            /// Conditions of the repository.
            pub conditions: Conditions;
            /// Value of the last reconcile request that was handled.
            pub last_handled_reconcile_at: Option<Box<str>>;
            /// Last generation that was reconciled.
            pub observed_generation: Option<i64>;
            /// URL of the latest index inside the cluster.
            pub url: Option<Box<str>>;
        }
    }
}
usual_status!(HelmRepositoryStatus);

impl SourceStatus for HelmRepositoryStatus {
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
    /// Type of a repository.
    pub enum RepositoryType {
        /// Charts listed in an `index.yaml`.
        Default = "default",
        /// Charts that are artifacts of a registry.
        Oci = "oci",
    }
}

impl Kind for Spec {
    const NAMES: Names = Names {
        group: "source.toolkit.fluxcd.io",
        version: "v1",
        kind: "HelmRepository",
        singular: "helmrepository",
        plural: "helmrepositories",
        short: &["helmrepo"],
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
        AGE,
        READY,
        STATUS,
    ];
    type Status = HelmRepositoryStatus;

    fn suspended(&self) -> bool {
        self.suspend.unwrap_or_default()
    }

    fn interval(&self) -> Result<Option<Duration>, FieldError> {
        let text = self.interval.as_deref();
        text.map_or(Ok(INTERVAL), |text| field::duration("spec.interval", text))
            .map(Some)
    }
}

impl Spec {
    /// Returns the timeout of fetching the index or a chart.
    ///
    /// # Errors
    /// The field is not a duration.
    pub fn timeout(&self) -> Result<Duration, FieldError> {
        let text = self.timeout.as_deref();
        text.map_or(Ok(TIMEOUT), |text| field::duration("spec.timeout", text))
    }

    /// Returns the type of the repository.
    ///
    /// # Errors
    /// The field is not one of [`RepositoryType::WORDS`].
    pub fn r#type(&self) -> Result<RepositoryType, FieldError> {
        let read = RepositoryType::read("spec.type", self.r#type.as_deref())?;
        Ok(read.unwrap_or(RepositoryType::Default))
    }

    /// Returns the identity to authenticate with.
    ///
    /// # Errors
    /// The field is not one of [`RegistryProvider::WORDS`].
    pub fn provider(&self) -> Result<RegistryProvider, FieldError> {
        RegistryProvider::of_spec(self.provider.as_deref())
    }

    /// Returns the first reference with an empty name, which is refused.
    #[must_use]
    pub fn nameless(&self) -> Option<String> {
        shared::nameless(&[
            ("spec.secretRef", self.secret_ref.as_ref()),
            ("spec.certSecretRef", self.cert_secret_ref.as_ref()),
        ])
    }
}

/// Interval of a repository that names none.
const INTERVAL: Duration = Duration::from_mins(1);
/// Timeout of a repository that names none.
const TIMEOUT: Duration = Duration::from_mins(1);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_absent_has_its_default() {
        let spec = Spec::default();
        assert_eq!(Kind::interval(&spec), Ok(Some(Duration::from_mins(1))));
        assert_eq!(spec.timeout(), Ok(Duration::from_mins(1)));
        assert_eq!(spec.r#type(), Ok(RepositoryType::Default));
        assert_eq!(spec.provider(), Ok(RegistryProvider::Generic));
    }

    #[test]
    fn bad_texts_are_told_when_asked_for() {
        let spec = Spec {
            interval: Some("1d".into()),
            timeout: Some("1d".into()),
            r#type: Some("git".into()),
            ..Spec::default()
        };
        assert!(Kind::interval(&spec).is_err() && spec.timeout().is_err());
        let error = spec.r#type().unwrap_err();
        assert_eq!(
            error.to_string(),
            "spec.type: \"git\" is not one of default, oci"
        );
    }

    #[test]
    fn a_reference_without_a_name_is_found() {
        let named = Spec {
            secret_ref: Some(LocalRef { name: "a".into() }),
            ..Spec::default()
        };
        assert_eq!(named.nameless(), None);
        let nameless = Spec {
            cert_secret_ref: Some(LocalRef::default()),
            ..named
        };
        let found = nameless.nameless();
        assert_eq!(found.as_deref(), Some("spec.certSecretRef.name"));
    }
}
