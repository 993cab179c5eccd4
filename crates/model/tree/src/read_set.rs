//! [`ReadSet`]: what a computation looked at through a [`Loader`].
//!
//! A result stays true for every later loader that would have given the same answers.

use std::collections::BTreeMap;

use crate::loader::Loader;
use crate::path::RepoPath;
use crate::tree::{Blob, Child, Error};

/// One answer a loader gave.
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
    /// Paths that led somewhere else through links.
    leads: BTreeMap<RepoPath, RepoPath>,
}

impl ReadSet {
    /// Reads a file through the set, remembering the answer.
    ///
    /// # Errors
    /// As [`Loader::read`].
    pub fn read(&mut self, loader: &dyn Loader, path: &RepoPath) -> Result<Blob, Error> {
        let answer = loader.read(path);
        let read = answer.as_ref().map_or(Read::Nothing, |blob| Read::File(blob.id));
        self.reads.insert(path.clone(), read);
        answer
    }

    /// Lists a folder through the set, remembering the answer.
    ///
    /// # Errors
    /// As [`Loader::list`].
    pub fn list(&mut self, loader: &dyn Loader, folder: &RepoPath) -> Result<Vec<(Box<str>, Child)>, Error> {
        let answer = loader.list(folder);
        let read = answer.as_ref().map_or(Read::Nothing, |names| Read::Folder(names.clone()));
        self.reads.insert(folder.clone(), read);
        answer
    }

    /// Follows a path's links through the set. What does not come through a link is remembered only when it is read.
    ///
    /// # Errors
    /// As [`Loader::canonical`].
    pub fn canonical(&mut self, loader: &dyn Loader, path: &RepoPath) -> Result<(RepoPath, Child), Error> {
        let answer = loader.canonical(path);
        match &answer {
            Ok((real, _)) if real != path => {
                self.leads.insert(path.clone(), real.clone());
            }
            Ok(_) => {}
            Err(_) => {
                self.reads.insert(path.clone(), Read::Nothing);
            }
        }
        answer
    }

    /// Tells whether `loader` would give every answer again.
    #[must_use]
    pub fn holds_in(&self, loader: &dyn Loader) -> bool {
        let reads = self.reads.iter().all(|(path, read)| match read {
            Read::File(id) => loader.read(path).is_ok_and(|blob| blob.id == *id),
            Read::Folder(names) => loader.list(path).is_ok_and(|now| now == *names),
            Read::Nothing => loader.read(path).is_err(),
        });
        reads && self.leads.iter().all(|(path, real)| loader.canonical(path).is_ok_and(|(now, _)| now == *real))
    }

    /// Returns what was asked and answered, by path.
    pub fn reads(&self) -> impl Iterator<Item = (&RepoPath, &Read)> {
        self.reads.iter()
    }

    /// Takes another set's answers in.
    pub fn extend(&mut self, other: Self) {
        self.reads.extend(other.reads);
        self.leads.extend(other.leads);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Entry, Tree};

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

    #[test]
    fn a_link_that_leads_elsewhere_breaks_the_set() {
        let linked = |target: &str| {
            let mut tree = Tree::from_iter([("a/x", "1"), ("b/x", "1")]);
            tree.insert(RepoPath::parse("l").unwrap(), Entry::Link(target.into()));
            tree
        };
        let (old, mut set) = (linked("a"), ReadSet::default());
        set.canonical(&old, &RepoPath::parse("l").unwrap()).unwrap();
        assert!(set.holds_in(&old) && !set.holds_in(&linked("b")));
    }
}
