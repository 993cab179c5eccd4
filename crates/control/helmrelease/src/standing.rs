//! Where a release stands, and what to do about it: first the state is named, then one step follows from it (spec A11).
//!
//! Pure. Input: the specification, the status, and what the storage has. Output: one [`Decision`].

use lode_api::HelmRelease;
use lode_api::helm_release::action::RemediationStrategy;
use lode_api::helm_release::status::HelmReleaseStatus;
use lode_chart::release::{Release, ReleaseStatus};
use std::time::Duration;

use crate::digest;
use crate::snapshot::{History as _, Observed as _};

/// What is known of the newest record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct KnownRelease {
    pub(crate) version: i64,
    /// Version of the object that holds it.
    pub(crate) resource_version: String,
    pub(crate) status: ReleaseStatus,
    pub(crate) chart_name: String,
    pub(crate) chart_version: String,
    /// Digest of the record, without that of a chart's artifact.
    digest: String,
    /// The digest of the artifact that its digest was calculated with.
    oci_digest: Option<String>,
}

impl KnownRelease {
    /// Notes what is known of a record; `history` says with which artifact it was written.
    pub(crate) fn of(
        release: &Release,
        resource_version: String,
        status: &HelmReleaseStatus,
    ) -> Self {
        let latest = status.history.latest();
        let oci_digest = latest.and_then(|latest| latest.oci_digest.as_deref());
        Self::written(release, resource_version, oci_digest)
    }

    /// Notes a record that was written, and the digest of the artifact that its chart is from.
    pub(crate) fn written(
        release: &Release,
        resource_version: String,
        oci_digest: Option<&str>,
    ) -> Self {
        let metadata = release.chart.metadata();
        Self {
            version: release.version,
            resource_version,
            status: release.info.status,
            chart_name: metadata.name.clone(),
            chart_version: metadata.version.clone(),
            digest: digest::of_release(release, oci_digest),
            oci_digest: oci_digest.map(str::to_owned),
        }
    }

    /// Returns whether the newest snapshot is of this record.
    fn is_observed(&self, status: &HelmReleaseStatus) -> bool {
        let Some(latest) = status.history.latest() else {
            return false;
        };
        if latest.api_version.as_deref() != Some("v2") {
            // An older controller calculated another digest.
            return true;
        }
        *latest.digest == *self.digest && latest.oci_digest.as_deref() == self.oci_digest.as_deref()
    }
}

/// The state of a release.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    /// There is none.
    Absent,
    /// There is one that this object did not make, or that somebody else has changed.
    Unmanaged,
    /// It was left in the middle of an action.
    Locked,
    /// It failed, or its tests did.
    Failed,
    /// It is of another chart or other values.
    OutOfSync,
    /// It was not tested yet.
    Untested,
    /// It is as wanted.
    InSync,
}

/// What is wanted.
#[derive(Debug, Clone, Copy)]
pub(crate) struct WantedRelease<'a> {
    pub(crate) chart_name: &'a str,
    pub(crate) chart_version: &'a str,
    pub(crate) config_digest: &'a str,
}

/// Names the state of a release.
///
/// # Errors
/// Its record says something that has no name.
pub(crate) fn standing(
    object: &HelmRelease,
    status: &HelmReleaseStatus,
    last: Option<&KnownRelease>,
    wanted: WantedRelease<'_>,
) -> Result<Standing, String> {
    let Some(last) = last else {
        return Ok(Standing::Absent);
    };
    if last.status.is_pending() {
        return Ok(Standing::Locked);
    }
    let Some(latest) = status.history.latest() else {
        return Ok(match last.status {
            ReleaseStatus::Uninstalled => Standing::Absent,
            _ => Standing::Unmanaged,
        });
    };
    if !last.is_observed(status) {
        return Ok(Standing::Unmanaged);
    }
    match last.status {
        ReleaseStatus::Failed => return Ok(Standing::Failed),
        ReleaseStatus::Uninstalled => return Ok(Standing::Absent),
        ReleaseStatus::Deployed => {}
        other => {
            return Err(format!(
                "unable to determine state for release with status '{other}'"
            ));
        }
    }

    let is_same = last.chart_name == wanted.chart_name
        && last.chart_version == wanted.chart_version
        && *latest.config_digest == *wanted.config_digest;
    if !is_same || has_other_rendering(object, status) {
        return Ok(Standing::OutOfSync);
    }
    let tests = object.spec.test.as_deref();
    if tests.is_some_and(|test| test.enable.unwrap_or_default()) {
        if !latest.is_tested() {
            return Ok(Standing::Untested);
        }
        let remediation = Remediation::active(object, status);
        let counts = remediation.is_some_and(|remediation| !remediation.ignores_tests);
        if counts && latest.has_failed_test() {
            return Ok(Standing::Failed);
        }
    }
    Ok(Standing::InSync)
}

/// Returns whether a new generation changes what is done to the rendered objects.
fn has_other_rendering(object: &HelmRelease, status: &HelmReleaseStatus) -> bool {
    if status.observed_generation == Some(object.metadata.generation) {
        return false;
    }
    let spec = &object.spec;
    let renderers = digest::of_post_renderers(spec.post_renderers.as_deref());
    let metadata = digest::of_common_metadata(spec.common_metadata.as_deref());
    renderers.as_deref() != status.observed_post_renderers_digest.as_deref()
        || metadata.as_deref() != status.observed_common_metadata_digest.as_deref()
}

/// What happens after failures of the last action.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Remediation {
    /// Further tries; without limit if negative.
    retries: i64,
    /// Failures so far.
    pub(crate) failures: i64,
    /// Failed tests are no failures.
    pub(crate) ignores_tests: bool,
    /// The last failure is remediated too.
    remediates_last: bool,
    /// By an uninstallation, not by a rollback.
    pub(crate) uninstalls: bool,
    /// The action that failed.
    of: Step,
}

impl Remediation {
    /// Returns what holds for the action that was attempted last.
    pub(crate) fn active(object: &HelmRelease, status: &HelmReleaseStatus) -> Option<Self> {
        match status.last_attempted_release_action.as_deref() {
            Some("install") => Some(Self::of_install(object, status)),
            Some("upgrade") => Some(Self::of_upgrade(object, status)),
            _ => None,
        }
    }

    /// Returns what holds for installations.
    pub(crate) fn of_install(object: &HelmRelease, status: &HelmReleaseStatus) -> Self {
        let install = object.spec.install.as_deref();
        let own = install.and_then(|install| install.remediation.as_deref());
        Self {
            retries: own
                .and_then(|own| own.retries)
                .map_or(0, |retries| retries.0),
            failures: status.install_failures.unwrap_or_default(),
            ignores_tests: ignores_tests(object, own.and_then(|own| own.ignore_test_failures)),
            remediates_last: own
                .and_then(|own| own.remediate_last_failure)
                .unwrap_or_default(),
            uninstalls: true,
            of: Step::Install,
        }
    }

    /// Returns what holds for upgrades.
    pub(crate) fn of_upgrade(object: &HelmRelease, status: &HelmReleaseStatus) -> Self {
        let upgrade = object.spec.upgrade.as_deref();
        let own = upgrade.and_then(|upgrade| upgrade.remediation.as_deref());
        let retries = own
            .and_then(|own| own.retries)
            .map_or(0, |retries| retries.0);
        let last = own.and_then(|own| own.remediate_last_failure);
        let strategy = own.and_then(|own| own.strategy().ok());
        Self {
            retries,
            failures: status.upgrade_failures.unwrap_or_default(),
            ignores_tests: ignores_tests(object, own.and_then(|own| own.ignore_test_failures)),
            remediates_last: last.unwrap_or(retries > 0),
            uninstalls: strategy == Some(RemediationStrategy::Uninstall),
            of: Step::Upgrade,
        }
    }

    /// Returns whether no try is left.
    pub(crate) fn is_exhausted(self) -> bool {
        self.retries >= 0 && self.failures > self.retries
    }

    /// Returns whether an upgrade is remediated by an uninstallation, after which it is installed.
    pub(crate) fn installs_again(self) -> bool {
        self.uninstalls && self.of == Step::Upgrade
    }
}

fn ignores_tests(object: &HelmRelease, own: Option<bool>) -> bool {
    let test = object.spec.test.as_deref();
    let general = test.and_then(|test| test.ignore_failures);
    own.or(general).unwrap_or_default()
}

/// Returns whether failed tests do not matter for the history.
pub(crate) fn history_ignores_tests(object: &HelmRelease, status: &HelmReleaseStatus) -> bool {
    let active = Remediation::active(object, status);
    active.map_or_else(
        || ignores_tests(object, None),
        |active| active.ignores_tests,
    )
}

/// Returns after which time a failed action is retried, where it is not remediated.
pub(crate) fn retry_after(object: &HelmRelease, status: &HelmReleaseStatus) -> Option<Duration> {
    let spec = &object.spec;
    // What cannot be read was refused before.
    match status.last_attempted_release_action.as_deref() {
        Some("install") => spec.install.as_deref()?.retry().ok()?,
        Some("upgrade") => spec.upgrade.as_deref()?.retry().ok()?,
        _ => None,
    }
}

/// What is done to a release.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Step {
    /// Install it.
    Install,
    /// Upgrade it.
    Upgrade,
    /// Free it from an action that ended in the middle.
    Unlock,
    /// Run its tests.
    Test,
    /// Go back to the release before it.
    Rollback,
    /// Remove what failed.
    Uninstall,
}

impl Step {
    /// Returns its name in conditions.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Install => "install",
            Self::Upgrade => "upgrade",
            Self::Unlock => "unlock",
            Self::Test => "test",
            Self::Rollback => "rollback",
            Self::Uninstall => "uninstall",
        }
    }

    /// Returns whether it makes a release.
    pub(crate) fn is_release(self) -> bool {
        matches!(self, Self::Install | Self::Upgrade)
    }

    /// Returns whether it remediates a failure, which ends a run.
    pub(crate) fn is_remediation(self) -> bool {
        matches!(self, Self::Rollback | Self::Uninstall)
    }
}

/// What follows from a state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Decision {
    /// A step is taken.
    Take(Step),
    /// Nothing is left to do.
    Done,
    /// All tries are used up.
    Exhausted,
    /// There is nothing to go back to.
    Impossible,
}

/// Decides what to do. `is_forced` says that somebody asked for a release whatever the state.
pub(crate) fn decide(
    object: &HelmRelease,
    status: &HelmReleaseStatus,
    standing: Standing,
    is_forced: bool,
) -> Decision {
    let unless_exhausted = |remediation: Remediation, step| {
        if remediation.is_exhausted() && !is_forced {
            Decision::Exhausted
        } else {
            Decision::Take(step)
        }
    };
    match standing {
        Standing::InSync if is_forced => Decision::Take(Step::Upgrade),
        Standing::InSync => Decision::Done,
        Standing::Locked => Decision::Take(Step::Unlock),
        Standing::Absent => {
            unless_exhausted(Remediation::of_install(object, status), Step::Install)
        }
        Standing::Unmanaged => Decision::Take(Step::Upgrade),
        Standing::OutOfSync => {
            unless_exhausted(Remediation::of_upgrade(object, status), Step::Upgrade)
        }
        Standing::Untested => Decision::Take(Step::Test),
        Standing::Failed => after_failure(object, status, is_forced),
    }
}

fn after_failure(object: &HelmRelease, status: &HelmReleaseStatus, is_forced: bool) -> Decision {
    let retries = retry_after(object, status).is_some();
    let remediation = Remediation::active(object, status).filter(|it| !retries && it.failures > 0);
    let Some(remediation) = remediation.filter(|_| !is_forced) else {
        // Nothing is to be remediated, or what led to the failure has changed.
        return Decision::Take(Step::Upgrade);
    };
    if remediation.is_exhausted() && !remediation.remediates_last {
        return Decision::Exhausted;
    }
    Decision::Take(if remediation.uninstalls {
        Step::Uninstall
    } else {
        Step::Rollback
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const WANTED: WantedRelease<'static> = WantedRelease {
        chart_name: "app",
        chart_version: "1.0.0",
        config_digest: "c",
    };

    fn object(spec: &Value, status: &Value) -> HelmRelease {
        let metadata = json!({"name": "app", "namespace": "ns", "generation": 1});
        HelmRelease::parse(&json!({"metadata": metadata, "spec": spec, "status": status})).unwrap()
    }

    fn status(more: &Value) -> Value {
        let snapshot = json!({"name": "app", "namespace": "ns", "version": 1, "status": "deployed",
            "chartName": "app", "chartVersion": "1.0.0", "configDigest": "c", "digest": "d",
            "apiVersion": "v2", "firstDeployed": "", "lastDeployed": ""});
        let mut status = json!({"history": [snapshot], "observedGeneration": 1});
        for (key, value) in more.as_object().unwrap() {
            status[key] = value.clone();
        }
        status
    }

    fn known(status: ReleaseStatus) -> KnownRelease {
        KnownRelease {
            version: 1,
            resource_version: String::new(),
            status,
            chart_name: "app".to_owned(),
            chart_version: "1.0.0".to_owned(),
            digest: "d".to_owned(),
            oci_digest: None,
        }
    }

    fn of(object: &HelmRelease, last: Option<&KnownRelease>) -> Standing {
        standing(object, &object.status, last, WANTED).unwrap()
    }

    #[test]
    fn the_state_is_what_the_storage_has_beside_what_was_observed() {
        let fresh = object(&json!({}), &json!({}));
        assert_eq!(of(&fresh, None), Standing::Absent);
        let deployed = known(ReleaseStatus::Deployed);
        assert_eq!(of(&fresh, Some(&deployed)), Standing::Unmanaged);
        let gone = known(ReleaseStatus::Uninstalled);
        assert_eq!(of(&fresh, Some(&gone)), Standing::Absent);

        let made = object(&json!({}), &status(&json!({})));
        assert_eq!(of(&made, Some(&deployed)), Standing::InSync);
        let pending = known(ReleaseStatus::PendingUpgrade);
        assert_eq!(of(&made, Some(&pending)), Standing::Locked);
        let failed = known(ReleaseStatus::Failed);
        assert_eq!(of(&made, Some(&failed)), Standing::Failed);
        let changed = KnownRelease {
            digest: "other".to_owned(),
            ..deployed.clone()
        };
        assert_eq!(of(&made, Some(&changed)), Standing::Unmanaged);
        let odd = known(ReleaseStatus::Superseded);
        assert!(standing(&made, &made.status, Some(&odd), WANTED).is_err());
    }

    #[test]
    fn another_chart_values_or_rendering_are_out_of_sync() {
        let made = object(&json!({}), &status(&json!({})));
        let deployed = known(ReleaseStatus::Deployed);
        for wanted in [
            WantedRelease {
                chart_version: "1.1.0",
                ..WANTED
            },
            WantedRelease {
                config_digest: "other",
                ..WANTED
            },
        ] {
            let found = standing(&made, &made.status, Some(&deployed), wanted);
            assert_eq!(found, Ok(Standing::OutOfSync));
        }
        let spec = json!({"commonMetadata": {"labels": {"a": "b"}}});
        let observed = object(&spec, &status(&json!({})));
        assert_eq!(of(&observed, Some(&deployed)), Standing::InSync);
        let new = object(&spec, &status(&json!({"observedGeneration": 0})));
        assert_eq!(of(&new, Some(&deployed)), Standing::OutOfSync);
    }

    #[test]
    fn tests_come_after_the_release_and_count_unless_they_are_ignored() {
        let spec = json!({"test": {"enable": true}});
        let deployed = known(ReleaseStatus::Deployed);
        assert_eq!(
            of(&object(&spec, &status(&json!({}))), Some(&deployed)),
            Standing::Untested
        );
        let mut tested = status(&json!({"lastAttemptedReleaseAction": "install"}));
        tested["history"][0]["testHooks"] = json!({"t": {"phase": "Failed"}});
        assert_eq!(
            of(&object(&spec, &tested), Some(&deployed)),
            Standing::Failed
        );
        let ignored = json!({"test": {"enable": true, "ignoreFailures": true}});
        assert_eq!(
            of(&object(&ignored, &tested), Some(&deployed)),
            Standing::InSync
        );
    }

    #[test]
    fn a_failure_is_final_unless_the_specification_says_otherwise() {
        let decide = |spec: &Value, more: &Value, forced: bool| {
            let object = object(spec, &status(more));
            super::decide(&object, &object.status, Standing::Failed, forced)
        };
        let failed = json!({"lastAttemptedReleaseAction": "upgrade", "upgradeFailures": 1});
        assert_eq!(decide(&json!({}), &failed, false), Decision::Exhausted);
        assert_eq!(
            decide(&json!({}), &failed, true),
            Decision::Take(Step::Upgrade)
        );
        let changed = json!({"lastAttemptedReleaseAction": "upgrade"});
        assert_eq!(
            decide(&json!({}), &changed, false),
            Decision::Take(Step::Upgrade)
        );

        let upgrade = |of: Value| json!({"upgrade": of});
        let retries = upgrade(json!({"remediation": {"retries": 1}}));
        assert_eq!(
            decide(&retries, &failed, false),
            Decision::Take(Step::Rollback)
        );
        let uninstall = upgrade(json!({"remediation": {"retries": -1, "strategy": "uninstall"}}));
        assert_eq!(
            decide(&uninstall, &failed, false),
            Decision::Take(Step::Uninstall)
        );
        let again = upgrade(json!({"strategy": {"name": "RetryOnFailure"}}));
        assert_eq!(
            decide(&again, &failed, false),
            Decision::Take(Step::Upgrade)
        );
        let last = json!({"lastAttemptedReleaseAction": "upgrade", "upgradeFailures": 2});
        assert_eq!(
            decide(&retries, &last, false),
            Decision::Take(Step::Rollback)
        );
        let keep = upgrade(json!({"remediation": {"retries": 1, "remediateLastFailure": false}}));
        assert_eq!(decide(&keep, &last, false), Decision::Exhausted);
    }

    #[test]
    fn an_absent_release_is_installed_while_tries_are_left() {
        let decide = |spec: &Value, failures: i64| {
            let object = object(spec, &json!({"installFailures": failures}));
            super::decide(&object, &object.status, Standing::Absent, false)
        };
        assert_eq!(decide(&json!({}), 0), Decision::Take(Step::Install));
        assert_eq!(decide(&json!({}), 1), Decision::Exhausted);
        let retries = json!({"install": {"remediation": {"retries": 1}}});
        assert_eq!(decide(&retries, 1), Decision::Take(Step::Install));
        assert_eq!(decide(&retries, 2), Decision::Exhausted);
    }
}
