//! Arguments whose types are known only now.

use crate::error::TemplateError;
use crate::value::{GoKind, GoType, Value};

/// Makes a value fit a type that is known only now; integers are converted.
pub(super) fn prepare(value: &Value, of: &GoType) -> Result<Value, TemplateError> {
    let is_nil = value.is_nil() || value.kind() == GoKind::Interface;
    if is_nil {
        if of.can_be_nil() {
            return Ok(of.zero());
        }
        return Err(TemplateError::new(format!(
            "value is nil; should be of type {of}"
        )));
    }
    if value.fits(of) {
        return Ok(value.clone());
    }
    if let (GoType::Integer(kind), Some(integer)) = (of, value.as_integer()) {
        return Ok(Value::integer(*kind, kind.wrap(integer.bits)));
    }
    let found = value.type_name();
    Err(TemplateError::new(format!(
        "value has type {found}; should be {of}"
    )))
}
