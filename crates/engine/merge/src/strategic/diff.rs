//! The patch between two objects.

use std::cmp::Ordering;

use lode_schema::PatchStrategy;
use serde_json::{Map, Value, json};

use super::{DELETE_FROM, Error, ORDER, PATCH, PatchPlace, RETAIN_KEYS, lists::Items};
use crate::order;

/// Which differences are wanted.
#[derive(Debug, Clone, Copy)]
pub(super) struct WantedDifferences {
    changes: bool,
    deletions: bool,
    /// Whether the fields of the current map must be listed.
    retain_keys: bool,
}

impl WantedDifferences {
    pub(super) const ALL: Self = Self {
        changes: true,
        deletions: true,
        retain_keys: false,
    };
    pub(super) const CHANGES: Self = Self {
        changes: true,
        deletions: false,
        retain_keys: false,
    };
    pub(super) const DELETIONS: Self = Self {
        changes: false,
        deletions: true,
        retain_keys: false,
    };

    fn below(self, patch: Option<&PatchStrategy>) -> Self {
        Self {
            retain_keys: patch.is_some_and(|patch| patch.retain_keys),
            ..self
        }
    }
}

type JsonMap = Map<String, Value>;

pub(super) fn maps(
    original: &JsonMap,
    modified: &JsonMap,
    place: PatchPlace<'_>,
    wanted: WantedDifferences,
) -> Result<JsonMap, Error> {
    let mut patch = JsonMap::new();
    for (key, new) in modified {
        match original.get(key) {
            Some(old) if key == PATCH => directive(old, new, &mut patch)?,
            Some(old) => field((key, old, new), place, wanted, &mut patch)?,
            None if wanted.changes => drop(patch.insert(key.clone(), new.clone())),
            None => {}
        }
    }
    let gone = || {
        original
            .iter()
            .filter(|(key, _)| !modified.contains_key(*key))
    };
    if wanted.deletions {
        patch.extend(gone().map(|(key, _)| (key.clone(), Value::Null)));
    }
    let mut kept: Vec<_> = modified
        .iter()
        .filter(|(_, value)| !value.is_null())
        .map(|(key, _)| key.as_str())
        .collect();
    if wanted.retain_keys
        && !kept.is_empty()
        && (!patch.is_empty() || gone().any(|(_, value)| !value.is_null()))
    {
        kept.sort_unstable();
        patch.insert(RETAIN_KEYS.to_owned(), kept.into());
    }
    Ok(patch)
}

fn directive(old: &Value, new: &Value, patch: &mut JsonMap) -> Result<(), Error> {
    if !old.is_string() || !new.is_string() {
        return Err(Error::Directive(PATCH));
    }
    if old != new {
        patch.insert(PATCH.to_owned(), new.clone());
    }
    Ok(())
}

/// Adds to a patch the difference in a field that both objects have.
fn field(
    (key, old, new): (&str, &Value, &Value),
    place: PatchPlace<'_>,
    wanted: WantedDifferences,
    patch: &mut JsonMap,
) -> Result<(), Error> {
    let (place, how) = place.field(key);
    match (old, new) {
        (Value::Object(old), Value::Object(new)) if !how.is_some_and(|how| how.replace) => {
            let below = maps(old, new, place, wanted.below(how))?;
            if !below.is_empty() {
                patch.insert(key.to_owned(), Value::Object(below));
            }
        }
        (Value::Array(old), Value::Array(new)) if how.is_some_and(|how| how.merge) => {
            let merge_key = how.and_then(|how| how.key.as_deref());
            let found = lists((old, new), merge_key, place.items(), wanted.below(how))?;
            for (prefix, list) in [
                ("", found.items),
                (DELETE_FROM, found.deletions),
                (ORDER, found.order),
            ] {
                if !list.is_empty() {
                    patch.insert(format!("{prefix}{key}"), Value::Array(list));
                }
            }
        }
        // A map that is replaced is written whether it differs or not.
        (old, new)
            if wanted.changes
                && (old.is_object() && new.is_object() || !order::equal(old, new)) =>
        {
            patch.insert(key.to_owned(), new.clone());
        }
        _ => {}
    }
    Ok(())
}

/// The differences between two lists.
#[derive(Default)]
struct Lists {
    items: Vec<Value>,
    deletions: Vec<Value>,
    order: Vec<Value>,
}

fn lists(
    (old, new): (&[Value], &[Value]),
    key: Option<&str>,
    place: PatchPlace<'_>,
    wanted: WantedDifferences,
) -> Result<Lists, Error> {
    if old.is_empty() {
        return Ok(Lists {
            items: if wanted.changes {
                new.to_vec()
            } else {
                Vec::new()
            },
            ..Lists::default()
        });
    }
    let items = Items::of(&[old, new], key)?;
    let mut found = walk(items, (old, new), place, wanted)?;
    found.items = items.sort(found.items, new)?;
    match items {
        Items::Scalars => {
            let differs = old.len() != new.len()
                || old
                    .iter()
                    .zip(new)
                    .any(|(old, new)| !order::equal(old, new));
            if wanted.deletions && !found.deletions.is_empty() || wanted.changes && differs {
                found.order = new.to_vec();
            }
        }
        Items::Maps(key) => {
            found.items.append(&mut found.deletions);
            let moved = old.len() != new.len()
                || old
                    .iter()
                    .zip(new)
                    .any(|(old, new)| items.compare(old, new).is_ne());
            if !found.items.is_empty() || wanted.changes && moved {
                found.order = new.iter().map(|item| json!({key: item.get(key)})).collect();
            }
        }
    }
    Ok(found)
}

/// Walks both lists by the names of their items.
fn walk(
    items: Items<'_>,
    (old, new): (&[Value], &[Value]),
    place: PatchPlace<'_>,
    wanted: WantedDifferences,
) -> Result<Lists, Error> {
    let sorted = |list: &[Value]| -> Result<Vec<Value>, Error> {
        let mut list = list.to_vec();
        list.iter()
            .try_for_each(|item| items.name(item).map(drop))?;
        list.sort_by(|a, b| items.compare(a, b));
        Ok(list)
    };
    let (old, new) = (sorted(old)?, sorted(new)?);
    let (mut old, mut new) = (old.iter().peekable(), new.iter().peekable());
    let mut found = Lists::default();
    loop {
        let order = match (old.peek(), new.peek()) {
            (None, None) => return Ok(found),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some(a), Some(b)) => items.compare(a, b),
        };
        let gone = old.next_if(|_| order.is_le());
        let came = new.next_if(|_| order.is_ge());
        match (gone, came) {
            (Some(gone), Some(came)) => {
                found
                    .items
                    .extend(both(items, (gone, came), place, wanted)?);
            }
            (Some(gone), None) if wanted.deletions => delete(items, gone, &mut found.deletions),
            (None, Some(came)) if wanted.changes => found.items.push(came.clone()),
            _ => {}
        }
    }
}

/// Returns the patch of an item that both lists have.
fn both(
    items: Items<'_>,
    (old, new): (&Value, &Value),
    place: PatchPlace<'_>,
    wanted: WantedDifferences,
) -> Result<Option<Value>, Error> {
    let (Items::Maps(key), Value::Object(old), Value::Object(new)) = (items, old, new) else {
        return Ok(None);
    };
    let mut patch = maps(old, new, place, wanted)?;
    if patch.is_empty() {
        return Ok(None);
    }
    patch.insert(key.to_owned(), new.get(key).cloned().unwrap_or_default());
    Ok(Some(Value::Object(patch)))
}

fn delete(items: Items<'_>, gone: &Value, deletions: &mut Vec<Value>) {
    match items {
        Items::Maps(key) => deletions.push(json!({key: gone.get(key), PATCH: "delete"})),
        Items::Scalars
            if deletions
                .last()
                .is_some_and(|last| order::equal(last, gone)) => {}
        Items::Scalars => deletions.push(gone.clone()),
    }
}
