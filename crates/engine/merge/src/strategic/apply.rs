//! Applying a patch to an object, or to an earlier patch.

use serde_json::{Map, Value};

use super::{
    DELETE_FROM, Error, ORDER, PATCH, PatchPlace, RETAIN_KEYS,
    lists::{Items, is_deletion, without_directives, without_nulls},
};
use crate::order;

/// What a patch is applied to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    /// An object: directives are followed, and a null leaves nothing.
    Object,
    /// A patch: directives and nulls are kept for the object.
    Patch,
}

type JsonMap = Map<String, Value>;

pub(super) fn maps(
    mut original: JsonMap,
    mut patch: JsonMap,
    place: PatchPlace<'_>,
    mode: Mode,
) -> Result<JsonMap, Error> {
    if let Some(directive) = patch.remove(PATCH) {
        return match directive.as_str() {
            Some("replace") => Ok(patch),
            Some("delete") => Ok(JsonMap::new()),
            _ => Err(Error::Directive(PATCH)),
        };
    }
    retain(&mut original, &mut patch, mode)?;
    reorder(&mut original, &mut patch, place, mode)?;
    for (key, value) in patch {
        match key.strip_prefix(DELETE_FROM) {
            Some(_) if mode == Mode::Patch => drop(original.insert(key, value)),
            Some(list) => delete_from(original.get_mut(list), &value),
            None => field(&mut original, (key, value), place, mode)?,
        }
    }
    Ok(original)
}

/// Applies one field of a patch.
fn field(
    original: &mut JsonMap,
    (key, value): (String, Value),
    place: PatchPlace<'_>,
    mode: Mode,
) -> Result<(), Error> {
    let old = original.remove(&key);
    let (place, how) = place.field(&key);
    let new = match (old, value) {
        (_, Value::Null) if mode == Mode::Object => None,
        (Some(Value::Object(old)), Value::Object(new)) => Some(Value::Object(match how {
            Some(how) if how.replace => new,
            _ => maps(old, new, place, mode)?,
        })),
        (Some(Value::Array(old)), Value::Array(new)) => Some(Value::Array(match how {
            Some(how) if how.merge => lists(old, new, how.key.as_deref(), (place.items(), mode))?,
            _ => new,
        })),
        (_, new) if mode == Mode::Object => without_directives(without_nulls(new)),
        (_, new) => without_directives(new),
    };
    if let Some(new) = new {
        original.insert(key, new);
    }
    Ok(())
}

fn delete_from(list: Option<&mut Value>, gone: &Value) {
    if let (Some(Value::Array(items)), Value::Array(gone)) = (list, gone) {
        let gone = Items::Scalars.places(gone);
        items.retain(|item| Items::Scalars.place(&gone, item).is_none());
    }
}

/// Applies `$retainKeys`.
fn retain(original: &mut JsonMap, patch: &mut JsonMap, mode: Mode) -> Result<(), Error> {
    let Some(listed) = patch.remove(RETAIN_KEYS) else {
        return Ok(());
    };
    if mode == Mode::Patch {
        return keep_directive(original, RETAIN_KEYS.to_owned(), listed, RETAIN_KEYS);
    }
    let listed: Vec<_> = listed
        .as_array()
        .ok_or(Error::Directive(RETAIN_KEYS))?
        .iter()
        .filter_map(Value::as_str)
        .collect();
    let is_list = |key: &str| key.starts_with(DELETE_FROM) || key.starts_with(ORDER);
    if patch
        .iter()
        .any(|(key, value)| !value.is_null() && !is_list(key) && !listed.contains(&key.as_str()))
    {
        return Err(Error::NotRetained);
    }
    original.retain(|key, _| listed.contains(&key.as_str()));
    Ok(())
}

/// Keeps a directive for the object; if the patch already has it, it must be equal.
fn keep_directive(
    original: &mut JsonMap,
    key: String,
    value: Value,
    name: &'static str,
) -> Result<(), Error> {
    match original.get(&key) {
        Some(other) if !order::equal(other, &value) => Err(Error::Unequal(name)),
        _ => {
            original.insert(key, value);
            Ok(())
        }
    }
}

/// Merges every list whose order a patch gives, and sorts it by that order.
fn reorder(
    original: &mut JsonMap,
    patch: &mut JsonMap,
    place: PatchPlace<'_>,
    mode: Mode,
) -> Result<(), Error> {
    let keys: Vec<_> = patch
        .keys()
        .filter(|key| key.starts_with(ORDER))
        .cloned()
        .collect();
    for key in keys {
        let Some(order) = patch.remove(&key) else {
            continue;
        };
        if mode == Mode::Patch {
            keep_directive(original, key.clone(), order.clone(), ORDER)?;
        }
        let Value::Array(order) = order else {
            return Err(Error::Directive(ORDER));
        };

        let name = key.strip_prefix(ORDER).unwrap_or_default();
        let live = list_at(original, name)?;
        let patched = list_at(patch, name)?;
        patch.remove(name);
        if let Some(list) = ordered_list(live, patched, &order, name, (place, mode))? {
            original.insert(name.to_owned(), Value::Array(list));
        }
    }
    Ok(())
}

fn list_at(object: &JsonMap, name: &str) -> Result<Option<Vec<Value>>, Error> {
    match object.get(name) {
        None => Ok(None),
        Some(Value::Array(items)) => Ok(Some(items.clone())),
        Some(_) => Err(Error::Directive(ORDER)),
    }
}

/// Merges one list and sorts it by the order that the patch gives; nothing if neither side has it.
fn ordered_list(
    live: Option<Vec<Value>>,
    patched: Option<Vec<Value>>,
    order: &[Value],
    name: &str,
    (place, mode): (PatchPlace<'_>, Mode),
) -> Result<Option<Vec<Value>>, Error> {
    let (place, field) = place.field(name);
    let merge_key = field.and_then(|field| field.key.as_deref());
    check_order(
        patched.as_deref().unwrap_or_default(),
        order,
        merge_key,
        name,
    )?;

    // Items that the order does not name stay where the server has them.
    let all = [
        live.as_deref().unwrap_or_default(),
        patched.as_deref().unwrap_or_default(),
    ]
    .concat();
    let items = Items::of(&[&all], merge_key);
    let live_order = match (&live, &patched) {
        (Some(live), Some(patched)) => places(items.clone()?, live, patched),
        (live, _) => live.clone().unwrap_or_default(),
    };

    let merged = match (live, patched) {
        (None, None) => return Ok(None),
        (Some(live), None) => live,
        (None, Some(patched)) => patched.into_iter().filter_map(without_directives).collect(),
        (Some(live), Some(patched)) if field.is_some_and(|field| field.merge) => {
            lists(live, patched, merge_key, (place.items(), mode))?
        }
        (Some(_), Some(patched)) => patched,
    };
    items?.arrange(merged, order, &live_order).map(Some)
}

/// Returns the positions of items of a live list: the first new ones take those freed by deletions.
fn places(items: Items<'_>, old: &[Value], new: &[Value]) -> Vec<Value> {
    let (gone, came): (Vec<_>, Vec<_>) = new.iter().partition(|item| is_deletion(item));
    let gone = items.places(gone);
    let left: Vec<_> = old
        .iter()
        .filter(|item| items.place(&gone, item).is_none())
        .cloned()
        .collect();
    let free = old.len() - left.len();
    let old = items.places(old);
    let new = came
        .into_iter()
        .filter(|item| items.place(&old, item).is_none())
        .take(free)
        .cloned();
    left.into_iter().chain(new).collect()
}

/// Refuses a list whose items are in another order than it states.
fn check_order(
    list: &[Value],
    order: &[Value],
    key: Option<&str>,
    name: &str,
) -> Result<(), Error> {
    let (false, false) = (list.is_empty(), order.is_empty()) else {
        return Ok(());
    };
    let items = Items::of(&[list], key)?;
    let mut order = order.iter();
    for item in list.iter().filter(|item| item.get(PATCH).is_none()) {
        let own = items.name(item)?;
        if !order.any(|other| {
            items
                .name(other)
                .is_ok_and(|other| order::equal(other, own))
        }) {
            return Err(Error::Order(name.into()));
        }
    }
    Ok(())
}

/// Merges two lists.
fn lists(
    original: Vec<Value>,
    patch: Vec<Value>,
    key: Option<&str>,
    (place, mode): (PatchPlace<'_>, Mode),
) -> Result<Vec<Value>, Error> {
    if original.is_empty() && patch.is_empty() {
        return Ok(original);
    }
    let items = Items::of(&[&original, &patch], key)?;
    let (server, patch) = match items {
        Items::Scalars => (original, patch),
        Items::Maps(_) => follow(items, original, patch)?,
    };
    let mut merged = Vec::with_capacity(server.len() + patch.len());
    let mut places = items.places([]);
    for item in &server {
        // Scalars are unique; among maps with the same name the first one is used.
        if items == Items::Scalars && items.place(&places, item).is_some() {
            continue;
        }
        if let Ok(name) = items.name(item) {
            places.add(name, merged.len());
        }
        merged.push(item.clone());
    }
    for item in &patch {
        let Some(old) = items.place(&places, item).and_then(|at| merged.get_mut(at)) else {
            places.add(items.name(item)?, merged.len());
            merged.push(item.clone());
            continue;
        };
        if let (Value::Object(map), Value::Object(new)) = (old.take(), item) {
            *old = Value::Object(maps(map, new.clone(), place, mode)?);
        } else {
            *old = item.clone();
        }
    }
    items.arrange(merged, &patch, &server)
}

/// Applies the directives among the items of a patch. Returns the rest of either list.
fn follow(
    items: Items<'_>,
    mut original: Vec<Value>,
    patch: Vec<Value>,
) -> Result<(Vec<Value>, Vec<Value>), Error> {
    let (special, plain): (Vec<_>, Vec<_>) = patch
        .into_iter()
        .partition(|item| item.get(PATCH).is_some());
    let is_replacement = |item: &Value| item.get(PATCH).and_then(Value::as_str) == Some("replace");
    if !special
        .iter()
        .all(|item| is_deletion(item) || is_replacement(item))
    {
        return Err(Error::Directive(PATCH));
    }
    let (replace, gone): (Vec<_>, Vec<_>) = special.iter().partition(|item| is_replacement(item));
    gone.iter()
        .try_for_each(|item| items.name(item).map(drop))?;
    let gone = items.places(gone);
    original.retain(|item| items.place(&gone, item).is_none());
    Ok(if replace.is_empty() {
        (original, plain)
    } else {
        (plain, Vec::new())
    })
}
