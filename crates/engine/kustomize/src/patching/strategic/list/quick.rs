//! Lists whose entries all have the same keys with unique values: found by hash and merged in one
//! pass.

use std::collections::{HashMap, HashSet};

use lode_yaml::Node;

use super::{Against, DIRECTIVE, Error, Merger, PatchAt};
use crate::patching::strategic::{Directive, Fate, Lists, Unknown, named};

/// Which entries correspond.
pub(super) struct QuickPlan {
    /// For each entry of the patch, the one it is merged into.
    matches: Vec<Option<usize>>,
    /// Whether there is more than one key; entries then keep their positions.
    by_many_keys: bool,
    is_set: bool,
}

/// Returns which entries correspond, if all of them are clearly distinguished.
pub(super) fn plan(items: &[Node], against: Against<'_>, keys: &[Box<str>]) -> Option<QuickPlan> {
    let patch = match against {
        Against::Patch(patch) => patch,
        Against::Nothing | Against::Itself => &[],
    };
    let counting = counting(items.first().or(patch.first())?, keys);
    let known = items
        .iter()
        .enumerate()
        .map(|(at, item)| Some((identity(item, keys, &counting)?, at)));
    let known: HashMap<_, usize> = known.collect::<Option<_>>()?;
    let new: HashSet<_> = patch
        .iter()
        .map(|item| identity(item, keys, &counting))
        .collect::<Option<_>>()?;
    let replaces = |item: &Node| {
        item.get(DIRECTIVE).and_then(Node::text).and_then(named) == Some(Directive::Replace)
    };
    if known.len() != items.len() || new.len() != patch.len() || patch.iter().any(replaces) {
        return None;
    }
    let found =
        |item| identity(item, keys, &counting).and_then(|identity| known.get(&identity).copied());
    Some(QuickPlan {
        matches: patch.iter().map(found).collect(),
        by_many_keys: counting.iter().filter(|counts| **counts).count() > 1,
        is_set: keys.is_empty(),
    })
}

/// Merges as planned.
pub(super) fn merge(
    merger: &Merger<'_>,
    mut items: Vec<Node>,
    (against, plan): (Against<'_>, &QuickPlan),
    at: PatchAt,
) -> Result<Vec<Node>, Error> {
    match against {
        Against::Nothing => kept(&mut items, |item| merger.settle(item, at))?,
        Against::Itself => kept(&mut items, |item| merger.fresh(item, at, Unknown::Refused))?,
        Against::Patch(patch) => return merge_patch(merger, items, (patch, plan), at),
    }
    Ok(items)
}

fn merge_patch(
    merger: &Merger<'_>,
    items: Vec<Node>,
    (patch, plan): (&[Node], &QuickPlan),
    at: PatchAt,
) -> Result<Vec<Node>, Error> {
    let mut items: Vec<Option<Node>> = items.into_iter().map(Some).collect();
    let mut is_patched = vec![false; items.len()];
    let mut new: Vec<(usize, Node)> = Vec::new();
    for (number, (from, found)) in patch.iter().zip(&plan.matches).enumerate() {
        let Some(found) = *found else {
            let mut node = from.clone();
            if merger.fresh(&mut node, at, Unknown::Left)? == Fate::Stays {
                new.push((number, node));
            }
            continue;
        };
        is_patched[found] = true;
        let Some(node) = items[found].as_mut() else {
            continue;
        };
        if plan.is_set {
            if merger.options.lists == Lists::Append {
                node.clone_from(from);
            }
        } else if merger.combine(node, from, at)? == Fate::Goes {
            items[found] = None;
        }
    }
    for (slot, _) in items
        .iter_mut()
        .zip(is_patched)
        .filter(|(_, is_patched)| !is_patched)
    {
        if let Some(node) = slot
            && merger.settle(node, at)? == Fate::Goes
        {
            *slot = None;
        }
    }
    Ok(ordered(items, new, plan, merger.options.lists))
}

fn ordered(
    mut items: Vec<Option<Node>>,
    new: Vec<(usize, Node)>,
    plan: &QuickPlan,
    lists: Lists,
) -> Vec<Node> {
    let mut all = Vec::with_capacity(items.len() + new.len());
    match lists {
        Lists::Append => {
            all.extend(items.into_iter().flatten());
            all.extend(new.into_iter().map(|(_, node)| node));
        }
        Lists::Prepend if plan.by_many_keys => {
            all.extend(new.into_iter().map(|(_, node)| node));
            all.extend(items.into_iter().flatten());
        }
        Lists::Prepend => {
            let mut new = new.into_iter().peekable();
            for (number, found) in plan.matches.iter().enumerate() {
                all.extend(found.and_then(|found| items.get_mut(found)?.take()));
                all.extend(new.next_if(|(at, _)| *at == number).map(|(_, node)| node));
            }
            all.extend(items.into_iter().flatten());
        }
    }
    all
}

fn kept(
    items: &mut Vec<Node>,
    mut visit: impl FnMut(&mut Node) -> Result<Fate, Error>,
) -> Result<(), Error> {
    let mut failed = None;
    items.retain_mut(|item| match failed {
        Some(_) => true,
        None => visit(item).map_err(|error| failed = Some(error)) != Ok(Fate::Goes),
    });
    failed.map_or(Ok(()), Err)
}

/// Returns which keys an entry has.
fn counting(item: &Node, keys: &[Box<str>]) -> Vec<bool> {
    keys.iter()
        .map(|key| key_text(item, key).is_some())
        .collect()
}

/// Returns the values of an entry's keys; `None` if it has other keys than the first entry, or
/// none.
fn identity<'n>(item: &'n Node, keys: &[Box<str>], counting: &[bool]) -> Option<Vec<&'n str>> {
    if keys.is_empty() {
        return (!item.is_null())
            .then(|| item.text())
            .flatten()
            .filter(|text| !text.is_empty())
            .map(|text| vec![text]);
    }
    let values: Vec<Option<&str>> = keys.iter().map(|key| key_text(item, key)).collect();
    let fits = values
        .iter()
        .zip(counting)
        .all(|(value, counts)| value.is_some() == *counts);
    let values: Vec<&str> = values.into_iter().flatten().collect();
    (fits && !values.is_empty()).then_some(values)
}

fn key_text<'n>(item: &'n Node, key: &str) -> Option<&'n str> {
    item.get(key)
        .filter(|value| !value.is_null())
        .and_then(Node::text)
        .filter(|text| !text.is_empty())
}
