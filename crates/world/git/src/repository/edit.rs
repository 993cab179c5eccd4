//! [`Changes`]: files written and deleted, and the resulting trees.
//!
//! Input: an object source, a root tree, changes. Output: the new root tree and the objects created
//! for it. Only folders that contain a change are read and written, so a change costs the same in a
//! large repository as in a small one.

use std::collections::BTreeMap;

use gix_hash::ObjectId;
use gix_object::Kind;
use gix_object::tree::EntryKind;
use lode_tree::RepoPath;

use crate::objects::{Deflater, Lost, Object, ObjectSource};
use crate::repository::folder::{self, Folder};

/// Deepest nesting of folders, as for a snapshot.
const DEPTH_MAX: usize = 256;

/// The changes of a commit: for each path its new content or its deletion.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Changes {
    by_path: BTreeMap<RepoPath, FileChange>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum FileChange {
    Write {
        bytes: Vec<u8>,
        executable: Option<bool>,
    },
    Link(String),
    Delete,
}

/// Why changes cannot be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A file would replace a folder that is not deleted.
    #[error("{0}: is a folder")]
    Folder(RepoPath),
    /// The root is not a file.
    #[error("a file needs a name")]
    Root,
    /// Folders nested deeper than trees are read.
    #[error("{0}: more than {DEPTH_MAX} folders within folders")]
    Deep(RepoPath),
    /// An object is malformed or missing.
    #[error("the repository is damaged")]
    Damaged,
}

impl Changes {
    /// Writes a file; an existing one keeps its executable bit.
    pub fn write(&mut self, path: RepoPath, bytes: impl Into<Vec<u8>>) {
        self.by_path.insert(
            path,
            FileChange::Write {
                bytes: bytes.into(),
                executable: None,
            },
        );
    }

    /// Writes a file with or without the executable bit.
    pub fn write_as(&mut self, path: RepoPath, bytes: impl Into<Vec<u8>>, executable: bool) {
        self.by_path.insert(
            path,
            FileChange::Write {
                bytes: bytes.into(),
                executable: Some(executable),
            },
        );
    }

    /// Writes a symbolic link.
    pub fn link(&mut self, path: RepoPath, target: impl Into<String>) {
        self.by_path.insert(path, FileChange::Link(target.into()));
    }

    /// Deletes a file, or a folder with everything in it; files written below it afterwards exist.
    /// A missing path is not an error.
    pub fn delete(&mut self, path: RepoPath) {
        self.by_path.insert(path, FileChange::Delete);
    }

    /// Returns the number of changed paths.
    #[must_use]
    pub fn len(&self) -> usize {
        self.by_path.len()
    }

    /// Returns whether nothing is changed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.by_path.is_empty()
    }
}

/// Applies `changes` to `root` and returns the new root tree, with the objects that may be new.
pub(crate) fn apply(
    source: &dyn ObjectSource,
    root: Option<ObjectId>,
    changes: &Changes,
) -> Result<(ObjectId, Vec<(ObjectId, Object)>), Error> {
    let mut plan = EditedFolder::default();
    for (path, change) in &changes.by_path {
        plan.put(path, change)?;
    }
    let mut editor = Editor {
        source,
        deflater: Deflater::default(),
        made: Vec::new(),
    };
    let root = match plan.here {
        Some((FileChange::Delete, _)) => None,
        _ => root,
    };
    let root = editor.folder(root, &plan)?;
    let root = root.map_or_else(|| editor.write(Kind::Tree, b""), Ok)?;
    Ok((root, editor.made))
}

/// Changes, by the segments of their paths.
#[derive(Default)]
struct EditedFolder<'c> {
    here: Option<(&'c FileChange, &'c RepoPath)>,
    below: BTreeMap<&'c str, EditedFolder<'c>>,
}

impl<'c> EditedFolder<'c> {
    fn put(&mut self, path: &'c RepoPath, change: &'c FileChange) -> Result<(), Error> {
        if path.parts().count() > DEPTH_MAX {
            return Err(Error::Deep(path.clone()));
        }
        if path.as_str().is_empty() && *change != FileChange::Delete {
            return Err(Error::Root);
        }
        let node = path
            .parts()
            .fold(self, |node, part| node.below.entry(part).or_default());
        node.here = Some((change, path));
        Ok(())
    }
}

struct Editor<'s> {
    source: &'s dyn ObjectSource,
    deflater: Deflater,
    made: Vec<(ObjectId, Object)>,
}

impl Editor<'_> {
    /// Returns the changed folder; nothing if it is empty, because Git has no empty folders.
    fn folder(
        &mut self,
        old: Option<ObjectId>,
        node: &EditedFolder<'_>,
    ) -> Result<Option<ObjectId>, Error> {
        let mut entries = old.map_or(Ok(Folder::default()), |id| folder::read(self.source, id))?;
        for (name, child) in &node.below {
            self.entry(&mut entries, name, child)?;
        }
        if entries.is_empty() {
            Ok(None)
        } else {
            self.write(Kind::Tree, &folder::write(&entries)).map(Some)
        }
    }

    fn entry(
        &mut self,
        entries: &mut Folder,
        name: &str,
        node: &EditedFolder<'_>,
    ) -> Result<(), Error> {
        match node.here {
            Some((FileChange::Delete, _)) => drop(entries.remove(name.as_bytes())),
            Some((change, path)) => {
                let old = entries.get(name.as_bytes()).map(|(kind, _)| *kind);
                if old == Some(EntryKind::Tree) || !node.below.is_empty() {
                    return Err(Error::Folder(path.clone()));
                }
                let entry = self.file(change, old)?;
                entries.insert(name.as_bytes().into(), entry);
            }
            None => {}
        }
        if node.below.is_empty() {
            return Ok(());
        }
        let old = entries.get(name.as_bytes()).copied();
        let folder = old.and_then(|(kind, id)| (kind == EntryKind::Tree).then_some(id));
        match self.folder(folder, node)? {
            Some(id) => drop(entries.insert(name.as_bytes().into(), (EntryKind::Tree, id))),
            None if folder.is_some() => drop(entries.remove(name.as_bytes())),
            None => {}
        }
        Ok(())
    }

    fn file(
        &mut self,
        change: &FileChange,
        old: Option<EntryKind>,
    ) -> Result<(EntryKind, ObjectId), Error> {
        let (kind, bytes) = match change {
            FileChange::Write { bytes, executable } => {
                let executable = executable.unwrap_or(old == Some(EntryKind::BlobExecutable));
                (
                    if executable {
                        EntryKind::BlobExecutable
                    } else {
                        EntryKind::Blob
                    },
                    bytes.as_slice(),
                )
            }
            FileChange::Link(target) => (EntryKind::Link, target.as_bytes()),
            FileChange::Delete => return Err(Error::Root),
        };
        Ok((kind, self.write(Kind::Blob, bytes)?))
    }

    fn write(&mut self, kind: Kind, bytes: &[u8]) -> Result<ObjectId, Error> {
        let made = self.deflater.object(kind, bytes)?;
        let id = made.0;
        self.made.push(made);
        Ok(id)
    }
}

impl From<Lost> for Error {
    fn from(_: Lost) -> Self {
        Self::Damaged
    }
}
