//! The arguments of a function, which fit its signature already.

use std::borrow::Cow;

use crate::context::Context;
use crate::error::TemplateError;
use crate::print;
use crate::value::{GoString, GoType, Map, Value};

/// What a function of the table returns.
pub(crate) type FunctionResult = Result<Value, TemplateError>;

/// Returns an argument.
pub(crate) fn any(args: &[Value], at: usize) -> &Value {
    const NIL: &Value = &Value::Nil;
    args.get(at).unwrap_or(NIL)
}

/// Returns an argument of type `string`.
pub(crate) fn text(args: &[Value], at: usize) -> &GoString {
    const EMPTY: &GoString = &GoString::EMPTY;
    any(args, at).as_text().unwrap_or(EMPTY)
}

/// Returns an argument of an integer type.
pub(crate) fn int(args: &[Value], at: usize) -> i64 {
    match any(args, at) {
        Value::Int(number) => *number,
        other => other.as_integer().map_or(0, |integer| integer.bits),
    }
}

/// Returns an argument of type `map[string]interface {}`; nil is the nil map.
pub(crate) fn map(args: &[Value], at: usize) -> Map {
    match any(args, at) {
        Value::Map(map) => map.clone(),
        _ => Map::nil(GoType::Any),
    }
}

/// Returns the arguments from a place on.
pub(crate) fn from(args: &[Value], at: usize) -> &[Value] {
    args.get(at..).unwrap_or_default()
}

/// Returns a text that is a part of an argument; the whole is shared.
pub(crate) fn part(context: &Context<'_>, whole: &GoString, part: &[u8]) -> FunctionResult {
    if part.len() == whole.len() {
        return Ok(Value::String(whole.clone()));
    }
    written(context, part)
}

/// Returns a text that was computed.
pub(crate) fn written(context: &Context<'_>, text: &[u8]) -> FunctionResult {
    context.bytes(text.len())?;
    Ok(Value::text(text))
}

/// Returns a `[]interface {}` of items that are paid for here.
pub(crate) fn listed(context: &Context<'_>, items: Vec<Value>) -> FunctionResult {
    context.nodes(items.len())?;
    Ok(Value::list(items))
}

/// Returns a value as a text, as sprig's `strval`: bytes and texts as they are, the rest as `%v`.
pub(crate) fn to_text<'v>(
    context: &Context<'_>,
    value: &'v Value,
) -> Result<Cow<'v, [u8]>, TemplateError> {
    match value {
        Value::String(text) => Ok(Cow::Borrowed(text)),
        Value::Bytes(bytes) => Ok(Cow::Borrowed(bytes)),
        value => {
            let mut out = Vec::new();
            print::value(context, &mut out, value)?;
            Ok(Cow::Owned(out))
        }
    }
}

/// Fails as Go does where code dereferences nil.
pub(crate) fn nil_dereference() -> TemplateError {
    TemplateError::new("runtime error: invalid memory address or nil pointer dereference")
}
