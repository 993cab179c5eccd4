//! `Kustomization`: a folder of a source that is built and applied.
//!
//! Left out: the behaviour, which is in `engine/render`, `control/apply` and
//! `control/kustomization`.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::field::{self, words};
use crate::names::{AGE, Column, Names, READY, STATUS, Scope};
use crate::resource::{Kind, usual_status};
use crate::schema::{default, duration, max_length, min_length, object, one_of, within};
use crate::shared::{
    CommonMetadata, CustomHealthCheck, DependencyReference, HistorySnapshot, IgnoreRule, Image,
    Inventory, KubeConfigRef, LocalRef, ObjRef, Patch,
};
use crate::{Conditions, FieldError};

object! {
    /// What to apply, from where, how often and how.
    pub struct Spec {
        required {
            /// Interval at which the Kustomization is reconciled.
            pub interval: Box<str> => duration();
            /// Delete objects that were applied before and are no longer part of the source.
            pub prune: bool;
            /// Source whose artifact contains the manifests.
            pub source_ref: ObjRef
                => within(
                    "/properties/kind",
                    one_of(&["OCIRepository", "GitRepository", "Bucket", "ExternalArtifact"])
                );
        }
        optional {
            /// What the build records in the annotations of every object.
            pub build_metadata: Vec<Box<str>>
                => within("/items", one_of(&["originAnnotations", "transformerAnnotations"]));
            /// Labels and annotations to set on every object.
            pub common_metadata: Option<Box<CommonMetadata>>;
            /// Folders of components to add to the build, relative to the path.
            pub components: Vec<Box<str>>;
            /// How to decrypt manifests.
            pub decryption: Option<Box<Decryption>>;
            /// What happens to the applied objects when the Kustomization is deleted; follows
            /// `prune` if absent.
            pub deletion_policy: Option<Box<str>> => one_of(DeletionPolicy::WORDS);
            /// Kustomizations that must be ready first.
            pub depends_on: Vec<DependencyReference>;
            /// Delete and recreate an object if a change is refused because a field is immutable.
            pub force: Option<bool> => default(false);
            /// CEL expressions that determine the health of objects, by kind.
            pub health_check_exprs: Vec<CustomHealthCheck>;
            /// Objects that must become healthy.
            pub health_checks: Vec<ObjRef>;
            /// Fields of objects to leave as they are in the cluster.
            pub ignore: Vec<IgnoreRule>;
            /// Skip components whose folder does not exist.
            pub ignore_missing_components: Option<bool>;
            /// Container images to change.
            pub images: Vec<Image>;
            /// Kubeconfig of the cluster to apply to; this cluster if absent.
            pub kube_config: Option<Box<KubeConfigRef>>;
            /// Prefix for the name of every object.
            pub name_prefix: Option<Box<str>> => min_length(1), max_length(200);
            /// Suffix for the name of every object.
            pub name_suffix: Option<Box<str>> => min_length(1), max_length(200);
            /// Patches to apply to the built objects.
            pub patches: Vec<Patch>;
            /// Folder of the artifact to build; its root if absent.
            pub path: Option<Box<str>>;
            /// Variables to substitute in the built manifests.
            pub post_build: Option<Box<PostBuild>>;
            /// Interval at which a failed reconciliation is retried; the interval if absent.
            pub retry_interval: Option<Box<str>> => duration();
            /// `ServiceAccount` to impersonate when applying.
            pub service_account_name: Option<Box<str>>;
            /// Suspend the reconciliation of this Kustomization.
            pub suspend: Option<bool>;
            /// Namespace to set on every object.
            pub target_namespace: Option<Box<str>> => min_length(1), max_length(63);
            /// Timeout of applying and of health checks; slightly less than the interval if absent.
            pub timeout: Option<Box<str>> => duration();
            /// Wait until every applied object is healthy.
            pub wait: Option<bool>;
        }
    }
}

object! {
    /// How to decrypt manifests.
    pub struct Decryption {
        required {
            /// Encryption format.
            pub provider: Box<str> => one_of(&["sops"]);
        }
        optional {
            /// Secret with the keys.
            pub secret_ref: Option<LocalRef>;
            /// `ServiceAccount` whose identity may use keys of a cloud provider.
            pub service_account_name: Option<Box<str>>;
        }
    }
}

object! {
    /// Variables to substitute in the built manifests.
    pub struct PostBuild {
        optional {
            /// Values of variables; they take precedence over those from other objects.
            pub substitute: BTreeMap<Box<str>, Box<str>>;
            /// Objects with values of variables; later ones take precedence.
            pub substitute_from: Vec<SubstituteReference>;
            /// Whether to substitute even if there is no variable.
            pub substitute_strategy: Option<Box<str>> => one_of(SubstituteStrategy::WORDS);
        }
    }
}

object! {
    /// An object with values of variables.
    pub struct SubstituteReference {
        required {
            /// Kind of the object.
            pub kind: Box<str> => one_of(&["Secret", "ConfigMap"]);
            /// Name of the object, in the same namespace.
            pub name: Box<str> => min_length(1), max_length(253);
        }
        optional {
            /// Continue if the object does not exist.
            pub optional: Option<bool> => default(false);
        }
    }
}

object! {
    /// State of the last build and apply.
    pub struct KustomizationStatus {
        optional {
            /// Conditions of the Kustomization.
            pub conditions: Conditions;
            /// The latest outcomes, newest first.
            pub history: Vec<HistorySnapshot>;
            /// The objects that were applied.
            pub inventory: Option<Inventory>;
            /// Origin revision of the last successful apply, as recorded by the source's artifact.
            pub last_applied_origin_revision: Option<Box<str>>;
            /// Revision of the last successful apply.
            pub last_applied_revision: Option<Box<str>>;
            /// Revision of the last attempt.
            pub last_attempted_revision: Option<Box<str>>;
            /// Value of the last reconcile request that was handled.
            pub last_handled_reconcile_at: Option<Box<str>>;
            /// Last generation that was reconciled.
            pub observed_generation: Option<i64>;
        }
    }
}
usual_status!(KustomizationStatus);

words! {
    /// What happens to the applied objects when their Kustomization is deleted.
    pub enum DeletionPolicy {
        /// They are deleted if `prune` is set, else they stay.
        MirrorPrune = "MirrorPrune",
        /// They are deleted.
        Delete = "Delete",
        /// They are deleted, and the Kustomization stays until they are gone.
        WaitForTermination = "WaitForTermination",
        /// They stay.
        Orphan = "Orphan",
    }
}

words! {
    /// When variables are substituted.
    pub enum SubstituteStrategy {
        /// If there is at least one variable.
        WithVariables = "WithVariables",
        /// Always.
        Always = "Always",
    }
}

impl Kind for Spec {
    const NAMES: Names = Names {
        group: "kustomize.toolkit.fluxcd.io",
        version: "v1",
        kind: "Kustomization",
        singular: "kustomization",
        plural: "kustomizations",
        short: &["ks"],
        categories: &["all", "fluxcd", "fluxcd-appliers"],
        component: "kustomize-controller",
        scope: Scope::Namespaced,
    };
    const COLUMNS: &'static [Column] = &[AGE, READY, STATUS];
    type Status = KustomizationStatus;

    fn suspended(&self) -> bool {
        self.suspend.unwrap_or_default()
    }

    fn interval(&self) -> Result<Option<Duration>, FieldError> {
        self.interval().map(Some)
    }
}

impl Spec {
    /// Returns the interval at which the Kustomization is reconciled.
    ///
    /// # Errors
    /// The field is not a duration.
    pub fn interval(&self) -> Result<Duration, FieldError> {
        field::duration("spec.interval", &self.interval)
    }

    /// Returns the interval at which a failed reconciliation is retried.
    ///
    /// # Errors
    /// The field, or the interval used in its place, is not a duration.
    pub fn retry_interval(&self) -> Result<Duration, FieldError> {
        match self.retry_interval.as_deref() {
            Some(text) => field::duration("spec.retryInterval", text),
            None => self.interval(),
        }
    }

    /// Returns the timeout of applying and of health checks.
    ///
    /// It is at least 30 seconds, as in Flux, whatever the spec says.
    ///
    /// # Errors
    /// The field, or the interval used in its place, is not a duration.
    pub fn timeout(&self) -> Result<Duration, FieldError> {
        let timeout = match self.timeout.as_deref() {
            Some(text) => field::duration("spec.timeout", text)?,
            None => self.interval()?.saturating_sub(TIMEOUT_MARGIN),
        };
        Ok(timeout.max(TIMEOUT_MIN))
    }

    /// Returns the first reference with an empty name or kind. An empty name cannot mean "no
    /// reference": leaving the reference out could do harm, so it is refused.
    #[must_use]
    pub fn nameless(&self) -> Option<String> {
        let object = |field: String, kind: &str, name: &str| {
            let empty = [("kind", kind), ("name", name)]
                .into_iter()
                .find(|(_, text)| text.is_empty());
            empty.map(|(part, _)| format!("{field}.{part}"))
        };
        let name = |field: String, name: &str| name.is_empty().then(|| format!("{field}.name"));
        let source = object(
            "spec.sourceRef".to_owned(),
            &self.source_ref.kind,
            &self.source_ref.name,
        );
        let dependencies = self.depends_on.iter().enumerate();
        let dependencies =
            dependencies.filter_map(|(at, on)| name(format!("spec.dependsOn[{at}]"), &on.name));
        let checks = self.health_checks.iter().enumerate();
        let checks = checks.filter_map(|(at, check)| {
            object(format!("spec.healthChecks[{at}]"), &check.kind, &check.name)
        });
        let from = self
            .post_build
            .iter()
            .flat_map(|post_build| &post_build.substitute_from)
            .enumerate();
        let from = from.filter_map(|(at, from)| {
            object(
                format!("spec.postBuild.substituteFrom[{at}]"),
                &from.kind,
                &from.name,
            )
        });
        let keys = self
            .decryption
            .as_deref()
            .and_then(|decryption| decryption.secret_ref.as_ref());
        let keys = keys.and_then(|keys| name("spec.decryption.secretRef".to_owned(), &keys.name));
        let config = self.kube_config.as_deref().and_then(|config| {
            match (&config.secret_ref, &config.config_map_ref) {
                (Some(secret), _) => name("spec.kubeConfig.secretRef".to_owned(), &secret.name),
                (None, Some(map)) => name("spec.kubeConfig.configMapRef".to_owned(), &map.name),
                (None, None) => None,
            }
        });

        source
            .into_iter()
            .chain(dependencies)
            .chain(checks)
            .chain(from)
            .chain(keys)
            .chain(config)
            .next()
    }

    /// Returns what happens to the applied objects when the Kustomization is deleted.
    ///
    /// # Errors
    /// The field is not one of [`DeletionPolicy::WORDS`].
    pub fn deletion_policy(&self) -> Result<DeletionPolicy, FieldError> {
        let policy = DeletionPolicy::read("spec.deletionPolicy", self.deletion_policy.as_deref())?;
        Ok(policy.unwrap_or(DeletionPolicy::MirrorPrune))
    }
}

impl PostBuild {
    /// Returns when variables are substituted.
    ///
    /// # Errors
    /// The field is not one of [`SubstituteStrategy::WORDS`].
    pub fn substitute_strategy(&self) -> Result<SubstituteStrategy, FieldError> {
        let strategy = self.substitute_strategy.as_deref();
        let strategy = SubstituteStrategy::read("spec.postBuild.substituteStrategy", strategy)?;
        Ok(strategy.unwrap_or(SubstituteStrategy::WithVariables))
    }
}

/// Time that a timeout derived from the interval leaves for the rest of a reconcile.
const TIMEOUT_MARGIN: Duration = Duration::from_secs(30);
/// Shortest timeout.
const TIMEOUT_MIN: Duration = Duration::from_secs(30);

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(interval: &str, timeout: Option<&str>) -> Spec {
        Spec {
            interval: interval.into(),
            timeout: timeout.map(Into::into),
            ..Spec::default()
        }
    }

    #[test]
    fn the_timeout_ends_before_the_next_reconcile_but_leaves_time_to_work() {
        for (interval, timeout, seconds) in [
            ("10m", None, 570),
            ("40s", None, 30),
            ("1s", None, 30),
            ("1m", Some("2m"), 120),
            ("1m", Some("3s"), 30),
        ] {
            assert_eq!(
                spec(interval, timeout).timeout(),
                Ok(Duration::from_secs(seconds)),
                "{interval} {timeout:?}"
            );
        }
        assert!(spec("", None).timeout().is_err());
    }

    #[test]
    fn a_failure_is_tried_again_after_the_interval_unless_told_otherwise() {
        let mut spec = spec("10m", None);
        assert_eq!(spec.retry_interval(), Ok(Duration::from_mins(10)));
        spec.retry_interval = Some("2m".into());
        assert_eq!(spec.retry_interval(), Ok(Duration::from_mins(2)));
    }

    #[test]
    fn what_is_empty_is_absent_and_a_reference_without_a_name_is_found() {
        let read = |more: serde_json::Value| {
            let mut spec = serde_json::json!({"interval": "1m", "prune": true,
                "sourceRef": {"kind": "GitRepository", "name": "app"}});
            for (field, value) in more.as_object().into_iter().flatten() {
                spec[field] = value.clone();
            }
            serde_json::from_value::<Spec>(spec).unwrap()
        };
        let empty = read(
            serde_json::json!({"serviceAccountName": "", "targetNamespace": "", "path": "",
            "namePrefix": "", "nameSuffix": "", "retryInterval": "", "timeout": "",
            "dependsOn": [{"name": "a", "namespace": "", "readyExpr": ""}],
            "healthChecks": [{"kind": "K", "name": "n", "namespace": "", "apiVersion": ""}]}),
        );
        let absent = read(
            serde_json::json!({"dependsOn": [{"name": "a"}], "healthChecks": [{"kind": "K", "name": "n"}]}),
        );
        assert_eq!((&empty, empty.nameless()), (&absent, None));
        for (more, field) in [
            (
                serde_json::json!({"sourceRef": {"kind": "GitRepository", "name": ""}}),
                "spec.sourceRef.name",
            ),
            (
                serde_json::json!({"sourceRef": {"kind": "", "name": "a"}}),
                "spec.sourceRef.kind",
            ),
            (
                serde_json::json!({"dependsOn": [{"name": "a"}, {"name": ""}]}),
                "spec.dependsOn[1].name",
            ),
            (
                serde_json::json!({"healthChecks": [{"kind": "K", "name": ""}]}),
                "spec.healthChecks[0].name",
            ),
            (
                serde_json::json!({"postBuild": {"substituteFrom": [{"kind": "Secret", "name": ""}]}}),
                "spec.postBuild.substituteFrom[0].name",
            ),
            (
                serde_json::json!({"decryption": {"provider": "sops", "secretRef": {"name": ""}}}),
                "spec.decryption.secretRef.name",
            ),
            (
                serde_json::json!({"kubeConfig": {"secretRef": {"name": ""}}}),
                "spec.kubeConfig.secretRef.name",
            ),
            (
                serde_json::json!({"kubeConfig": {"configMapRef": {"name": ""}}}),
                "spec.kubeConfig.configMapRef.name",
            ),
        ] {
            assert_eq!(read(more).nameless().as_deref(), Some(field));
        }
    }

    #[test]
    fn policies_have_their_defaults() {
        assert_eq!(
            Spec::default().deletion_policy(),
            Ok(DeletionPolicy::MirrorPrune)
        );
        let spec = Spec {
            deletion_policy: Some("Keep".into()),
            ..Spec::default()
        };
        assert!(
            spec.deletion_policy()
                .unwrap_err()
                .to_string()
                .starts_with("spec.deletionPolicy: \"Keep\" is not")
        );
        assert_eq!(
            PostBuild::default().substitute_strategy(),
            Ok(SubstituteStrategy::WithVariables)
        );
    }
}
