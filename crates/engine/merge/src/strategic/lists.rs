//! Lists of a patch: the type of their items, which items correspond, and their order.

use std::{cmp::Ordering, collections::BTreeMap};

use serde_json::{Map, Value};

use super::{Error, PATCH};
use crate::order;

/// How items are identified: maps by a field, scalars by themselves.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Items<'k> {
    Maps(&'k str),
    Scalars,
}

impl<'k> Items<'k> {
    /// Examines all items of some lists, which must be of one type.
    pub(super) fn of(lists: &[&[Value]], key: Option<&'k str>) -> Result<Self, Error> {
        let mut items = lists.iter().flat_map(|list| list.iter());
        let first = items.next().ok_or(Error::MixedList)?;
        let sort = std::mem::discriminant(first);
        if first.is_array() {
            return Err(Error::ListOfLists);
        }
        if items.any(|item| std::mem::discriminant(item) != sort) {
            return Err(Error::MixedList);
        }
        if !first.is_object() {
            return Ok(Self::Scalars);
        }
        key.filter(|key| !key.is_empty())
            .map(Self::Maps)
            .ok_or(Error::NoKey)
    }

    /// Returns the value that identifies an item.
    pub(super) fn name<'v>(&self, item: &'v Value) -> Result<&'v Value, Error> {
        match self {
            Self::Scalars => Ok(item),
            Self::Maps(key) => item.get(key).ok_or_else(|| no_key(item, key)),
        }
    }

    /// Returns the positions of a list's items, the first one for each name.
    pub(super) fn places<'v>(&self, list: impl IntoIterator<Item = &'v Value>) -> Places<'v> {
        let mut places = BTreeMap::new();
        for (at, item) in list.into_iter().enumerate() {
            if let Ok(name) = self.name(item) {
                places.entry(ItemName(name)).or_insert(at);
            }
        }
        Places(places)
    }

    /// Returns the position of an item.
    pub(super) fn place(&self, places: &Places<'_>, item: &Value) -> Option<usize> {
        places.0.get(&ItemName(self.name(item).ok()?)).copied()
    }

    /// Sorts items in the order of a list that contains them all; those to be deleted come last.
    pub(super) fn sort(&self, mut items: Vec<Value>, by: &[Value]) -> Result<Vec<Value>, Error> {
        for item in items.iter().chain(by) {
            self.name(item)?;
        }
        let by = self.places(by);
        items.sort_by_cached_key(|item| (is_deletion(item), self.place(&by, item)));
        Ok(items)
    }

    /// Inserts items that only the server has between those of the patch, at their former
    /// positions.
    pub(super) fn arrange(
        &self,
        merged: Vec<Value>,
        patch: &[Value],
        server: &[Value],
    ) -> Result<Vec<Value>, Error> {
        let (in_patch, in_server) = (self.places(patch), self.places(server));
        let (own, others): (Vec<_>, Vec<_>) = merged
            .into_iter()
            .partition(|item| self.place(&in_patch, item).is_some());
        let mut own = self.sort(own, patch)?.into_iter().peekable();
        let mut others = self.sort(others, server)?.into_iter().peekable();
        let mut out = Vec::new();
        while let Some(next) = own.peek() {
            let place = self.place(&in_server, next);
            let before = |item: &Value| {
                self.place(&in_server, item)
                    .is_some_and(|own| place.is_some_and(|place| own < place))
            };
            match others.next_if(|item| before(item)) {
                Some(item) => out.push(item),
                None => out.extend(own.next()),
            }
        }

        out.extend(others);
        Ok(out)
    }

    /// Compares two items by the text of their names, the order in which lists are sorted before
    /// comparison.
    pub(super) fn compare(&self, a: &Value, b: &Value) -> Ordering {
        let text = |item: &Value| self.name(item).map(text).unwrap_or_default();
        text(a).cmp(&text(b))
    }
}

/// The positions of a list's items, by name.
pub(super) struct Places<'v>(BTreeMap<ItemName<'v>, usize>);

impl<'v> Places<'v> {
    /// Adds an item's position, if there is none with its name.
    pub(super) fn add(&mut self, name: &'v Value, at: usize) {
        self.0.entry(ItemName(name)).or_insert(at);
    }
}

/// A value usable as a lookup key.
struct ItemName<'v>(&'v Value);

impl Ord for ItemName<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        order::compare(self.0, other.0)
    }
}

impl PartialOrd for ItemName<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for ItemName<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for ItemName<'_> {}

/// Returns whether an item is only a request for deletion.
pub(super) fn is_deletion(item: &Value) -> bool {
    item.get(PATCH).and_then(Value::as_str) == Some("delete")
}

/// Removes maps with directives from a value, and directives from maps; `None` if nothing is left.
pub(super) fn without_directives(value: Value) -> Option<Value> {
    match value {
        Value::Object(map) if map.contains_key(PATCH) => None,
        Value::Object(map) => {
            let kept = map
                .into_iter()
                .filter_map(|(key, value)| Some((key, without_directives(value)?)));
            Some(Value::Object(kept.collect()))
        }
        Value::Array(items) => Some(Value::Array(
            items.into_iter().filter_map(without_directives).collect(),
        )),
        other => Some(other),
    }
}

/// Removes nulls from maps: there is nothing for them to remove.
pub(super) fn without_nulls(value: Value) -> Value {
    match value {
        Value::Object(map) => {
            let kept = map.into_iter().filter(|(_, value)| !value.is_null());
            Value::Object(
                kept.map(|(key, value)| (key, without_nulls(value)))
                    .collect::<Map<_, _>>(),
            )
        }
        Value::Array(items) => Value::Array(items.into_iter().map(without_nulls).collect()),
        other => other,
    }
}

pub(super) fn no_key(item: &Value, key: &str) -> Error {
    Error::NoMergeKey {
        item: as_go(item).into(),
        key: key.into(),
    }
}

fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => order::number_text(number),
        other => other.to_string(),
    }
}

/// Returns a value as Go prints it.
fn as_go(value: &Value) -> String {
    let joined = |parts: Vec<String>| parts.join(" ");
    match value {
        Value::Null => "<nil>".to_owned(),
        Value::String(text) => text.clone(),
        Value::Array(items) => format!("[{}]", joined(items.iter().map(as_go).collect())),
        Value::Object(map) => {
            format!(
                "map[{}]",
                joined(
                    map.iter()
                        .map(|(key, value)| format!("{key}:{}", as_go(value)))
                        .collect()
                )
            )
        }
        other => other.to_string(),
    }
}
