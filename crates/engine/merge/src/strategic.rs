//! Strategic merge patches: JSON merge patches that know which lists are merged, and by which
//! field.
//!
//! [`apply()`] patches an object, [`two_way`] finds the patch between two objects, and
//! [`three_way`] the one that brings a live object to the desired state: it removes what was
//! desired before and no longer is. In addition to fields a patch has directives: `$patch: delete |
//! replace`, `$deleteFromPrimitiveList/F`, `$setElementOrder/F` and `$retainKeys`.
//!
//! The type of a field says how it is patched; a field without a type is merged if it is a map, and
//! replaced otherwise. Left out: refusing a three-way patch if the live object was changed too.

mod apply;
mod diff;
mod lists;

use lode_schema::{Patch, Schema, TypeRef};
use serde_json::{Map, Value};

/// Why a patch cannot be created or applied.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The patched value is not an object.
    #[error("invalid JSON document")]
    NotAnObject,
    /// A list item lacks the field by which items are matched.
    #[error("map: {item} does not contain declared merge key: {key}")]
    NoMergeKey {
        /// The item.
        item: Box<str>,
        /// The field.
        key: Box<str>,
    },
    /// A list must be merged, but no field matches its items.
    #[error("cannot merge lists without merge key")]
    NoKey,
    /// A list with nested lists must be merged.
    #[error("lists of lists are not supported")]
    ListOfLists,
    /// A list has items of several types, or is empty when it must not be.
    #[error("list element types are not identical")]
    MixedList,
    /// A directive has an invalid value.
    #[error("invalid value for special key: {0}")]
    Directive(&'static str),
    /// Two patches contradict each other in the same field.
    #[error("{0} of two patches are not equal")]
    Unequal(&'static str),
    /// A patch keeps fields that are not in its list of retained ones.
    #[error("$retainKeys must list all fields of the patch")]
    NotRetained,
    /// The items of a patch are in another order than it states.
    #[error("The order in patch list doesn't match $setElementOrder list of {0}")]
    Order(Box<str>),
}

/// Applies a patch.
///
/// # Errors
/// See [`Error`].
pub fn apply(
    original: &Value,
    patch: &Value,
    schema: &Schema,
    ty: TypeRef,
) -> Result<Value, Error> {
    let place = Place {
        schema,
        ty: Some(ty),
    };
    apply::maps(
        object(original)?,
        object(patch)?,
        place,
        apply::Mode::Object,
    )
    .map(Value::Object)
}

/// Returns the patch that turns `original` into `modified`.
///
/// # Errors
/// See [`Error`].
pub fn two_way(
    original: &Value,
    modified: &Value,
    schema: &Schema,
    ty: TypeRef,
) -> Result<Value, Error> {
    let place = Place {
        schema,
        ty: Some(ty),
    };
    diff::maps(
        &object(original)?,
        &object(modified)?,
        place,
        diff::Wanted::ALL,
    )
    .map(Value::Object)
}

/// Returns the patch that turns `current` into `modified`, and removes what only `original` has.
///
/// # Errors
/// See [`Error`].
pub fn three_way(
    original: &Value,
    modified: &Value,
    current: &Value,
    (schema, ty): (&Schema, TypeRef),
) -> Result<Value, Error> {
    let place = Place {
        schema,
        ty: Some(ty),
    };
    let modified = object(modified)?;
    let changes = diff::maps(&object(current)?, &modified, place, diff::Wanted::CHANGES)?;
    let deletions = diff::maps(
        &object(original)?,
        &modified,
        place,
        diff::Wanted::DELETIONS,
    )?;
    apply::maps(deletions, changes, place, apply::Mode::Patch).map(Value::Object)
}

/// Null represents an object without fields.
fn object(value: &Value) -> Result<Map<String, Value>, Error> {
    match value {
        Value::Null => Ok(Map::new()),
        Value::Object(map) => Ok(map.clone()),
        _ => Err(Error::NotAnObject),
    }
}

/// The position of a patch in a type; nowhere below fields without a type.
#[derive(Clone, Copy)]
struct Place<'s> {
    schema: &'s Schema,
    ty: Option<TypeRef>,
}

impl<'s> Place<'s> {
    /// Returns the position of a field, and how it is patched.
    fn field(self, name: &str) -> (Self, Option<&'s Patch>) {
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
    fn items(self) -> Self {
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

/// The action for a map or a list item.
const PATCH: &str = "$patch";
/// The fields of a map that are kept.
const RETAIN_KEYS: &str = "$retainKeys";
/// Prefix of the name of a list of scalars to remove.
const DELETE_FROM: &str = "$deleteFromPrimitiveList/";
/// Prefix of the name of a list that gives the order of items.
const ORDER: &str = "$setElementOrder/";
