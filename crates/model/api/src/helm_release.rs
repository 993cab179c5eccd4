//! `HelmRelease`: a chart that is installed with values, and kept so.
//!
//! Left out: the behaviour, which is in `engine/chart` and `control/helmrelease`. What the spec
//! says of single actions is in [`action`], what is observed in [`status`].

pub mod action;
pub mod status;

use std::time::Duration;

use crate::FieldError;
use crate::field::{self, words};
use crate::names::{AGE, Column, Names, READY, STATUS, Scope};
use crate::resource::Kind;
use crate::schema::{
    Free, Int, default, duration, max_length, min_length, object, one_of, pattern, within,
};
use crate::shared::{
    CommonMetadata, CustomHealthCheck, DependencyReference, IgnoreRule, Image, KubeConfigRef,
    LocalRef, ObjRef, Patch,
};
use action::{Install, Rollback, Test, Uninstall, Upgrade};
use status::HelmReleaseStatus;

object! {
    /// What to release, with which values, and how.
    pub struct Spec {
        required {
            /// Interval at which the release is reconciled.
            pub interval: Box<str> => duration();
        }
        optional {
            /// The `HelmChart` to create for the release.
            pub chart: Option<Box<ChartTemplate>>;
            /// Source whose artifact is the chart.
            pub chart_ref: Option<Box<ObjRef>>
                => within(
                    "/properties/kind",
                    one_of(&["OCIRepository", "HelmChart", "ExternalArtifact"])
                ),
                within("/properties/name", min_length(1)),
                within("/properties/name", max_length(253)),
                within("/properties/namespace", min_length(1)),
                within("/properties/namespace", max_length(63));
            /// Labels and annotations to set on every object.
            pub common_metadata: Option<Box<CommonMetadata>>;
            /// Releases that must be ready first.
            pub depends_on: Vec<DependencyReference>;
            /// What happens if objects in the cluster differ from the release.
            pub drift_detection: Option<Box<DriftDetection>>;
            /// CEL expressions that determine the health of objects, by kind.
            pub health_check_exprs: Vec<CustomHealthCheck>;
            /// How to install.
            pub install: Option<Box<Install>>;
            /// Kubeconfig of the cluster to release to; this cluster if absent.
            pub kube_config: Option<Box<KubeConfigRef>>;
            /// Number of revisions to keep in the storage; 5 if absent, all if 0.
            pub max_history: Option<Int>;
            /// Keep one client for a whole reconciliation; without effect here.
            pub persistent_client: Option<bool>;
            /// Which rendered objects the post-renderers receive.
            pub post_render_strategy: Option<Box<str>> => one_of(PostRenderStrategy::WORDS);
            /// Changes of the rendered objects, in order.
            pub post_renderers: Option<Vec<PostRenderer>>;
            /// Name of the release; `[targetNamespace-]name` if absent.
            pub release_name: Option<Box<str>> => min_length(1), max_length(53);
            /// How to roll back.
            pub rollback: Option<Box<Rollback>>;
            /// `ServiceAccount` to impersonate for everything the release does.
            pub service_account_name: Option<Box<str>> => min_length(1), max_length(253);
            /// Namespace of the storage; that of the `HelmRelease` if absent.
            pub storage_namespace: Option<Box<str>> => min_length(1), max_length(63);
            /// Suspend the reconciliation of this release.
            pub suspend: Option<bool>;
            /// Namespace of the release; that of the `HelmRelease` if absent.
            pub target_namespace: Option<Box<str>> => min_length(1), max_length(63);
            /// Whether and how to run the tests of the chart.
            pub test: Option<Box<Test>>;
            /// Timeout of the steps of an action; 5 minutes if absent.
            pub timeout: Option<Box<str>> => duration();
            /// How to uninstall.
            pub uninstall: Option<Box<Uninstall>>;
            /// How to upgrade.
            pub upgrade: Option<Box<Upgrade>>;
            /// Values of the release; they take precedence over those from other objects.
            pub values: Option<Free>;
            /// Objects with values; later ones take precedence.
            pub values_from: Vec<ValuesReference>
                => within("/items/properties/kind", one_of(&["Secret", "ConfigMap"]));
            /// How to wait until objects are ready.
            pub wait_strategy: Option<LocalRef>
                => within("/properties/name", one_of(WaitStrategy::WORDS));
        }
        rules {
            "(has(self.chart) && !has(self.chartRef)) || (!has(self.chart) && has(self.chartRef))"
                => "either chart or chartRef must be set";
        }
    }
}

object! {
    /// The `HelmChart` to create.
    pub struct ChartTemplate {
        required {
            /// Desired state of the `HelmChart`.
            pub spec: ChartSpec;
        }
        optional {
            /// Labels and annotations of the `HelmChart`.
            pub metadata: Option<Box<CommonMetadata>>;
        }
    }
}

object! {
    /// Desired state of the `HelmChart` to create.
    pub struct ChartSpec {
        required {
            /// Name of the chart, or its path in the source.
            pub chart: Box<str> => min_length(1), max_length(2048);
            /// Source of the chart.
            pub source_ref: ObjRef
                => within(
                    "/properties/kind",
                    one_of(&["HelmRepository", "GitRepository", "Bucket"])
                ),
                within("/properties/name", min_length(1)),
                within("/properties/name", max_length(253)),
                within("/properties/namespace", min_length(1)),
                within("/properties/namespace", max_length(63));
        }
        optional {
            /// Ignore values files that do not exist.
            pub ignore_missing_values_files: Option<bool>;
            /// Interval at which the source is checked; that of the release if absent.
            pub interval: Option<Box<str>> => duration();
            /// What makes a new artifact of the chart.
            pub reconcile_strategy: Option<Box<str>>
                => default("ChartVersion"), one_of(&["ChartVersion", "Revision"]);
            /// Values files to use instead of the chart's own, in order.
            pub values_files: Vec<Box<str>>;
            /// How to verify the signature of the chart.
            pub verify: Option<Box<ChartVerification>>;
            /// Version of the chart, as a semver range.
            pub version: Option<Box<str>> => default("*");
        }
    }
}

object! {
    /// How to verify the signature of a chart.
    pub struct ChartVerification {
        required {
            /// Technology the chart was signed with.
            pub provider: Box<str> => default("cosign"), one_of(&["cosign", "notation"]);
        }
        optional {
            /// Secret with the trusted public keys.
            pub secret_ref: Option<LocalRef>;
        }
    }
}

object! {
    /// An object with values of the release.
    pub struct ValuesReference {
        required {
            /// Kind of the object.
            pub kind: Box<str>;
            /// Name of the object, in the same namespace.
            pub name: Box<str> => min_length(1), max_length(253);
        }
        optional {
            /// Take the value at the target path literally, without the syntax of `--set`.
            pub literal: Option<bool>;
            /// Continue if the object or the key does not exist.
            pub optional: Option<bool>;
            /// Path of the one value that the key contains; the key contains a values file if absent.
            pub target_path: Option<Box<str>>
                => max_length(250), pattern(r"^([a-zA-Z0-9_\-.\\\/]|\[[0-9]{1,5}\])+$");
            /// Key in the object; `values.yaml` if absent.
            pub values_key: Option<Box<str>> => max_length(253), pattern(r"^[\-._a-zA-Z0-9]+$");
        }
    }
}

impl ValuesReference {
    /// Returns the key in the object.
    #[must_use]
    pub fn key(&self) -> &str {
        self.values_key.as_deref().unwrap_or("values.yaml")
    }
}

object! {
    /// What happens if objects in the cluster differ from the release.
    pub struct DriftDetection {
        optional {
            /// Fields to leave as they are in the cluster.
            pub ignore: Vec<IgnoreRule>;
            /// Whether differences are corrected, reported or not looked for; the last if absent.
            pub mode: Option<Box<str>> => one_of(DriftDetectionMode::WORDS);
        }
    }
}

object! {
    /// A change of the rendered objects.
    pub struct PostRenderer {
        optional {
            /// Change by the means of kustomize.
            pub kustomize: Option<Box<Kustomize>>;
        }
    }
}

object! {
    /// A change of objects by the means of kustomize.
    pub struct Kustomize {
        optional {
            /// Container images to change.
            pub images: Vec<Image>;
            /// Patches to apply.
            pub patches: Vec<Patch>;
        }
    }
}

words! {
    /// Which rendered objects the post-renderers receive.
    pub enum PostRenderStrategy {
        /// All but hooks.
        NoHooks = "nohooks",
        /// All, in one stream.
        Combined = "combined",
        /// All, hooks in a stream of their own.
        Separate = "separate",
    }
}

words! {
    /// What happens if objects in the cluster differ from the release.
    pub enum DriftDetectionMode {
        /// It is reported and corrected.
        Enabled = "enabled",
        /// It is reported.
        Warn = "warn",
        /// Nothing.
        Disabled = "disabled",
    }
}

words! {
    /// How to wait until objects are ready.
    pub enum WaitStrategy {
        /// By the rules of kstatus.
        Poller = "poller",
        /// By the rules of Helm 3.
        Legacy = "legacy",
    }
}

impl Kind for Spec {
    const NAMES: Names = Names {
        group: "helm.toolkit.fluxcd.io",
        version: "v2",
        kind: "HelmRelease",
        singular: "helmrelease",
        plural: "helmreleases",
        short: &["hr"],
        categories: &["all", "fluxcd", "fluxcd-appliers"],
        component: "helm-controller",
        scope: Scope::Namespaced,
    };
    const COLUMNS: &'static [Column] = &[AGE, READY, STATUS];
    type Status = HelmReleaseStatus;

    fn suspended(&self) -> bool {
        self.suspend.unwrap_or_default()
    }

    fn interval(&self) -> Result<Option<Duration>, FieldError> {
        self.interval().map(Some)
    }
}

impl Spec {
    /// Returns the interval at which the release is reconciled.
    ///
    /// # Errors
    /// The field is not a duration.
    pub fn interval(&self) -> Result<Duration, FieldError> {
        field::duration("spec.interval", &self.interval)
    }

    /// Returns the timeout of actions that have none of their own.
    ///
    /// # Errors
    /// The field is not a duration.
    pub fn timeout(&self) -> Result<Duration, FieldError> {
        match self.timeout.as_deref() {
            Some(text) => field::duration("spec.timeout", text),
            None => Ok(TIMEOUT),
        }
    }

    /// Returns how many revisions the storage keeps; all if 0.
    #[must_use]
    pub fn max_history(&self) -> i64 {
        self.max_history.map_or(MAX_HISTORY, |max| max.0)
    }

    /// Returns which rendered objects the post-renderers receive.
    ///
    /// # Errors
    /// The field is not one of [`PostRenderStrategy::WORDS`].
    pub fn post_render_strategy(&self) -> Result<PostRenderStrategy, FieldError> {
        let strategy = self.post_render_strategy.as_deref();
        let strategy = PostRenderStrategy::read("spec.postRenderStrategy", strategy)?;
        Ok(strategy.unwrap_or(PostRenderStrategy::Combined))
    }

    /// Returns what happens if objects in the cluster differ from the release.
    ///
    /// # Errors
    /// The field is not one of [`DriftDetectionMode::WORDS`].
    pub fn drift_detection_mode(&self) -> Result<DriftDetectionMode, FieldError> {
        let detection = self.drift_detection.as_deref();
        let mode = detection.and_then(|detection| detection.mode.as_deref());
        let mode = DriftDetectionMode::read("spec.driftDetection.mode", mode)?;
        Ok(mode.unwrap_or(DriftDetectionMode::Disabled))
    }

    /// Returns how to wait until objects are ready.
    ///
    /// # Errors
    /// The field is not one of [`WaitStrategy::WORDS`].
    pub fn wait_strategy(&self) -> Result<WaitStrategy, FieldError> {
        let strategy = self.wait_strategy.as_ref().map(|strategy| &*strategy.name);
        let strategy = WaitStrategy::read("spec.waitStrategy.name", strategy)?;
        Ok(strategy.unwrap_or(WaitStrategy::Poller))
    }
}

/// Timeout of actions if the spec has none.
const TIMEOUT: Duration = Duration::from_mins(5);
/// Number of revisions in the storage if the spec has none.
const MAX_HISTORY: i64 = 5;

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn spec(spec: &serde_json::Value) -> Spec {
        serde_json::from_value(spec.clone()).unwrap()
    }

    #[test]
    fn what_is_not_said_has_the_defaults_of_flux() {
        let spec = spec(&json!({"interval": "10m"}));
        assert_eq!(spec.interval(), Ok(Duration::from_mins(10)));
        assert_eq!(spec.timeout(), Ok(Duration::from_mins(5)));
        assert_eq!(spec.max_history(), 5);
        assert_eq!(
            spec.post_render_strategy(),
            Ok(PostRenderStrategy::Combined)
        );
        assert_eq!(
            spec.drift_detection_mode(),
            Ok(DriftDetectionMode::Disabled)
        );
        assert_eq!(spec.wait_strategy(), Ok(WaitStrategy::Poller));
        assert!(!spec.suspended());
    }

    #[test]
    fn what_is_said_is_read() {
        let spec = spec(
            &json!({"interval": "10m", "timeout": "30s", "maxHistory": 0, "suspend": true,
            "postRenderStrategy": "nohooks", "driftDetection": {"mode": "warn"},
            "waitStrategy": {"name": "legacy"}}),
        );
        assert_eq!(spec.timeout(), Ok(Duration::from_secs(30)));
        assert_eq!(spec.max_history(), 0);
        assert_eq!(spec.post_render_strategy(), Ok(PostRenderStrategy::NoHooks));
        assert_eq!(spec.drift_detection_mode(), Ok(DriftDetectionMode::Warn));
        assert_eq!(spec.wait_strategy(), Ok(WaitStrategy::Legacy));
        assert!(spec.suspended());
    }

    #[test]
    fn a_word_that_is_not_known_names_its_field() {
        let spec = spec(&json!({"interval": "10m", "driftDetection": {"mode": "perhaps"}}));
        let error = spec.drift_detection_mode().unwrap_err();
        assert_eq!(
            error.to_string(),
            "spec.driftDetection.mode: \"perhaps\" is not one of enabled, warn, disabled"
        );
    }

    #[test]
    fn values_are_kept_as_they_were_written() {
        let values =
            r#"{"interval":"1m","values":{"b":1.50,"a":[null,{}],"n":12345678901234567890}}"#;
        let read: Spec = serde_json::from_str(values).unwrap();
        let kept = read.values.as_ref().unwrap();
        assert_eq!(
            kept.text(),
            r#"{"b":1.50,"a":[null,{}],"n":12345678901234567890}"#
        );
        let written = serde_json::to_string(&read).unwrap();
        assert!(written.contains(kept.text()), "{written}");
    }

    #[test]
    fn no_post_renderers_are_less_than_none_of_them() {
        let with = |text: &str| -> Spec { serde_json::from_str(text).unwrap() };
        assert_eq!(
            with(r#"{"postRenderers": []}"#).post_renderers,
            Some(Vec::new())
        );
        assert_eq!(with(r#"{"postRenderers": null}"#).post_renderers, None);
    }
}
