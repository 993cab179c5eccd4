//! [`Endpoint`]: where is written to.

use std::{borrow::Cow, collections::BTreeMap};

use lode_schema::{Schema, TypeRef};

use crate::{
    filter::Filter,
    set::{Element, Set},
    updater::Convert,
};

/// The target of a write.
pub struct Endpoint<'e> {
    /// The schema that defines the type.
    pub schema: &'e Schema,
    /// The type of its objects.
    pub ty: TypeRef,
    /// Their API version.
    pub api_version: &'e str,
    /// Their kind.
    pub kind: &'e str,
    /// The subresource; may be empty.
    pub subresource: &'e str,
    /// How objects are converted to other versions; `None` if there are no others.
    pub converter: Option<&'e dyn Convert>,
    /// The fields that nobody owns through this endpoint because it resets them, by API version.
    pub resets: BTreeMap<Cow<'e, str>, Filter<'e>>,
}

impl<'e> Endpoint<'e> {
    /// Returns the endpoint for whole objects of a type with one version. It does not write a
    /// status if the type has one; a custom resource without a status endpoint needs other
    /// [`resets`](Self::resets).
    #[must_use]
    pub fn new(schema: &'e Schema, ty: TypeRef, api_version: &'e str, kind: &'e str) -> Self {
        let mut resets = BTreeMap::new();
        if schema
            .map(ty)
            .is_some_and(|map| map.field(STATUS).is_some())
        {
            let mut status = Set::default();
            status.insert(&[Element::Field(STATUS)]);
            resets.insert(Cow::Borrowed(api_version), Filter::Except(status));
        }
        Self {
            schema,
            ty,
            api_version,
            kind,
            subresource: "",
            converter: None,
            resets,
        }
    }

    /// Returns the status endpoint of the same objects: it writes only the status.
    #[must_use]
    pub fn status(mut self) -> Self {
        let mut spec = Set::default();
        spec.insert(&[Element::Field(SPEC)]);
        self.resets
            .insert(Cow::Borrowed(self.api_version), Filter::Except(spec));
        self.subresource = STATUS;
        self
    }
}

/// The part of an object that has a separate endpoint.
pub(super) const STATUS: &str = "status";

/// The field that the status endpoint resets.
pub(super) const SPEC: &str = "spec";
