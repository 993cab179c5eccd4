//! Where in a type a patch is.

use lode_schema::{PatchStrategy, Schema, TypeRef};

/// The position of a patch in a type; nowhere below fields without a type.
#[derive(Clone, Copy)]
pub(super) struct PatchPlace<'s> {
    pub(super) schema: &'s Schema,
    pub(super) ty: Option<TypeRef>,
}

impl<'s> PatchPlace<'s> {
    pub(super) fn of(schema: &'s Schema, ty: TypeRef) -> Self {
        Self {
            schema,
            ty: Some(ty),
        }
    }

    /// Returns the position of a field, and how it is patched.
    pub(super) fn field(self, name: &str) -> (Self, Option<&'s PatchStrategy>) {
        let map = self.ty.and_then(|ty| self.schema.map(ty));
        let patch = map
            .and_then(|map| map.field(name))
            .map(|field| &field.patch);
        (
            Self {
                ty: map.and_then(|map| map.field_type(name)),
                ..self
            },
            patch,
        )
    }

    /// Returns the position of a list's items. If a list has the type of an item, its items have
    /// it.
    pub(super) fn items(self) -> Self {
        let element = |ty| match self.schema.atom(ty) {
            atom if atom.map.as_ref().is_some_and(|map| !map.fields.is_empty()) => Some(ty),
            atom => atom.list.as_ref().map(|list| list.element),
        };
        Self {
            ty: self.ty.and_then(element),
            ..self
        }
    }
}
