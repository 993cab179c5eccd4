//! The reasons of conditions and events: stable words that users' alerts and dashboards match.
//!
//! First those that all kinds share, then those of sources, then Lodestone's own.

/// The reconciliation succeeded.
pub const SUCCEEDED: &str = "Succeeded";
/// The reconciliation failed.
pub const FAILED: &str = "Failed";
/// The reconciliation is in progress.
pub const PROGRESSING: &str = "Progressing";
/// The reconciliation failed and will be retried.
pub const PROGRESSING_WITH_RETRY: &str = "ProgressingWithRetry";
/// The object is suspended.
pub const SUSPENDED: &str = "Suspended";
/// A dependency is not ready.
pub const DEPENDENCY_NOT_READY: &str = "DependencyNotReady";
/// A path is not valid.
pub const INVALID_PATH: &str = "InvalidPath";
/// A URL is not valid.
pub const INVALID_URL: &str = "InvalidURL";
/// Plain HTTP is not allowed.
pub const INSECURE_CONNECTIONS_DISALLOWED: &str = "InsecureConnectionsDisallowed";
/// The kind of connection is not supported.
pub const UNSUPPORTED_CONNECTION_TYPE: &str = "UnsupportedConnectionType";
/// Objects could not be deleted.
pub const PRUNE_FAILED: &str = "PruneFailed";
/// The artifact of the source could not be fetched.
pub const ARTIFACT_FAILED: &str = "ArtifactFailed";
/// The manifests could not be built.
pub const BUILD_FAILED: &str = "BuildFailed";
/// Fields that their kinds do not have were dropped (ours, in events).
pub const UNKNOWN_FIELDS: &str = "UnknownFields";
/// Objects were applied whose kinds Lodestone does not serve yet (ours, in events).
pub const KIND_NOT_SERVED: &str = "KindNotServed";
/// Applied objects did not become healthy.
pub const HEALTH_CHECK_FAILED: &str = "HealthCheckFailed";
/// The cluster matches the revision.
pub const RECONCILIATION_SUCCEEDED: &str = "ReconciliationSucceeded";
/// The objects could not be applied.
pub const RECONCILIATION_FAILED: &str = "ReconciliationFailed";
/// A CEL expression is not valid.
pub const INVALID_CEL_EXPRESSION: &str = "InvalidCELExpression";
/// The feature is disabled.
pub const FEATURE_GATE_DISABLED: &str = "FeatureGateDisabled";
/// A newer trigger cancelled the health checks.
pub const HEALTH_CHECK_CANCELED: &str = "HealthCheckCanceled";
/// The reference or connection is not allowed.
pub const ACCESS_DENIED: &str = "AccessDenied";

/// The URL of the source is not valid.
pub const URL_INVALID: &str = "URLInvalid";
/// The credentials are missing, malformed or refused.
pub const AUTHENTICATION_FAILED: &str = "AuthenticationFailed";
/// Files were left out of the artifact because of their names.
pub const FILES_LEFT_OUT: &str = "FilesLeftOut";
/// A signature could not be verified.
pub const VERIFICATION_ERROR: &str = "VerificationError";
/// A folder could not be created.
pub const DIRECTORY_CREATION_FAILED: &str = "DirectoryCreationFailed";
/// File information could not be read.
pub const STAT_OPERATION_FAILED: &str = "StatOperationFailed";
/// A file could not be read.
pub const READ_OPERATION_FAILED: &str = "ReadOperationFailed";
/// A lock could not be acquired.
pub const ACQUIRE_LOCK_FAILED: &str = "AcquireLockFailed";
/// The archive could not be created.
pub const ARCHIVE_OPERATION_FAILED: &str = "ArchiveOperationFailed";
/// The link to the latest artifact could not be updated.
pub const SYMLINK_UPDATE_FAILED: &str = "SymlinkUpdateFailed";
/// The stored artifact is the latest one.
pub const ARTIFACT_UP_TO_DATE: &str = "ArtifactUpToDate";
/// A cache failed.
pub const CACHE_OPERATION_FAILED: &str = "CacheOperationFailed";
/// The object could not be written.
pub const PATCH_OPERATION_FAILED: &str = "PatchOperationFailed";
/// The configuration of the token service is not valid.
pub const INVALID_STS_CONFIGURATION: &str = "InvalidSTSConfiguration";
/// The configuration of the provider is not valid.
pub const INVALID_PROVIDER_CONFIGURATION: &str = "InvalidProviderConfiguration";
/// The Git operation succeeded.
pub const GIT_OPERATION_SUCCEEDED: &str = "GitOperationSucceeded";
/// The Git operation failed.
pub const GIT_OPERATION_FAILED: &str = "GitOperationFailed";
/// The artifact could not be pulled from the registry.
pub const OCI_ARTIFACT_PULL_FAILED: &str = "OCIArtifactPullFailed";
/// A layer of the artifact could not be read.
pub const OCI_ARTIFACT_LAYER_OPERATION_FAILED: &str = "OCIArtifactLayerOperationFailed";
/// The index of a repository could not be read.
pub const INDEXATION_FAILED: &str = "IndexationFailed";
/// A chart was pulled.
pub const CHART_PULL_SUCCEEDED: &str = "ChartPullSucceeded";
/// A chart was packaged.
pub const CHART_PACKAGE_SUCCEEDED: &str = "ChartPackageSucceeded";
/// The name, path or version of a chart does not lead to one.
pub const INVALID_CHART_REFERENCE: &str = "InvalidChartReference";
/// A chart could not be pulled.
pub const CHART_PULL_ERROR: &str = "ChartPullError";
/// The version of a chart could not be changed.
pub const METADATA_PATCH_ERROR: &str = "MetadataPatchError";
/// Values files could not be merged.
pub const VALUES_FILES_ERROR: &str = "ValuesFilesError";
/// A dependency of a chart could not be added.
pub const DEPENDENCY_BUILD_ERROR: &str = "DependencyBuildError";
/// A chart could not be packaged.
pub const CHART_PACKAGE_ERROR: &str = "ChartPackageError";
/// The signature of a chart could not be verified.
pub const CHART_VERIFICATION_ERROR: &str = "ChartVerificationError";
/// Dependencies of a chart were added (event).
pub const RESOLVED_DEPENDENCIES: &str = "ResolvedDependencies";
/// A failure of no known class.
pub const UNKNOWN: &str = "Unknown";
/// The source has another chart.
pub const NEW_CHART: &str = "NewChart";
/// The kind of the source is not supported.
pub const UNSUPPORTED_SOURCE_KIND: &str = "UnsupportedSourceKind";
/// The source has a new revision.
pub const NEW_REVISION: &str = "NewRevision";
/// An included artifact has changed.
pub const INCLUDE_CHANGE: &str = "IncludeChange";
/// The source has no artifact yet.
pub const NO_SOURCE_ARTIFACT: &str = "NoSourceArtifact";
/// The source is not available.
pub const SOURCE_UNAVAILABLE: &str = "SourceUnavailable";
/// The ignore patterns could not be read.
pub const SOURCE_IGNORE_ERROR: &str = "SourceIgnoreError";
/// Old artifacts could not be removed.
pub const GARBAGE_COLLECTION_FAILED: &str = "GarbageCollectionFailed";
/// Old artifacts were removed.
pub const GARBAGE_COLLECTION_SUCCEEDED: &str = "GarbageCollectionSucceeded";
/// The repository has no commit.
pub const EMPTY_GIT_REPOSITORY: &str = "EmptyGitRepository";
/// The verification mode does not fit the reference.
pub const INVALID_VERIFICATION_MODE: &str = "InvalidVerificationMode";
/// A Git object is malformed.
pub const INVALID_GIT_OBJECT: &str = "InvalidGitObject";
/// The signature of the tag is not valid.
pub const INVALID_TAG_SIGNATURE: &str = "InvalidTagSignature";
/// The signature of the commit is not valid.
pub const INVALID_COMMIT_SIGNATURE: &str = "InvalidCommitSignature";
/// A path leaves its root.
pub const ILLEGAL_PATH: &str = "IllegalPath";
/// Included content could not be copied.
pub const COPY_FAILURE: &str = "CopyFailure";
/// A referenced object does not exist.
pub const NOT_FOUND: &str = "NotFound";
/// A referenced source has no artifact.
pub const NO_ARTIFACT: &str = "NoArtifact";
/// An artifact was stored (event).
pub const NEW_ARTIFACT: &str = "NewArtifact";
/// A stored artifact no longer matches its digest (event).
pub const ARTIFACT_VERIFICATION_FAILED: &str = "ArtifactVerificationFailed";

/// A release was installed.
pub const INSTALL_SUCCEEDED: &str = "InstallSucceeded";
/// A release could not be installed.
pub const INSTALL_FAILED: &str = "InstallFailed";
/// A release was upgraded.
pub const UPGRADE_SUCCEEDED: &str = "UpgradeSucceeded";
/// A release could not be upgraded.
pub const UPGRADE_FAILED: &str = "UpgradeFailed";
/// The tests of a release succeeded.
pub const TEST_SUCCEEDED: &str = "TestSucceeded";
/// A test of a release failed.
pub const TEST_FAILED: &str = "TestFailed";
/// The tests of a release are still to be run.
pub const AWAITING_TESTS: &str = "AwaitingTests";
/// A release was rolled back.
pub const ROLLBACK_SUCCEEDED: &str = "RollbackSucceeded";
/// A release could not be rolled back.
pub const ROLLBACK_FAILED: &str = "RollbackFailed";
/// A release was uninstalled.
pub const UNINSTALL_SUCCEEDED: &str = "UninstallSucceeded";
/// A release could not be uninstalled.
pub const UNINSTALL_FAILED: &str = "UninstallFailed";
/// A release is marked as failed that an interrupted action has left pending.
pub const PENDING_RELEASE: &str = "PendingRelease";
/// The state of a release cannot be determined.
pub const STATE_ERROR: &str = "StateError";
/// The last release failed as often as it may.
pub const RETRIES_EXCEEDED: &str = "RetriesExceeded";
/// There is no release to roll back to.
pub const MISSING_ROLLBACK_TARGET: &str = "MissingRollbackTarget";
/// The values of a release cannot be read.
pub const VALUES_ERROR: &str = "ValuesError";
/// The source of a chart is not ready.
pub const SOURCE_NOT_READY: &str = "SourceNotReady";
/// The version of a chart does not fit its source.
pub const CHART_MUTATE_ERROR: &str = "ChartMutateError";
/// The cluster of a release cannot be used.
pub const REST_CLIENT_ERROR: &str = "RESTClientError";
/// A `HelmChart` was created for a release (event).
pub const HELM_CHART_CREATED: &str = "HelmChartCreated";
/// The `HelmChart` of a release was changed (event).
pub const HELM_CHART_CONFIGURED: &str = "HelmChartConfigured";
/// The `HelmChart` of a release was deleted (event).
pub const HELM_CHART_DELETED: &str = "HelmChartDeleted";
/// The `HelmChart` of a release could not be written.
pub const HELM_CHART_SYNC_ERROR: &str = "HelmChartSyncErr";
/// The objects in the cluster differ from the release.
pub const DRIFT_DETECTED: &str = "DriftDetected";
/// The objects in the cluster are those of the release.
pub const NO_DRIFT_DETECTED: &str = "NoDriftDetected";
/// Objects that differed were corrected (event).
pub const DRIFT_CORRECTED: &str = "DriftCorrected";
/// Objects that differ could not be corrected (event).
pub const DRIFT_CORRECTION_FAILED: &str = "DriftCorrectionFailed";

/// Another writer keeps reverting our corrections.
pub const CONTESTED: &str = "Contested";
/// The spec uses something that is not implemented yet.
pub const UNSUPPORTED: &str = "Unsupported";
