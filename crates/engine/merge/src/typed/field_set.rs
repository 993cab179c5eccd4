//! The fields that a manager owns by applying a value.

use std::collections::BTreeSet;

use lode_schema::{ListView, MapView, Schema, Shape, TypeRef};
use serde_json::{Map, Value};

use super::items;
use crate::set::{Element, Set, SetNode};

/// Returns the fields that a value sets.
pub(super) fn of<'a>(schema: &'a Schema, ty: TypeRef, value: &'a Value) -> Set<'a> {
    owned(schema, ty, value).children
}

/// What is owned of a value.
#[derive(Default)]
struct Owned<'a> {
    /// The value is owned as a whole: a scalar, or an atomic list or map.
    whole: bool,
    /// What is owned inside it.
    children: Set<'a>,
}

fn owned<'a>(schema: &'a Schema, ty: TypeRef, value: &'a Value) -> Owned<'a> {
    let parts = |children: Option<Set<'a>>| Owned {
        whole: false,
        children: children.unwrap_or_default(),
    };
    let shape = schema.shape(ty, value);
    let atomic = match &shape {
        Shape::Scalar(_) => true,
        Shape::Map(map) => map.atomic,
        Shape::List(list) => list.atomic,
        Shape::Nothing => false,
    };
    match shape {
        _ if atomic => Owned {
            whole: true,
            children: Set::default(),
        },
        Shape::Map(map) => parts(value.as_object().map(|value| fields(schema, map, value))),
        Shape::List(list) => parts(
            value
                .as_array()
                .map(|value| list_items(schema, list, value)),
        ),
        Shape::Scalar(_) | Shape::Nothing => Owned::default(),
    }
}

fn fields<'a>(schema: &'a Schema, map: MapView<'a>, value: &'a Map<String, Value>) -> Set<'a> {
    let mut set = Set::default();
    for (key, value) in value {
        let field = map.field(key);
        let ty = field.map(|field| field.ty).or(map.map.element);
        let owned = ty.map(|ty| owned(schema, ty, value)).unwrap_or_default();
        let empty = value.is_null() || value.as_object().is_some_and(Map::is_empty);
        set.put(SetNode {
            element: Element::Field(key),
            member: owned.whole || empty || field.is_none(),
            children: owned.children,
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
            of(schema, view.list.element, item)
        };
        set.put(SetNode {
            element: element.clone(),
            member: true,
            children,
        });
    }
    set
}
