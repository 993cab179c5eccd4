//! Merging lists whose entries are identified by keys, or that are sets of texts.
//!
//! If every entry has its keys and there are no duplicates, entries are found by hash ([`quick`]).
//! All other lists are rare and are processed step by step as kustomize does ([`Steps`]); their
//! results are often not what one would expect.

mod quick;
mod steps;

use lode_yaml::Node;

use super::{DIRECTIVE, Directive, Error, Merger, PatchAt, StrategicCause, named};

use steps::Steps;

/// What a list is merged with.
#[derive(Debug, Clone, Copy)]
pub(super) enum Against<'p> {
    /// Nothing: the patch does not mention the list.
    Nothing,
    /// Itself: the list comes from the patch.
    Itself,
    /// The patch's entries.
    Patch(&'p [Node]),
}

/// Merges a list by keys; without keys, as a set.
pub(super) fn merge(
    merger: &Merger<'_>,
    items: Vec<Node>,
    against: Against<'_>,
    keys: &[Box<str>],
    at: PatchAt,
) -> Result<Vec<Node>, Error> {
    if let Some(plan) = quick::plan(&items, against, keys) {
        return quick::merge(merger, items, (against, &plan), at);
    }

    let len = items.len()
        + if let Against::Patch(patch) = against {
            patch.len()
        } else {
            0
        };
    let pairs = (len as u64)
        .saturating_mul(len as u64)
        .saturating_mul(keys.len().max(1) as u64);
    let charged = merger.meter.steps(STEPS_STEPS.saturating_mul(pairs));
    charged
        .map_err(|exceeded| Error::at(items.first().unwrap_or(&Node::null()), exceeded.into()))?;
    Steps::new(merger, items, (against, keys), at).run()
}

/// Steps for each pair of entries when lists are merged step by step.
const STEPS_STEPS: u64 = 2;

/// Returns the directive for the whole list: a first entry that contains only the directive.
pub(super) fn directive(items: &[Node]) -> Result<Option<Directive>, StrategicCause> {
    let Some(entry) = items.iter().find(|item| item.get(DIRECTIVE).is_some()) else {
        return Ok(None);
    };
    match entry.get(DIRECTIVE).and_then(Node::text) {
        _ if entry.entries().is_some_and(|entries| entries.len() > 1) => Ok(None),
        Some(text) => named(text).map(Some).ok_or(StrategicCause::Directive),
        None => Err(StrategicCause::Directive),
    }
}

/// Removes every entry with this directive, and empty entries.
pub(super) fn elide(list: &mut Node, found: Directive) {
    let is_it =
        |item: &Node| item.get(DIRECTIVE).and_then(Node::text).and_then(named) == Some(found);
    if let Some(items) = list.items_mut() {
        items.retain(|item| !is_empty(item) && !is_it(item));
    }
}

/// Returns the key of lists of unknown type: `name`, if all entries have it.
pub(super) fn inferred(lists: &[&[Node]]) -> Result<Option<Vec<Box<str>>>, StrategicCause> {
    let has_names = |list: &&[Node]| list.iter().all(|item| item.get(NAME).is_some());
    if !lists.iter().any(has_names) {
        return Ok(None);
    }
    let filled: Vec<&[Node]> = lists
        .iter()
        .copied()
        .filter(|list| !list.is_empty())
        .collect();
    if filled.is_empty() || !filled.iter().all(has_names) {
        return Err(StrategicCause::NoKey);
    }
    Ok(Some(vec![NAME.into()]))
}

const NAME: &str = "name";

/// Returns whether an entry is a null or a mapping without fields.
fn is_empty(item: &Node) -> bool {
    item.is_null() || item.entries().is_some_and(<[_]>::is_empty)
}
