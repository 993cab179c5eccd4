//! Which commits a client gets: the history of what it wants, without the history of what it has.
//!
//! Both sides are walked at once, newest first, each commit painted as wanted or held, until no
//! waiting commit is only wanted. A shallow client has no more than it states: the parents of a
//! commit it calls shallow are not held. With inconsistent clocks, something the client has may be
//! sent again; nothing it lacks is ever left out.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, HashSet};

use gix_hash::ObjectId as Id;

use crate::objects::Lost;
use crate::repository::{Links, Repository, links};

/// The result of a walk from both sides.
#[derive(Debug, Default)]
pub(crate) struct Painted {
    /// Commits to send, each with its tree.
    pub(crate) send: Vec<(Id, Id)>,
    /// Commits that the client has, adjacent to those that are sent.
    pub(crate) edges: Vec<Id>,
}

/// Walks from `tips` up to `cut`, and from `haves` up to `shallow`; all of `tips` and `haves` must
/// be commits.
pub(crate) fn paint(
    repository: &Repository,
    tips: &[Id],
    haves: &[Id],
    shallow: &[Id],
    cut: &HashSet<Id>,
) -> Result<Painted, Lost> {
    let shallow = shallow.iter().copied().collect();
    let (paint, links, waiting) = (HashMap::new(), HashMap::new(), BinaryHeap::new());
    Painter {
        repository,
        shallow,
        cut,
        paint,
        links,
        waiting,
        open: 0,
    }
    .paint(tips, haves)
}

#[derive(Default, Clone, Copy)]
struct Paint {
    wanted: bool,
    held: bool,
    waiting: bool,
}

impl Paint {
    fn is_open(self) -> bool {
        self.wanted && !self.held && self.waiting
    }
}

const HELD: Paint = Paint {
    wanted: false,
    held: true,
    waiting: false,
};
const WANTED: Paint = Paint {
    wanted: true,
    held: false,
    waiting: false,
};

/// Walks from what is wanted and from what is held at once.
struct Painter<'r> {
    repository: &'r Repository,
    /// Commits that the client has without their parents.
    shallow: HashSet<Id>,
    /// Commits whose parents are not sent.
    cut: &'r HashSet<Id>,
    paint: HashMap<Id, Paint>,
    links: HashMap<Id, Links>,
    waiting: BinaryHeap<(i64, Reverse<usize>, Id)>,
    /// Waiting commits that are wanted and not held.
    open: usize,
}

impl Painter<'_> {
    fn paint(mut self, tips: &[Id], haves: &[Id]) -> Result<Painted, Lost> {
        haves.iter().try_for_each(|have| self.put(*have, HELD))?;
        tips.iter().try_for_each(|tip| self.put(*tip, WANTED))?;
        let mut walked = Vec::new();

        while self.open > 0 {
            let Some((_, _, id)) = self.waiting.pop() else {
                break;
            };
            let Some(paint) = self.paint.get_mut(&id) else {
                continue;
            };
            if paint.is_open() {
                self.open -= 1;
                walked.push(id);
            }
            paint.waiting = false;
            let wanted = paint.wanted && !self.cut.contains(&id);
            let held = paint.held && !self.shallow.contains(&id);
            self.pass_on(
                id,
                Paint {
                    wanted,
                    held,
                    waiting: false,
                },
            )?;
        }
        Ok(self.outcome(walked))
    }

    fn pass_on(&mut self, id: Id, paint: Paint) -> Result<(), Lost> {
        if !paint.wanted && !paint.held {
            return Ok(());
        }
        let parents = self
            .links
            .get(&id)
            .map(|links| links.parents.clone())
            .unwrap_or_default();
        parents
            .into_iter()
            .try_for_each(|parent| self.put(parent, paint))
    }

    fn put(&mut self, id: Id, more: Paint) -> Result<(), Lost> {
        let old = self.paint.get(&id).copied();
        if old.is_none() {
            let links = links(self.repository.objects(), id)?;
            self.waiting
                .push((links.time_seconds, Reverse(self.links.len()), id));
            self.links.insert(id, links);
        }
        let was = old.unwrap_or(Paint {
            waiting: true,
            ..Paint::default()
        });
        let now = Paint {
            wanted: was.wanted || more.wanted,
            held: was.held || more.held,
            waiting: was.waiting,
        };
        self.open = self.open + usize::from(now.is_open()) - usize::from(was.is_open());
        self.paint.insert(id, now);
        Ok(())
    }

    fn outcome(self, walked: Vec<Id>) -> Painted {
        let held = |id: &Id| self.paint.get(id).is_some_and(|paint| paint.held);
        let mut painted = Painted::default();
        for id in walked.into_iter().filter(|id| !held(id)) {
            let Some(links) = self.links.get(&id) else {
                continue;
            };
            painted
                .edges
                .extend(links.parents.iter().copied().filter(held));
            painted.send.push((id, links.tree));
        }
        painted
    }
}
