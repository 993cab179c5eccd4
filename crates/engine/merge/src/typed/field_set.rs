//! The fields that a manager owns by applying a value.

use std::collections::BTreeSet;

use lode_schema::{ListView, MapView, Schema, Shape, TypeRef};
use serde_json::{Map, Value};

use super::items;
use crate::set::{Element, Node, Set};

pub(super) fn run<'a>(schema: &'a Schema, ty: TypeRef, value: &'a Value) -> Set<'a> {
    node(schema, ty, value).1
}

/// Returns whether a value is owned as a whole, and the set below it.
fn node<'a>(schema: &'a Schema, ty: TypeRef, value: &'a Value) -> (bool, Set<'a>) {
    match schema.shape(ty, value) {
        Shape::Scalar(_) => (true, Set::default()),
        Shape::Map(map) if map.atomic => (true, Set::default()),
        Shape::List(list) if list.atomic => (true, Set::default()),
        Shape::Map(map) => (
            false,
            value
                .as_object()
                .map(|value| fields(schema, map, value))
                .unwrap_or_default(),
        ),
        Shape::List(list) => (
            false,
            value
                .as_array()
                .map(|value| list_items(schema, list, value))
                .unwrap_or_default(),
        ),
        Shape::Nothing => (false, Set::default()),
    }
}

fn fields<'a>(schema: &'a Schema, map: MapView<'a>, value: &'a Map<String, Value>) -> Set<'a> {
    let mut set = Set::default();
    for (key, value) in value {
        let field = map.field(key);
        let ty = field.map(|field| field.ty).or(map.map.element);
        let (member, children) = ty.map(|ty| node(schema, ty, value)).unwrap_or_default();
        let empty = value.is_null() || value.as_object().is_some_and(Map::is_empty);
        set.put(Node {
            element: Element::Field(key),
            member: member || empty || field.is_none(),
            children,
        });
    }
    set
}

/// Owns every item; for items that cannot be distinguished, only their shared element.
fn list_items<'a>(schema: &'a Schema, view: ListView<'a>, value: &'a [Value]) -> Set<'a> {
    let elements: Vec<_> = value
        .iter()
        .map(|item| items::element(schema, view.list, item).ok())
        .collect();
    let (mut seen, mut twice) = (BTreeSet::new(), BTreeSet::new());
    for element in elements.iter().flatten() {
        if !seen.insert(element) {
            twice.insert(element);
        }
    }

    let mut set = Set::default();
    for (element, item) in elements
        .iter()
        .zip(value)
        .filter_map(|(element, item)| Some((element.as_ref()?, item)))
    {
        let children = if twice.contains(element) {
            Set::default()
        } else {
            node(schema, view.list.element, item).1
        };
        set.put(Node {
            element: element.clone(),
            member: true,
            children,
        });
    }
    set
}
