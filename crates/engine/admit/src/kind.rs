//! [`Kind`]: how objects of one kind are named, typed and treated.

use std::sync::Arc;

use lode_object::GroupVersionKind;
use lode_schema::{Resource, Schema, Subresource, TypeRef, builtin};

use crate::custom;

/// How objects of one kind are named, typed and treated.
#[derive(Debug, Clone)]
pub struct Kind {
    /// Group, version and kind.
    pub gvk: GroupVersionKind,
    /// The name of the resource in paths: `deployments`.
    pub plural: Box<str>,
    /// Objects live in namespaces.
    pub namespaced: bool,
    /// Where their type is defined.
    pub types: Types,
    /// Their type.
    pub ty: TypeRef,
    /// Their status is written through an endpoint of its own.
    pub status: bool,
}

/// Where a type is defined, and with it how objects are decoded.
#[derive(Debug, Clone)]
pub enum Types {
    /// It is Kubernetes' own.
    Builtin,
    /// A custom resource definition says it.
    Custom(Arc<custom::Type>),
}

impl Kind {
    /// Returns a kind of Kubernetes' own; `None` if the types have none of its name.
    #[must_use]
    pub fn builtin(resource: &Resource) -> Option<Self> {
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

    /// Returns the kind that an endpoint below objects takes and gives; `None` if the types have none of its name.
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

    /// Returns the type that a custom resource definition says, if it is that which says it.
    #[must_use]
    pub fn custom(&self) -> Option<&custom::Type> {
        match &self.types {
            Types::Builtin => None,
            Types::Custom(ty) => Some(ty),
        }
    }

    /// Tells whether a custom resource definition says the type.
    #[must_use]
    pub fn is_custom(&self) -> bool {
        !matches!(self.types, Types::Builtin)
    }

    /// Returns where the type is defined.
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
