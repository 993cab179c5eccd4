//! Walks over commits, newest first.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashSet};

use gix_hash::ObjectId as Id;

use crate::objects::{Lost, ObjectSource};
use crate::repository::commit::{self, Commit, Links};

/// The history of some commits, newest first; of commits of the same second, the one found first.
pub(crate) struct Walk<'s> {
    source: &'s dyn ObjectSource,
    seen: HashSet<Id>,
    found: Vec<(Id, Links)>,
    /// By time, and position in `found`.
    waiting: BinaryHeap<(i64, Reverse<usize>)>,
}

impl<'s> Walk<'s> {
    /// Starts at `tips`, which must be commits.
    pub(crate) fn from(
        source: &'s dyn ObjectSource,
        tips: impl IntoIterator<Item = Id>,
    ) -> Result<Self, Lost> {
        let mut walk = Self {
            source,
            seen: HashSet::new(),
            found: Vec::new(),
            waiting: BinaryHeap::new(),
        };
        tips.into_iter().try_for_each(|tip| walk.put(tip))?;
        Ok(walk)
    }

    /// Returns the next commit. Its parents are visited only if they are [followed](Self::follow).
    pub(crate) fn next(&mut self) -> Option<(Id, Links)> {
        let (_, Reverse(at)) = self.waiting.pop()?;
        Some(self.found[at].clone())
    }

    /// Continues with these commits.
    pub(crate) fn follow(&mut self, parents: &[Id]) -> Result<(), Lost> {
        parents.iter().try_for_each(|parent| self.put(*parent))
    }

    fn put(&mut self, id: Id) -> Result<(), Lost> {
        if self.seen.insert(id) {
            let links = commit::links(self.source, id)?;
            self.waiting
                .push((links.time_seconds, Reverse(self.found.len())));
            self.found.push((id, links));
        }
        Ok(())
    }
}

/// Returns the latest `count` commits of the history of `tip`, including `tip`.
pub(crate) fn list(source: &dyn ObjectSource, tip: Id, count: usize) -> Result<Vec<Commit>, Lost> {
    let mut walk = Walk::from(source, [tip])?;
    let mut commits = Vec::new();
    while commits.len() < count {
        let Some((id, links)) = walk.next() else {
            break;
        };
        walk.follow(&links.parents)?;
        commits.push(commit::read(source, id)?);
    }
    Ok(commits)
}
