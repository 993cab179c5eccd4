//! [`Convert`]: an object as another version has it.

use std::borrow::Cow;

use lode_schema::{Schema, TypeRef};

use super::owner::{ConvertError, Error};
use crate::typed::Typed;

/// Converts an object to another API version.
pub trait Convert {
    /// Returns the object in `version`; borrowed if nothing changes.
    ///
    /// # Errors
    /// There is no such version, or the object cannot be converted to it.
    fn convert<'a>(
        &'a self,
        object: &'a Typed<'_>,
        version: &str,
    ) -> Result<Typed<'a>, ConvertError>;
}

/// Versions that have the same fields, like those of a custom resource without conversion: only
/// `apiVersion` differs, and the type of each version.
#[derive(Debug, Clone, Copy)]
pub struct Versions<'s>(pub &'s [(&'s str, &'s Schema, TypeRef)]);

impl Convert for Versions<'_> {
    fn convert<'a>(
        &'a self,
        object: &'a Typed<'_>,
        version: &str,
    ) -> Result<Typed<'a>, ConvertError> {
        let known = self.0.iter().find(|(other, ..)| *other == version);
        let (_, schema, ty) = *known.ok_or(ConvertError::Missing)?;
        let mut value = Cow::Borrowed(&*object.value);
        if value.get(API_VERSION).is_some_and(|old| old != version) {
            value.to_mut()[API_VERSION] = version.into();
        }
        Ok(Typed { value, schema, ty })
    }
}

/// The field with the version of an object.
pub(super) const API_VERSION: &str = "apiVersion";

/// Returns the object in a version; `None` if there is no such version.
pub(super) fn shown_in<'t>(
    converter: &'t dyn Convert,
    object: &'t Typed<'_>,
    version: &str,
) -> Result<Option<Typed<'t>>, Error<'static>> {
    match converter.convert(object, version) {
        Ok(object) => Ok(Some(object)),
        Err(ConvertError::Missing) => Ok(None),
        Err(error) => Err(Error::Convert(error)),
    }
}
