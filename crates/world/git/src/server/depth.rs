//! How much history a client gets: [`Deepen`] in, [`Depth`] out.
//!
//! A commit whose parents are not sent is *shallow*: the client is informed, and treats it as
//! having none.

use std::collections::HashSet;

use gix_hash::ObjectId as Id;

use crate::objects::Lost;
use crate::repository::{Repository, Walk, links};

/// How much history is requested.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) enum Deepen {
    /// As much as the client already has: everything, unless it is shallow.
    #[default]
    Not,
    /// A number of commits from the tips.
    Depth(u32),
    /// A number of further commits beyond what the client has.
    Further(u32),
    /// Commits since a time, in seconds since 1970, and without the history of these.
    Until(i64, Vec<Id>),
}

/// Where history ends for a client.
#[derive(Default)]
pub(crate) struct Depth {
    /// Commits whose parents are not sent.
    pub(crate) cut: HashSet<Id>,
    /// Those of them that the client must be informed of.
    pub(crate) shallow: Vec<Id>,
    /// Commits whose parents the client lacks and now gets.
    pub(crate) unshallow: Vec<Id>,
    /// Those parents.
    pub(crate) revived: Vec<Id>,
}

/// Determines where history ends for a client that wants `tips` and has `held` without their
/// parents.
pub(crate) fn of(
    repository: &Repository,
    tips: &[Id],
    held: &[Id],
    deepen: &Deepen,
) -> Result<Depth, Lost> {
    let held: HashSet<Id> = held
        .iter()
        .copied()
        .filter(|id| links(repository.objects(), *id).is_ok())
        .collect();
    let reach = match deepen {
        Deepen::Not => {
            return Ok(Depth {
                cut: held,
                ..Depth::default()
            });
        }
        Deepen::Depth(count) => levels(repository, tips.to_vec(), *count)?,
        Deepen::Further(more) => {
            // As in Git, this is counted from wherever the client's history ends, on a requested
            // branch or not, but not where no branch leads any more.
            let tips: Vec<Id> = repository
                .references()
                .iter()
                .filter_map(|(_, id)| repository.peel(id.0))
                .collect();
            let led_to = shown(repository, &tips, &HashSet::new())?;
            let from = held
                .iter()
                .copied()
                .filter(|id| led_to.contains(id))
                .collect();
            levels(repository, from, more.saturating_add(1))?
        }
        Deepen::Until(since, not) => until(repository, tips, *since, not)?,
    };
    let mut depth = Depth {
        cut: reach.ends,
        ..Depth::default()
    };
    for id in &held {
        if reach.kept.contains(id) && !depth.cut.contains(id) {
            depth.unshallow.push(*id);
            depth
                .revived
                .extend(links(repository.objects(), *id)?.parents);
        } else {
            depth.cut.insert(*id);
        }
    }
    let shown = shown(repository, &[tips, &depth.revived].concat(), &depth.cut)?;
    depth.shallow = depth
        .cut
        .iter()
        .copied()
        .filter(|id| shown.contains(id) && !held.contains(id))
        .collect();
    depth.shallow.sort_unstable();
    depth.unshallow.sort_unstable();
    Ok(depth)
}

/// Commits to keep, and those of them whose parents are not kept.
#[derive(Default)]
struct Reach {
    kept: HashSet<Id>,
    ends: HashSet<Id>,
}

/// Returns the commits within `count` steps, the first being the tips themselves. As in Git,
/// history ends at each commit of the last step, even if it has no parents or another path reaches
/// it in fewer steps.
fn levels(repository: &Repository, tips: Vec<Id>, count: u32) -> Result<Reach, Lost> {
    let mut reach = Reach::default();
    let mut level = tips;
    for step in 1..=count {
        level.retain(|id| reach.kept.insert(*id));
        if level.is_empty() {
            break;
        }
        let mut next = Vec::new();
        for id in level {
            if step == count {
                reach.ends.insert(id);
            }
            next.extend(links(repository.objects(), id)?.parents);
        }
        level = next;
    }
    Ok(reach)
}

/// Returns the commits since a time that are not in the history of `not`; if there are none, the
/// tips.
fn until(repository: &Repository, tips: &[Id], since: i64, not: &[Id]) -> Result<Reach, Lost> {
    let mut excluded = HashSet::new();
    let mut walk = Walk::from(repository.objects(), not.iter().copied())?;
    while let Some((id, links)) = walk.next() {
        excluded.insert(id);
        walk.follow(&links.parents)?;
    }

    let mut kept = HashSet::new();
    let mut walk = Walk::from(repository.objects(), tips.iter().copied())?;
    while let Some((id, links)) = walk.next() {
        if links.time_seconds >= since && !excluded.contains(&id) {
            kept.insert(id);
            walk.follow(&links.parents)?;
        }
    }

    if kept.is_empty() {
        kept.extend(tips);
    }

    let mut ends = HashSet::new();
    for id in &kept {
        let parents = links(repository.objects(), *id)?.parents;
        if parents.iter().any(|parent| !kept.contains(parent)) {
            ends.insert(*id);
        }
    }
    Ok(Reach { kept, ends })
}

/// Returns what a client sees of history that ends at `cut`.
fn shown(repository: &Repository, tips: &[Id], cut: &HashSet<Id>) -> Result<HashSet<Id>, Lost> {
    let mut shown = HashSet::new();
    let mut walk = Walk::from(repository.objects(), tips.iter().copied())?;
    while let Some((id, links)) = walk.next() {
        shown.insert(id);
        if !cut.contains(&id) {
            walk.follow(&links.parents)?;
        }
    }
    Ok(shown)
}
