//! What an attempt finds: [`AttemptDone`] in the end, [`AttemptFacts`] on its way.

use std::time::Duration;

use lode_api::shared::Artifact;
use lode_stdx::Lock;
use lode_tree::RepoPath;

use crate::contents::{MadeWith, NewestRevision, SourceNotice};

/// What a successful attempt found or made.
#[derive(Debug)]
pub struct AttemptDone<M> {
    /// Time to the next attempt, for a kind that has one.
    pub(crate) interval: Option<Duration>,
    pub(crate) artifact: Artifact,
    /// Address of the newest artifact, for a kind that has one that does not change.
    pub(crate) url: Option<String>,
    /// What was made; `None` if the artifact was current.
    pub(crate) made: Option<MadeArtifact<M>>,
}

/// An artifact that was made by this attempt.
#[derive(Debug)]
pub(crate) struct MadeArtifact<M> {
    /// What it was made with.
    pub(crate) with: MadeWith<M>,
    /// What an event says of it if it is new.
    pub(crate) notice: SourceNotice,
    /// What events say besides.
    pub(crate) remarks: Vec<SourceNotice>,
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
    pub(crate) newest: Option<SeenRevision>,
    /// The revision of the object's own source, for a kind that is made from another one.
    pub(crate) used: Option<String>,
}

/// A revision that was seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SeenRevision {
    pub(crate) revision: String,
    /// What is said of an artifact of another one.
    pub(crate) outdated: SourceNotice,
    /// What is added to the progress of bringing it.
    pub(crate) progress: Option<String>,
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

    /// Notes the newest revision of the source, unless it counts only once it is brought.
    pub(crate) fn newest<L>(&self, newest: &NewestRevision<L>) {
        self.0.lock().newest = newest.outdated.clone().map(|outdated| SeenRevision {
            revision: newest.revision.clone(),
            outdated,
            progress: newest.progress.clone(),
        });
    }

    /// Notes the revision of the object's own source that this attempt works with.
    pub fn used(&self, revision: &str) {
        self.0.lock().used = Some(revision.to_owned());
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
        facts.used("r0");
        facts.newest(&NewestRevision {
            revision: "r1".to_owned(),
            chosen: None,
            outdated: SourceNotice::outdated("new".to_owned()),
            progress: None,
            lead: (),
        });
        let seen = facts.seen();
        assert!(seen.lost);
        assert_eq!(seen.used.as_deref(), Some("r0"));
        assert_eq!(seen.newest.unwrap().revision, "r1");
    }
}
