//! Sets from a time when a type was granular, for one that is atomic now.

use lode_schema::{Map, Schema, Shape, TypeRef};
use serde_json::Value;

use crate::set::{Element, Set};

/// Makes a set fit its type: whoever owned something within what is atomic now owns the whole of it.
///
/// What went the other way stays as it is, and so does what has no declared type.
pub fn reconcile(set: &mut Set<'_>, schema: &Schema, ty: TypeRef) {
    // At the root nothing can be owned as a whole.
    let _ = node(set, schema, ty, false);
}

/// Tells whether the node is to be owned as a whole, and reconciles what is below it otherwise.
fn node(children: &mut Set<'_>, schema: &Schema, ty: TypeRef, whole: bool) -> bool {
    match schema.shape(ty, &Value::Null) {
        Shape::Map(view) if is_deduced(schema, view.map) => false,
        Shape::Map(view) if view.atomic => !whole && !children.is_empty(),
        Shape::List(view) if view.atomic => !whole,
        Shape::Map(view) => {
            below(children, schema, |element| match element {
                Element::Field(name) => view.map.field_type(name),
                _ => view.map.element,
            });
            false
        }
        Shape::List(view) => {
            below(children, schema, |_| Some(view.list.element));
            false
        }
        Shape::Scalar(_) | Shape::Nothing => false,
    }
}

fn below(set: &mut Set<'_>, schema: &Schema, ty: impl Fn(&Element<'_>) -> Option<TypeRef>) {
    for child in set.nodes_mut() {
        let Some(ty) = ty(&child.element) else {
            continue;
        };
        let whole = child.member && child.children.is_empty();
        if node(&mut child.children, schema, ty, whole) {
            child.member = true;
            child.children.clear();
        }
    }
}

/// Tells whether a map has no declared field, and types that are deduced.
fn is_deduced(schema: &Schema, map: &Map) -> bool {
    let anything = |ty: TypeRef| {
        ty.id() != TypeRef::ANY.id() && schema.atom(ty).scalar.is_some() && schema.map(ty).is_some()
    };
    map.fields.is_empty() && map.element.is_some_and(anything)
}
