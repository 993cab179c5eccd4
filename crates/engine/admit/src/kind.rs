//! [`Kind`]: names, type and treatment of one kind of objects.

use std::sync::Arc;

use lode_object::GroupVersionKind;
use lode_schema::{ApiResource, Schema, Subresource, TypeRef, builtin};

use crate::custom;

/// Names, type and treatment of one kind of objects.
#[derive(Debug, Clone)]
pub struct Kind {
    /// Group, version and kind.
    pub gvk: GroupVersionKind,
    /// The name of the resource in paths: `deployments`.
    pub plural: Box<str>,
    /// Whether objects are namespaced.
    pub namespaced: bool,
    /// Where their type is defined.
    pub types: Types,
    /// Their type.
    pub ty: TypeRef,
    /// Whether the status has its own endpoint.
    pub status: bool,
}

/// Where a type is defined, which also decides how objects are decoded.
#[derive(Debug, Clone)]
pub enum Types {
    /// It is built in.
    Builtin,
    /// It is defined by a custom resource definition.
    Custom(Arc<custom::Type>),
}

impl Kind {
    /// Returns a built-in kind; `None` if its type is unknown.
    #[must_use]
    pub fn builtin(resource: &ApiResource) -> Option<Self> {
        let gvk = GroupVersionKind {
            group: resource.group.clone(),
            version: resource.version.clone(),
            kind: resource.kind.clone(),
        };
        let ty = builtin().kinds.get(&gvk.api_version(), &gvk.kind)?;
        Some(Self {
            gvk,
            plural: resource.plural.clone(),
            namespaced: resource.namespaced,
            types: Types::Builtin,
            ty,
            status: resource.subresource("status").is_some(),
        })
    }

    /// Returns the kind that a subresource reads and writes; `None` if its type is unknown.
    #[must_use]
    pub fn of_subresource(below: &Subresource) -> Option<Self> {
        let gvk = GroupVersionKind {
            group: below.group.clone(),
            version: below.version.clone(),
            kind: below.kind.clone(),
        };
        let ty = builtin().kinds.get(&gvk.api_version(), &gvk.kind)?;
        let plural = format!("{}s", below.kind.to_lowercase());
        Some(Self {
            gvk,
            plural: plural.into(),
            namespaced: true,
            types: Types::Builtin,
            ty,
            status: false,
        })
    }

    /// Returns the type from a custom resource definition, if there is one.
    #[must_use]
    pub fn custom(&self) -> Option<&custom::Type> {
        match &self.types {
            Types::Builtin => None,
            Types::Custom(ty) => Some(ty),
        }
    }

    /// Returns whether the type comes from a custom resource definition.
    #[must_use]
    pub fn is_custom(&self) -> bool {
        !matches!(self.types, Types::Builtin)
    }

    /// Returns the schema that contains the type.
    #[must_use]
    pub fn schema(&self) -> &Schema {
        match &self.types {
            Types::Builtin => &builtin().schema,
            Types::Custom(custom) => &custom.schema,
        }
    }

    /// Returns the resource with its group, as messages name it: `deployments.apps`.
    #[must_use]
    pub fn qualified_resource(&self) -> String {
        qualified(&self.plural, &self.gvk.group)
    }

    /// Returns the kind with its group, as messages name it: `Deployment.apps`.
    #[must_use]
    pub fn qualified_kind(&self) -> String {
        qualified(&self.gvk.kind, &self.gvk.group)
    }
}

fn qualified(name: &str, group: &str) -> String {
    if group.is_empty() {
        name.to_owned()
    } else {
        format!("{name}.{group}")
    }
}
