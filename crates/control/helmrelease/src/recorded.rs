//! The objects of a release as its records have them.

use lode_apply::Set;
use lode_chart::release::Release;
use lode_runtime::{Failure, Retry};
use lode_stdx::budget::Budget;

use crate::acting::{Acting, ActionError};
use crate::computing::for_text;
use crate::objects::{Origin, ReleaseObjects};
use crate::reasons::STATE_ERROR;

/// Reads the objects of a record.
///
/// # Errors
/// Its manifest cannot be read, or the server cannot be asked.
pub(crate) async fn objects_of(
    acting: &Acting<'_>,
    release: &Release,
) -> Result<ReleaseObjects, ActionError> {
    let (manifest, name) = (release.manifest.clone(), acting.storage.name.clone());
    let namespace = acting.namespace.clone();
    let bytes = manifest.len();
    let read = move |budget: &Budget| {
        let origin = Origin {
            name: &name,
            namespace: &namespace,
        };
        ReleaseObjects::of_manifest(&manifest, &origin, budget)
    };
    let room = (&*acting.object.metadata.namespace, for_text(bytes));
    let objects = acting
        .kind
        .computing
        .run(room, read, |not_run| not_run)
        .await?;
    Ok(objects.scoped(&acting.applier).await?)
}

/// Reads the objects of the last record that are brought back when they are edited.
///
/// # Errors
/// There is none, or it cannot be read.
pub(crate) async fn recorded_set(acting: &Acting<'_>) -> Result<Set, Failure> {
    let revisions = acting.storage.revisions().await;
    let revisions = revisions.map_err(|error| unknown(&error.to_string()))?;
    let last = revisions.first().map_or(0, |revision| revision.version);
    let stored = acting.storage.read(last).await;
    let stored = stored.map_err(|error| unknown(&error.to_string()))?;
    let stored = stored.ok_or_else(|| unknown("release not found"))?;
    match objects_of(acting, &stored.release).await {
        Ok(objects) => Ok(objects.detected()),
        Err(ActionError::Failed(why)) => Err(unknown(&why)),
        Err(ActionError::Dropped) => Err(Failure::dropped()),
    }
}

/// Says that the state of the objects cannot be found out.
pub(crate) fn unknown(why: &str) -> Failure {
    let text =
        format!("Could not determine release state: unable to determine cluster state: {why}");
    Failure::new(STATE_ERROR, text).with(Retry::Backoff)
}
