//! Arguments whose types are known only now.

use crate::error::Error;
use crate::value::{Kind, Type, Value};

/// Makes a value fit a type that is known only now; integers are converted.
pub(super) fn prepare(value: &Value, of: &Type) -> Result<Value, Error> {
    let is_nil = value.is_nil() || value.kind() == Kind::Interface;
    if is_nil {
        if of.can_be_nil() {
            return Ok(of.zero());
        }
        return Err(Error::new(format!("value is nil; should be of type {of}")));
    }
    if value.fits(of) {
        return Ok(value.clone());
    }
    if let (Type::Integer(kind), Some(integer)) = (of, value.as_integer()) {
        return Ok(Value::integer(*kind, kind.wrap(integer.bits)));
    }
    let found = value.type_name();
    Err(Error::new(format!(
        "value has type {found}; should be {of}"
    )))
}
