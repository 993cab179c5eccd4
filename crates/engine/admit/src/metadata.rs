//! The server's part of an object's metadata: a client's values are ignored (`rest.BeforeCreate`,
//! `rest.BeforeUpdate`, `ResetObjectMetaForStatus`).

use serde_json::Value;

use crate::{
    kind::Kind,
    strategy::{Strategy, at, object_at, put, remove, text},
};

/// Removes from a new object what only a server can set; its uid and creation time are already set.
pub(crate) fn on_create(kind: &Kind, object: &mut Value, strategy: &Strategy) {
    placed(kind, object);
    for field in [
        "deletionTimestamp",
        "deletionGracePeriodSeconds",
        "selfLink",
    ] {
        remove(object, &format!("metadata.{field}"));
    }
    // A kind without generations keeps whatever a client sets.
    if let Some(first) = strategy.generation.first() {
        put(object, "metadata.generation", first.into());
    }
}

/// The namespace of a cluster-scoped object is ignored.
fn placed(kind: &Kind, object: &mut Value) {
    if !kind.namespaced {
        remove(object, "metadata.namespace");
    }
}

/// Keeps what a write cannot change.
pub(crate) fn on_update(kind: &Kind, live: &Value, object: &mut Value) {
    placed(kind, object);
    keep(live, object, "metadata.generation");
    remove(object, "metadata.selfLink");
    if at(live, "metadata.creationTimestamp").is_some_and(|time| !time.is_null()) {
        keep(live, object, "metadata.creationTimestamp");
    }
    if at(live, "metadata.deletionTimestamp").is_some_and(|time| !time.is_null()) {
        keep(live, object, "metadata.deletionTimestamp");
    }
    for field in ["uid", "deletionGracePeriodSeconds"] {
        let path = format!("metadata.{field}");
        if at(object, &path).is_none_or(|value| value.is_null() || *value == "") {
            keep(live, object, &path);
        }
    }
}

/// Increments the generation if the write counts.
pub(crate) fn count(live: &Value, object: &mut Value, strategy: &Strategy) {
    if strategy.generation.counts(live, object) {
        let generation = at(live, "metadata.generation")
            .and_then(Value::as_u64)
            .unwrap_or_default();
        put(
            object,
            "metadata.generation",
            generation.saturating_add(1).into(),
        );
    }
}

/// Keeps what is at a path as it was. For metadata that is what clients may set; the rest is not
/// theirs anyway.
pub(crate) fn keep(live: &Value, object: &mut Value, path: &str) {
    if path == "metadata" {
        for field in CLIENTS {
            keep(live, object, &format!("metadata.{field}"));
        }
        return;
    }
    match at(live, path) {
        Some(value) => put(object, path, value.clone()),
        None => drop(remove(object, path)),
    }
}

/// Adds the label that every namespace has.
pub(crate) fn label_with_name(namespace: &mut Value) {
    let name = text(namespace, "metadata.name").to_owned();
    let labels = object_at(namespace, "metadata.labels");
    labels.insert("kubernetes.io/metadata.name".to_owned(), name.into());
}

/// Metadata that is kept by an endpoint that does not write metadata.
const CLIENTS: [&str; 7] = [
    "annotations",
    "deletionGracePeriodSeconds",
    "deletionTimestamp",
    "finalizers",
    "generation",
    "labels",
    "ownerReferences",
];

#[cfg(test)]
mod tests {
    use lode_schema::resources;
    use serde_json::json;

    use super::*;

    fn nodes() -> Kind {
        Kind::builtin(resources().of_kind("", "v1", "Node").unwrap()).unwrap()
    }

    #[test]
    fn what_lives_in_no_namespace_has_none() {
        let mut new = json!({"metadata": {"name": "a", "namespace": "b"}});
        on_create(&nodes(), &mut new, crate::strategy::of(&nodes()));
        assert_eq!(new, json!({"metadata": {"name": "a"}}));
    }

    #[test]
    fn what_a_write_says_of_uid_and_times_does_not_count() {
        let live = json!({"metadata": {"uid": "u", "creationTimestamp": "t", "generation": 3, "deletionTimestamp": "d"}});
        let mut new =
            json!({"metadata": {"creationTimestamp": null, "generation": 9, "selfLink": "/x"}});
        on_update(&nodes(), &live, &mut new);
        assert_eq!(new, live);
        let mut other = json!({"metadata": {"uid": "v"}});
        on_update(&nodes(), &live, &mut other);
        assert_eq!(other["metadata"]["uid"], "v", "validation refuses it");
    }

    #[test]
    fn metadata_that_is_kept_is_that_of_clients() {
        let live = json!({"metadata": {"name": "a", "labels": {"a": "b"}, "resourceVersion": "1"}});
        let mut new =
            json!({"metadata": {"name": "a", "annotations": {"x": "y"}, "resourceVersion": "2"}});
        keep(&live, &mut new, "metadata");
        assert_eq!(
            new,
            json!({"metadata": {"name": "a", "labels": {"a": "b"}, "resourceVersion": "2"}})
        );
    }
}
