//! What `buildMetadata` records on objects: where they come from and what changed them, in
//! kustomize's own words.

use std::sync::Arc;

use lode_stdx::budget::{Budget, Exceeded};
use lode_yaml::{Node, Place};

use crate::config::fieldspec::width;
use crate::error::Fault;
use crate::object::resource::Resource;

/// The origin of an object, or what generated or changed it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Note {
    /// The file, relative to the outermost kustomization; or the configuring kustomization.
    pub(crate) path: String,
    /// What generated or changed the object; nothing for one that was read.
    pub(crate) by: Option<Configured>,
}

/// A generator or transformer.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Configured {
    pub(crate) api_version: String,
    pub(crate) kind: String,
    pub(crate) name: String,
    pub(crate) namespace: String,
}

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

impl Note {
    /// Returns the note for a setting of a kustomization.
    pub(crate) fn builtin(kustomization: &str, kind: &str) -> Arc<Self> {
        let by = Configured {
            api_version: "builtin".to_owned(),
            kind: kind.to_owned(),
            ..Configured::default()
        };
        Arc::new(Self {
            path: kustomization.to_owned(),
            by: Some(by),
        })
    }

    /// Returns the approximate length of its text.
    fn len(&self) -> u64 {
        let by = self.by.as_ref().map_or(0, |by| {
            by.api_version.len() + by.kind.len() + by.name.len() + by.namespace.len() + BY_WORDS
        });
        (self.path.len() + by) as u64
    }

    fn lines(&self) -> Vec<String> {
        let Some(by) = &self.by else {
            return vec![format!("path: {}", scalar(&self.path))];
        };
        let mut lines = vec![
            format!("configuredIn: {}", scalar(&self.path)),
            "configuredBy:".to_owned(),
        ];
        for (field, text) in [
            ("apiVersion", &by.api_version),
            ("kind", &by.kind),
            ("name", &by.name),
            ("namespace", &by.namespace),
        ] {
            if !text.is_empty() {
                lines.push(format!("  {field}: {}", scalar(text)));
            }
        }
        lines
    }
}

/// Returns the path of `text` relative to the folder `from`, with `..` if needed.
pub(crate) fn joined(from: &str, text: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in from.split('/').chain(text.split('/')) {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    parts.join("/")
}

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

/// Bytes of the fixed words around a note's content.
const BY_WORDS: usize = 128;
/// How many copies of a note's text exist while it is built.
const TEXTS: u64 = 3;

/// Writes a text as a YAML scalar.
fn scalar(text: &str) -> String {
    lode_yaml::to_string(&serde_json::Value::from(text))
        .trim_end()
        .to_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn ways_go_up_and_down() {
        for (from, text, want) in [
            ("", "x.yaml", "x.yaml"),
            ("../base", "x.yaml", "../base/x.yaml"),
            ("../base", "../other", "../other"),
            ("", "../../a/./b", "../../a/b"),
        ] {
            assert_eq!(joined(from, text), want);
        }
    }

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

    #[test]
    fn notes_say_who_and_where() {
        let note = Note::builtin("kustomization.yaml", "PrefixTransformer");
        assert_eq!(
            note.lines(),
            [
                "configuredIn: kustomization.yaml",
                "configuredBy:",
                "  apiVersion: builtin",
                "  kind: PrefixTransformer"
            ]
        );
    }
}
