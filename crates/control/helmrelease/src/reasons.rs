//! Reasons of conditions and events that only releases have; the words are Flux's.

/// The release was installed.
pub(crate) const INSTALL_SUCCEEDED: &str = "InstallSucceeded";
/// The release could not be installed.
pub(crate) const INSTALL_FAILED: &str = "InstallFailed";
/// The release was upgraded.
pub(crate) const UPGRADE_SUCCEEDED: &str = "UpgradeSucceeded";
/// The release could not be upgraded.
pub(crate) const UPGRADE_FAILED: &str = "UpgradeFailed";
/// The release was rolled back.
pub(crate) const ROLLBACK_SUCCEEDED: &str = "RollbackSucceeded";
/// The release could not be rolled back.
pub(crate) const ROLLBACK_FAILED: &str = "RollbackFailed";
/// The release was uninstalled.
pub(crate) const UNINSTALL_SUCCEEDED: &str = "UninstallSucceeded";
/// The release could not be uninstalled.
pub(crate) const UNINSTALL_FAILED: &str = "UninstallFailed";
/// The tests succeeded.
pub(crate) const TEST_SUCCEEDED: &str = "TestSucceeded";
/// A test failed.
pub(crate) const TEST_FAILED: &str = "TestFailed";
/// The tests were not run yet.
pub(crate) const AWAITING_TESTS: &str = "AwaitingTests";
/// The release was left in the middle of an action.
pub(crate) const PENDING_RELEASE: &str = "PendingRelease";
/// Why objects of a release did not become ready (ours, in events).
pub(crate) const NOT_READY: &str = "ReleaseNotReady";
/// All tries are used up.
pub(crate) const RETRIES_EXCEEDED: &str = "RetriesExceeded";
/// There is no release to go back to.
pub(crate) const MISSING_ROLLBACK_TARGET: &str = "MissingRollbackTarget";
/// The chart is not there yet.
pub(crate) const SOURCE_NOT_READY: &str = "SourceNotReady";
/// The values could not be read.
pub(crate) const VALUES_ERROR: &str = "ValuesError";
/// The chart does not fit its source.
pub(crate) const CHART_MUTATE_ERROR: &str = "ChartMutateError";
/// The state of the release is not known.
pub(crate) const STATE_ERROR: &str = "StateError";
/// An action failed before anything was stored.
pub(crate) const RECONCILE_ERROR: &str = "ReconcileError";
/// The cluster differs from the release.
pub(crate) const DRIFT_DETECTED: &str = "DriftDetected";
/// The cluster is as the release says.
pub(crate) const NO_DRIFT_DETECTED: &str = "NoDriftDetected";
/// The cluster was made equal to the release.
pub(crate) const DRIFT_CORRECTED: &str = "DriftCorrected";
/// The cluster could not be made equal to the release.
pub(crate) const DRIFT_CORRECTION_FAILED: &str = "DriftCorrectionFailed";
