//! Selects the objects that a client gets: everything it wants minus everything it has.
//!
//! Input: a [`Wish`]. Output: a [`Selection`]. The commits are determined by
//! [painting](super::paint); objects in trees that the client has at the border are not sent again.

use std::collections::HashSet;
use std::sync::Arc;

use gix_hash::ObjectId as Id;
use gix_object::tree::EntryKind;
use gix_object::{Kind, TreeRefIter};

use crate::objects::{Lost, Object, ObjectSource as _};
use crate::repository::{Repository, links};
use crate::server::depth::{self, Deepen};
use crate::server::paint::{Painted, paint};

/// Commits of a client whose trees are examined so that nothing in them is sent again.
const EDGES_MAX: usize = 64;

/// What a client requests.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Wish {
    /// Objects wanted, with everything they refer to.
    pub(crate) wants: Vec<Id>,
    /// Commits the client has.
    pub(crate) haves: Vec<Id>,
    /// Commits the client has without their parents.
    pub(crate) shallow: Vec<Id>,
    /// How much history is wanted.
    pub(crate) deepen: Deepen,
    /// Whether annotated tags of sent objects are wanted as well.
    pub(crate) include_tag: bool,
}

/// What a client gets.
#[derive(Default)]
pub(crate) struct Selection {
    /// Commits that are sent without their parents.
    pub(crate) shallow: Vec<Id>,
    /// Commits that were shallow for the client and whose history it now gets.
    pub(crate) unshallow: Vec<Id>,
    /// The objects.
    pub(crate) objects: Vec<Arc<Object>>,
}

/// Chooses the objects.
pub(crate) fn select(repository: &Repository, wish: &Wish) -> Result<Selection, Lost> {
    let mut chooser = Chooser {
        repository,
        seen: HashSet::new(),
        objects: Vec::new(),
    };
    let mut tips = Vec::new();
    let mut roots = Vec::new();
    for want in &wish.wants {
        chooser.sort_out(*want, &mut tips, &mut roots)?;
    }
    let haves: Vec<Id> = wish
        .haves
        .iter()
        .copied()
        .filter(|id| chooser.is_commit(*id))
        .collect();
    let depth = depth::of(repository, &tips, &wish.shallow, &wish.deepen)?;
    tips.extend_from_slice(&depth.revived);
    let Painted {
        send: commits,
        mut edges,
    } = paint(repository, &tips, &haves, &wish.shallow, &depth.cut)?;
    edges.extend(haves.into_iter().take(EDGES_MAX));
    chooser.pass_over(&edges)?;
    for (id, _) in &commits {
        chooser.take(*id)?;
    }
    for (_, tree) in &commits {
        chooser.tree(*tree)?;
    }
    for root in roots {
        chooser.root(root)?;
    }
    if wish.include_tag {
        chooser.tags(&commits.into_iter().map(|(id, _)| id).collect())?;
    }
    Ok(Selection {
        shallow: depth.shallow,
        unshallow: depth.unshallow,
        objects: chooser.objects,
    })
}

struct Chooser<'r> {
    repository: &'r Repository,
    seen: HashSet<Id>,
    objects: Vec<Arc<Object>>,
}

impl Chooser<'_> {
    fn is_commit(&self, id: Id) -> bool {
        self.repository.objects().kind(id) == Some(Kind::Commit)
    }

    /// Resolves tags, which are included, to commits or to other objects.
    fn sort_out(&mut self, want: Id, tips: &mut Vec<Id>, roots: &mut Vec<Id>) -> Result<(), Lost> {
        let mut id = want;
        while self.repository.objects().kind(id).ok_or(Lost::Missing)? == Kind::Tag {
            if !self.take(id)? {
                return Ok(());
            }
            id = self.repository.tagged(id).ok_or(Lost::Corrupt)?;
        }
        if self.is_commit(id) {
            tips.push(id);
        } else {
            roots.push(id);
        }
        Ok(())
    }

    /// Includes an object unless it is already included.
    fn take(&mut self, id: Id) -> Result<bool, Lost> {
        if !self.seen.insert(id) {
            return Ok(false);
        }
        self.objects
            .push(self.repository.objects().get(id).ok_or(Lost::Missing)?);
        Ok(true)
    }

    /// Includes a tree or a blob that was requested by its id.
    fn root(&mut self, id: Id) -> Result<(), Lost> {
        match self.repository.objects().kind(id) {
            Some(Kind::Tree) => self.tree(id),
            _ => self.take(id).map(drop),
        }
    }

    /// Includes a tree and everything in it.
    fn tree(&mut self, root: Id) -> Result<(), Lost> {
        let mut waiting = vec![root];
        while let Some(id) = waiting.pop() {
            if !self.take(id)? {
                continue;
            }
            let (_, bytes) = self.repository.objects().object(id)?;
            for entry in TreeRefIter::from_bytes(&bytes, gix_hash::Kind::Sha1) {
                let entry = entry.map_err(|_| Lost::Corrupt)?;
                match entry.mode.kind() {
                    EntryKind::Tree => waiting.push(entry.oid.to_owned()),
                    // A submodule's commit is in another repository.
                    EntryKind::Commit => {}
                    _ => drop(self.take(entry.oid.to_owned())?),
                }
            }
        }
        Ok(())
    }

    /// Skips what these commits contain, because the client has it.
    fn pass_over(&mut self, held: &[Id]) -> Result<(), Lost> {
        let taken = std::mem::take(&mut self.objects);
        for commit in held {
            self.tree(links(self.repository.objects(), *commit)?.tree)?;
        }
        self.objects = taken;
        Ok(())
    }

    /// Includes the annotated tags of commits that are sent.
    fn tags(&mut self, sent: &HashSet<Id>) -> Result<(), Lost> {
        for (name, id) in self.repository.references().iter() {
            let tag = name.starts_with("refs/tags/")
                && self.repository.objects().kind(id.0) == Some(Kind::Tag);
            if !tag
                || !self
                    .repository
                    .peel(id.0)
                    .is_some_and(|commit| sent.contains(&commit))
            {
                continue;
            }
            self.sort_out(id.0, &mut Vec::new(), &mut Vec::new())?;
        }
        Ok(())
    }
}
