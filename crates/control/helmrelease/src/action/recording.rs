//! [`Recording`]: how a revision gets into the storage, first as pending and then as what came of it.

use lode_chart::release::{Release, ReleaseStatus};

use super::Written;
use crate::acting::{Acting, ActionError};
use crate::objects::ReleaseObjects;
use crate::standing::KnownRelease;
use crate::storage::Revision;

/// How a revision gets into the storage.
#[derive(Clone, Copy)]
pub(crate) struct Recording<'a> {
    /// What the action calls itself in the history.
    pub(crate) action: &'static str,
    /// Digest of the artifact that the chart is from, if its source tells one.
    pub(crate) oci_digest: Option<&'a str>,
    /// How its description begins if it fails.
    pub(crate) word: &'static str,
}

impl Recording<'_> {
    /// Stores a revision that is about to be made; at most `max` are kept.
    ///
    /// # Errors
    /// The storage refuses.
    pub(crate) async fn begin(
        self,
        acting: &Acting<'_>,
        (release, objects): (&Release, &ReleaseObjects),
        (known, max): (&[Revision], i64),
        written: &mut Written,
    ) -> Result<(), ActionError> {
        acting.storage.create(release, known, max).await?;
        written.inventory = Some(objects.inventory());
        written.note(release, Some(self.action), self.oci_digest);
        Ok(())
    }

    /// Stores what came of a revision. One that nobody wants any more stays pending: the next run frees it.
    ///
    /// # Errors
    /// The storage refuses; else what the revision ended with.
    pub(crate) async fn end(
        self,
        acting: &Acting<'_>,
        release: &mut Release,
        ended: Result<(), ActionError>,
        written: &mut Written,
    ) -> Result<(), ActionError> {
        match &ended {
            Ok(()) => release.info.status = ReleaseStatus::Deployed,
            Err(ActionError::Failed(why)) => {
                let (word, name) = (self.word, &release.name);
                release.info.status = ReleaseStatus::Failed;
                release.info.description = format!("{word} \"{name}\" failed: {why}");
            }
            Err(ActionError::Dropped) => return ended,
        }
        let version = acting.storage.update(release).await?;
        written.note(release, Some(self.action), self.oci_digest);
        written.last = Some(KnownRelease::written(release, version, self.oci_digest));
        ended
    }
}
