//! [`ReadSet`]: what a computation looked at in a [`Tree`].
//!
//! A result stays true for every later tree that would have given the same answers.

use std::collections::BTreeMap;

use crate::path::RepoPath;
use crate::tree::{Child, Tree};

/// One answer a tree gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Read {
    /// The file's content had this id.
    File([u8; 32]),
    /// The folder held these names.
    Folder(Vec<(Box<str>, Child)>),
    /// There was no answer (no such name, a bad link, too large).
    Nothing,
}

/// The paths a computation asked for, with the answers it got.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReadSet {
    reads: BTreeMap<RepoPath, Read>,
}

impl ReadSet {
    /// Reads a file through the set, remembering the answer.
    ///
    /// # Errors
    /// As [`Tree::read`].
    pub fn read<'t>(&mut self, tree: &'t Tree, path: &RepoPath) -> Result<&'t crate::Blob, crate::Error> {
        let answer = tree.read(path);
        let read = answer.as_ref().map_or(Read::Nothing, |blob| Read::File(blob.id));
        self.reads.insert(path.clone(), read);
        answer
    }

    /// Lists a folder through the set, remembering the answer.
    ///
    /// # Errors
    /// As [`Tree::list`].
    pub fn list(&mut self, tree: &Tree, folder: &RepoPath) -> Result<Vec<(Box<str>, Child)>, crate::Error> {
        let answer = tree.list(folder);
        let read = answer.as_ref().map_or(Read::Nothing, |names| Read::Folder(names.clone()));
        self.reads.insert(folder.clone(), read);
        answer
    }

    /// Tells whether `tree` would give every answer again.
    #[must_use]
    pub fn holds_in(&self, tree: &Tree) -> bool {
        self.reads.iter().all(|(path, read)| match read {
            Read::File(id) => tree.read(path).is_ok_and(|blob| blob.id == *id),
            Read::Folder(names) => tree.list(path).is_ok_and(|now| now == *names),
            Read::Nothing => tree.read(path).is_err(),
        })
    }

    /// Returns what was asked and answered, by path.
    pub fn reads(&self) -> impl Iterator<Item = (&RepoPath, &Read)> {
        self.reads.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_elsewhere_keeps_the_set_true() {
        let (file, folder, absent) =
            (RepoPath::parse("a/x").unwrap(), RepoPath::parse("a").unwrap(), RepoPath::parse("a/none").unwrap());
        let tree = Tree::from_iter([("a/x", "1"), ("b/y", "1")]);
        let mut set = ReadSet::default();
        set.read(&tree, &file).unwrap();
        set.list(&tree, &folder).unwrap();
        set.read(&tree, &absent).unwrap_err();
        assert!(set.holds_in(&Tree::from_iter([("a/x", "1"), ("b/y", "2")])));
        assert!(!set.holds_in(&Tree::from_iter([("a/x", "2")])), "content changed");
        assert!(!set.holds_in(&Tree::from_iter([("a/x", "1"), ("a/none", "")])), "a name appeared");
    }
}
