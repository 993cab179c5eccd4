//! The reasons of conditions and events: stable words that people's alerts and dashboards match.
//!
//! First those that all kinds share, then those of sources, then Lodestone's own.

/// The work is done.
pub const SUCCEEDED: &str = "Succeeded";
/// The work failed.
pub const FAILED: &str = "Failed";
/// The work goes on.
pub const PROGRESSING: &str = "Progressing";
/// The work failed and is tried again.
pub const PROGRESSING_WITH_RETRY: &str = "ProgressingWithRetry";
/// The object is left alone.
pub const SUSPENDED: &str = "Suspended";
/// Something that it depends on is not ready.
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
/// The artifact of the source could not be had.
pub const ARTIFACT_FAILED: &str = "ArtifactFailed";
/// The manifests could not be built.
pub const BUILD_FAILED: &str = "BuildFailed";
/// Fields that their kinds do not have were dropped (ours, in events).
pub const UNKNOWN_FIELDS: &str = "UnknownFields";
/// Objects were applied whose kinds nobody serves (ours, in events).
pub const KIND_NOT_SERVED: &str = "KindNotServed";
/// Applied objects did not become healthy.
pub const HEALTH_CHECK_FAILED: &str = "HealthCheckFailed";
/// The cluster has what the revision says.
pub const RECONCILIATION_SUCCEEDED: &str = "ReconciliationSucceeded";
/// The objects could not be applied.
pub const RECONCILIATION_FAILED: &str = "ReconciliationFailed";
/// A CEL expression is not valid.
pub const INVALID_CEL_EXPRESSION: &str = "InvalidCELExpression";
/// The feature is switched off.
pub const FEATURE_GATE_DISABLED: &str = "FeatureGateDisabled";
/// A newer trigger ended the health checks.
pub const HEALTH_CHECK_CANCELED: &str = "HealthCheckCanceled";
/// The reference crosses a border that it may not cross.
pub const ACCESS_DENIED: &str = "AccessDenied";

/// The URL of the source is not valid.
pub const URL_INVALID: &str = "URLInvalid";
/// The credentials are missing, malformed or refused.
pub const AUTHENTICATION_FAILED: &str = "AuthenticationFailed";
/// Files have no place in the artifact for their names.
pub const FILES_LEFT_OUT: &str = "FilesLeftOut";
/// A signature could not be checked or does not hold.
pub const VERIFICATION_ERROR: &str = "VerificationError";
/// A folder could not be made.
pub const DIRECTORY_CREATION_FAILED: &str = "DirectoryCreationFailed";
/// A path could not be looked at.
pub const STAT_OPERATION_FAILED: &str = "StatOperationFailed";
/// A file could not be read.
pub const READ_OPERATION_FAILED: &str = "ReadOperationFailed";
/// A lock could not be had.
pub const ACQUIRE_LOCK_FAILED: &str = "AcquireLockFailed";
/// The archive could not be made.
pub const ARCHIVE_OPERATION_FAILED: &str = "ArchiveOperationFailed";
/// The link to the newest artifact could not be set.
pub const SYMLINK_UPDATE_FAILED: &str = "SymlinkUpdateFailed";
/// The stored artifact is the newest one.
pub const ARTIFACT_UP_TO_DATE: &str = "ArtifactUpToDate";
/// A cache failed.
pub const CACHE_OPERATION_FAILED: &str = "CacheOperationFailed";
/// The object could not be written.
pub const PATCH_OPERATION_FAILED: &str = "PatchOperationFailed";
/// The token service is not configured in a valid way.
pub const INVALID_STS_CONFIGURATION: &str = "InvalidSTSConfiguration";
/// The provider is not configured in a valid way.
pub const INVALID_PROVIDER_CONFIGURATION: &str = "InvalidProviderConfiguration";
/// Git did what it was asked.
pub const GIT_OPERATION_SUCCEEDED: &str = "GitOperationSucceeded";
/// Git could not be read.
pub const GIT_OPERATION_FAILED: &str = "GitOperationFailed";
/// The source has a new revision.
pub const NEW_REVISION: &str = "NewRevision";
/// An included artifact has changed.
pub const INCLUDE_CHANGE: &str = "IncludeChange";
/// The source has no artifact yet.
pub const NO_SOURCE_ARTIFACT: &str = "NoSourceArtifact";
/// The source cannot be had.
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
/// The signature of the tag does not hold.
pub const INVALID_TAG_SIGNATURE: &str = "InvalidTagSignature";
/// The signature of the commit does not hold.
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
/// A stored artifact is not what it was (event).
pub const ARTIFACT_VERIFICATION_FAILED: &str = "ArtifactVerificationFailed";

/// Somebody keeps changing back what was put right.
pub const CONTESTED: &str = "Contested";
/// The spec asks for something that is not built yet.
pub const UNSUPPORTED: &str = "Unsupported";
