//! The end of a repository: its artifacts go, then the finalizer.

use lode_api::{GitRepository, reasons};
use lode_object::meta;
use lode_runtime::{EventKind, Next};
use tracing::{info, warn};

use crate::artifact::Archive;
use crate::controller::{GitRepositories, key};
use crate::failure::Failure;
use crate::reconcile::postpone;

impl GitRepositories {
    pub(crate) async fn finalize(&self, object: &GitRepository) -> Next {
        if !object.metadata.has_finalizer(meta::FINALIZER) {
            return Next::Idle;
        }
        if let Err(failure) = self.remove_artifacts(object).await {
            let text = format!(
                "garbage collection for deleted resource failed: {}",
                failure.message
            );
            warn!(name = %key(object), error = failure.message, "artifacts not removed");
            self.emit(
                object,
                EventKind::Warning,
                reasons::GARBAGE_COLLECTION_FAILED,
                text,
            );
            return Next::Backoff;
        }
        if let Err(error) = self.without_finalizer(object).await {
            return postpone(object, &error);
        }
        info!(name = %key(object), "GitRepository removed");
        if object.status.artifact.is_some() {
            let text = "garbage collected artifacts for deleted resource".to_owned();
            self.emit(
                object,
                EventKind::Normal,
                reasons::GARBAGE_COLLECTION_SUCCEEDED,
                text,
            );
        }
        Next::Idle
    }

    async fn remove_artifacts(&self, object: &GitRepository) -> Result<(), Failure> {
        Archive::new(&self.artifacts, &key(object), &object.metadata.uid)?
            .clear()
            .await
    }
}
