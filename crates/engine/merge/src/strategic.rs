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
mod directive;
mod error;
mod lists;
mod place;

use lode_schema::{Schema, TypeRef};
use serde_json::{Map, Value};

pub use error::Error;

use directive::{DELETE_FROM, ORDER, PATCH, RETAIN_KEYS};
use place::PatchPlace;

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
    let place = PatchPlace::of(schema, ty);
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
    let place = PatchPlace::of(schema, ty);
    diff::maps(
        &object(original)?,
        &object(modified)?,
        place,
        diff::WantedDifferences::ALL,
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
    let place = PatchPlace::of(schema, ty);
    let modified = object(modified)?;
    let changes = diff::maps(
        &object(current)?,
        &modified,
        place,
        diff::WantedDifferences::CHANGES,
    )?;
    let deletions = diff::maps(
        &object(original)?,
        &modified,
        place,
        diff::WantedDifferences::DELETIONS,
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
