//! Adapting sets recorded when a type was granular to a type that is atomic now.

use lode_schema::{Map, Schema, Shape, TypeRef};
use serde_json::Value;

use crate::set::{Element, Set};

/// Adapts a set to its type: a manager that owned something within a now atomic value owns all of
/// it.
///
/// The opposite change has no effect here, and neither have values without a declared type.
pub fn reconcile(set: &mut Set<'_>, schema: &Schema, ty: TypeRef) {
    // The root cannot be owned as a whole.
    let _ = node(set, schema, ty, false);
}

/// Returns whether the node must be owned as a whole; otherwise reconciles the set below it.
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

/// Returns whether a map has no declared fields and has deduced types.
fn is_deduced(schema: &Schema, map: &Map) -> bool {
    let anything = |ty: TypeRef| {
        ty.id() != TypeRef::ANY.id() && schema.atom(ty).scalar.is_some() && schema.map(ty).is_some()
    };
    map.fields.is_empty() && map.element.is_some_and(anything)
}
