//! [`ReadSet`]: what a computation read through a [`Loader`].
//!
//! A result stays valid for every later loader that would give the same answers.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

use crate::loader::Loader;
use crate::path::RepoPath;
use crate::tree::{Blob, Child, Error};

/// An answer of a loader.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Read {
    /// The file's content had this id.
    File([u8; 32]),
    /// The folder held these names.
    Folder(Vec<(Box<str>, Child)>),
    /// There was a file; its content was not read.
    There,
    /// There was no answer (no such name, a bad link, too large).
    Nothing,
}

/// The paths that a computation asked for, with the answers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReadSet {
    reads: BTreeMap<RepoPath, Read>,
    /// Paths that led elsewhere through links.
    leads: BTreeMap<RepoPath, RepoPath>,
}

impl ReadSet {
    /// Reads a file through the set and records the answer.
    ///
    /// # Errors
    /// As [`Loader::read`].
    pub fn read(&mut self, loader: &dyn Loader, path: &RepoPath) -> Result<Blob, Error> {
        let answer = loader.read(path);
        let read = answer
            .as_ref()
            .map_or(Read::Nothing, |blob| Read::File(blob.id));
        self.reads.insert(path.clone(), read);
        answer
    }

    /// Lists a folder through the set and records the answer.
    ///
    /// # Errors
    /// As [`Loader::list`].
    pub fn list(
        &mut self,
        loader: &dyn Loader,
        folder: &RepoPath,
    ) -> Result<Vec<(Box<str>, Child)>, Error> {
        let answer = loader.list(folder);
        let read = answer
            .as_ref()
            .map_or(Read::Nothing, |names| Read::Folder(names.clone()));
        self.reads.insert(folder.clone(), read);
        answer
    }

    /// Resolves a path's links through the set. A path without links is recorded only when it is
    /// read.
    ///
    /// # Errors
    /// As [`Loader::canonical`].
    pub fn canonical(
        &mut self,
        loader: &dyn Loader,
        path: &RepoPath,
    ) -> Result<(RepoPath, Child), Error> {
        let answer = loader.canonical(path);
        match &answer {
            Ok((real, _)) if real != path => {
                self.leads.insert(path.clone(), real.clone());
            }
            Ok(_) => {}
            Err(_) => {
                self.reads.insert(path.clone(), Read::Nothing);
                self.follow_above(loader, path);
            }
        }
        answer
    }

    /// Returns which of some names in a folder are files and records only that; other names may
    /// come and go.
    ///
    /// # Errors
    /// There is no such folder, it is a file, or a link is bad; also if the only one of the names
    /// that exists is a bad link, because "no such file" would be a misleading error.
    pub fn files_among<'n>(
        &mut self,
        loader: &dyn Loader,
        folder: &RepoPath,
        names: &[&'n str],
    ) -> Result<Vec<&'n str>, Error> {
        if self.canonical(loader, folder)?.1 == Child::File {
            return Err(Error::IsFile(folder.clone()));
        }

        let (mut found, mut refused) = (Vec::new(), None);
        for name in names {
            let Ok(path) = folder.join(name) else {
                continue;
            };
            match loader.canonical(&path) {
                Ok((real, Child::File)) => {
                    found.push(*name);
                    self.reads.entry(path.clone()).or_insert(Read::There);
                    if real != path {
                        self.leads.insert(path, real);
                    }
                }
                answer => {
                    self.reads.insert(path, Read::Nothing);
                    let error = answer
                        .err()
                        .filter(|error| !matches!(error, Error::NotFound(_)));
                    refused = refused.or(error);
                }
            }
        }

        match refused {
            Some(error) if found.is_empty() => Err(error),
            _ => Ok(found),
        }
    }

    /// Returns whether `loader` would give every answer again.
    #[must_use]
    pub fn holds_in(&self, loader: &dyn Loader) -> bool {
        let reads = self.reads.iter().all(|(path, read)| match read {
            Read::File(id) => loader.id(path).is_ok_and(|now| now == *id),
            Read::Folder(names) => loader.list(path).is_ok_and(|now| now == *names),
            Read::There => loader
                .canonical(path)
                .is_ok_and(|(_, child)| child == Child::File),
            Read::Nothing => loader.id(path).is_err(),
        });
        reads
            && self
                .leads
                .iter()
                .all(|(path, real)| loader.canonical(path).is_ok_and(|(now, _)| now == *real))
    }

    /// Returns, without a loader, whether an answer may differ after these paths were changed,
    /// added or removed. It errs on the side of true: everything in a listed folder counts, and
    /// after links were followed, everything does. It does not know the targets of dangling links,
    /// nor the links on a path that was not resolved first ([`ReadSet::canonical`]).
    #[must_use]
    pub fn is_touched_by(&self, changed: &BTreeSet<RepoPath>) -> bool {
        if !self.leads.is_empty() {
            return !changed.is_empty();
        }
        changed
            .iter()
            .any(|path| self.asked_at_or_below(path) || self.asked_for_folder_above(path))
    }

    /// Returns the recorded questions and answers, by path.
    pub fn reads(&self) -> impl Iterator<Item = (&RepoPath, &Read)> {
        self.reads.iter()
    }

    /// Adds another set's answers.
    pub fn extend(&mut self, other: Self) {
        self.reads.extend(other.reads);
        self.leads.extend(other.leads);
    }

    /// If nothing is found, a link on the way may be the reason: records where the nearest existing
    /// folder leads.
    fn follow_above(&mut self, loader: &dyn Loader, path: &RepoPath) {
        let mut above = path.parent();
        while let Some(folder) = above {
            if let Ok((real, _)) = loader.canonical(&folder) {
                if real != folder {
                    self.leads.insert(folder, real);
                }
                break;
            }
            above = folder.parent();
        }
    }

    /// A file in place of a folder removes everything that was in it.
    fn asked_at_or_below(&self, path: &RepoPath) -> bool {
        let below = format!("{}/", path.as_str());
        let mut from = self
            .reads
            .range::<str, _>((Bound::Included(below.as_str()), Bound::Unbounded));
        self.reads.contains_key(path) || from.next().is_some_and(|(read, _)| read.is_in(path))
    }

    /// A new name below a folder creates the folder, or changes a listing; and what was absent may
    /// now exist.
    fn asked_for_folder_above(&self, path: &RepoPath) -> bool {
        let mut above = path.parent();
        while let Some(folder) = above {
            if matches!(
                self.reads.get(&folder),
                Some(Read::Folder(_) | Read::Nothing)
            ) {
                return true;
            }
            above = folder.parent();
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Entry, Tree};

    #[test]
    fn a_change_elsewhere_keeps_the_set_true() {
        let (file, folder, absent) = (
            RepoPath::parse("a/x").unwrap(),
            RepoPath::parse("a").unwrap(),
            RepoPath::parse("a/none").unwrap(),
        );
        let tree = Tree::from_iter([("a/x", "1"), ("b/y", "1")]);
        let mut set = ReadSet::default();
        set.read(&tree, &file).unwrap();
        set.list(&tree, &folder).unwrap();
        set.read(&tree, &absent).unwrap_err();
        assert!(set.holds_in(&Tree::from_iter([("a/x", "1"), ("b/y", "2")])));
        assert!(
            !set.holds_in(&Tree::from_iter([("a/x", "2")])),
            "content changed"
        );
        assert!(
            !set.holds_in(&Tree::from_iter([("a/x", "1"), ("a/none", "")])),
            "a name appeared"
        );
    }

    #[test]
    fn what_was_not_asked_for_touches_nothing() {
        let at = |text: &str| RepoPath::parse(text).unwrap();
        let tree = Tree::from_iter([("a/x", "1"), ("a/k", "1"), ("b/c/y", "1"), ("d", "1")]);
        let mut set = ReadSet::default();
        set.read(&tree, &at("a/x")).unwrap();
        set.list(&tree, &at("b")).unwrap();
        set.read(&tree, &at("e/none")).unwrap_err();
        assert_eq!(set.files_among(&tree, &at("a"), &["k", "l"]), Ok(vec!["k"]));
        assert_eq!(
            set.files_among(&tree, &at("d"), &["k"]),
            Err(Error::IsFile(at("d")))
        );
        for (path, touches) in [
            ("a/x", true),
            ("a/k", true),
            ("a/l", true),
            ("a", true),
            ("a/x-more", false),
            ("a/other", false),
            ("b/new", true),
            ("b/c/y", true),
            ("b", true),
            ("bb", false),
            ("d", false),
            ("e/none", true),
            ("e/none/below", true),
            ("e/other", false),
            ("e", true),
        ] {
            assert_eq!(
                set.is_touched_by(&BTreeSet::from([at("z"), at(path)])),
                touches,
                "{path}"
            );
        }
        assert!(set.holds_in(&tree));
        assert!(
            !set.holds_in(&Tree::from_iter([("a/x", "1"), ("b/c/y", "1"), ("d", "1")])),
            "a/k is gone"
        );
    }

    #[test]
    fn behind_links_everything_may_matter() {
        let at = |text: &str| RepoPath::parse(text).unwrap();
        let mut tree = Tree::from_iter([("a/x", "1")]);
        tree.insert(at("l"), Entry::Link("a".into()));
        let elsewhere = BTreeSet::from([at("z")]);
        for (ask, is_touched) in [
            ("a/x", false),
            ("l/x", true),
            ("l/none/deep", true),
            ("none/deep", false),
        ] {
            let mut set = ReadSet::default();
            let _ = set.canonical(&tree, &at(ask));
            assert_eq!(set.is_touched_by(&elsewhere), is_touched, "{ask}");
            assert!(!set.is_touched_by(&BTreeSet::new()));
        }
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
