//! What is observed of a `HelmRelease`: conditions, counters, and the history of its releases.

use std::collections::BTreeMap;

use crate::Conditions;
use crate::resource::usual_status;
use crate::schema::{Int, date_time, max_length, min_length, object, one_of};
use crate::shared::Inventory;

object! {
    /// Observed state of the release.
    pub struct HelmReleaseStatus {
        optional {
            /// Conditions of the `HelmRelease`.
            pub conditions: Conditions;
            /// Failures since the desired state changed.
            pub failures: Option<i64>;
            /// The `HelmChart` that was created for the release, as `namespace/name`.
            pub helm_chart: Option<Box<str>>;
            /// The latest releases, newest first, up to the last one that succeeded.
            pub history: Vec<Snapshot>;
            /// Failed installations since the desired state changed.
            pub install_failures: Option<i64>;
            /// The objects of the release.
            pub inventory: Option<Inventory>;
            /// Digest of the values of the last attempt.
            pub last_attempted_config_digest: Option<Box<str>>;
            /// Generation of the last attempt.
            pub last_attempted_generation: Option<i64>;
            /// Action of the last attempt, which determines how failures are remediated.
            pub last_attempted_release_action: Option<Box<str>> => one_of(&["install", "upgrade"]);
            /// Duration of the action of the last attempt.
            pub last_attempted_release_action_duration: Option<Box<str>>;
            /// Version of the chart of the last attempt.
            pub last_attempted_revision: Option<Box<str>>;
            /// Digest of the artifact of the last attempt, if its source tells one.
            pub last_attempted_revision_digest: Option<Box<str>>;
            /// Deprecated: SHA-1 checksum of the values of the last attempt.
            pub last_attempted_values_checksum: Option<Box<str>>;
            /// Value of the last request to force a release that was handled.
            pub last_handled_force_at: Option<Box<str>>;
            /// Value of the last reconcile request that was handled.
            pub last_handled_reconcile_at: Option<Box<str>>;
            /// Value of the last request to reset the counters that was handled.
            pub last_handled_reset_at: Option<Box<str>>;
            /// Deprecated: revision of the last release that succeeded.
            pub last_release_revision: Option<Int>;
            /// Digest of the common metadata of the last release.
            pub observed_common_metadata_digest: Option<Box<str>>;
            /// Last generation that was reconciled.
            pub observed_generation: Option<i64>;
            /// Digest of the post-renderers of the last release.
            pub observed_post_renderers_digest: Option<Box<str>>;
            /// Namespace of the storage of the release.
            pub storage_namespace: Option<Box<str>> => min_length(1), max_length(63);
            /// Failed upgrades since the desired state changed.
            pub upgrade_failures: Option<i64>;
        }
    }
}
usual_status!(HelmReleaseStatus);

object! {
    /// A release as it was written into the storage.
    pub struct Snapshot {
        required {
            /// Name of the chart.
            pub chart_name: Box<str>;
            /// Version of the chart.
            pub chart_version: Box<str>;
            /// Digest of the values.
            pub config_digest: Box<str>;
            /// Digest of the release in the storage.
            pub digest: Box<str>;
            /// When the release was deployed first.
            pub first_deployed: Box<str> => date_time();
            /// When this revision was deployed.
            pub last_deployed: Box<str> => date_time();
            /// Name of the release.
            pub name: Box<str>;
            /// Namespace of the release.
            pub namespace: Box<str>;
            /// State of the release in the storage.
            pub status: Box<str>;
            /// Revision of the release.
            pub version: Int;
        }
        optional {
            /// Action that wrote it.
            pub action: Option<Box<str>>;
            /// Version of the method by which the digest was calculated.
            pub api_version: Option<Box<str>>;
            /// Version of the application in the chart.
            pub app_version: Option<Box<str>>;
            /// When it was deleted.
            pub deleted: Option<Box<str>> => date_time();
            /// Digest of the artifact of the chart, if its source tells one.
            pub oci_digest: Option<Box<str>>;
            /// Results of tests, by name; present once the tests were run, whether there were any.
            pub test_hooks: Option<BTreeMap<Box<str>, TestHookStatus>>;
        }
    }
}

object! {
    /// Result of a test.
    pub struct TestHookStatus {
        optional {
            /// When it ended last.
            pub last_completed: Option<Box<str>> => date_time();
            /// When it was started last.
            pub last_started: Option<Box<str>> => date_time();
            /// How it ended.
            pub phase: Option<Box<str>>;
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_release_whose_chart_has_no_tests_is_told_from_one_that_was_not_tested() {
        let read = |text: &str| -> Snapshot { serde_json::from_str(text).unwrap() };
        assert_eq!(read("{}").test_hooks, None);
        let tested = read(r#"{"testHooks": {}}"#);
        assert_eq!(tested.test_hooks, Some(BTreeMap::new()));
        let written = serde_json::to_value(&tested).unwrap();
        assert_eq!(written["testHooks"], json!({}));
    }
}
