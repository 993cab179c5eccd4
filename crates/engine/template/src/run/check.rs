//! Whether values fit the types of parameters.

use crate::builtin::unsigned;
use crate::error::Error;
use crate::value::{IntegerKind, Kind, Type, Value};

impl Value {
    /// Returns whether the value can be assigned to a type.
    pub fn fits(&self, of: &Type) -> bool {
        match (self, of) {
            (_, Type::Any | Type::Reflect)
            | (Self::String(_), Type::String)
            | (Self::Bool(_), Type::Bool)
            | (Self::Float(_), Type::Float64)
            | (Self::Float32(_), Type::Float32)
            | (Self::Int(_), Type::Integer(IntegerKind::Int))
            | (Self::Int64(_), Type::Integer(IntegerKind::Int64)) => true,
            (Self::Sized(integer), Type::Integer(kind)) => integer.kind == *kind,
            (Self::Bytes(_), Type::Slice(element)) => {
                **element == Type::Integer(IntegerKind::Uint8)
            }
            (Self::List(list), Type::Slice(element)) => {
                self.kind() == Kind::Slice && list.element() == &**element
            }
            (Self::List(_), Type::Array(..)) => self.type_of() == *of,
            (Self::Map(map), Type::Map(types)) => {
                types.0 == Type::String && *map.element() == types.1
            }
            (Self::Map(map), Type::Named(_)) => map.type_of() == *of,
            (Self::Object(object), Type::Named(name)) => {
                object.type_name() == *name || object.implements(name)
            }
            (Self::Object(object), Type::Slice(_) | Type::Map(_)) => {
                // A defined type fits the type it is defined by, unless that has a name as well.
                object.kind() != Kind::Pointer
                    && object.underlying().is_some_and(|value| value.fits(of))
            }
            _ => false,
        }
    }
}

/// Makes a value fit a type, as Go does for arguments.
pub(super) fn checked(value: Value, of: &Type) -> Result<Value, Error> {
    if value.fits(of) {
        return Ok(unnamed(value, of));
    }
    if value.is_nil() {
        if of.can_be_nil() {
            return Ok(of.zero());
        }
        return Err(Error::new(format!("invalid value; expected {of}")));
    }
    if let Value::Object(object) = &value
        && object.kind() == Kind::Pointer
    {
        match object.target() {
            Some(target) if target.fits(of) => return Ok(target),
            None if object.is_nil() && object.type_name() == format!("*{of}") => {
                let message = format!("dereference of nil pointer of type {of}");
                return Err(Error::new(message));
            }
            _ => {}
        }
    }
    if let Value::Object(object) = &value
        && let Some(pointer) = object.addressed(of)
    {
        return Ok(pointer);
    }
    let found = value.type_name();
    Err(Error::new(format!(
        "wrong type for value; expected {of}; got {found}"
    )))
}

/// A defined list or map becomes the plain one that the function expects.
fn unnamed(value: Value, of: &Type) -> Value {
    match (&value, of) {
        (Value::Object(object), Type::Slice(_) | Type::Map(_)) => {
            object.underlying().unwrap_or(value)
        }
        _ => value,
    }
}

impl IntegerKind {
    /// Returns a number as a conversion to the type leaves it.
    pub fn wrap(self, bits: i64) -> i64 {
        match self {
            Self::Int8 => i64::from(bits as i8),
            Self::Int16 => i64::from(bits as i16),
            Self::Int32 => i64::from(bits as i32),
            Self::Uint8 => i64::from(bits as u8),
            Self::Uint16 => i64::from(bits as u16),
            Self::Uint32 => i64::from(bits as u32),
            Self::Int | Self::Int64 | Self::Uint | Self::Uint64 | Self::Uintptr => bits,
        }
    }
}

/// How often a `range` over an integer runs.
pub(super) fn repetitions(value: &Value) -> Option<(IntegerKind, u64)> {
    let integer = value.as_integer()?;
    let count = if integer.kind.is_signed() {
        u64::try_from(integer.bits).unwrap_or_default()
    } else {
        unsigned(integer)
    };
    Some((integer.kind, count))
}
