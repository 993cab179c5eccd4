//! [`Kinds`]: the type of each kind of object.

use std::collections::HashMap;

use crate::types::TypeRef;

/// The type of an object, by its `apiVersion` and `kind`.
#[derive(Debug, Clone, Default)]
pub struct Kinds(HashMap<Box<str>, HashMap<Box<str>, TypeRef>>);

impl Kinds {
    /// Returns the type of objects with this `apiVersion` and `kind`.
    #[must_use]
    pub fn get(&self, api_version: &str, kind: &str) -> Option<TypeRef> {
        self.0.get(api_version)?.get(kind).copied()
    }

    /// Sets the type of the objects of a kind.
    pub fn insert(&mut self, api_version: &str, kind: &str, ty: TypeRef) {
        self.0
            .entry(api_version.into())
            .or_default()
            .insert(kind.into(), ty);
    }

    /// Returns all: `apiVersion`, `kind`, type.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str, TypeRef)> {
        self.0
            .iter()
            .flat_map(|(version, kinds)| kinds.iter().map(|(kind, ty)| (&**version, &**kind, *ty)))
    }
}
