//! [`Definition`]: what a `CustomResourceDefinition` says of its objects, read once.

use std::sync::Arc;

use lode_object::GroupVersionKind;
use lode_schema::{Schema, TypeRef, builtin, structural};
use serde_json::{Value, json};

use super::{
    field::{flag, objects, text, texts},
    node::Node,
    path::Path,
};
use crate::{
    field_error::FieldError,
    kind::{Kind, Types},
};

/// What a `CustomResourceDefinition` says of its objects.
#[derive(Debug, Clone)]
pub struct Definition {
    /// The group.
    pub group: Box<str>,
    /// What objects are called.
    pub names: Names,
    /// Objects live in namespaces.
    pub namespaced: bool,
    /// Every version, in the order given.
    pub versions: Box<[Version]>,
    /// How objects become those of another version: `None`, or `Webhook`.
    pub conversion: Box<str>,
}

/// What objects of one kind are called.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Names {
    /// In paths: `widgets`.
    pub plural: Box<str>,
    /// By people: `widget`.
    pub singular: Box<str>,
    /// By people in a hurry.
    pub short_names: Box<[Box<str>]>,
    /// The kind.
    pub kind: Box<str>,
    /// The kind of a list.
    pub list_kind: Box<str>,
    /// Groups of resources it is one of: `all`.
    pub categories: Box<[Box<str>]>,
}

/// One version of a definition.
#[derive(Debug, Clone)]
pub struct Version {
    /// Its name: `v1`.
    pub name: Box<str>,
    /// It can be asked for.
    pub served: bool,
    /// Objects are stored as it.
    pub storage: bool,
    /// What its objects are.
    pub ty: Arc<Type>,
}

/// What objects of one version of a custom resource are.
#[derive(Debug)]
pub struct Type {
    /// The types of its fields, for merging.
    pub schema: Schema,
    /// The type of the object within.
    pub ty: TypeRef,
    /// The status is written through an endpoint of its own.
    pub status: bool,
    /// Where replicas stand, if there is an endpoint for them.
    pub scale: Option<Scale>,
    /// What is shown of each object in a table, beside its name.
    pub columns: Box<[Column]>,
    /// Fields that lists can be selected by, as paths: `.spec.color`.
    pub selectable: Box<[Box<str>]>,
    /// What is said to those who use this version, if it is to go.
    pub deprecation: Option<Box<str>>,
    pub(crate) root: Node,
}

/// Where the replicas of an object stand, as paths: `.spec.replicas`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scale {
    /// Those wanted.
    pub spec_replicas: Box<str>,
    /// Those there.
    pub status_replicas: Box<str>,
    /// The selector as text, if there is one.
    pub label_selector: Option<Box<str>>,
}

/// A column of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// Its heading.
    pub name: Box<str>,
    /// The sort of its values: `string`, `date`, …
    pub ty: Box<str>,
    /// Their form, or empty.
    pub format: Box<str>,
    /// What it means, or empty.
    pub description: Box<str>,
    /// Columns over 0 are for wide tables.
    pub priority: i32,
    /// Where the value is: `.spec.color`.
    pub json_path: Box<str>,
}

impl Definition {
    /// Reads a definition that [is admitted](super::validate_definition).
    ///
    /// # Errors
    /// A schema is malformed.
    pub fn read(definition: &Value) -> Result<Self, Vec<FieldError>> {
        let spec = definition.get("spec").unwrap_or(&Value::Null);
        let (group, names) = (
            own(spec, "group"),
            Names::read(spec.get("names").unwrap_or(&Value::Null)),
        );
        let versions = spec
            .get("versions")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .enumerate();
        let (mut read, mut errors) = (Vec::new(), Vec::new());
        for (place, version) in versions {
            match Version::read(version, &group, &names, place) {
                Ok(version) => read.push(version),
                Err(error) => errors.push(error),
            }
        }
        if !errors.is_empty() {
            return Err(errors);
        }
        let conversion = spec
            .pointer("/conversion/strategy")
            .and_then(Value::as_str)
            .unwrap_or("None")
            .into();
        let namespaced = text(spec, "scope") == Some("Namespaced");
        Ok(Self {
            group,
            names,
            namespaced,
            versions: read.into(),
            conversion,
        })
    }

    /// Returns the versions that can be asked for, as kinds.
    pub fn kinds(&self) -> impl Iterator<Item = Kind> {
        let kind = |version: &Version| Kind {
            gvk: GroupVersionKind::new(
                &format!("{}/{}", self.group, version.name),
                &self.names.kind,
            ),
            plural: self.names.plural.clone(),
            namespaced: self.namespaced,
            types: Types::Custom(Arc::clone(&version.ty)),
            ty: version.ty.ty,
            status: version.ty.status,
        };
        self.versions
            .iter()
            .filter(|version| version.served)
            .map(kind)
    }

    /// Returns the version that objects are stored as.
    #[must_use]
    pub fn storage(&self) -> Option<&Version> {
        self.versions.iter().find(|version| version.storage)
    }
}

impl Names {
    /// Reads the names of a definition.
    #[must_use]
    pub fn read(names: &Value) -> Self {
        Self {
            plural: own(names, "plural"),
            singular: own(names, "singular"),
            short_names: texts(names, "shortNames"),
            kind: own(names, "kind"),
            list_kind: own(names, "listKind"),
            categories: texts(names, "categories"),
        }
    }

    /// Returns them as a definition has them, without what is empty beside `plural` and `kind`.
    #[must_use]
    pub fn to_value(&self) -> Value {
        let mut names = json!({"plural": self.plural, "kind": self.kind});
        for (key, name) in [("singular", &self.singular), ("listKind", &self.list_kind)] {
            if !name.is_empty() {
                names[key] = json!(name);
            }
        }
        for (key, several) in [
            ("shortNames", &self.short_names),
            ("categories", &self.categories),
        ] {
            if !several.is_empty() {
                names[key] = json!(several);
            }
        }
        names
    }
}

impl Version {
    fn read(version: &Value, group: &str, names: &Names, place: usize) -> Result<Self, FieldError> {
        let anything = json!({"type": "object"});
        let schema = version
            .pointer("/schema/openAPIV3Schema")
            .unwrap_or(&anything);
        let name = own(version, "name");
        let (merging, ty) = structural::read(schema, &builtin().schema).map_err(|error| {
            let (root, at) = (Path::Root, "versions");
            let (spec, schema) = (root.field("spec"), "schema.openAPIV3Schema");
            let at = spec.field(at);
            FieldError::invalid(
                at.index(place).field(schema),
                &Value::Null,
                &error.to_string(),
            )
        })?;
        let ty = Type {
            schema: merging,
            ty,
            status: version
                .pointer("/subresources/status")
                .is_some_and(Value::is_object),
            scale: version.pointer("/subresources/scale").and_then(Scale::read),
            columns: columns(version),
            selectable: objects(version, "selectableFields")
                .map(|field| own(field, "jsonPath"))
                .collect(),
            deprecation: flag(version, "deprecated").then(|| {
                let own = text(version, "deprecationWarning").map(Into::into);
                own.unwrap_or_else(|| format!("{group}/{name} {} is deprecated", names.kind).into())
            }),
            root: Node::read(schema),
        };
        let (served, storage) = (flag(version, "served"), flag(version, "storage"));
        Ok(Self {
            name,
            served,
            storage,
            ty: Arc::new(ty),
        })
    }
}

impl Scale {
    fn read(scale: &Value) -> Option<Self> {
        Some(Self {
            spec_replicas: text(scale, "specReplicasPath")?.into(),
            status_replicas: text(scale, "statusReplicasPath")?.into(),
            label_selector: text(scale, "labelSelectorPath")
                .filter(|path| !path.is_empty())
                .map(Into::into),
        })
    }
}

/// Returns the columns of a version; where it has none, objects are shown with their age.
fn columns(version: &Value) -> Box<[Column]> {
    let column = |column: &Value| Column {
        name: own(column, "name"),
        ty: own(column, "type"),
        format: own(column, "format"),
        description: own(column, "description"),
        priority: column
            .get("priority")
            .and_then(Value::as_i64)
            .and_then(|n| n.try_into().ok())
            .unwrap_or(0),
        json_path: own(column, "jsonPath"),
    };
    let columns: Box<[Column]> = objects(version, "additionalPrinterColumns")
        .map(column)
        .collect();
    if !columns.is_empty() {
        return columns;
    }
    let age = json!({"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp", "description": AGE});
    [column(&age)].into()
}

fn own(value: &Value, key: &str) -> Box<str> {
    text(value, key).unwrap_or_default().into()
}

/// What Kubernetes says of the time of creation.
const AGE: &str = "CreationTimestamp is a timestamp representing the server time when this object was created. It is \
    not guaranteed to be set in happens-before order across separate operations. Clients may not set this value. It is \
    represented in RFC3339 form and is in UTC.\n\nPopulated by the system. Read-only. Null for lists. More info: \
    https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md#metadata";
