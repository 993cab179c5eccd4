//! Arguments: whether they fit the parameters, in number and in type.

use crate::error::TemplateError;
use crate::function::Signature;
use crate::value::{GoKind, GoType, Value};

/// Makes a value fit a type, as Go does for arguments.
pub(super) fn checked(value: Value, of: &GoType) -> Result<Value, TemplateError> {
    if value.fits(of) {
        return Ok(unnamed(value, of));
    }
    if value.is_nil() {
        if of.can_be_nil() {
            return Ok(of.zero());
        }
        return Err(TemplateError::new(format!("invalid value; expected {of}")));
    }

    // A pointer stands for its target where that is wanted, and the other way round.
    if let Value::Object(object) = &value
        && object.kind() == GoKind::Pointer
    {
        match object.target() {
            Some(target) if target.fits(of) => return Ok(target),
            None if object.is_nil() && object.type_name() == format!("*{of}") => {
                let message = format!("dereference of nil pointer of type {of}");
                return Err(TemplateError::new(message));
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
    Err(TemplateError::new(format!(
        "wrong type for value; expected {of}; got {found}"
    )))
}

/// A defined list or map becomes the plain one that the function expects.
fn unnamed(value: Value, of: &GoType) -> Value {
    match (&value, of) {
        (Value::Object(object), GoType::Slice(_) | GoType::Map(_)) => {
            object.underlying().unwrap_or(value)
        }
        _ => value,
    }
}

/// Makes of a value what a function sees of it.
pub(super) fn pass(value: &mut Value) {
    if let Value::Object(object) = value
        && let Some(passed) = object.passed()
    {
        *value = passed;
    }
}

/// Checks the number of arguments of a method.
pub(super) fn check_count(
    signature: &Signature,
    name: &str,
    count: usize,
) -> Result<(), TemplateError> {
    let required = signature.required();
    if signature.is_variadic() {
        if count < required {
            let message =
                format!("wrong number of args for {name}: want at least {required} got {count}");
            return Err(TemplateError::new(message));
        }
    } else if count != required {
        let message = format!("wrong number of args for {name}: want {required} got {count}");
        return Err(TemplateError::new(message));
    }
    signature.check_results(name)
}
