//! Strategic merge patches: JSON merge patches that know which lists are merged, and by which field.
//!
//! [`apply()`] patches an object, [`two_way`] finds the patch between two objects, [`three_way`] the one that brings a live
//! object to what is wanted now: it removes what was wanted before and is not any more. Beside fields a patch has
//! directives: `$patch: delete | replace`, `$deleteFromPrimitiveList/F`, `$setElementOrder/F` and `$retainKeys`.
//!
//! How a field is patched is said by its type; one without a type is merged if it is a map, and replaced otherwise. Left
//! out: refusing a three-way patch where the live object was changed too.

mod apply;
mod diff;
mod lists;

use lode_schema::{Patch, Schema, TypeRef};
use serde_json::{Map, Value};

/// Why a patch cannot be made or applied.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// What is patched is no object.
    #[error("invalid JSON document")]
    NotAnObject,
    /// A list item has not the field by which items are matched.
    #[error("map: {item} does not contain declared merge key: {key}")]
    NoMergeKey {
        /// The item.
        item: Box<str>,
        /// The field.
        key: Box<str>,
    },
    /// A list is to be merged, and no field matches its items.
    #[error("cannot merge lists without merge key")]
    NoKey,
    /// A list is merged that has lists in it.
    #[error("lists of lists are not supported")]
    ListOfLists,
    /// A list has items of several sorts, or none where there must be one.
    #[error("list element types are not identical")]
    MixedList,
    /// A directive has a value it cannot have.
    #[error("invalid value for special key: {0}")]
    Directive(&'static str),
    /// Two patches say something else of the same field.
    #[error("{0} of two patches are not equal")]
    Unequal(&'static str),
    /// A patch keeps fields that it does not say it retains.
    #[error("$retainKeys must list all fields of the patch")]
    NotRetained,
    /// The items of a patch come in another order than it says.
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

/// Returns the patch that makes `modified` of `original`.
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

/// Returns the patch that makes `modified` of `current`, and takes away what only `original` has.
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

/// Null stands for an object without fields.
fn object(value: &Value) -> Result<Map<String, Value>, Error> {
    match value {
        Value::Null => Ok(Map::new()),
        Value::Object(map) => Ok(map.clone()),
        _ => Err(Error::NotAnObject),
    }
}

/// Where in a type a patch is; nowhere below fields without a type.
#[derive(Clone, Copy)]
struct Place<'s> {
    schema: &'s Schema,
    ty: Option<TypeRef>,
}

impl<'s> Place<'s> {
    /// Returns where a field is, and how it is patched.
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

    /// Returns where the items of a list are. Where a list has the type of an item, items have it.
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

/// Says what is done with a map or a list item.
const PATCH: &str = "$patch";
/// Lists the fields of a map that stay.
const RETAIN_KEYS: &str = "$retainKeys";
/// Begins the name of a list of scalars that go.
const DELETE_FROM: &str = "$deleteFromPrimitiveList/";
/// Begins the name of a list that says in which order items come.
const ORDER: &str = "$setElementOrder/";
