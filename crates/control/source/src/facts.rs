//! What an attempt finds: [`AttemptDone`] in the end, [`AttemptFacts`] on its way.

use std::time::Duration;

use lode_api::shared::Artifact;
use lode_stdx::Lock;
use lode_tree::RepoPath;

use crate::contents::SourceNotice;

/// What a successful attempt found or made.
#[derive(Debug)]
pub struct AttemptDone {
    /// Time to the next attempt, for a kind that has one.
    pub(crate) interval: Option<Duration>,
    pub(crate) artifact: Artifact,
    /// What was made; `None` if the artifact was current.
    pub(crate) made: Option<MadeArtifact>,
}

/// An artifact that was made by this attempt.
#[derive(Debug)]
pub(crate) struct MadeArtifact {
    /// The artifacts that it includes parts of.
    pub(crate) included: Vec<Artifact>,
    /// What an event says of it if it is new.
    pub(crate) notice: SourceNotice,
    /// Files that were left out because of their names.
    pub(crate) left_out: Vec<RepoPath>,
}

/// What an attempt saw on its way, also if it failed.
#[derive(Debug, Default)]
pub struct AttemptFacts(Lock<SeenFacts>);

/// What an attempt saw.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct SeenFacts {
    /// Whether the artifact of the status is missing in the store.
    pub(crate) lost: bool,
    /// The newest revision of the source.
    pub(crate) revision: Option<String>,
}

impl AttemptFacts {
    /// Returns what was seen so far.
    pub(crate) fn seen(&self) -> SeenFacts {
        self.0.lock().clone()
    }

    /// Notes whether the artifact of the status is missing in the store.
    pub(crate) fn lost(&self, lost: bool) {
        self.0.lock().lost = lost;
    }

    /// Notes the newest revision of the source.
    pub(crate) fn revision(&self, revision: &str) {
        self.0.lock().revision = Some(revision.to_owned());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_seen_stays_seen() {
        let facts = AttemptFacts::default();
        assert_eq!(facts.seen(), SeenFacts::default());
        facts.lost(true);
        facts.revision("r1");
        let seen = facts.seen();
        assert!(seen.lost);
        assert_eq!(seen.revision.as_deref(), Some("r1"));
    }
}
