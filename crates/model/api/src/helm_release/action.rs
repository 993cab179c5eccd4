//! What a `HelmRelease` says of single actions: install, upgrade, test, rollback, uninstall.

use std::time::Duration;

use crate::FieldError;
use crate::field::{self, words};
use crate::schema::{Int, default, duration, max_length, min_length, object, one_of};

object! {
    /// How to install.
    pub struct Install {
        optional {
            /// What happens to the definitions in the chart's `crds` folder; `Create` if absent.
            pub crds: Option<Box<str>> => one_of(CrdPolicy::WORDS);
            /// Create the target namespace if it does not exist.
            pub create_namespace: Option<bool>;
            /// Do not run hooks.
            pub disable_hooks: Option<bool>;
            /// Do not validate objects against the schemas of the API server.
            pub disable_open_a_p_i_validation: Option<bool>;
            /// Do not validate values against the schema of the chart.
            pub disable_schema_validation: Option<bool>;
            /// Refuse objects that exist and are not the release's.
            pub disable_take_ownership: Option<bool>;
            /// Do not wait until objects are ready.
            pub disable_wait: Option<bool>;
            /// Do not wait until Jobs are complete.
            pub disable_wait_for_jobs: Option<bool>;
            /// What happens after a failed installation.
            pub remediation: Option<Box<InstallRemediation>>;
            /// Reuse the name of a release that was uninstalled and kept its history.
            pub replace: Option<bool>;
            /// Use server-side apply; true if absent.
            pub server_side_apply: Option<bool>;
            /// Deprecated: use `crds`.
            pub skip_c_r_ds: Option<bool>;
            /// Whether a failed installation is remediated or retried.
            pub strategy: Option<Box<InstallStrategy>>;
            /// Timeout of the steps of an installation; that of the release if absent.
            pub timeout: Option<Box<str>> => duration();
        }
    }
}

object! {
    /// Whether a failed installation is remediated or retried.
    pub struct InstallStrategy {
        required {
            /// Name of the strategy.
            pub name: Box<str> => one_of(ActionStrategy::WORDS);
        }
        optional {
            /// Time to the next try after a failure; 5 minutes if absent.
            pub retry_interval: Option<Box<str>> => duration();
        }
        rules {
            "!has(self.retryInterval) || self.name != 'RemediateOnFailure'"
                => ".retryInterval cannot be set when .name is 'RemediateOnFailure'";
        }
    }
}

object! {
    /// What happens after a failed installation.
    pub struct InstallRemediation {
        optional {
            /// Failed tests do not count as a failure.
            pub ignore_test_failures: Option<bool>;
            /// Uninstall after the last failure too; false if absent.
            pub remediate_last_failure: Option<bool>;
            /// Number of further tries, each after an uninstallation; without limit if negative.
            pub retries: Option<Int>;
        }
    }
}

object! {
    /// How to upgrade.
    pub struct Upgrade {
        optional {
            /// What happens if the name of the chart changes; `Reinstall` if absent.
            pub chart_name_change_strategy: Option<Box<str>> => one_of(ChartNameChange::WORDS);
            /// Delete objects that a failed upgrade has created.
            pub cleanup_on_fail: Option<bool>;
            /// What happens to the definitions in the chart's `crds` folder; `Create` if absent.
            pub crds: Option<Box<str>> => one_of(CrdPolicy::WORDS);
            /// Do not run hooks.
            pub disable_hooks: Option<bool>;
            /// Do not validate objects against the schemas of the API server.
            pub disable_open_a_p_i_validation: Option<bool>;
            /// Do not validate values against the schema of the chart.
            pub disable_schema_validation: Option<bool>;
            /// Refuse objects that exist and are not the release's.
            pub disable_take_ownership: Option<bool>;
            /// Do not wait until objects are ready.
            pub disable_wait: Option<bool>;
            /// Do not wait until Jobs are complete.
            pub disable_wait_for_jobs: Option<bool>;
            /// Replace objects instead of patching them, if server-side apply is not used.
            pub force: Option<bool>;
            /// Merge the values into those of the last release.
            pub preserve_values: Option<bool>;
            /// What happens after a failed upgrade.
            pub remediation: Option<Box<UpgradeRemediation>>;
            /// Whether to use server-side apply; as the last release did if absent.
            pub server_side_apply: Option<Box<str>> => one_of(ServerSideApply::WORDS);
            /// Whether a failed upgrade is remediated or retried.
            pub strategy: Option<Box<UpgradeStrategy>>;
            /// Timeout of the steps of an upgrade; that of the release if absent.
            pub timeout: Option<Box<str>> => duration();
        }
    }
}

object! {
    /// Whether a failed upgrade is remediated or retried.
    pub struct UpgradeStrategy {
        required {
            /// Name of the strategy.
            pub name: Box<str> => one_of(ActionStrategy::WORDS);
        }
        optional {
            /// Time to the next try after a failure; 5 minutes if absent.
            pub retry_interval: Option<Box<str>> => duration();
        }
        rules {
            "!has(self.retryInterval) || self.name == 'RetryOnFailure'"
                => ".retryInterval can only be set when .name is 'RetryOnFailure'";
        }
    }
}

object! {
    /// What happens after a failed upgrade.
    pub struct UpgradeRemediation {
        optional {
            /// Failed tests do not count as a failure.
            pub ignore_test_failures: Option<bool>;
            /// Remediate the last failure too; true if there are retries and it is absent.
            pub remediate_last_failure: Option<bool>;
            /// Number of further tries, each after a remediation; without limit if negative.
            pub retries: Option<Int>;
            /// How to remediate; `rollback` if absent.
            pub strategy: Option<Box<str>> => one_of(RemediationStrategy::WORDS);
        }
    }
}

object! {
    /// Whether and how to run the tests of the chart.
    pub struct Test {
        optional {
            /// Run the tests after each installation and upgrade.
            pub enable: Option<bool>;
            /// Which tests to run.
            pub filters: Vec<TestFilter>;
            /// Failed tests do not count as a failure.
            pub ignore_failures: Option<bool>;
            /// Timeout of each test; that of the release if absent.
            pub timeout: Option<Box<str>> => duration();
        }
    }
}

object! {
    /// A test to run, or to leave out.
    pub struct TestFilter {
        required {
            /// Name of the test.
            pub name: Box<str> => min_length(1), max_length(253);
        }
        optional {
            /// Leave the test out.
            pub exclude: Option<bool>;
        }
    }
}

object! {
    /// How to roll back.
    pub struct Rollback {
        optional {
            /// Delete objects that a failed rollback has created.
            pub cleanup_on_fail: Option<bool>;
            /// Do not run hooks.
            pub disable_hooks: Option<bool>;
            /// Do not wait until objects are ready.
            pub disable_wait: Option<bool>;
            /// Do not wait until Jobs are complete.
            pub disable_wait_for_jobs: Option<bool>;
            /// Replace objects instead of patching them, if server-side apply is not used.
            pub force: Option<bool>;
            /// Deprecated: without effect.
            pub recreate: Option<bool>;
            /// Whether to use server-side apply; as the target of the rollback did if absent.
            pub server_side_apply: Option<Box<str>> => one_of(ServerSideApply::WORDS);
            /// Timeout of the steps of a rollback; that of the release if absent.
            pub timeout: Option<Box<str>> => duration();
        }
    }
}

object! {
    /// How to uninstall.
    pub struct Uninstall {
        optional {
            /// What becomes of the objects that depend on deleted ones.
            pub deletion_propagation: Option<Box<str>>
                => default("background"), one_of(DeletionPropagation::WORDS);
            /// Do not run hooks.
            pub disable_hooks: Option<bool>;
            /// Do not wait until objects are gone.
            pub disable_wait: Option<bool>;
            /// Keep the revisions in the storage, marked as uninstalled.
            pub keep_history: Option<bool>;
            /// Timeout of the steps of an uninstallation; that of the release if absent.
            pub timeout: Option<Box<str>> => duration();
        }
    }
}

words! {
    /// What happens to the definitions in a chart's `crds` folder.
    pub enum CrdPolicy {
        /// Nothing.
        Skip = "Skip",
        /// Those that do not exist are created.
        Create = "Create",
        /// Those that do not exist are created, the others are updated.
        CreateReplace = "CreateReplace",
    }
}

words! {
    /// What happens after a failed action.
    pub enum ActionStrategy {
        /// It is remediated, if the remediation says so.
        RemediateOnFailure = "RemediateOnFailure",
        /// It is tried again after an interval.
        RetryOnFailure = "RetryOnFailure",
    }
}

words! {
    /// How a failed upgrade is remediated.
    pub enum RemediationStrategy {
        /// By a rollback to the last release that succeeded.
        Rollback = "rollback",
        /// By an uninstallation.
        Uninstall = "uninstall",
    }
}

words! {
    /// What happens if the name of the chart changes.
    pub enum ChartNameChange {
        /// The release is upgraded.
        InPlaceUpdate = "InPlaceUpdate",
        /// The release is uninstalled, and the new chart installed.
        Reinstall = "Reinstall",
    }
}

words! {
    /// Whether an action uses server-side apply.
    pub enum ServerSideApply {
        /// It does.
        Enabled = "enabled",
        /// It does not.
        Disabled = "disabled",
        /// It does if the release before it did.
        Auto = "auto",
    }
}

words! {
    /// What becomes of the objects that depend on deleted ones.
    pub enum DeletionPropagation {
        /// They are deleted afterwards.
        Background = "background",
        /// They are deleted first.
        Foreground = "foreground",
        /// They stay.
        Orphan = "orphan",
    }
}

/// Reads the timeout of an action, which may be absent.
fn timeout(field: &'static str, text: Option<&str>) -> Result<Option<Duration>, FieldError> {
    text.map(|text| field::duration(field, text)).transpose()
}

/// Reads the interval of a strategy; nothing if it is not to retry.
fn retry(
    fields: [&'static str; 2],
    name: &str,
    interval: Option<&str>,
) -> Result<Option<Duration>, FieldError> {
    let [name_field, interval_field] = fields;
    match ActionStrategy::read(name_field, Some(name))? {
        Some(ActionStrategy::RetryOnFailure) => match interval {
            Some(text) => field::duration(interval_field, text).map(Some),
            None => Ok(Some(RETRY_INTERVAL)),
        },
        _ => Ok(None),
    }
}

/// Time to the next try if the spec has none.
pub const RETRY_INTERVAL: Duration = Duration::from_mins(5);

impl Install {
    /// Returns the timeout of the steps of an installation, if it has one of its own.
    ///
    /// # Errors
    /// The field is not a duration.
    pub fn timeout(&self) -> Result<Option<Duration>, FieldError> {
        timeout("spec.install.timeout", self.timeout.as_deref())
    }

    /// Returns what happens to definitions.
    ///
    /// # Errors
    /// The field is not one of [`CrdPolicy::WORDS`].
    pub fn crds(&self) -> Result<CrdPolicy, FieldError> {
        let policy = CrdPolicy::read("spec.install.crds", self.crds.as_deref())?;
        Ok(policy.unwrap_or(CrdPolicy::Create))
    }

    /// Returns after which time a failed installation is retried; nothing if it is remediated.
    ///
    /// # Errors
    /// The name of the strategy is not known, or the interval is not a duration.
    pub fn retry(&self) -> Result<Option<Duration>, FieldError> {
        let fields = [
            "spec.install.strategy.name",
            "spec.install.strategy.retryInterval",
        ];
        let strategy = self.strategy.as_deref();
        strategy.map_or(Ok(None), |strategy| {
            retry(fields, &strategy.name, strategy.retry_interval.as_deref())
        })
    }
}

impl Upgrade {
    /// Returns the timeout of the steps of an upgrade, if it has one of its own.
    ///
    /// # Errors
    /// The field is not a duration.
    pub fn timeout(&self) -> Result<Option<Duration>, FieldError> {
        timeout("spec.upgrade.timeout", self.timeout.as_deref())
    }

    /// Returns what happens to definitions.
    ///
    /// # Errors
    /// The field is not one of [`CrdPolicy::WORDS`].
    pub fn crds(&self) -> Result<CrdPolicy, FieldError> {
        let policy = CrdPolicy::read("spec.upgrade.crds", self.crds.as_deref())?;
        Ok(policy.unwrap_or(CrdPolicy::Create))
    }

    /// Returns after which time a failed upgrade is retried; nothing if it is remediated.
    ///
    /// # Errors
    /// The name of the strategy is not known, or the interval is not a duration.
    pub fn retry(&self) -> Result<Option<Duration>, FieldError> {
        let fields = [
            "spec.upgrade.strategy.name",
            "spec.upgrade.strategy.retryInterval",
        ];
        let strategy = self.strategy.as_deref();
        strategy.map_or(Ok(None), |strategy| {
            retry(fields, &strategy.name, strategy.retry_interval.as_deref())
        })
    }

    /// Returns whether to use server-side apply.
    ///
    /// # Errors
    /// The field is not one of [`ServerSideApply::WORDS`].
    pub fn server_side_apply(&self) -> Result<ServerSideApply, FieldError> {
        let mode = self.server_side_apply.as_deref();
        let mode = ServerSideApply::read("spec.upgrade.serverSideApply", mode)?;
        Ok(mode.unwrap_or(ServerSideApply::Auto))
    }

    /// Returns what happens if the name of the chart changes.
    ///
    /// # Errors
    /// The field is not one of [`ChartNameChange::WORDS`].
    pub fn chart_name_change(&self) -> Result<ChartNameChange, FieldError> {
        let strategy = self.chart_name_change_strategy.as_deref();
        let strategy = ChartNameChange::read("spec.upgrade.chartNameChangeStrategy", strategy)?;
        Ok(strategy.unwrap_or(ChartNameChange::Reinstall))
    }
}

impl UpgradeRemediation {
    /// Returns how to remediate.
    ///
    /// # Errors
    /// The field is not one of [`RemediationStrategy::WORDS`].
    pub fn strategy(&self) -> Result<RemediationStrategy, FieldError> {
        let strategy = self.strategy.as_deref();
        let strategy = RemediationStrategy::read("spec.upgrade.remediation.strategy", strategy)?;
        Ok(strategy.unwrap_or(RemediationStrategy::Rollback))
    }
}

impl Test {
    /// Returns the timeout of each test, if it has one of its own.
    ///
    /// # Errors
    /// The field is not a duration.
    pub fn timeout(&self) -> Result<Option<Duration>, FieldError> {
        timeout("spec.test.timeout", self.timeout.as_deref())
    }
}

impl Rollback {
    /// Returns the timeout of the steps of a rollback, if it has one of its own.
    ///
    /// # Errors
    /// The field is not a duration.
    pub fn timeout(&self) -> Result<Option<Duration>, FieldError> {
        timeout("spec.rollback.timeout", self.timeout.as_deref())
    }

    /// Returns whether to use server-side apply.
    ///
    /// # Errors
    /// The field is not one of [`ServerSideApply::WORDS`].
    pub fn server_side_apply(&self) -> Result<ServerSideApply, FieldError> {
        let mode = self.server_side_apply.as_deref();
        let mode = ServerSideApply::read("spec.rollback.serverSideApply", mode)?;
        Ok(mode.unwrap_or(ServerSideApply::Auto))
    }
}

impl Uninstall {
    /// Returns the timeout of the steps of an uninstallation, if it has one of its own.
    ///
    /// # Errors
    /// The field is not a duration.
    pub fn timeout(&self) -> Result<Option<Duration>, FieldError> {
        timeout("spec.uninstall.timeout", self.timeout.as_deref())
    }

    /// Returns what becomes of the objects that depend on deleted ones.
    ///
    /// # Errors
    /// The field is not one of [`DeletionPropagation::WORDS`].
    pub fn deletion_propagation(&self) -> Result<DeletionPropagation, FieldError> {
        let policy = self.deletion_propagation.as_deref();
        let policy = DeletionPropagation::read("spec.uninstall.deletionPropagation", policy)?;
        Ok(policy.unwrap_or(DeletionPropagation::Background))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_strategy_says_whether_and_when_a_failed_action_is_retried() {
        let retry = |strategy: serde_json::Value| {
            let upgrade: Upgrade = serde_json::from_value(json!({"strategy": strategy})).unwrap();
            upgrade.retry()
        };
        assert_eq!(retry(json!(null)), Ok(None));
        assert_eq!(retry(json!({"name": "RemediateOnFailure"})), Ok(None));
        let retries = json!({"name": "RetryOnFailure"});
        assert_eq!(retry(retries), Ok(Some(Duration::from_mins(5))));
        let soon = json!({"name": "RetryOnFailure", "retryInterval": "3s"});
        assert_eq!(retry(soon), Ok(Some(Duration::from_secs(3))));
        let error = retry(json!({"name": "Hope"})).unwrap_err().to_string();
        assert!(
            error.starts_with("spec.upgrade.strategy.name: \"Hope\""),
            "{error}"
        );
    }

    #[test]
    fn definitions_are_created_unless_it_is_said_otherwise() {
        assert_eq!(Install::default().crds(), Ok(CrdPolicy::Create));
        assert_eq!(Upgrade::default().crds(), Ok(CrdPolicy::Create));
        let skip: Install = serde_json::from_value(json!({"crds": "Skip"})).unwrap();
        assert_eq!(skip.crds(), Ok(CrdPolicy::Skip));
    }

    #[test]
    fn words_have_the_defaults_of_flux() {
        assert_eq!(
            Upgrade::default().server_side_apply(),
            Ok(ServerSideApply::Auto)
        );
        assert_eq!(
            Rollback::default().server_side_apply(),
            Ok(ServerSideApply::Auto)
        );
        assert_eq!(
            Upgrade::default().chart_name_change(),
            Ok(ChartNameChange::Reinstall)
        );
        assert_eq!(
            UpgradeRemediation::default().strategy(),
            Ok(RemediationStrategy::Rollback)
        );
        assert_eq!(
            Uninstall::default().deletion_propagation(),
            Ok(DeletionPropagation::Background)
        );
    }

    #[test]
    fn an_action_has_a_timeout_of_its_own_or_none() {
        let install: Install = serde_json::from_value(json!({"timeout": "7s"})).unwrap();
        assert_eq!(install.timeout(), Ok(Some(Duration::from_secs(7))));
        assert_eq!(Test::default().timeout(), Ok(None));
        let test: Test = serde_json::from_value(json!({"timeout": "soon"})).unwrap();
        assert!(
            test.timeout()
                .unwrap_err()
                .to_string()
                .starts_with("spec.test.timeout: ")
        );
    }

    #[test]
    fn names_of_fields_are_those_of_flux() {
        let fields = json!({"disableOpenAPIValidation": true, "skipCRDs": true});
        let install: Install = serde_json::from_value(fields.clone()).unwrap();
        assert_eq!(serde_json::to_value(&install).unwrap(), fields);
    }
}
