//! Finds objects in the output of a build.

use anyhow::anyhow;
use lode_api::names::Names;
use lode_object::Value;
use lode_object::json::text;

/// Namespace of objects that name none.
const DEFAULT_NAMESPACE: &str = "default";

/// Returns an object that has to be there.
pub(super) fn wanted<'k>(
    known: &'k [Value],
    names: &Names,
    (namespace, name): (&str, &str),
) -> anyhow::Result<&'k Value> {
    let found = find(known, (names.group, names.kind), (namespace, name));
    found.ok_or_else(|| anyhow!("{}/{namespace}/{name} is not part of the build", names.kind))
}

/// Finds an object by group and kind, namespace and name.
pub(super) fn find<'k>(
    known: &'k [Value],
    kind: (&str, &str),
    (wanted, name): (&str, &str),
) -> Option<&'k Value> {
    known.iter().find(|object| {
        is_of(object, kind) && text(object, "/metadata/name") == name && namespace(object) == wanted
    })
}

/// Returns whether an object is of a group and kind.
pub(super) fn is_of(object: &Value, (group, kind): (&str, &str)) -> bool {
    let version = text(object, "/apiVersion");
    let found = version.split_once('/').map_or("", |(group, _)| group);
    text(object, "/kind") == kind && found == group
}

/// Returns the namespace of an object.
pub(super) fn namespace(object: &Value) -> &str {
    match text(object, "/metadata/namespace") {
        "" => DEFAULT_NAMESPACE,
        namespace => namespace,
    }
}
