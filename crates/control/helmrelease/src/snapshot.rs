//! The history in the status: what was observed of the releases that were written into the storage.
//!
//! Pure. The newest comes first.

use std::collections::BTreeMap;

use jiff::Timestamp;
use lode_api::helm_release::status::{HelmReleaseStatus, Snapshot, TestHookStatus};
use lode_api::schema::Int;
use lode_chart::release::{Event, Phase, Release, ReleaseStatus};

use crate::digest;

/// How many releases the history keeps if none of them succeeded.
const KEPT_MAX: usize = 5;
/// How the digest of a snapshot is calculated.
const API_VERSION: &str = "v2";

/// Returns what is observed of a record.
pub(crate) fn observe(
    release: &Release,
    action: Option<&str>,
    oci_digest: Option<&str>,
) -> Snapshot {
    let metadata = release.chart.metadata();
    let text = |text: &str| Some(text).filter(|text| !text.is_empty()).map(Into::into);
    let time = |at: Option<Timestamp>| at.map(time).unwrap_or_default();
    Snapshot {
        chart_name: metadata.name.as_str().into(),
        chart_version: metadata.version.as_str().into(),
        config_digest: digest::of_values(&release.config).into(),
        digest: digest::of_release(release, oci_digest).into(),
        first_deployed: time(release.info.first_deployed).into(),
        last_deployed: time(release.info.last_deployed).into(),
        name: release.name.as_str().into(),
        namespace: release.namespace.as_str().into(),
        status: release.info.status.as_str().into(),
        version: Int(release.version),
        action: action.map(Into::into),
        api_version: Some(API_VERSION.into()),
        app_version: text(&metadata.app_version),
        deleted: release.info.deleted.map(|at| self::time(at).into()),
        oci_digest: oci_digest.and_then(text),
        test_hooks: None,
    }
}

/// Returns a time as the API writes it.
fn time(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// Returns how the tests of a record ended, by name: those that are selected.
pub(crate) fn tests(
    release: &Release,
    is_selected: impl Fn(&str) -> bool,
) -> BTreeMap<Box<str>, TestHookStatus> {
    let tests = release.hooks.iter().filter(|hook| hook.is_for(Event::Test));
    let selected = tests.filter(|hook| is_selected(&hook.name));
    let status = |hook: &lode_chart::release::Hook| TestHookStatus {
        last_completed: hook.last_run.completed_at.map(|at| time(at).into()),
        last_started: hook.last_run.started_at.map(|at| time(at).into()),
        phase: Some(phase(hook.last_run.phase).into()),
    };
    selected
        .map(|hook| (hook.name.as_str().into(), status(hook)))
        .collect()
}

fn phase(phase: Phase) -> &'static str {
    match phase {
        Phase::Never => "",
        Phase::Running => "Running",
        Phase::Succeeded => "Succeeded",
        Phase::Failed => FAILED,
        Phase::Unknown => "Unknown",
    }
}

const FAILED: &str = "Failed";

/// What is read of a snapshot.
pub(crate) trait Observed {
    /// Returns `namespace/name.vN`.
    fn full_name(&self) -> String;
    /// Returns `chart@version`.
    fn chart(&self) -> String;
    /// Returns whether it is of this revision of a release.
    fn targets(&self, release: &Release) -> bool;
    /// Returns whether all tests were run, or one failed.
    fn is_tested(&self) -> bool;
    /// Returns whether a test failed.
    fn has_failed_test(&self) -> bool;
    /// Returns whether its digest is that of a record. One of an older controller is not checked, as in Flux.
    fn is_of(&self, release: &Release) -> bool;
}

impl Observed for Snapshot {
    fn full_name(&self) -> String {
        format!("{}/{}.v{}", self.namespace, self.name, self.version.0)
    }

    fn chart(&self) -> String {
        format!("{}@{}", self.chart_name, self.chart_version)
    }

    fn targets(&self, release: &Release) -> bool {
        *self.name == *release.name
            && *self.namespace == *release.namespace
            && self.version.0 == release.version
    }

    fn is_tested(&self) -> bool {
        let Some(tests) = &self.test_hooks else {
            return false;
        };
        let succeeded = |test: &TestHookStatus| test.phase.as_deref() == Some("Succeeded");
        self.has_failed_test() || tests.values().all(succeeded)
    }

    fn has_failed_test(&self) -> bool {
        let tests = self.test_hooks.iter().flat_map(BTreeMap::values);
        let mut phases = tests.map(|test| test.phase.as_deref());
        phases.any(|phase| phase == Some(FAILED))
    }

    fn is_of(&self, release: &Release) -> bool {
        self.api_version.as_deref() != Some(API_VERSION)
            || *self.digest == *digest::of_release(release, self.oci_digest.as_deref())
    }
}

/// What is done with a history.
pub(crate) trait History {
    /// Returns the newest snapshot.
    fn latest(&self) -> Option<&Snapshot>;
    /// Returns the newest release before the latest that was deployed, and whose tests did not fail unless that does not
    /// matter.
    fn previous(&self, ignores_tests: bool) -> Option<&Snapshot>;
    /// Forgets what is before the last release that succeeded.
    fn truncate_to_success(&mut self, ignores_tests: bool);
    /// Forgets all but a few.
    fn truncate_to_limit(&mut self);
    /// Puts new snapshots of records in: the newest, and those that are known, which keep what the storage does not
    /// tell.
    fn record(&mut self, observed: Vec<Snapshot>);
}

impl History for Vec<Snapshot> {
    fn latest(&self) -> Option<&Snapshot> {
        self.first()
    }

    fn previous(&self, ignores_tests: bool) -> Option<&Snapshot> {
        self.get(position(self, ignores_tests)?)
    }

    fn truncate_to_success(&mut self, ignores_tests: bool) {
        match position(self, ignores_tests) {
            Some(at) => self.truncate(at + 1),
            None => self.truncate_to_limit(),
        }
    }

    fn truncate_to_limit(&mut self) {
        self.truncate(KEPT_MAX);
    }

    fn record(&mut self, observed: Vec<Snapshot>) {
        let newest = observed.iter().map(|new| new.version.0).max();
        for mut new in observed {
            let same = |old: &&mut Snapshot| {
                (&old.name, &old.namespace, old.version.0)
                    == (&new.name, &new.namespace, new.version.0)
            };
            match self.iter_mut().find(same) {
                Some(old) => {
                    new.test_hooks = old.test_hooks.take();
                    *old = new;
                }
                // Of what the history does not know, only the newest belongs to it.
                None if Some(new.version.0) == newest => self.push(new),
                None => {}
            }
        }
        self.sort_by_key(|snapshot| std::cmp::Reverse(snapshot.version.0));
    }
}

fn position(history: &[Snapshot], ignores_tests: bool) -> Option<usize> {
    let statuses = [ReleaseStatus::Deployed, ReleaseStatus::Superseded].map(ReleaseStatus::as_str);
    let succeeded = |snapshot: &Snapshot| {
        statuses.contains(&&*snapshot.status) && (ignores_tests || !snapshot.has_failed_test())
    };
    let rest = history.iter().skip(1);
    rest.map(succeeded).position(|is_it| is_it).map(|at| at + 1)
}

/// Forgets the counted failures.
pub(crate) fn clear_failures(status: &mut HelmReleaseStatus) {
    status.failures = None;
    status.install_failures = None;
    status.upgrade_failures = None;
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn history(of: &[(i64, &str)]) -> Vec<Snapshot> {
        let one = |(version, status): &(i64, &str)| {
            let snapshot = json!({"name": "a", "namespace": "n", "version": version, "status": status,
                "chartName": "c", "chartVersion": "1", "configDigest": "", "digest": "",
                "firstDeployed": "", "lastDeployed": ""});
            serde_json::from_value(snapshot).unwrap()
        };
        of.iter().map(one).collect()
    }

    fn versions(history: &[Snapshot]) -> Vec<i64> {
        history.iter().map(|snapshot| snapshot.version.0).collect()
    }

    #[test]
    fn a_history_ends_with_the_last_release_that_succeeded() {
        let mut long = history(&[
            (4, "failed"),
            (3, "failed"),
            (2, "deployed"),
            (1, "superseded"),
        ]);
        assert_eq!(long.previous(false).unwrap().version.0, 2);
        long.truncate_to_success(false);
        assert_eq!(versions(&long), [4, 3, 2]);

        let failed: Vec<_> = (1..8).rev().map(|version| (version, "failed")).collect();
        let mut failed = history(&failed);
        assert!(failed.previous(false).is_none());
        failed.truncate_to_success(false);
        assert_eq!(versions(&failed), [7, 6, 5, 4, 3]);
    }

    #[test]
    fn a_release_with_a_failed_test_is_nothing_to_go_back_to_unless_tests_do_not_matter() {
        let mut two = history(&[(2, "failed"), (1, "superseded")]);
        let failed = TestHookStatus {
            phase: Some(FAILED.into()),
            ..TestHookStatus::default()
        };
        two[1].test_hooks = Some([("t".into(), failed)].into());
        assert!(two.previous(false).is_none() && two.previous(true).is_some());
        assert!(two[1].is_tested() && two[1].has_failed_test());
        assert!(!two[0].is_tested());
    }

    #[test]
    fn what_is_known_is_replaced_and_keeps_its_tests() {
        let mut one = history(&[(1, "deployed")]);
        one[0].test_hooks = Some(BTreeMap::new());
        one.record(history(&[(1, "superseded"), (2, "deployed")]));
        assert_eq!(versions(&one), [2, 1]);
        assert_eq!(&*one[1].status, "superseded");
        assert!(one[1].is_tested(), "it has no tests");

        let mut cleared = history(&[]);
        cleared.record(history(&[(2, "superseded"), (3, "deployed")]));
        assert_eq!(
            versions(&cleared),
            [3],
            "what somebody else made is not our history"
        );
    }
}
