//! [`Schema`]: how the lists of a kind merge.
//!
//! Input: the built-in table, an `OpenAPI` document of a kustomization, or custom resource
//! definitions. Output: for a kind and a field of it, whether a list is merged and by which keys. A
//! schema is passed along as a value: one build never sees another's.
//!
//! Left out: everything else in an `OpenAPI` document, and references to anything except whole
//! definitions.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

use lode_object::GroupVersionKind;
use lode_yaml::{Cost, Node, Place};

/// How lists of each kind merge, and which custom kinds have a namespace.
#[derive(Debug, Clone, Default)]
pub(crate) struct Schema {
    shapes: Vec<FieldShape>,
    /// The types of definitions, so that a document loaded later can refer to them.
    names: HashMap<Box<str>, TypeRef>,
    kinds: HashMap<GroupVersionKind, TypeRef>,
    namespaced: HashMap<GroupVersionKind, bool>,
}

/// A reference to a type, valid for the schema it came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TypeRef(u32);

/// What applies in addition to a kustomization's document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Beside {
    /// Nothing: the document stands alone.
    Nothing,
    /// The built-in table, if the document says nothing: objects were merged before the document
    /// was met.
    BuiltinBelow,
    /// The built-in table, with precedence over the document: objects of unknown kinds were met
    /// before it.
    BuiltinAbove,
}

/// Why a document is not a schema.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Error {
    /// A part that must be a mapping is not one.
    #[error("{0} is no mapping")]
    NoMapping(&'static str, Place),
    /// A definition has no group, kind or versions.
    #[error("the custom resource definition has no {0}")]
    NoField(&'static str, Place),
}

#[derive(Debug, Clone, Default)]
struct FieldShape {
    fields: HashMap<Box<str>, TypeRef>,
    /// The type of every field that is not in `fields`.
    others: Option<TypeRef>,
    /// The type of a list's entries.
    items: Option<TypeRef>,
    /// The keys by which a list merges; empty for a set of scalars, `None` if it does not merge.
    keys: Option<Vec<Box<str>>>,
    /// It is an alias of another type.
    same_as: Option<TypeRef>,
}

/// Approximate bytes of a map entry keyed by name.
const ENTRY_BYTES: usize = 128;
/// Longest chain of definitions that only refer to each other.
const REFERENCES_MAX: usize = 32;

impl Schema {
    /// Returns the schema of the kinds in Kubernetes 1.21.
    pub(crate) fn builtin() -> &'static Arc<Self> {
        static BUILTIN: LazyLock<Arc<Schema>> =
            LazyLock::new(|| Arc::new(table(include_str!("../config/tables/merge-keys.txt"))));
        &BUILTIN
    }

    /// Reads an `OpenAPI` v2 document.
    pub(crate) fn with_openapi(document: &Node, beside: Beside) -> Result<Self, Error> {
        let mut schema = match beside {
            Beside::Nothing => Self::default(),
            Beside::BuiltinBelow | Beside::BuiltinAbove => Self::builtin().as_ref().clone(),
        };
        for (name, value) in entries(document, "the document")? {
            match name {
                "definitions" => schema.define(entries(value, "definitions")?, beside),
                "paths" => schema.find_scopes(entries(value, "paths")?),
                _ => {}
            }
        }
        Ok(schema)
    }

    /// Adds a custom resource definition: its lists merge as its own schema says. What another
    /// document says about one of its kinds stays.
    pub(crate) fn add_crd(&mut self, definition: &Node) -> Result<(), Error> {
        let text = |keys: &'static [&'static str], name| {
            definition
                .at(keys)
                .and_then(Node::text)
                .ok_or(Error::NoField(name, definition.place))
        };
        let group = text(&["spec", "group"], "spec.group")?;
        let kind = text(&["spec", "names", "kind"], "spec.names.kind")?;
        let versions = definition.at(&["spec", "versions"]).and_then(Node::items);
        let versions = versions.ok_or(Error::NoField("spec.versions", definition.place))?;
        let metadata = self
            .of_kind(&GroupVersionKind::new("v1", "Pod"))
            .and_then(|pod| self.field(pod, "metadata"));
        for version in versions {
            let Some(name) = version.get("name").and_then(Node::text) else {
                continue;
            };
            let gvk = GroupVersionKind {
                group: group.into(),
                version: name.into(),
                kind: kind.into(),
            };
            if let Some(node) = version
                .at(&["schema", "openAPIV3Schema"])
                .filter(|_| !self.kinds.contains_key(&gvk))
            {
                let of = self.shape(node, &ListMergeRules::structural());
                if let (Some(metadata), Some(shape)) =
                    (metadata, self.shapes.get_mut(of.0 as usize))
                {
                    shape.fields.insert("metadata".into(), metadata);
                }
                self.kinds.insert(gvk.clone(), of);
            }
            let scope = definition.at(&["spec", "scope"]).and_then(Node::text);
            self.namespaced.insert(gvk, scope != Some("Cluster"));
        }
        Ok(())
    }

    /// Returns the cost of a copy.
    pub(crate) fn cost(&self) -> Cost {
        let entries = self.names.len() + self.kinds.len() + self.namespaced.len();
        let fields: usize = self.shapes.iter().map(|shape| shape.fields.len()).sum();
        let bytes = self.shapes.len() * size_of::<FieldShape>() + (entries + fields) * ENTRY_BYTES;
        Cost {
            nodes: (self.shapes.len() + entries + fields) as u64,
            bytes: bytes as u64,
        }
    }

    /// Adds a standalone type, such as one in a comment; it may refer to definitions.
    pub(crate) fn add_fragment(&mut self, node: &Node) -> TypeRef {
        let of = self.shape(
            node,
            &ListMergeRules {
                names: self.names.clone(),
                structural: false,
            },
        );
        self.resolved(of).unwrap_or(of)
    }

    /// Returns a kind's type.
    pub(crate) fn of_kind(&self, gvk: &GroupVersionKind) -> Option<TypeRef> {
        self.kinds.get(gvk).copied()
    }

    /// Returns the type of a field.
    pub(crate) fn field(&self, of: TypeRef, name: &str) -> Option<TypeRef> {
        let shape = self.get(of)?;
        self.resolved(shape.fields.get(name).copied().or(shape.others)?)
    }

    /// Returns the type of a list's entries.
    pub(crate) fn items(&self, of: TypeRef) -> Option<TypeRef> {
        self.resolved(self.get(of)?.items?)
    }

    /// Returns the keys by which a list merges, empty for a set of scalars; `None` if it does not
    /// merge.
    pub(crate) fn keys(&self, of: TypeRef) -> Option<&[Box<str>]> {
        self.get(of)?.keys.as_deref()
    }

    /// Returns whether a kind's objects have a namespace, if the schema was loaded by the build and
    /// knows the kind.
    pub(crate) fn is_namespaced(&self, gvk: &GroupVersionKind) -> Option<bool> {
        self.namespaced.get(gvk).copied()
    }

    fn get(&self, of: TypeRef) -> Option<&FieldShape> {
        self.shapes.get(of.0 as usize)
    }

    fn resolved(&self, mut of: TypeRef) -> Option<TypeRef> {
        for _ in 0..REFERENCES_MAX {
            match self.get(of)?.same_as {
                Some(other) => of = other,
                None => return Some(of),
            }
        }
        None
    }

    fn push(&mut self, shape: FieldShape) -> TypeRef {
        self.shapes.push(shape);
        TypeRef(self.shapes.len() as u32 - 1)
    }

    fn define(&mut self, mut definitions: Vec<(&str, &Node)>, beside: Beside) {
        if beside == Beside::BuiltinAbove {
            definitions.retain(|(name, _)| !self.names.contains_key(*name));
        }
        let known = self.names.clone();
        for (name, _) in &definitions {
            let of = self.push(FieldShape::default());
            self.names.insert((*name).into(), of);
        }
        let rules = ListMergeRules {
            names: self.names.clone(),
            structural: false,
        };
        for (name, node) in definitions {
            let read = self.shape(node, &rules);
            for of in [rules.names.get(name), known.get(name)]
                .into_iter()
                .flatten()
            {
                if let Some(shape) = self.shapes.get_mut(of.0 as usize) {
                    shape.same_as = Some(read);
                }
            }
            for gvk in node
                .get(GVK)
                .and_then(Node::items)
                .unwrap_or_default()
                .iter()
                .filter_map(gvk)
            {
                match beside {
                    Beside::BuiltinAbove => *self.kinds.entry(gvk).or_insert(read),
                    Beside::BuiltinBelow | Beside::Nothing => {
                        *self.kinds.entry(gvk).insert_entry(read).get()
                    }
                };
            }
        }
    }

    /// A kind has a namespace if one of the paths for reading it contains one.
    fn find_scopes(&mut self, paths: Vec<(&str, &Node)>) {
        for (path, node) in paths {
            let Some(gvk) = node.at(&["get", GVK]).and_then(gvk) else {
                continue;
            };
            let through_namespace = path.contains("namespaces/{namespace}");
            *self.namespaced.entry(gvk).or_default() |= through_namespace;
        }
    }

    /// Reads a type; the recursion is as deep as the document, which its reader bounds.
    fn shape(&mut self, node: &Node, rules: &ListMergeRules) -> TypeRef {
        if let Some(reference) = node.get("$ref").and_then(Node::text) {
            let name = reference
                .strip_prefix("#/definitions/")
                .map(|name| name.replace("~1", "/").replace("~0", "~"));
            let known = name.and_then(|name| rules.names.get(name.as_str()).copied());
            return known.unwrap_or_else(|| self.push(FieldShape::default()));
        }
        let properties = node
            .get("properties")
            .and_then(Node::entries)
            .unwrap_or_default();
        let mut shape = FieldShape {
            keys: rules.keys(node),
            ..FieldShape::default()
        };
        for entry in properties {
            let Some(name) = entry.key.text() else {
                continue;
            };
            shape
                .fields
                .insert(name.into(), self.shape(&entry.value, rules));
        }
        let others = node
            .get("additionalProperties")
            .filter(|others| others.entries().is_some());
        shape.others = others.map(|others| self.shape(others, rules));
        let items = node
            .get("items")
            .filter(|items| items.entries().is_some() && is_array(node));
        shape.items = items.map(|items| self.shape(items, rules));
        self.push(shape)
    }
}

const GVK: &str = "x-kubernetes-group-version-kind";

/// How a document says that a list merges.
struct ListMergeRules {
    names: HashMap<Box<str>, TypeRef>,
    /// It comes from a custom resource definition, which states only the keys.
    structural: bool,
}

impl ListMergeRules {
    fn structural() -> Self {
        Self {
            names: HashMap::new(),
            structural: true,
        }
    }

    fn keys(&self, node: &Node) -> Option<Vec<Box<str>>> {
        let text = |name: &str| node.get(name).and_then(Node::text);
        let map_keys = || {
            node.get("x-kubernetes-list-map-keys")
                .and_then(Node::items)
                .map(texts)
        };
        if self.structural {
            return match text("x-kubernetes-list-type")? {
                "map" => map_keys(),
                "set" => Some(Vec::new()),
                _ => None,
            };
        }
        let strategy = text("x-kubernetes-patch-strategy")?;
        let merges = strategy.split(',').any(|word| word == "merge");
        let key = || {
            text("x-kubernetes-patch-merge-key")
                .map(Box::from)
                .into_iter()
                .collect()
        };
        merges.then(|| map_keys().unwrap_or_else(key))
    }
}

fn is_array(node: &Node) -> bool {
    match node.get("type") {
        Some(of) => {
            of.text() == Some("array")
                || matches!(of.items(), Some([one]) if one.text() == Some("array"))
        }
        None => false,
    }
}

fn texts(items: &[Node]) -> Vec<Box<str>> {
    items
        .iter()
        .filter_map(|item| item.text().map(Box::from))
        .collect()
}

fn gvk(node: &Node) -> Option<GroupVersionKind> {
    let text = |name: &str| node.get(name).and_then(Node::text);
    let group = text("group").unwrap_or_default().into();
    Some(GroupVersionKind {
        group,
        version: text("version")?.into(),
        kind: text("kind")?.into(),
    })
}

fn entries<'n>(node: &'n Node, what: &'static str) -> Result<Vec<(&'n str, &'n Node)>, Error> {
    let entries = node.entries().ok_or(Error::NoMapping(what, node.place))?;
    Ok(entries
        .iter()
        .filter_map(|entry| Some((entry.key.text()?, &entry.value)))
        .collect())
}

/// Reads the built-in table; its format is described at its top.
fn table(text: &str) -> Schema {
    let mut schema = Schema::default();
    let mut names: HashMap<&str, TypeRef> = HashMap::new();
    for line in text
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
    {
        match line.split_once(' ') {
            Some(("kind", kind)) => table_kind(kind, &mut schema, &mut names),
            Some(("names", of)) => table_names(of, &mut schema, &names),
            _ => table_field(line, &mut schema, &mut names),
        }
    }
    schema
}

fn table_kind<'t>(line: &'t str, schema: &mut Schema, names: &mut HashMap<&'t str, TypeRef>) {
    let Some((gvk, name)) = line.split_once(' ') else {
        return;
    };
    let of = *names
        .entry(name)
        .or_insert_with(|| schema.push(FieldShape::default()));
    let mut parts = gvk.split('/');
    let (Some(group), Some(versions), Some(kind)) = (parts.next(), parts.next(), parts.next())
    else {
        return;
    };
    for version in versions.split(',') {
        let group = group.trim_matches('-').into();
        schema.kinds.insert(
            GroupVersionKind {
                group,
                version: version.into(),
                kind: kind.into(),
            },
            of,
        );
    }
}

fn table_names(line: &str, schema: &mut Schema, names: &HashMap<&str, TypeRef>) {
    let mut words = line.split(' ');
    let Some(of) = words.next().and_then(|of| names.get(of)) else {
        return;
    };
    schema.names.extend(words.map(|name| (name.into(), *of)));
}

fn table_field<'t>(line: &'t str, schema: &mut Schema, names: &mut HashMap<&'t str, TypeRef>) {
    let Some((field, how)) = line.split_once(' ') else {
        return;
    };
    let (Some((of, field)), Some((how, inner))) = (field.split_once('.'), how.rsplit_once(' '))
    else {
        return;
    };
    let mut named = |schema: &mut Schema, name| {
        *names
            .entry(name)
            .or_insert_with(|| schema.push(FieldShape::default()))
    };
    let of = named(schema, of);
    let inner = (inner != "-").then(|| named(schema, inner));
    let keys = how
        .strip_prefix('[')
        .and_then(|keys| keys.strip_suffix(']'));
    let value = match (keys, how, inner) {
        (Some(keys), ..) => {
            let keys = keys.split_whitespace().map(Box::from).collect();
            schema.push(FieldShape {
                keys: Some(keys),
                items: inner,
                ..FieldShape::default()
            })
        }
        (None, "->", Some(inner)) => inner,
        (None, _, items) => schema.push(FieldShape {
            items,
            ..FieldShape::default()
        }),
    };
    if let Some(shape) = schema.shapes.get_mut(of.0 as usize) {
        shape.fields.insert(field.into(), value);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use lode_yaml::{Dialect, Nodes, Origins};

    use super::*;

    #[test]
    fn every_built_in_list_merges_as_the_api_description_says() {
        let schema = Schema::builtin();
        let mut rows = BTreeSet::new();
        for (gvk, of) in &schema.kinds {
            let api_version = if gvk.group.is_empty() {
                gvk.version.to_string()
            } else {
                format!("{}/{}", gvk.group, gvk.version)
            };
            lists(
                schema,
                *of,
                &format!("{api_version} {} ", gvk.kind),
                &mut rows,
            );
        }
        let wanted = include_str!("../../tests/merge/fields.txt")
            .lines()
            .filter(|line| !line.starts_with('#'));
        let wanted: BTreeSet<String> = wanted.map(str::to_owned).collect();
        let missing: Vec<_> = wanted.difference(&rows).collect();
        let surplus: Vec<_> = rows.difference(&wanted).collect();
        assert!(
            missing.is_empty() && surplus.is_empty(),
            "missing {missing:#?}, surplus {surplus:#?}"
        );
    }

    fn lists(schema: &Schema, of: TypeRef, path: &str, rows: &mut BTreeSet<String>) {
        let shape = schema.get(of).unwrap();
        let inside = |name: &str| (format!("{path}/{name}"), schema.field(of, name));
        for name in shape.fields.keys() {
            let (path, Some(field)) = inside(name) else {
                continue;
            };
            let Some(keys) = schema.keys(field) else {
                lists(schema, field, &path, rows);
                continue;
            };
            rows.insert(format!("{path} [{}]", keys.join(" ")));
            if let Some(items) = schema.items(field) {
                lists(schema, items, &format!("{path}[]"), rows);
            }
        }
    }

    fn node(text: &str) -> Node {
        Nodes::new(text.as_bytes(), Dialect::V3, Origins::default())
            .next()
            .unwrap()
            .unwrap()
    }

    const OPENAPI: &str = "
definitions:
  v1.Foo:
    properties:
      spec: {$ref: '#/definitions/v1.FooSpec'}
      lost: {$ref: '#/definitions/none'}
      loop: {$ref: '#/definitions/v1.Loop'}
    x-kubernetes-group-version-kind: [{group: ex.io, version: v1, kind: Foo}]
  v1.Loop: {$ref: '#/definitions/v1.Loop'}
  v1.FooSpec:
    properties:
      parts:
        type: array
        items: {$ref: '#/definitions/v1.Part'}
        x-kubernetes-patch-strategy: retainKeys,merge
        x-kubernetes-patch-merge-key: id
      ports:
        type: array
        items: {type: object}
        x-kubernetes-patch-strategy: merge
        x-kubernetes-patch-merge-key: port
        x-kubernetes-list-map-keys: [port, protocol]
      tags: {type: array, items: {type: string}, x-kubernetes-patch-strategy: merge}
      named:
        additionalProperties: {$ref: '#/definitions/v1.FooSpec'}
      replaced: {type: array, items: {type: object}, x-kubernetes-list-map-keys: [port]}
  v1.Part:
    properties:
      inner: {$ref: '#/definitions/v1.FooSpec'}
paths:
  /apis/ex.io/v1/namespaces/{namespace}/foos/{name}:
    get: {x-kubernetes-group-version-kind: {group: ex.io, version: v1, kind: Foo}}
  /apis/ex.io/v1/foos:
    get: {x-kubernetes-group-version-kind: {group: ex.io, version: v1, kind: Foo}}
  /apis/ex.io/v1/bars:
    get: {x-kubernetes-group-version-kind: {group: ex.io, version: v1, kind: Bar}}
";

    fn keys_at(schema: &Schema, kind: &str, path: &[&str]) -> Option<Vec<String>> {
        let of = schema.of_kind(&GroupVersionKind::new("ex.io/v1", kind))?;
        let of = path.iter().try_fold(of, |of, part| match *part {
            "[]" => schema.items(of),
            name => schema.field(of, name),
        })?;
        schema
            .keys(of)
            .map(|keys| keys.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn a_document_says_how_its_kinds_merge() {
        let schema = Schema::with_openapi(&node(OPENAPI), Beside::Nothing).unwrap();
        let keys = |path: &[&str]| keys_at(&schema, "Foo", path).map(|keys| keys.join(" "));
        assert_eq!(keys(&["spec", "parts"]).as_deref(), Some("id"));
        assert_eq!(
            keys(&["spec", "parts", "[]", "inner", "ports"]).as_deref(),
            Some("port protocol")
        );
        assert_eq!(keys(&["spec", "named", "any", "tags"]).as_deref(), Some(""));
        assert_eq!(
            keys(&["spec", "replaced"]),
            None,
            "keys without a strategy do not count"
        );
        for lost in ["lost", "loop"] {
            assert_eq!(keys(&[lost]), None);
        }
        assert_eq!(
            schema.of_kind(&GroupVersionKind::new("apps/v1", "Deployment")),
            None,
            "it stands alone"
        );
    }

    #[test]
    fn paths_say_whether_a_kind_has_a_namespace() {
        let schema = Schema::with_openapi(&node(OPENAPI), Beside::Nothing).unwrap();
        let namespaced = |kind| schema.is_namespaced(&GroupVersionKind::new("ex.io/v1", kind));
        assert_eq!(
            (namespaced("Foo"), namespaced("Bar"), namespaced("Baz")),
            (Some(true), Some(false), None)
        );
    }

    #[test]
    fn what_is_built_in_can_count_beside_a_document() {
        let document = node(
            "
definitions:
  v1.Foo:
    properties:
      template: {$ref: '#/definitions/io.k8s.api.core.v1.PodTemplateSpec'}
      metadata: {$ref: '#/definitions/io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta'}
    x-kubernetes-group-version-kind: [{group: ex.io, version: v1, kind: Foo}]
  io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta: {properties: {name: {type: string}}}
",
        );
        let containers = ["template", "spec", "containers"];
        for (beside, has_containers, has_finalizers, pod_has_finalizers) in [
            (Beside::Nothing, false, false, false),
            (Beside::BuiltinBelow, true, false, false),
            (Beside::BuiltinAbove, true, true, true),
        ] {
            let schema = Schema::with_openapi(&document, beside).unwrap();
            assert_eq!(
                keys_at(&schema, "Foo", &containers).is_some(),
                has_containers,
                "{beside:?}"
            );
            assert_eq!(
                keys_at(&schema, "Foo", &["metadata", "finalizers"]).is_some(),
                has_finalizers,
                "{beside:?}"
            );
            let pod = schema.of_kind(&GroupVersionKind::new("v1", "Pod"));
            let finalizers = pod
                .and_then(|pod| schema.field(pod, "metadata"))
                .and_then(|of| schema.field(of, "finalizers"));
            assert_eq!(
                finalizers.and_then(|of| schema.keys(of)).is_some(),
                pod_has_finalizers,
                "{beside:?}"
            );
        }
    }

    #[test]
    fn what_is_no_document_is_refused() {
        assert!(matches!(
            Schema::with_openapi(&node("[]"), Beside::Nothing),
            Err(Error::NoMapping("the document", _))
        ));
        assert!(matches!(
            Schema::with_openapi(&node("definitions: 1"), Beside::Nothing),
            Err(Error::NoMapping("definitions", _))
        ));
        assert!(matches!(
            Schema::default().add_crd(&node("spec: {group: a}")),
            Err(Error::NoField("spec.names.kind", _))
        ));
    }

    #[test]
    fn a_definition_brings_its_own_keys() {
        let crd = "
spec:
  group: ex.io
  names: {kind: Foo}
  scope: Cluster
  versions:
  - name: v1
    schema:
      openAPIV3Schema:
        properties:
          metadata: {type: object}
          spec:
            properties:
              parts: {type: array, x-kubernetes-list-type: map, x-kubernetes-list-map-keys: [id], items: {type: object}}
              tags: {type: array, x-kubernetes-list-type: set, items: {type: string}}
              all: {type: array, x-kubernetes-list-type: atomic, items: {type: string}}
";
        let mut schema = Schema::builtin().as_ref().clone();
        schema.add_crd(&node(crd)).unwrap();
        assert_eq!(
            keys_at(&schema, "Foo", &["spec", "parts"]),
            Some(vec!["id".to_owned()])
        );
        assert_eq!(keys_at(&schema, "Foo", &["spec", "tags"]), Some(vec![]));
        assert_eq!(keys_at(&schema, "Foo", &["spec", "all"]), None);
        assert_eq!(
            keys_at(&schema, "Foo", &["metadata", "ownerReferences"]),
            Some(vec!["uid".to_owned()])
        );
        assert_eq!(
            schema.is_namespaced(&GroupVersionKind::new("ex.io/v1", "Foo")),
            Some(false)
        );
    }
}
