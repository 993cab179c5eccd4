//! Writing the notes that are asked for on an object, and taking kustomize's own bookkeeping off it.

use lode_stdx::budget::{Budget, Exceeded};
use lode_yaml::{Node, Place};

use crate::config::fieldspec::width;
use crate::error::Fault;
use crate::object::resource::Resource;

const ORIGIN: &str = "config.kubernetes.io/origin";

const CHANGES: &str = "alpha.config.kubernetes.io/transformations";

/// The names of kustomize's own bookkeeping; none of it stays on objects.
const BOOKKEEPING: [&str; 19] = [
    "internal.config.kubernetes.io/previousKinds",
    "internal.config.kubernetes.io/previousNames",
    "internal.config.kubernetes.io/prefixes",
    "internal.config.kubernetes.io/suffixes",
    "internal.config.kubernetes.io/previousNamespaces",
    "internal.config.kubernetes.io/allowNameChange",
    "internal.config.kubernetes.io/allowKindChange",
    "internal.config.kubernetes.io/refBy",
    "internal.config.kubernetes.io/generatorBehavior",
    "internal.config.kubernetes.io/needsHashSuffix",
    "internal.config.kubernetes.io/path",
    "internal.config.kubernetes.io/index",
    "internal.config.kubernetes.io/seqindent",
    "internal.config.kubernetes.io/id",
    "internal.config.kubernetes.io/annotations-migration-resource-id",
    "internal.config.kubernetes.io/helm-generated",
    "config.kubernetes.io/path",
    "config.kubernetes.io/index",
    "config.k8s.io/id",
];

/// Writes the requested notes on an object, and removes the bookkeeping.
pub(crate) fn finish(
    resource: &mut Resource,
    origins: bool,
    changes: bool,
    budget: &Budget,
) -> Result<(), Fault> {
    charge(resource, changes, budget).map_err(|exceeded| {
        Fault::from(exceeded).during("note on an object what changed it", resource.place)
    })?;

    let place = Place::default();
    let mut own: Vec<(&str, String)> = Vec::new();
    if let (true, Some(note)) = (origins, &resource.note) {
        own.push((ORIGIN, note.lines().join("\n") + "\n"));
    }
    if changes && !resource.changes.is_empty() {
        let text = resource
            .changes
            .iter()
            .map(|note| format!("- {}\n", note.lines().join("\n  ")));
        own.push((CHANGES, text.collect()));
    }
    let metadata = resource.node.get_or_insert_with("metadata", Node::mapping);
    let Some(metadata) = metadata.filter(|metadata| metadata.entries().is_some()) else {
        return Ok(());
    };
    let old = metadata.remove("annotations");
    let mut annotations = Node::mapping().placed(old.as_ref().map_or(place, |old| old.place));
    for entry in old.as_ref().and_then(Node::entries).unwrap_or_default() {
        let Some(key) = entry.key.text() else {
            continue;
        };
        let is_note = (key == ORIGIN && !(origins && resource.note.is_none()))
            || (key == CHANGES && !changes);
        if !is_note && !BOOKKEEPING.contains(&key) {
            // Annotations are texts for the API, and kustomize converts them.
            let text = entry.value.text().unwrap_or_default();
            annotations.insert(
                key,
                Node {
                    style: entry.value.style,
                    ..Node::string(text)
                }
                .placed(entry.value.place),
            );
        }
    }
    for (key, text) in own {
        annotations.insert(key, Node::string(text));
    }
    if !annotations.is_nothing() {
        metadata.insert("annotations", annotations);
    }
    Ok(())
}

/// Charges the texts of notes and rebuilt annotations; each one is searched among those before it.
fn charge(resource: &Resource, changes: bool, budget: &Budget) -> Result<(), Exceeded> {
    if let Some(annotations) = resource.node.at(&["metadata", "annotations"]) {
        let cost = annotations.cost();
        cost.charge(budget)?;
        budget.steps(cost.nodes * width(annotations))?;
    }
    let notes = if changes {
        resource.changes.as_slice()
    } else {
        &[]
    };
    let bytes: u64 = notes
        .iter()
        .chain(&resource.note)
        .map(|note| note.len())
        .sum();
    budget.bytes(TEXTS * bytes)
}

/// How many copies of a note's text exist while it is built.
const TEXTS: u64 = 3;

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn annotations_become_texts_and_bookkeeping_goes() {
        let finished = |annotations: serde_json::Value| {
            let object = json!({"metadata": {"annotations": annotations}});
            let mut resource = Resource::new(Node::from_value(&object), Place::default());
            finish(&mut resource, false, false, &Budget::unlimited()).unwrap();
            resource.node.to_value(lode_yaml::Dialect::V3).unwrap()
        };
        assert_eq!(finished(json!({})), json!({"metadata": {}}));
        assert_eq!(
            finished(json!({"internal.config.kubernetes.io/path": "x"})),
            json!({"metadata": {}})
        );
        assert_eq!(
            finished(json!({"a": 1, "b": true})),
            json!({"metadata": {"annotations": {"a": "1", "b": "true"}}})
        );
    }
}
