//! What an [`Origin`](crate::Origin) hands over: the newest revision, its contents, and what is said of them.

use std::collections::BTreeMap;
use std::io::Read;

use lode_api::reasons;
use lode_api::shared::Artifact;
use lode_object::NamespacedName;
use lode_tree::{RepoPath, Tree};

/// The newest revision of a source.
#[derive(Debug, Clone)]
pub struct NewestRevision<L> {
    /// The revision as the status shows it.
    pub revision: String,
    /// How the revision was chosen, if the specification does not name it; failures and events add it.
    pub chosen: Option<String>,
    /// What `ArtifactOutdated` says of an artifact of another revision if this one cannot be brought.
    pub outdated: Option<SourceNotice>,
    /// What `Reconciling` adds while another revision is brought.
    pub progress: Option<String>,
    /// What the origin needs to bring it.
    pub lead: L,
}

/// The contents of a revision.
pub struct BroughtContents<M> {
    /// The files.
    pub contents: SourceContents,
    /// Name of the artifact's file in the store.
    pub file: String,
    /// What an event says if the artifact is new.
    pub notice: SourceNotice,
    /// What events say besides.
    pub remarks: Vec<SourceNotice>,
    /// Facts about the revision that consumers read in the status of the artifact.
    pub metadata: BTreeMap<Box<str>, Box<str>>,
    /// What the status notes of how it was made.
    pub made: M,
}

/// What an artifact is made from.
pub enum SourceContents {
    /// Files, of which an archive is made.
    Tree {
        /// All files of the source.
        tree: Tree,
        /// Which of them the archive leaves out.
        ignore: IgnoreRules,
    },
    /// One file that is stored as it is, such as an index or a packaged chart. The origin bounds its size.
    File(Box<dyn Read + Send>),
}

/// What an artifact was made with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MadeWith<M> {
    /// The artifacts that it includes parts of.
    pub included: Vec<Artifact>,
    /// What its origin says.
    pub origin: M,
}

/// Which files an archive leaves out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IgnoreRules {
    /// What `.sourceignore` files and the specification's own patterns say, or the default patterns if there are none.
    SourceIgnore(Option<String>),
    /// None: the origin has left them out already.
    Nothing,
}

/// A part of another source's artifact that is copied into this one.
#[derive(Debug, Clone)]
pub struct IncludedPart {
    /// The other source's kind in lower case.
    pub kind: &'static str,
    /// The other source.
    pub name: NamespacedName,
    /// The other source's uid, which decides which artifacts can be its own.
    pub uid: Box<str>,
    /// The other source's artifact.
    pub artifact: Artifact,
    /// What is copied.
    pub from: RepoPath,
    /// Where it goes.
    pub to: RepoPath,
}

/// Something to say of an artifact, in a condition or an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceNotice {
    /// A stable word for the cause.
    pub reason: &'static str,
    /// The text for people.
    pub text: String,
}

impl SourceNotice {
    /// Returns what most kinds say of an artifact that is older than its source.
    pub fn outdated(text: String) -> Option<Self> {
        let reason = reasons::NEW_REVISION;
        Some(Self { reason, text })
    }

    /// Returns what most kinds say of an artifact that is in the store.
    pub fn stored(artifact: &Artifact) -> Self {
        Self {
            reason: reasons::SUCCEEDED,
            text: format!("stored artifact for revision '{}'", artifact.revision),
        }
    }
}
