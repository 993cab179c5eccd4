//! Frees a release from an action that ended in the middle.

use lode_chart::release::ReleaseStatus;

use super::{Written, oci_digest_of};
use crate::acting::{Acting, ActionError};
use crate::standing::KnownRelease;

/// Marks a revision as failed whose action is not under way any more.
///
/// # Errors
/// The storage refuses.
pub(crate) async fn unlock(
    acting: &Acting<'_>,
    version: i64,
    written: &mut Written,
) -> Result<Option<ReleaseStatus>, ActionError> {
    let Some(mut stored) = acting.storage.read(version).await? else {
        return Ok(None);
    };
    let release = &mut stored.release;
    let status = release.info.status;
    if !status.is_pending() {
        return Ok(None);
    }
    release.info.status = ReleaseStatus::Failed;
    release.info.description = format!("Release unlocked from stale '{status}' state");
    let resource_version = acting.storage.update(release).await?;
    let of = &acting.object.status;
    let oci = oci_digest_of(of, release);
    written.note(release, None, oci);
    written.last = Some(KnownRelease::written(release, resource_version, oci));
    Ok(Some(status))
}
