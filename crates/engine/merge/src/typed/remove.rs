//! A value without some fields, and some fields of a value.

use lode_schema::{ListView, MapView, Schema, Shape, TypeRef};
use serde_json::{Map, Value};

use super::items;
use crate::set::{Element, Set};

/// Returns a value without the members of a set. A value emptied by that becomes null; atomic
/// values are not examined.
pub(super) fn remove(schema: &Schema, ty: TypeRef, value: &Value, set: &Set<'_>) -> Value {
    match (schema.shape(ty, value), value) {
        (Shape::Map(view), Value::Object(map)) if !view.atomic => {
            let out: Map<_, _> = map
                .iter()
                .filter_map(|(key, value)| remove_field(schema, view, (key, value), set))
                .collect();
            if out.is_empty() {
                Value::Null
            } else {
                Value::Object(out)
            }
        }
        (Shape::List(view), Value::Array(list)) if !view.atomic => {
            let out: Vec<_> = list
                .iter()
                .filter_map(|item| remove_item(schema, view, item, set))
                .collect();
            if out.is_empty() {
                Value::Null
            } else {
                Value::Array(out)
            }
        }
        (Shape::Scalar(_), value) => value.clone(),
        _ => Value::Null,
    }
}

fn remove_field(
    schema: &Schema,
    view: MapView<'_>,
    (key, value): (&String, &Value),
    set: &Set<'_>,
) -> Option<(String, Value)> {
    let Some(node) = set.find(&Element::Field(key)) else {
        return Some((key.clone(), value.clone()));
    };
    if node.member {
        return None;
    }
    let ty = view.map.field_type(key);
    Some((
        key.clone(),
        ty.map_or_else(
            || value.clone(),
            |ty| remove(schema, ty, value, &node.children),
        ),
    ))
}

fn remove_item(schema: &Schema, view: ListView<'_>, item: &Value, set: &Set<'_>) -> Option<Value> {
    let element = items::element(schema, view.list, item).ok();
    match element.and_then(|element| set.find(&element)) {
        None => Some(item.clone()),
        Some(node) if node.member => None,
        Some(node) => Some(remove(schema, view.list.element, item, &node.children)),
    }
}

/// Returns the members of a set from a value, with the path to them; atomic values are returned
/// whole.
pub(super) fn extract(schema: &Schema, ty: TypeRef, value: &Value, set: &Set<'_>) -> Value {
    match (schema.shape(ty, value), value) {
        (Shape::Map(view), Value::Object(map)) if !view.atomic && !map.is_empty() => {
            let wanted = |(key, value): (&String, &Value)| {
                let node = set.find(&Element::Field(key))?;
                // Below a member the set itself is used again, as in the reference implementation.
                let below = if node.member { set } else { &node.children };
                let value = view
                    .map
                    .field_type(key)
                    .map_or_else(|| value.clone(), |ty| extract(schema, ty, value, below));
                Some((key.clone(), value))
            };
            let out: Map<_, _> = map.iter().filter_map(wanted).collect();
            if out.is_empty() {
                Value::Null
            } else {
                Value::Object(out)
            }
        }
        (Shape::List(view), Value::Array(list)) if !view.atomic && !list.is_empty() => {
            let wanted = |item: &Value| {
                let node = set.find(&items::element(schema, view.list, item).ok()?)?;
                if node.children.is_empty() {
                    return Some(item.clone());
                }
                Some(extract(schema, view.list.element, item, &node.children))
            };
            let out: Vec<_> = list.iter().filter_map(wanted).collect();
            if out.is_empty() {
                Value::Null
            } else {
                Value::Array(out)
            }
        }
        (Shape::Map(_), Value::Object(_))
        | (Shape::List(_), Value::Array(_))
        | (Shape::Scalar(_), _) => value.clone(),
        _ => Value::Null,
    }
}

/// Returns the key fields of every list item on the path to a member of `set` that is also in
/// `there`.
pub(super) fn keys_of<'s>(set: &'s Set<'_>, there: &Set<'_>) -> Set<'s> {
    let mut keys = Set::default();
    let wanted = set.intersection(there);
    collect(set, &wanted, &mut Vec::new(), &mut keys);
    keys
}

/// Walks `set` along `wanted`; the names come from `set`.
fn collect<'s>(
    set: &'s Set<'_>,
    wanted: &Set<'_>,
    path: &mut Vec<Element<'s>>,
    keys: &mut Set<'s>,
) {
    for node in set.nodes() {
        let Some(same) = wanted.find(&node.element) else {
            continue;
        };
        path.push(node.element.clone());
        if let Element::Key(fields) = &node.element {
            for (name, _) in fields.iter() {
                path.push(Element::Field(name));
                keys.insert(path);
                path.pop();
            }
        }
        collect(&node.children, &same.children, path, keys);
        path.pop();
    }
}
