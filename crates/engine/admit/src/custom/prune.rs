//! [`prune`]: removes what a definition does not declare, as the API server does.

use lode_schema::{Shape, TypeRef, builtin};
use serde_json::{Map, Value};

use super::{
    node::{Additional, SchemaNode},
    path::Path,
    ty::Type,
};

/// Removes from an object what its type does not declare. Returns the removed paths in order.
///
/// Of metadata, at the root and in embedded resources, what all objects have is kept.
pub fn prune(ty: &Type, object: &mut Value) -> Vec<String> {
    let mut gone = Vec::new();
    fields(&ty.root, &Path::Root, object, &mut gone);
    if let Some(metadata) = object.get_mut(METADATA) {
        prune_metadata(&Path::Root.field(METADATA), metadata, &mut gone);
    }
    gone.sort();
    gone
}

/// Prunes a value within an object; returns whether anything was removed.
pub(super) fn below(node: &SchemaNode, value: &mut Value) -> bool {
    let mut gone = Vec::new();
    fields(node, &Path::Root.field(METADATA), value, &mut gone);
    !gone.is_empty()
}

fn fields(node: &SchemaNode, path: &Path<'_>, value: &mut Value, gone: &mut Vec<String>) {
    match value {
        Value::Object(map) => {
            for (name, value) in map.iter_mut() {
                if is_meta(node, path, name) {
                    if name == METADATA && node.embedded {
                        prune_metadata(&path.field(name), value, gone);
                    }
                } else if let Some(node) = node.field(name) {
                    fields(node, &path.field(name), value, gone);
                } else if matches!(node.additional, Some(Additional::Allowed(true)))
                    && !node.preserve
                {
                    empty(&path.field(name), value, gone);
                }
            }
            if !node.preserve && node.additional.is_none() {
                drop_undeclared(node, path, map, gone);
            }
        }
        Value::Array(items) => {
            for (place, item) in items.iter_mut().enumerate() {
                match &node.items {
                    Some(node) => fields(node, &path.index(place), item, gone),
                    None if node.preserve => {}
                    None => empty(&path.index(place), item, gone),
                }
            }
        }
        _ => {}
    }
}

fn drop_undeclared(
    node: &SchemaNode,
    path: &Path<'_>,
    map: &mut Map<String, Value>,
    gone: &mut Vec<String>,
) {
    map.retain(|name, _| {
        let stays = node.properties.contains_key(name.as_str()) || is_meta(node, path, name);
        if !stays {
            gone.push(path.field(name).dotted());
        }
        stays
    });
}

/// Removes all fields of an untyped value: nothing in it is declared.
fn empty(path: &Path<'_>, value: &mut Value, gone: &mut Vec<String>) {
    match value {
        Value::Object(map) => {
            gone.extend(map.keys().map(|name| path.field(name).dotted()));
            map.clear();
        }
        Value::Array(items) => {
            items
                .iter_mut()
                .enumerate()
                .for_each(|(place, item)| empty(&path.index(place), item, gone));
        }
        _ => {}
    }
}

fn is_meta(node: &SchemaNode, path: &Path<'_>, name: &str) -> bool {
    (node.embedded || matches!(path, Path::Root))
        && ["apiVersion", "kind", METADATA].contains(&name)
}

/// Removes unknown and null fields of metadata.
fn prune_metadata(path: &Path<'_>, metadata: &mut Value, gone: &mut Vec<String>) {
    if let Some(ty) = builtin().schema.named(OBJECT_META) {
        known(ty, path, metadata, gone);
    }
}

fn known(ty: TypeRef, path: &Path<'_>, value: &mut Value, gone: &mut Vec<String>) {
    let schema = &builtin().schema;
    match (schema.shape(ty, value), value) {
        (Shape::Map(view), Value::Object(map)) => map.retain(|name, value| {
            let Some(ty) = view.map.field_type(name) else {
                gone.push(path.field(name).dotted());
                return false;
            };
            if value.is_null() {
                return false;
            }
            known(ty, &path.field(name), value, gone);
            true
        }),
        (Shape::List(view), Value::Array(items)) => {
            let element = view.list.element;
            items
                .iter_mut()
                .enumerate()
                .for_each(|(place, item)| known(element, &path.index(place), item, gone));
        }
        _ => {}
    }
}

const METADATA: &str = "metadata";
/// The type of metadata.
const OBJECT_META: &str = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta";
