//! [`Resource`]: an object under construction, with its former names.

use std::sync::Arc;

use lode_object::{GroupVersionKind, Id, Words};
use lode_stdx::budget::Meter;
use lode_yaml::{Node, Place, Style, Tag};

use crate::config::fieldspec::{self, Misfit};
use crate::error::{Fault, ObjectCause};
use crate::object::born::Born;
use crate::object::note::Note;
use crate::object::parts::Parts;
use crate::object::scopes::Scopes;

/// An object under construction.
#[derive(Clone)]
pub(crate) struct Resource {
    pub(crate) node: Node,
    /// Where it was read; for a generated object, the kustomization's entry.
    pub(crate) place: Place,
    /// Its identity before each change of name, namespace or kind; the first is the original.
    pub(crate) past: Vec<Identity>,
    /// Prefixes it got, innermost first.
    pub(crate) prefixes: Vec<Box<str>>,
    /// Suffixes it got, innermost first.
    pub(crate) suffixes: Vec<Box<str>>,
    /// Whether its name gets a digest of its content.
    pub(crate) needs_hash: bool,
    /// Whether a generator made it, as opposed to a file.
    pub(crate) is_generated: bool,
    /// Whether it comes from a chart, which set its namespace.
    pub(crate) is_from_chart: bool,
    /// Its origin in kustomize's own words, if requested.
    pub(crate) note: Option<Arc<Note>>,
    /// What changed it, if requested.
    pub(crate) changes: Vec<Arc<Note>>,
    /// Names of the variables that take their values from it.
    pub(crate) vars: Vec<Box<str>>,
    /// The files that affect it.
    pub(crate) parts: Parts,
    /// The files that affect how it was renamed, and so affect references to it.
    pub(crate) namers: Parts,
    /// Which kinds have no namespace in this build.
    pub(crate) scopes: Scopes,
    /// How it was read or made.
    pub(crate) born: Born,
    /// What messages may show of it, if a value of a Secret was copied into it.
    pub(crate) words: Option<Box<Words>>,
}

/// The identity of an object: group, version, kind, effective namespace and name.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Identity {
    pub(crate) gvk: GroupVersionKind,
    /// `default` if none is given, [`NO_NAMESPACE`] for kinds without namespace.
    pub(crate) namespace: Box<str>,
    pub(crate) name: Box<str>,
}

impl Identity {
    /// Returns the identity of an object.
    pub(crate) fn of(object: &Node, scopes: &Scopes) -> Self {
        let gvk =
            GroupVersionKind::new(text_at(object, &["apiVersion"]), text_at(object, &["kind"]));
        let name = text_at(object, &["metadata", "name"]).into();
        Self {
            gvk,
            namespace: effective_namespace(object, scopes).into(),
            name,
        }
    }
}

/// Stands for the namespace of kinds without one (as in kustomize's own ids).
pub(crate) const NO_NAMESPACE: &str = "_non_namespaceable_";

impl Resource {
    pub(crate) fn new(node: Node, place: Place) -> Self {
        Self {
            born: Born::of(&node),
            words: None,
            node,
            place,
            past: Vec::new(),
            prefixes: Vec::new(),
            suffixes: Vec::new(),
            needs_hash: false,
            is_generated: false,
            is_from_chart: false,
            note: None,
            changes: Vec::new(),
            vars: Vec::new(),
            parts: Parts::default(),
            namers: Parts::default(),
            scopes: Scopes::default(),
        }
    }

    pub(crate) fn kind(&self) -> &str {
        text_at(&self.node, &["kind"])
    }

    pub(crate) fn api_version(&self) -> &str {
        text_at(&self.node, &["apiVersion"])
    }

    pub(crate) fn name(&self) -> &str {
        text_at(&self.node, &["metadata", "name"])
    }

    pub(crate) fn namespace(&self) -> &str {
        text_at(&self.node, &["metadata", "namespace"])
    }

    pub(crate) fn gvk(&self) -> GroupVersionKind {
        GroupVersionKind::new(self.api_version(), self.kind())
    }

    pub(crate) fn is_cluster_scoped(&self) -> bool {
        self.scopes.is_cluster(self.api_version(), self.kind())
    }

    /// Returns the namespace as used in id comparisons.
    pub(crate) fn effective_namespace(&self) -> &str {
        effective_namespace(&self.node, &self.scopes)
    }

    /// Returns its current identity.
    pub(crate) fn current(&self) -> Identity {
        Identity::of(&self.node, &self.scopes)
    }

    /// Returns its original identity.
    pub(crate) fn original(&self) -> Identity {
        self.past.first().cloned().unwrap_or_else(|| self.current())
    }

    /// Restores former names from kustomize's own bookkeeping annotations.
    pub(crate) fn recall(&mut self) {
        let texts = |key: &str| -> Vec<Box<str>> {
            let text = self.annotation(&format!("internal.config.kubernetes.io/{key}"));
            text.into_iter()
                .flat_map(|text| text.split(','))
                .map(Into::into)
                .collect()
        };
        let (names, namespaces, kinds) = (
            texts("previousNames"),
            texts("previousNamespaces"),
            texts("previousKinds"),
        );
        let (prefixes, suffixes) = (texts("prefixes"), texts("suffixes"));
        let gvk = self.gvk();
        let past = names.into_iter().zip(namespaces).zip(kinds);
        self.past
            .extend(past.map(|((name, namespace), kind)| Identity {
                gvk: GroupVersionKind {
                    kind,
                    ..gvk.clone()
                },
                namespace: if namespace.is_empty() {
                    "default".into()
                } else {
                    namespace
                },
                name,
            }));
        self.prefixes.extend(prefixes);
        self.suffixes.extend(suffixes);
    }

    /// Records its current identity before a change.
    pub(crate) fn remember(&mut self) {
        let current = self.current();
        if self.past.last() != Some(&current) {
            self.past.push(current);
        }
    }

    /// Returns the number of bytes needed to record its identity.
    pub(crate) fn name_bytes(&self) -> u64 {
        (size_of::<Identity>()
            + self.name().len()
            + self.namespace().len()
            + self.api_version().len()
            + self.kind().len()) as u64
    }

    /// Returns whether it has or had the identity `name`.
    pub(crate) fn is_or_was(&self, name: &Identity) -> bool {
        self.past.contains(name) || self.current() == *name
    }

    /// Returns its id for messages.
    pub(crate) fn id(&self) -> Id {
        let id = self.bare_id();
        match &self.words {
            Some(words) => words.masked(&id),
            None => id,
        }
    }

    /// Returns its id unmasked; it may contain a value of a Secret.
    pub(crate) fn bare_id(&self) -> Id {
        let GroupVersionKind { group, kind, .. } = self.gvk();
        Id {
            namespace: self.namespace().into(),
            name: self.name().into(),
            group,
            kind,
        }
    }

    /// Returns the fault for a field that cannot be reached or set.
    pub(crate) fn misfit(&self, field: &str, misfit: Misfit) -> Fault {
        match misfit {
            Misfit::Shape(cause) => {
                let cause = ObjectCause::Field {
                    field: field.to_owned(),
                    cause,
                };
                Fault::Object {
                    id: Box::new(self.id()),
                    at: self.place,
                    cause,
                }
            }
            Misfit::Exceeded(exceeded) => exceeded.into(),
        }
    }

    /// Sets a field of the metadata.
    pub(crate) fn set_metadata(&mut self, field: &str, value: Node) {
        if let Some(metadata) = self.node.get_or_insert_with("metadata", Node::mapping) {
            metadata.insert(field, value);
        }
    }

    /// Sets the name, keeping the style of the old one.
    pub(crate) fn set_name(&mut self, name: String) {
        let place = self
            .node
            .at(&["metadata", "name"])
            .map_or(self.place, |name| name.place);
        self.set_metadata_text("name", name, place);
    }

    /// Sets a text of the metadata, keeping the style of the old one.
    pub(crate) fn set_metadata_text(&mut self, field: &str, text: String, place: Place) {
        if let Some(metadata) = self.node.get_or_insert_with("metadata", Node::mapping) {
            // Metadata that is not a mapping stays unchanged; the object is refused at the end.
            let _ = fieldspec::set_entry(metadata, field, text_node(text).placed(place));
        }
    }

    /// Follows a change of the API version: former identities get the new version too.
    pub(crate) fn follow_version(&mut self) {
        let GroupVersionKind { group, version, .. } = self.gvk();
        for past in &mut self.past {
            past.gvk.group.clone_from(&group);
            past.gvk.version.clone_from(&version);
        }
    }

    /// Gives folded texts (`>`) the value they have after kustomize wrote and read the object.
    /// Annotations keep theirs: kustomize rewrites all of them as plain texts before.
    pub(crate) fn rewrite_folds(&mut self, meter: &Meter<'_>) -> Result<(), Fault> {
        let metadata = self.node.get_mut("metadata");
        if let Some(annotations) = metadata.and_then(|metadata| metadata.get_mut("annotations")) {
            lode_yaml::unfold(annotations);
        }
        lode_yaml::rewrite_folds(&mut self.node, meter)
            .map_err(|exceeded| Fault::from(exceeded).during("write the object", self.place))
    }

    /// Returns whether kustomize would keep bookkeeping of its own among the annotations.
    pub(crate) fn has_bookkeeping(&self) -> bool {
        !self.past.is_empty()
            || self.is_generated
            || self.note.is_some()
            || !self.prefixes.is_empty()
    }

    pub(crate) fn annotation(&self, key: &str) -> Option<&str> {
        self.node.at(&["metadata", "annotations", key])?.text()
    }
}

fn effective_namespace<'n>(object: &'n Node, scopes: &Scopes) -> &'n str {
    match text_at(object, &["metadata", "namespace"]) {
        _ if scopes.is_cluster(text_at(object, &["apiVersion"]), text_at(object, &["kind"])) => {
            NO_NAMESPACE
        }
        "" => "default",
        namespace => namespace,
    }
}

/// Returns a scalar whose type follows from its text, quoted if it would otherwise not be a text.
fn text_node(text: String) -> Node {
    let node = Node::plain(text);
    let is_text = node.resolved_tag(lode_yaml::Dialect::V2) == Tag::Str;
    Node {
        style: if is_text {
            Style::Plain
        } else {
            Style::DoubleQuoted
        },
        ..node
    }
}

fn text_at<'n>(node: &'n Node, keys: &[&str]) -> &'n str {
    node.at(keys)
        .filter(|node| !node.is_null())
        .and_then(Node::text)
        .unwrap_or_default()
}
