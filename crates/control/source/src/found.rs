//! What an attempt comes to: [`Found`] in the end, [`Facts`] on its way.

use std::time::Duration;

use lode_api::shared::Artifact;
use lode_stdx::Lock;
use lode_tree::RepoPath;

/// What a successful attempt comes to.
pub struct Found {
    pub(crate) interval: Duration,
    pub(crate) artifact: Artifact,
    pub(crate) included: Vec<Artifact>,
    /// First line of the commit's message, where the commit was fetched.
    pub(crate) subject: Option<String>,
    /// The tag that a range of versions led to.
    pub(crate) chosen: Option<String>,
    /// Files that were left out for their names, where the artifact was made.
    pub(crate) left_out: Vec<RepoPath>,
}

/// What an attempt saw on its way, also when it failed.
#[derive(Debug, Default)]
pub struct Facts(Lock<Seen>);

/// What an attempt saw.
#[derive(Debug, Clone, Default)]
pub(crate) struct Seen {
    /// Whether the artifact of the status is not in the store.
    pub(crate) lost: bool,
    /// The revision that the repository has.
    pub(crate) revision: Option<String>,
}

impl Facts {
    /// Returns what was seen so far.
    pub(crate) fn seen(&self) -> Seen {
        self.0.lock().clone()
    }

    /// Notes whether the artifact of the status is not in the store.
    pub(crate) fn lost(&self, lost: bool) {
        self.0.lock().lost = lost;
    }

    /// Notes the revision that the repository has.
    pub(crate) fn revision(&self, revision: &str) {
        self.0.lock().revision = Some(revision.to_owned());
    }
}
