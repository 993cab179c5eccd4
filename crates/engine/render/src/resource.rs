//! [`Resource`]: an object while it is being built, with what it was called before.

use lode_object::{GroupVersionKind, Id, Value};

use crate::render::Origin;
use crate::tables;

/// An object while it is being built.
#[derive(Clone)]
pub(crate) struct Resource {
    pub(crate) value: Value,
    pub(crate) origin: Origin,
    /// What it was called before each change of name, namespace or kind; the first is the original.
    pub(crate) past: Vec<Identity>,
    /// Prefixes it got, innermost first.
    pub(crate) prefixes: Vec<Box<str>>,
    /// Suffixes it got, innermost first.
    pub(crate) suffixes: Vec<Box<str>>,
    /// Its name gets a digest of its content.
    pub(crate) needs_hash: bool,
    /// It was made by a generator, not read from a file.
    pub(crate) is_generated: bool,
}

/// What an object is called: group, version, kind, effective namespace and name.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Identity {
    pub(crate) gvk: GroupVersionKind,
    /// `default` where none is given, [`NO_NAMESPACE`] for kinds that have none.
    pub(crate) namespace: Box<str>,
    pub(crate) name: Box<str>,
}

/// Stands for the namespace of kinds that have none (as in kustomize's own ids).
const NO_NAMESPACE: &str = "_non_namespaceable_";

impl Resource {
    pub(crate) fn new(value: Value, origin: Origin) -> Self {
        Self {
            value,
            origin,
            past: Vec::new(),
            prefixes: Vec::new(),
            suffixes: Vec::new(),
            needs_hash: false,
            is_generated: false,
        }
    }

    pub(crate) fn kind(&self) -> &str {
        text(&self.value, "kind")
    }

    pub(crate) fn api_version(&self) -> &str {
        text(&self.value, "apiVersion")
    }

    pub(crate) fn name(&self) -> &str {
        self.value.get("metadata").map_or("", |metadata| text(metadata, "name"))
    }

    pub(crate) fn namespace(&self) -> &str {
        self.value.get("metadata").map_or("", |metadata| text(metadata, "namespace"))
    }

    pub(crate) fn gvk(&self) -> GroupVersionKind {
        GroupVersionKind::new(self.api_version(), self.kind())
    }

    pub(crate) fn is_cluster_scoped(&self) -> bool {
        tables::is_cluster_scoped(self.api_version(), self.kind())
    }

    /// Returns the namespace as ids compare it.
    pub(crate) fn effective_namespace(&self) -> &str {
        match self.namespace() {
            _ if self.is_cluster_scoped() => NO_NAMESPACE,
            "" => "default",
            namespace => namespace,
        }
    }

    /// Returns what it is called now.
    pub(crate) fn current(&self) -> Identity {
        Identity { gvk: self.gvk(), namespace: self.effective_namespace().into(), name: self.name().into() }
    }

    /// Returns what it was called when it was read.
    pub(crate) fn original(&self) -> Identity {
        self.past.first().cloned().unwrap_or_else(|| self.current())
    }

    /// Remembers what it is called now, before a change.
    pub(crate) fn remember(&mut self) {
        let current = self.current();
        self.past.push(current);
    }

    /// Tells whether it is or was called `name`.
    pub(crate) fn is_or_was(&self, name: &Identity) -> bool {
        self.past.contains(name) || self.current() == *name
    }

    /// Returns its id for messages.
    pub(crate) fn id(&self) -> Id {
        let GroupVersionKind { group, kind, .. } = self.gvk();
        Id { namespace: self.namespace().into(), name: self.name().into(), group, kind }
    }

    /// Sets a field of the metadata.
    pub(crate) fn set_metadata(&mut self, field: &str, value: Value) {
        let Some(map) = self.value.as_object_mut() else { return };
        let metadata = map.entry("metadata").or_insert_with(|| Value::Object(lode_object::Map::new()));
        if let Some(metadata) = metadata.as_object_mut() {
            metadata.insert(field.to_owned(), value);
        }
    }

    pub(crate) fn annotation(&self, key: &str) -> Option<&str> {
        self.value.get("metadata")?.get("annotations")?.get(key)?.as_str()
    }
}

fn text<'v>(value: &'v Value, field: &str) -> &'v str {
    value.get(field).and_then(Value::as_str).unwrap_or_default()
}
