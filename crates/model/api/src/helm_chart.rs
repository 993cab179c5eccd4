//! `HelmChart`: a chart from a `HelmRepository`, or from a folder of another source, as an artifact.
//!
//! Left out: the behaviour, which is in `engine/chart` and `control/source`.

use std::time::Duration;

use crate::field::{self, words};
use crate::names::{AGE, Column, Names, READY, STATUS, Scope};
use crate::resource::{Kind, SourceStatus, usual_status};
use crate::schema::{default, duration, object, one_of};
use crate::shared::{self, Artifact, LocalRef, OidcIdentity};
use crate::{Conditions, FieldError};

object! {
    /// Which chart to fetch or package, from where and how often.
    pub struct Spec {
        required {
            /// Name of the chart in a `HelmRepository`, or path of its folder in another source.
            pub chart: Box<str>;
            /// Interval at which the source is checked for changes.
            pub interval: Box<str> => duration();
            /// Source of the chart.
            pub source_ref: SourceRef;
        }
        optional {
            /// Skip values files that do not exist.
            pub ignore_missing_values_files: Option<bool>;
            /// What makes a new artifact.
            pub reconcile_strategy: Option<Box<str>>
                => default("ChartVersion"), one_of(ReconcileStrategy::WORDS);
            /// Suspend the reconciliation of this chart.
            pub suspend: Option<bool>;
            /// Files that are merged in order into the chart's default values.
            pub values_files: Vec<Box<str>>;
            /// Signatures to verify; only for charts of a registry.
            pub verify: Option<Box<Verification>>;
            /// Version or range of versions, for charts of a `HelmRepository`.
            pub version: Option<Box<str>> => default("*");
        }
        rules {
            "!has(self.verify) || self.sourceRef.kind == 'HelmRepository'"
                => "verify needs a sourceRef of kind HelmRepository";
        }
    }
}

object! {
    /// A reference to a source in the same namespace.
    pub struct SourceRef {
        required {
            /// Kind of the source.
            pub kind: Box<str> => one_of(SourceKind::WORDS);
            /// Name of the source.
            pub name: Box<str>;
        }
        optional {
            /// API group and version of the source.
            pub api_version: Option<Box<str>>;
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
        }
    }
}

object! {
    /// State of the last fetch and of the stored chart.
    pub struct HelmChartStatus {
        optional {
            /// The latest chart.
            pub artifact: Option<Box<Artifact>>;
            /// Conditions of the chart.
            pub conditions: Conditions;
            /// Value of the last reconcile request that was handled.
            pub last_handled_reconcile_at: Option<Box<str>>;
            /// Name of the latest chart.
            pub observed_chart_name: Option<Box<str>>;
            /// Last generation that was reconciled.
            pub observed_generation: Option<i64>;
            /// Revision of the source that was last seen.
            pub observed_source_artifact_revision: Option<Box<str>>;
            /// Values files of the latest chart, if missing ones are skipped.
            pub observed_values_files: Vec<Box<str>>;
            /// URL of the latest chart inside the cluster.
            pub url: Option<Box<str>>;
        }
    }
}
usual_status!(HelmChartStatus);

impl SourceStatus for HelmChartStatus {
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
    /// What makes a new artifact.
    pub enum ReconcileStrategy {
        /// Another version of the chart.
        ChartVersion = "ChartVersion",
        /// Another revision of the source.
        Revision = "Revision",
    }
}

words! {
    /// Kind of a chart's source.
    pub enum SourceKind {
        /// A repository of charts.
        Repository = "HelmRepository",
        /// A folder in a Git repository.
        Git = "GitRepository",
        /// A folder in a bucket.
        Bucket = "Bucket",
    }
}

impl Kind for Spec {
    const NAMES: Names = Names {
        group: "source.toolkit.fluxcd.io",
        version: "v1",
        kind: "HelmChart",
        singular: "helmchart",
        plural: "helmcharts",
        short: &["hc"],
        categories: &["all", "fluxcd", "fluxcd-sources"],
        component: "source-controller",
        scope: Scope::Namespaced,
    };
    const COLUMNS: &'static [Column] = &[
        Column {
            name: "Chart",
            kind: "string",
            path: ".spec.chart",
        },
        Column {
            name: "Version",
            kind: "string",
            path: ".spec.version",
        },
        Column {
            name: "Source Kind",
            kind: "string",
            path: ".spec.sourceRef.kind",
        },
        Column {
            name: "Source Name",
            kind: "string",
            path: ".spec.sourceRef.name",
        },
        AGE,
        READY,
        STATUS,
    ];
    type Status = HelmChartStatus;

    fn suspended(&self) -> bool {
        self.suspend.unwrap_or_default()
    }

    fn interval(&self) -> Result<Option<Duration>, FieldError> {
        field::duration("spec.interval", &self.interval).map(Some)
    }
}

impl Spec {
    /// Returns what makes a new artifact.
    ///
    /// # Errors
    /// The field is not one of [`ReconcileStrategy::WORDS`].
    pub fn reconcile_strategy(&self) -> Result<ReconcileStrategy, FieldError> {
        let text = self.reconcile_strategy.as_deref();
        let read = ReconcileStrategy::read("spec.reconcileStrategy", text)?;
        Ok(read.unwrap_or(ReconcileStrategy::ChartVersion))
    }

    /// Returns the kind of the source; nothing if the reference names none.
    ///
    /// # Errors
    /// The field is not one of [`SourceKind::WORDS`].
    pub fn source_kind(&self) -> Result<Option<SourceKind>, FieldError> {
        SourceKind::read("spec.sourceRef.kind", Some(&self.source_ref.kind))
    }

    /// Returns the version or range of versions; `*` if absent.
    #[must_use]
    pub fn version(&self) -> &str {
        self.version.as_deref().unwrap_or("*")
    }

    /// Returns the values files to merge. The chart's own file alone is none to merge, because it is what a chart has
    /// anyway.
    #[must_use]
    pub fn values_files(&self) -> &[Box<str>] {
        match &*self.values_files {
            [only] if is_own_values(only) => &[],
            files => files,
        }
    }

    /// Returns the first reference with an empty name, which is refused.
    #[must_use]
    pub fn nameless(&self) -> Option<String> {
        let verify = self.verify.as_deref();
        let secret = verify.and_then(|verify| verify.secret_ref.as_ref());
        shared::nameless(&[("spec.verify.secretRef", secret)])
    }
}

/// Returns whether a path names the values file of a chart, with or without leading `./`.
fn is_own_values(path: &str) -> bool {
    let mut parts = path.split('/').filter(|part| !matches!(*part, "" | "."));
    !path.starts_with('/') && parts.next() == Some("values.yaml") && parts.next().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_files(files: &[&str]) -> Spec {
        Spec {
            values_files: files.iter().map(|file| (*file).into()).collect(),
            ..Spec::default()
        }
    }

    #[test]
    fn what_is_absent_has_its_default() {
        let spec = Spec {
            interval: "1m".into(),
            ..Spec::default()
        };
        assert_eq!(Kind::interval(&spec), Ok(Some(Duration::from_mins(1))));
        let strategy = spec.reconcile_strategy();
        assert_eq!(strategy, Ok(ReconcileStrategy::ChartVersion));
        assert_eq!(spec.version(), "*");
        assert_eq!(spec.source_kind(), Ok(None));
    }

    #[test]
    fn the_own_values_file_alone_is_none_to_merge() {
        for only in ["values.yaml", "./values.yaml", ".//values.yaml"] {
            assert!(with_files(&[only]).values_files().is_empty(), "{only}");
        }
        for files in [
            &["a.yaml"][..],
            &["values.yaml", "a.yaml"],
            &["x/values.yaml"],
            &["/values.yaml"],
            &["values.yaml/x"],
        ] {
            let count = with_files(files).values_files().len();
            assert_eq!(count, files.len(), "{files:?}");
        }
    }

    #[test]
    fn only_known_kinds_can_be_the_source() {
        let mut spec = Spec::default();
        spec.source_ref.kind = "Bucket".into();
        assert_eq!(spec.source_kind(), Ok(Some(SourceKind::Bucket)));
        spec.source_ref.kind = "OCIRepository".into();
        let error = spec.source_kind().unwrap_err().to_string();
        assert!(error.contains("HelmRepository, GitRepository"), "{error}");
    }

    #[test]
    fn a_reference_without_a_name_is_found() {
        let verify = Verification {
            secret_ref: Some(LocalRef::default()),
            ..Verification::default()
        };
        let spec = Spec {
            verify: Some(verify.into()),
            ..Spec::default()
        };
        let found = spec.nameless();
        assert_eq!(found.as_deref(), Some("spec.verify.secretRef.name"));
    }
}
