//! [`Repository`]: a repository in memory, changed by commits made here and by pushes.
//!
//! Input: changes of files, or objects of a push. Output: commits, and the files at any of them.
//! There is no working folder and no index: a commit is made from the branch's tree and the
//! changes. Writers do not wait for each other; a writer that finds the branch moved puts its
//! changes on top, or gets an error. Ids are SHA-1.
//!
//! ```
//! use lode_git::{Author, Changes, Draft, Options, Repository};
//!
//! let repository = Repository::new("main");
//! let mut changes = Changes::default();
//! changes.write("apps/web.yaml".parse_path(), "kind: ConfigMap\n");
//! # trait Path { fn parse_path(&self) -> lode_tree::RepoPath; }
//! # impl Path for str { fn parse_path(&self) -> lode_tree::RepoPath { lode_tree::RepoPath::parse(self).unwrap() } }
//! let author = Author { name: "Ada".to_owned(), email: "ada@example.com".to_owned() };
//! let draft = Draft { author, message: "add web".to_owned(), time_seconds: 1_767_323_045, onto: None };
//! let commit = repository.commit("main", &changes, &draft)?;
//! assert_eq!(repository.snapshot("main", &Options::default())?.commit, commit.to_string());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod commit;
mod edit;
mod folder;
mod history;
mod lines;
mod merge;
mod references;

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use gix_hash::ObjectId as Id;
use gix_object::Kind;
use lode_spool::Spool;

use crate::fetch_error::FetchError as SnapshotError;
use crate::id::ObjectId;
use crate::objects::{Deflater, Full, Lost, Object, Objects};
use crate::options::Options;
use crate::snapshot::{self, Snapshot};

pub use commit::{Author, Commit, Draft};
pub use edit::{Changes, Error as EditError};
pub use references::{References, Refusal, Update, Watch};

pub(crate) use commit::{Links, links, links_of};
pub(crate) use history::Walk;

/// Most bytes of deflated objects in one repository.
const BYTES_MAX: u64 = 1 << 30;
/// Attempts to put a commit on top of concurrent ones.
const RACES_MAX: usize = 32;
/// Most annotated tags followed to reach a commit.
const TAGS_MAX: usize = 8;

/// A repository in memory; clones are the same repository.
#[derive(Clone)]
pub struct Repository(Arc<SharedRepository>);

struct SharedRepository {
    objects: Objects,
    references: references::Board,
    /// The full name of the branch that HEAD refers to.
    head: String,
}

/// Why no commit was made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CommitError {
    /// The changes have no effect.
    #[error("nothing to commit: the files are so already")]
    Unchanged,
    /// The changes cannot be made.
    #[error(transparent)]
    Edit(#[from] EditError),
    /// No such commit.
    #[error("\"{0}\" does not lead to a commit")]
    NotFound(String),
    /// The commit is a merge or the first one, so there is no unique state to return to.
    #[error("commit {0} has not exactly one parent")]
    Parents(ObjectId),
    /// Later commits changed the same lines, or the files are not text.
    #[error("later commits changed the same: {}", .0.join(", "))]
    Conflict(Vec<String>),
    /// The branch is not at the expected commit, or changes too fast.
    #[error("the branch has moved in the meantime")]
    Moved,
    /// The branch cannot be written.
    #[error(transparent)]
    Reference(Refusal),
    /// The limit of a repository's objects is reached.
    #[error("the repository holds more than {BYTES_MAX} bytes, the limit")]
    Full,
    /// An object is malformed or missing.
    #[error("the repository is damaged")]
    Damaged,
}

/// Why there is no history.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HistoryError {
    /// No such commit.
    #[error("\"{0}\" does not lead to a commit")]
    NotFound(String),
    /// An object is malformed or missing.
    #[error("the repository is damaged")]
    Damaged,
}

impl Repository {
    /// Returns an empty repository whose HEAD refers to this branch.
    #[must_use]
    pub fn new(branch: &str) -> Self {
        let objects = Objects::new(BYTES_MAX);
        Self(Arc::new(SharedRepository {
            objects,
            references: references::Board::default(),
            head: branch_name(branch),
        }))
    }

    /// Commits changes to a branch, which is created if it does not exist.
    ///
    /// # Errors
    /// Nothing changes, the changes contradict what is there, or the branch is not where the draft
    /// expects it.
    pub fn commit(
        &self,
        branch: &str,
        changes: &Changes,
        draft: &Draft,
    ) -> Result<ObjectId, CommitError> {
        self.put(branch, draft, |objects, root| {
            edit::apply(objects, root, changes).map_err(CommitError::from)
        })
    }

    /// Commits the inverse of an earlier commit to a branch, keeping later changes.
    ///
    /// # Errors
    /// There is no such commit, later ones changed the same lines, or as [`Repository::commit`].
    pub fn revert(
        &self,
        branch: &str,
        commit: ObjectId,
        draft: &Draft,
    ) -> Result<ObjectId, CommitError> {
        let undone = self.links(commit.0)?;
        let [parent] = undone.parents[..] else {
            return Err(CommitError::Parents(commit));
        };
        let before = self.links(parent)?.tree;
        self.put(branch, draft, |objects, root| {
            let root = root.ok_or_else(|| CommitError::NotFound(branch.to_owned()))?;
            let merged = merge::merge(objects, undone.tree, root, before)?;
            let clean = merged.conflicts.is_empty();
            if clean {
                Ok((merged.root, merged.made))
            } else {
                Err(CommitError::Conflict(merged.conflicts))
            }
        })
    }

    /// Commits to a branch the state of all files at an earlier commit.
    ///
    /// # Errors
    /// There is no such commit, or as [`Repository::commit`].
    pub fn restore(
        &self,
        branch: &str,
        commit: ObjectId,
        draft: &Draft,
    ) -> Result<ObjectId, CommitError> {
        let root = self.links(commit.0)?.tree;
        self.put(branch, draft, |_, _| Ok((root, Vec::new())))
    }

    /// Reads the files at a branch, a tag, a reference by its full name or a commit id.
    ///
    /// # Errors
    /// It does not lead to a commit, or exceeds the limits of the options.
    pub fn snapshot(&self, revision: &str, options: &Options) -> Result<Snapshot, SnapshotError> {
        let id = self
            .find(revision)
            .ok_or_else(|| SnapshotError::Commit(revision.to_owned()))?;
        // Reading from memory is not interrupted; the limits bound it.
        snapshot::read(
            &self.0.objects,
            id.0,
            options,
            &AtomicBool::new(false),
            &mut Spool::in_memory(),
        )
    }

    /// Returns the latest `count` commits of a revision's history, newest first.
    ///
    /// # Errors
    /// It does not lead to a commit.
    pub fn history(&self, revision: &str, count: usize) -> Result<Vec<Commit>, HistoryError> {
        let tip = self.find(revision).and_then(|id| self.peel(id.0));
        let tip = tip.ok_or_else(|| HistoryError::NotFound(revision.to_owned()))?;
        history::list(&self.0.objects, tip, count).map_err(|_| HistoryError::Damaged)
    }

    /// Returns the object that a branch, a tag, a reference by its full name or a full id refers
    /// to.
    #[must_use]
    pub fn find(&self, revision: &str) -> Option<ObjectId> {
        let references = self.references();
        let name = if revision == "HEAD" {
            self.head()
        } else {
            revision
        };
        let named = references
            .get(name)
            .or_else(|| references.get(&branch_name(name)));
        let named = named.or_else(|| references.get(&format!("refs/tags/{name}")));
        named.or_else(|| {
            revision
                .parse()
                .ok()
                .filter(|id: &ObjectId| self.0.objects.kind(id.0).is_some())
        })
    }

    /// Returns the current references.
    #[must_use]
    pub fn references(&self) -> References {
        self.0.references.now()
    }

    /// Returns the full name of the branch that HEAD refers to.
    #[must_use]
    pub fn head(&self) -> &str {
        &self.0.head
    }

    /// Returns a watch that signals every change of references.
    #[must_use]
    pub fn watch(&self) -> Watch {
        self.0.references.watch()
    }

    /// Changes references, each if it is still at the value that its update expects; with `atomic`
    /// all or none.
    #[must_use]
    pub fn update(&self, updates: &[Update], atomic: bool) -> Vec<Result<(), Refusal>> {
        let outcomes = updates.iter().map(|update| self.check(update)).collect();
        self.0.references.apply(updates, outcomes, atomic)
    }

    pub(crate) fn objects(&self) -> &Objects {
        &self.0.objects
    }

    /// Follows annotated tags to the commit they lead to; a commit leads to itself.
    pub(crate) fn peel(&self, id: Id) -> Option<Id> {
        let target = self.peeled(id).unwrap_or(id);
        (self.0.objects.kind(target)? == Kind::Commit).then_some(target)
    }

    /// Returns what an annotated tag finally points to; nothing if it is not a tag.
    pub(crate) fn peeled(&self, id: Id) -> Option<Id> {
        let mut id = id;
        for followed in 0..=TAGS_MAX {
            if self.0.objects.kind(id)? != Kind::Tag {
                return (followed > 0).then_some(id);
            }
            id = self.tagged(id)?;
        }
        None
    }

    /// Returns what an annotated tag points to.
    pub(crate) fn tagged(&self, tag: Id) -> Option<Id> {
        let bytes = self.0.objects.get(tag)?.inflate().ok()?;
        snapshot::header(&bytes, "object")
    }

    /// Puts a commit on top of a branch; `tree` computes its files from those there. If the branch
    /// moves, it is retried.
    fn put(
        &self,
        branch: &str,
        draft: &Draft,
        tree: impl Fn(&Objects, Option<Id>) -> Result<(Id, Vec<(Id, Object)>), CommitError>,
    ) -> Result<ObjectId, CommitError> {
        let name = branch_name(branch);
        for _ in 0..RACES_MAX {
            let old = self.references().get(&name);
            if draft.onto.is_some() && draft.onto != old {
                return Err(CommitError::Moved);
            }
            let root = old
                .map(|old| self.links(old.0))
                .transpose()?
                .map(|links| links.tree);
            let (new_root, mut made) = tree(self.objects(), root)?;
            if root == Some(new_root) {
                return Err(CommitError::Unchanged);
            }
            let parents: Vec<Id> = old.iter().map(|old| old.0).collect();
            made.push(
                Deflater::default()
                    .object(Kind::Commit, &commit::write(new_root, &parents, draft))?,
            );
            let new = made.last().map(|(id, _)| ObjectId(*id));
            self.objects()
                .insert(made)
                .map_err(|Full| CommitError::Full)?;
            match self
                .update(
                    &[Update {
                        name: name.clone(),
                        old,
                        new,
                    }],
                    false,
                )
                .pop()
            {
                Some(Err(Refusal::Stale)) => {}
                Some(Err(refusal)) => return Err(CommitError::Reference(refusal)),
                Some(Ok(())) | None => return new.ok_or(CommitError::Damaged),
            }
        }
        Err(CommitError::Moved)
    }

    fn links(&self, id: Id) -> Result<commit::Links, CommitError> {
        commit::links(self.objects(), id).map_err(|_| CommitError::NotFound(id.to_string()))
    }

    fn check(&self, update: &Update) -> Result<(), Refusal> {
        let Some(new) = update.new else {
            return if update.name == self.head() {
                Err(Refusal::Head)
            } else {
                Ok(())
            };
        };
        if !references::is_name(&update.name) {
            return Err(Refusal::Name);
        }
        match self.objects().kind(new.0).ok_or(Refusal::Missing)? {
            Kind::Tag | Kind::Tree | Kind::Blob if update.name.starts_with("refs/heads/") => {
                Err(Refusal::NoCommit)
            }
            _ => Ok(()),
        }
    }
}

impl From<Lost> for CommitError {
    fn from(_: Lost) -> Self {
        Self::Damaged
    }
}

impl std::fmt::Debug for Repository {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Repository")
            .field("head", &self.0.head)
            .finish_non_exhaustive()
    }
}

fn branch_name(branch: &str) -> String {
    if branch.starts_with("refs/") {
        branch.to_owned()
    } else {
        format!("refs/heads/{branch}")
    }
}
