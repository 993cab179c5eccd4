//! [`Definition`]: the content of a `CustomResourceDefinition`, parsed once.

use std::sync::Arc;

use lode_object::GroupVersionKind;
use lode_schema::{builtin, structural};
use serde_json::{Value, json};

use super::{
    field::{flag, objects, text, texts},
    node::SchemaNode,
    path::Path,
    ty::{Column, Scale, Type},
};
use crate::{
    field_error::FieldError,
    kind::{Kind, Types},
};

/// The content of a `CustomResourceDefinition`.
#[derive(Debug, Clone)]
pub struct Definition {
    /// The group.
    pub group: Box<str>,
    /// The names of its objects.
    pub names: Names,
    /// Whether objects are namespaced.
    pub namespaced: bool,
    /// Every version, in the order given.
    pub versions: Box<[Version]>,
    /// How objects are converted between versions: `None` or `Webhook`.
    pub conversion: Box<str>,
}

/// The names of one kind of objects.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Names {
    /// Used in paths: `widgets`.
    pub plural: Box<str>,
    /// Used by people: `widget`.
    pub singular: Box<str>,
    /// Abbreviations.
    pub short_names: Box<[Box<str>]>,
    /// The kind.
    pub kind: Box<str>,
    /// The kind of a list.
    pub list_kind: Box<str>,
    /// Categories it belongs to: `all`.
    pub categories: Box<[Box<str>]>,
}

/// One version of a definition.
#[derive(Debug, Clone)]
pub struct Version {
    /// Its name: `v1`.
    pub name: Box<str>,
    /// Whether it is served.
    pub served: bool,
    /// Whether objects are stored in it.
    pub storage: bool,
    /// The type of its objects.
    pub ty: Arc<Type>,
}

impl Definition {
    /// Parses a definition that [is valid](super::validate_definition).
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

    /// Returns the served versions, as kinds.
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

    /// Returns the storage version.
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

    /// Returns them in the form of a definition; except for `plural` and `kind`, empty ones are
    /// omitted.
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
            root: SchemaNode::read(schema),
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

/// Returns the columns of a version; by default, the age.
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

/// Kubernetes' description of the creation time.
const AGE: &str = "CreationTimestamp is a timestamp representing the server time when this object was created. It is \
    not guaranteed to be set in happens-before order across separate operations. Clients may not set this value. It is \
    represented in RFC3339 form and is in UTC.\n\nPopulated by the system. Read-only. Null for lists. More info: \
    https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md#metadata";
