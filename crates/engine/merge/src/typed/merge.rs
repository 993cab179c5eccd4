//! The result of applying a value: applied fields win, and nothing is removed.

use std::collections::{BTreeMap, BTreeSet};

use lode_schema::{List, ListView, MapView, Schema, Shape, TypeRef};
use serde_json::{Map, Value};

use super::{
    items,
    validate::{Errors, Invalid},
};
use crate::set::Element;

pub(super) fn run(
    schema: &Schema,
    ty: TypeRef,
    live: &Value,
    config: &Value,
) -> Result<Value, Errors> {
    let mut walk = MergeWalk {
        schema,
        path: Vec::new(),
        errors: Vec::new(),
    };
    let merged = walk.pair(ty, live, config);
    if walk.errors.is_empty() {
        Ok(merged.unwrap_or_default())
    } else {
        Err(Errors(walk.errors))
    }
}

struct MergeWalk<'a> {
    schema: &'a Schema,
    path: Vec<Element<'a>>,
    errors: Vec<Invalid>,
}

impl<'a> MergeWalk<'a> {
    /// Merges two values; `None` if nothing is left of either.
    fn pair(&mut self, ty: TypeRef, live: &'a Value, config: &'a Value) -> Option<Value> {
        match self.schema.shape(ty, config) {
            Shape::Map(map) => {
                let (old, new) = (live.as_object(), config.as_object());
                if map.atomic || old.is_none_or(Map::is_empty) && new.is_none_or(Map::is_empty) {
                    return Some(config.clone());
                }
                self.maps(map, old, new)
            }
            Shape::List(list) => {
                let (old, new) = (live.as_array(), config.as_array());
                if list.atomic || old.is_none_or(Vec::is_empty) && new.is_none_or(Vec::is_empty) {
                    return Some(config.clone());
                }
                self.lists(list, old.map_or(&[], |old| old), new.map_or(&[], |new| new))
            }
            Shape::Scalar(_) | Shape::Nothing => Some(config.clone()),
        }
    }

    fn maps(
        &mut self,
        view: MapView<'a>,
        old: Option<&'a Map<String, Value>>,
        new: Option<&'a Map<String, Value>>,
    ) -> Option<Value> {
        let mut out = old.map_or_else(Map::new, |old| {
            let kept = |key: &String| new.is_none_or(|new| !new.contains_key(key));
            old.iter()
                .filter(|(key, _)| kept(key))
                .map(|(key, value)| (key.clone(), value.clone()))
                .collect()
        });
        for (key, config) in new.into_iter().flatten() {
            self.path.push(Element::Field(key));
            let merged = match (old.and_then(|old| old.get(key)), view.map.field_type(key)) {
                (Some(live), Some(ty)) => self.pair(ty, live, config),
                _ => Some(config.clone()),
            };
            self.path.pop();
            if let Some(merged) = merged {
                out.insert(key.clone(), merged);
            }
        }
        (!out.is_empty()).then_some(Value::Object(out))
    }

    /// Merges two lists. Items in both come in the order of `new`; items in only one keep their
    /// neighbours.
    fn lists(&mut self, view: ListView<'a>, old: &'a [Value], new: &'a [Value]) -> Option<Value> {
        let errors = self.errors.len();
        let new_items = self.elements(view.list, new, true);
        let old_items = self.elements(view.list, old, false);
        if self.errors.len() > errors {
            return None;
        }
        let in_new: BTreeSet<_> = new_items
            .iter()
            .map(|(element, _)| element.clone())
            .collect();
        let mut in_old: BTreeMap<Element<'a>, &'a Value> = BTreeMap::new();
        for (element, item) in &old_items {
            // Two that cannot be distinguished are not merged: the applied one replaces the other.
            in_old
                .entry(element.clone())
                .and_modify(|found| *found = &Value::Null)
                .or_insert(item);
        }
        let order = interleave(&old_items, &new_items, &in_old, &in_new);
        let mut out = Vec::with_capacity(order.len());
        for (element, item, is_new) in order {
            let live = in_old.get(&element).copied().filter(|_| is_new);
            self.path.push(element);
            out.extend(match live {
                Some(live) => self.pair(view.list.element, live, item),
                None => Some(item.clone()),
            });
            self.path.pop();
        }
        (!out.is_empty()).then_some(Value::Array(out))
    }

    fn elements(
        &mut self,
        list: &'a List,
        items: &'a [Value],
        unique: bool,
    ) -> Vec<(Element<'a>, &'a Value)> {
        let mut seen = BTreeSet::new();
        let mut out = Vec::with_capacity(items.len());
        for (index, item) in items.iter().enumerate() {
            match items::element(self.schema, list, item) {
                Err(message) => self.error(format!("element {index}: {message}")),
                Ok(element) if unique && !seen.insert(element.clone()) => {
                    self.error(format!("duplicate entries for key {element}"));
                }
                Ok(element) => out.push((element, item)),
            }
        }
        out
    }

    fn error(&mut self, message: String) {
        self.errors.push(Invalid {
            path: self.path.iter().map(Element::to_string).collect(),
            message,
        });
    }
}

type MergeItem<'a> = (Element<'a>, &'a Value);

/// Returns the items of both lists in the order of the merged one, and whether each is one of `new`.
fn interleave<'a>(
    old: &[MergeItem<'a>],
    new: &[MergeItem<'a>],
    in_old: &BTreeMap<Element<'a>, &'a Value>,
    in_new: &BTreeSet<Element<'a>>,
) -> Vec<(Element<'a>, &'a Value, bool)> {
    let mut shared = new
        .iter()
        .map(|(element, _)| element)
        .filter(|element| in_old.contains_key(*element))
        .peekable();
    let mut out = Vec::with_capacity(old.len().max(new.len()));
    let mut done = BTreeSet::new();
    let (mut old, mut new) = (old.iter().peekable(), new.iter().peekable());
    loop {
        let both = match (old.peek(), new.peek()) {
            (None, None) => return out,
            (Some((element, item)), _) if !in_new.contains(element) => {
                out.push((element.clone(), *item, false));
                old.next();
                continue;
            }
            (Some((element, _)), Some((head, _))) if element == head => true,
            // Both have it, and it comes later in `new`.
            (Some((element, _)), Some(_)) if shared.peek().is_some_and(|next| *next != element) => {
                old.next();
                continue;
            }
            (head, _) => head.is_some_and(|(element, _)| done.contains(element)),
        };
        if both {
            old.next();
        }
        if let Some((element, item)) = new.next() {
            shared.next_if(|next| *next == element);
            done.insert(element.clone());
            out.push((element.clone(), *item, true));
        }
    }
}
