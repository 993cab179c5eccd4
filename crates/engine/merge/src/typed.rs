//! [`Typed`]: a value together with its type.
//!
//! The fields that a manager would own ([`Typed::field_set`]), the differences
//! ([`Typed::compare`]), the result of an apply ([`Typed::merge`]), and the value without some
//! fields ([`Typed::remove`]). Sets borrow their names from the values. A JSON parser bounds the
//! nesting of values, and with it every recursion here.

mod compare;
mod field_set;
pub(crate) mod items;
mod merge;
mod reconcile;
mod remove;
mod validate;

use std::borrow::Cow;

use lode_schema::{Schema, TypeRef};
use serde_json::Value;

pub use compare::Comparison;
pub use reconcile::reconcile;
pub use validate::{Duplicates, Errors, Invalid};

use crate::{order, set::Set};

/// A value together with its type.
#[derive(Debug, Clone)]
pub struct Typed<'a> {
    /// The value.
    pub value: Cow<'a, Value>,
    /// Where its type is defined.
    pub schema: &'a Schema,
    /// Its type.
    pub ty: TypeRef,
}

impl<'a> Typed<'a> {
    /// Pairs a value with a type; [`validate`](Self::validate) checks whether it matches.
    #[must_use]
    pub fn new(value: &'a Value, schema: &'a Schema, ty: TypeRef) -> Self {
        Self {
            value: Cow::Borrowed(value),
            schema,
            ty,
        }
    }

    /// Returns another value of the same type.
    #[must_use]
    pub fn with(&self, value: Value) -> Self {
        Self {
            value: Cow::Owned(value),
            schema: self.schema,
            ty: self.ty,
        }
    }

    /// Returns the same without copying the value.
    #[must_use]
    pub fn borrowed(&self) -> Typed<'_> {
        Typed {
            value: Cow::Borrowed(&self.value),
            schema: self.schema,
            ty: self.ty,
        }
    }

    /// Checks that the value matches the type.
    ///
    /// # Errors
    /// It does not: a field is not declared, a scalar has another type, or a list item has no keys.
    pub fn validate(&self, duplicates: Duplicates) -> Result<(), Errors> {
        validate::run(self.schema, self.ty, &self.value, duplicates)
    }

    /// Returns the fields that a manager owns by applying this value.
    #[must_use]
    pub fn field_set(&self) -> Set<'_> {
        field_set::of(self.schema, self.ty, &self.value)
    }

    /// Returns the differences to `other`, which has the same type.
    #[must_use]
    pub fn compare<'s>(&'s self, other: &'s Typed<'_>) -> Comparison<'s> {
        compare::run(self.schema, self.ty, &self.value, &other.value)
    }

    /// Returns this value with all fields of `config`, which has the same type, merged in.
    ///
    /// # Errors
    /// A list item has no keys, or `config` has a duplicate.
    pub fn merge(&self, config: &Typed<'_>) -> Result<Value, Errors> {
        merge::run(self.schema, self.ty, &self.value, &config.value)
    }

    /// Returns the value without the members of a set.
    #[must_use]
    pub fn remove(&self, set: &Set<'_>) -> Value {
        remove::remove(self.schema, self.ty, &self.value, set)
    }

    /// Returns only the members of a set from the value; the set must contain only leaves, see
    /// [`Set::leaves`].
    #[must_use]
    pub fn extract(&self, set: &Set<'_>) -> Value {
        remove::extract(self.schema, self.ty, &self.value, set)
    }

    /// Returns the same as [`extract`](Self::extract), with the keys of every list item on the
    /// path.
    #[must_use]
    pub fn extract_with_keys(&self, set: &Set<'_>) -> Value {
        let mut wanted = set.clone();
        wanted.unite(remove::keys_of(set, &self.field_set()));
        self.extract(&wanted)
    }

    /// Returns whether two values are equal; 1 equals 1.0.
    #[must_use]
    pub fn equals(&self, other: &Value) -> bool {
        order::equal(&self.value, other)
    }
}
