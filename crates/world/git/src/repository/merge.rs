//! Three-way merge of trees: the changes from `base` to `theirs`, applied to `ours`.
//!
//! A commit is undone by merging its parent into the branch, with the commit itself as base.
//! Folders are merged name by name and texts line by line; if both sides changed the same lines, or
//! something that is not text, there is a conflict, named by its path.

use std::collections::BTreeSet;

use gix_hash::ObjectId;
use gix_object::Kind;
use gix_object::tree::EntryKind;

use crate::objects::{Deflater, Lost, Object, ObjectSource};
use crate::repository::folder::{self, Folder, FolderEntry};
use crate::repository::lines;

/// Conflicts that are named; further ones are only counted.
const CONFLICTS_MAX: usize = 100;
/// Deepest nesting of folders, as for a snapshot.
const DEPTH_MAX: usize = 256;

/// The result of a merge.
pub(crate) struct Merged {
    /// The root tree.
    pub(crate) root: ObjectId,
    /// Trees and files that may be new.
    pub(crate) made: Vec<(ObjectId, Object)>,
    /// Files that both sides changed in conflict.
    pub(crate) conflicts: Vec<String>,
}

/// Merges three root trees.
pub(crate) fn merge(
    source: &dyn ObjectSource,
    base: ObjectId,
    ours: ObjectId,
    theirs: ObjectId,
) -> Result<Merged, Lost> {
    let merged = Merged {
        root: ours,
        made: Vec::new(),
        conflicts: Vec::new(),
    };
    let mut merger = Merger {
        source,
        deflater: Deflater::default(),
        merged,
    };
    let [base, ours, theirs] = [base, ours, theirs].map(|id| Some((EntryKind::Tree, id)));
    let root = merger.entry([base, ours, theirs], &[])?;
    merger.merged.root = match root {
        Some((_, root)) => root,
        None => merger.write(Kind::Tree, b"")?,
    };
    Ok(merger.merged)
}

struct Merger<'s> {
    source: &'s dyn ObjectSource,
    deflater: Deflater,
    merged: Merged,
}

impl Merger<'_> {
    fn entry(
        &mut self,
        sides: [Option<FolderEntry>; 3],
        path: &[&[u8]],
    ) -> Result<Option<FolderEntry>, Lost> {
        let [base, ours, theirs] = sides;
        if base == theirs || ours == theirs {
            return Ok(ours);
        }
        if base == ours {
            return Ok(theirs);
        }
        let all_folders = sides
            .iter()
            .flatten()
            .all(|(kind, _)| *kind == EntryKind::Tree);
        if all_folders && path.len() < DEPTH_MAX {
            return self.folder(sides, path);
        }
        if let [Some(base), Some(ours), Some(theirs)] = sides
            && let Some(entry) = self.file(base, ours, theirs)?
        {
            return Ok(Some(entry));
        }
        if self.merged.conflicts.len() < CONFLICTS_MAX {
            let parts: Vec<_> = path
                .iter()
                .map(|part| String::from_utf8_lossy(part))
                .collect();
            self.merged.conflicts.push(parts.join("/"));
        }
        Ok(ours)
    }

    fn folder(
        &mut self,
        sides: [Option<FolderEntry>; 3],
        path: &[&[u8]],
    ) -> Result<Option<FolderEntry>, Lost> {
        let read = |side: Option<FolderEntry>| {
            side.map_or(Ok(Folder::default()), |(_, id)| {
                folder::read(self.source, id)
            })
        };
        let [base, ours, theirs] = [read(sides[0])?, read(sides[1])?, read(sides[2])?];
        let names: BTreeSet<&[u8]> = [&base, &ours, &theirs]
            .into_iter()
            .flat_map(Folder::keys)
            .map(|n| &**n)
            .collect();
        let mut merged = Folder::new();
        for name in names {
            let sides = [&base, &ours, &theirs].map(|side| side.get(name).copied());
            if let Some(entry) = self.entry(sides, &[path, &[name]].concat())? {
                merged.insert(name.into(), entry);
            }
        }
        if merged.is_empty() {
            return Ok(None);
        }
        let id = self.write(Kind::Tree, &folder::write(&merged))?;
        Ok(Some((EntryKind::Tree, id)))
    }

    /// Merges a file's content and its executable bit.
    fn file(
        &mut self,
        base: FolderEntry,
        ours: FolderEntry,
        theirs: FolderEntry,
    ) -> Result<Option<FolderEntry>, Lost> {
        let is_file = |kind| matches!(kind, EntryKind::Blob | EntryKind::BlobExecutable);
        let mut texts = Vec::new();
        for (kind, id) in [base, ours, theirs] {
            if !is_file(kind) || self.source.size(id)? > lines::BYTES_MAX {
                return Ok(None);
            }
            texts.push(self.source.object(id)?.1);
        }
        let kind = if base.0 == theirs.0 { ours.0 } else { theirs.0 };
        match lines::merge(&texts[0], &texts[1], &texts[2]) {
            Some(text) => Ok(Some((kind, self.write(Kind::Blob, &text)?))),
            None => Ok(None),
        }
    }

    fn write(&mut self, kind: Kind, bytes: &[u8]) -> Result<ObjectId, Lost> {
        let made = self.deflater.object(kind, bytes)?;
        let id = made.0;
        self.merged.made.push(made);
        Ok(id)
    }
}
