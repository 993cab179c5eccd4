//! Comparing two values of the same type.

use std::collections::BTreeMap;

use lode_schema::{ListView, MapView, Schema, Shape, TypeRef};
use serde_json::{Map, Value};

use super::items;
use crate::{
    order,
    set::{Element, Set},
};

/// The differences between two values; no field is in two of the sets.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Comparison<'a> {
    /// Fields only the first has.
    pub removed: Set<'a>,
    /// Fields both have, with different values.
    pub modified: Set<'a>,
    /// Fields only the second has.
    pub added: Set<'a>,
}

impl Comparison<'_> {
    /// Returns whether there are no differences.
    #[must_use]
    pub fn is_same(&self) -> bool {
        self.removed.is_empty() && self.modified.is_empty() && self.added.is_empty()
    }
}

pub(super) fn run<'a>(
    schema: &'a Schema,
    ty: TypeRef,
    old: &'a Value,
    new: &'a Value,
) -> Comparison<'a> {
    let mut walk = CompareWalk {
        schema,
        path: Vec::new(),
        found: Comparison::default(),
    };
    walk.pair(ty, Some(old), Some(new));
    walk.found
}

struct CompareWalk<'a> {
    schema: &'a Schema,
    path: Vec<Element<'a>>,
    found: Comparison<'a>,
}

type ComparedSide<'a> = Option<&'a Value>;

impl<'a> CompareWalk<'a> {
    fn pair(&mut self, ty: TypeRef, old: ComparedSide<'a>, new: ComparedSide<'a>) {
        let leaf = match (old, new) {
            (Some(old), Some(new)) => {
                let (first, second) = (self.schema.shape(ty, old), self.schema.shape(ty, new));
                let other = std::mem::discriminant(&first) != std::mem::discriminant(&second);
                if other {
                    self.shaped(first, Some(old), Some(new));
                }
                self.shaped(second, Some(old), Some(new))
            }
            (Some(one), None) | (None, Some(one)) => {
                self.shaped(self.schema.shape(ty, one), old, new)
            }
            (None, None) => return,
        };
        match (leaf, old, new) {
            (false, None, _) => self.found.added.insert(&self.path),
            (false, _, None) => self.found.removed.insert(&self.path),
            _ => {}
        }
    }

    /// Compares two values, at least one of which has this shape; returns whether they were
    /// compared as a whole.
    fn shaped(&mut self, shape: Shape<'a>, old: ComparedSide<'a>, new: ComparedSide<'a>) -> bool {
        match shape {
            Shape::Scalar(_) => self.leaf(old, new),
            Shape::Map(map) => {
                let (first, second) = (
                    old.and_then(Value::as_object),
                    new.and_then(Value::as_object),
                );
                if map.atomic || first.is_none_or(Map::is_empty) && second.is_none_or(Map::is_empty)
                {
                    return self.leaf(old, new);
                }
                self.maps(map, first, second);
                false
            }
            Shape::List(list) => {
                let (first, second) =
                    (old.and_then(Value::as_array), new.and_then(Value::as_array));
                if list.atomic
                    || first.is_none_or(Vec::is_empty) && second.is_none_or(Vec::is_empty)
                {
                    return self.leaf(old, new);
                }
                self.lists(list, first, second);
                false
            }
            Shape::Nothing => false,
        }
    }

    fn leaf(&mut self, old: ComparedSide<'a>, new: ComparedSide<'a>) -> bool {
        match (old, new) {
            (None, _) => self.found.added.insert(&self.path),
            (_, None) => self.found.removed.insert(&self.path),
            (Some(old), Some(new)) if !order::equal(old, new) => {
                self.found.modified.insert(&self.path);
            }
            _ => {}
        }
        true
    }

    fn maps(
        &mut self,
        view: MapView<'a>,
        old: Option<&'a Map<String, Value>>,
        new: Option<&'a Map<String, Value>>,
    ) {
        let gone = |key: &String| new.is_none_or(|new| !new.contains_key(key));
        let only_old = old
            .into_iter()
            .flatten()
            .filter(|(key, _)| gone(key))
            .map(|(key, value)| (key, Some(value), None));
        let of_new = new
            .into_iter()
            .flatten()
            .map(|(key, value)| (key, old.and_then(|old| old.get(key)), Some(value)));
        for (key, old, new) in only_old.chain(of_new) {
            let Some(ty) = view.map.field_type(key) else {
                continue;
            };
            self.path.push(Element::Field(key));
            self.pair(ty, old, new);
            self.path.pop();
        }
    }

    fn lists(
        &mut self,
        view: ListView<'a>,
        old: Option<&'a Vec<Value>>,
        new: Option<&'a Vec<Value>>,
    ) {
        let mut pairs: BTreeMap<Element<'a>, (Vec<&'a Value>, Vec<&'a Value>)> = BTreeMap::new();
        let element = |item| items::element(self.schema, view.list, item).ok();
        for (element, item) in old
            .into_iter()
            .flatten()
            .filter_map(|item| Some((element(item)?, item)))
        {
            pairs.entry(element).or_default().0.push(item);
        }
        for (element, item) in new
            .into_iter()
            .flatten()
            .filter_map(|item| Some((element(item)?, item)))
        {
            pairs.entry(element).or_default().1.push(item);
        }
        for (element, (old, new)) in pairs {
            self.path.push(element);
            self.items(view.list.element, &old, &new);
            self.path.pop();
        }
    }

    /// Compares the items that one element names. Several of them on one side are one value there.
    fn items(&mut self, ty: TypeRef, old: &[&'a Value], new: &[&'a Value]) {
        match (old, new) {
            ([] | [_], [] | [_]) => self.pair(ty, old.first().copied(), new.first().copied()),
            ([_, _, ..], [_, _, ..]) => {
                if old.len() != new.len()
                    || old
                        .iter()
                        .zip(new)
                        .any(|(old, new)| !order::equal(old, new))
                {
                    self.found.modified.insert(&self.path);
                }
            }
            ([_, _, ..], _) => {
                self.pair(ty, None, new.first().copied());
                self.found.removed.insert(&self.path);
            }
            _ => {
                self.pair(ty, old.first().copied(), None);
                self.found.added.insert(&self.path);
            }
        }
    }
}
