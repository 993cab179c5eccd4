//! `eq`, `ne`, `lt`, `le`, `gt`, `ge`.

use std::cmp::Ordering;

use crate::context::Context;
use crate::error::TemplateError;
use crate::value::{GoKind, Value};

/// Values that compare with each other.
enum Basic<'v> {
    Bool(bool),
    Int(i64),
    Uint(u64),
    Float(f64),
    Text(std::borrow::Cow<'v, [u8]>),
    /// Nil, lists, maps, structs: not ordered.
    Other,
}

pub(super) fn eq(context: &mut Context<'_>, args: &[Value]) -> Result<Value, TemplateError> {
    let (first, others) = args.split_first().unwrap_or((&Value::Nil, &[]));
    if others.is_empty() {
        return Err(TemplateError::new("missing argument for comparison"));
    }
    for other in others {
        if is_equal(context, first, other)? {
            return Ok(Value::Bool(true));
        }
    }
    Ok(Value::Bool(false))
}

pub(super) fn ne(context: &mut Context<'_>, args: &[Value]) -> Result<Value, TemplateError> {
    let (left, right) = pair(args);
    Ok(Value::Bool(!is_equal(context, left, right)?))
}

pub(super) fn lt(_: &mut Context<'_>, args: &[Value]) -> Result<Value, TemplateError> {
    let (left, right) = pair(args);
    is_less(left, right).map(Value::Bool)
}

pub(super) fn le(context: &mut Context<'_>, args: &[Value]) -> Result<Value, TemplateError> {
    let (left, right) = pair(args);
    Ok(Value::Bool(
        is_less(left, right)? || is_equal(context, left, right)?,
    ))
}

pub(super) fn gt(context: &mut Context<'_>, args: &[Value]) -> Result<Value, TemplateError> {
    let (left, right) = pair(args);
    Ok(Value::Bool(
        !is_less(left, right)? && !is_equal(context, left, right)?,
    ))
}

pub(super) fn ge(_: &mut Context<'_>, args: &[Value]) -> Result<Value, TemplateError> {
    let (left, right) = pair(args);
    is_less(left, right).map(|is_less| Value::Bool(!is_less))
}

fn pair(args: &[Value]) -> (&Value, &Value) {
    match args {
        [left, right, ..] => (left, right),
        _ => (&Value::Nil, &Value::Nil),
    }
}

#[expect(clippy::float_cmp, reason = "Go compares floats exactly")]
fn is_equal(context: &Context<'_>, left: &Value, right: &Value) -> Result<bool, TemplateError> {
    Ok(match (basic(left), basic(right)) {
        (Basic::Bool(left), Basic::Bool(right)) => left == right,
        (Basic::Int(left), Basic::Int(right)) => left == right,
        (Basic::Uint(left), Basic::Uint(right)) => left == right,
        (Basic::Int(int), Basic::Uint(uint)) | (Basic::Uint(uint), Basic::Int(int)) => {
            u64::try_from(int) == Ok(uint)
        }
        (Basic::Float(left), Basic::Float(right)) => left == right,
        (Basic::Text(left), Basic::Text(right)) => left == right,
        (Basic::Other, Basic::Other) => return is_same(context, left, right),
        _ if is_invalid(left) || is_invalid(right) => false,
        _ => return Err(incompatible(left, right)),
    })
}

/// Values without order are equal if both are nil, or if they are the same.
fn is_same(context: &Context<'_>, left: &Value, right: &Value) -> Result<bool, TemplateError> {
    let same_kind = left.kind() == right.kind();
    if !same_kind && !is_invalid(left) && !is_invalid(right) {
        let args = [
            left.clone(),
            Value::text(left.type_name()),
            Value::text(right.type_name()),
            right.clone(),
        ];
        return Err(non_comparable(context, b"types %s: %v, %s: %v", &args));
    }

    let is_nil = |value: &Value| is_invalid(value) || value.is_nil_of_any_type();
    if is_nil(left) || is_nil(right) {
        return Ok(is_nil(left) == is_nil(right));
    }
    match (left, right) {
        (Value::Object(left), Value::Object(right)) if is_comparable(left.kind()) => {
            let same = std::rc::Rc::ptr_eq(left, right);
            Ok(same || left.kind() != GoKind::Pointer && left.equals(&**right))
        }
        _ => {
            let args = [right.clone(), Value::text(right.type_name())];
            Err(non_comparable(context, b"type %s: %v", &args))
        }
    }
}

fn non_comparable(context: &Context<'_>, format: &[u8], args: &[Value]) -> TemplateError {
    match crate::print::printf(context, format, args) {
        Ok(shown) => TemplateError::new(format!(
            "non-comparable {}",
            String::from_utf8_lossy(&shown)
        )),
        Err(error) => error,
    }
}

fn is_comparable(kind: GoKind) -> bool {
    matches!(kind, GoKind::Struct | GoKind::Pointer)
}

fn is_less(left: &Value, right: &Value) -> Result<bool, TemplateError> {
    let bad = || TemplateError::new("invalid type for comparison");
    Ok(match (basic(left), basic(right)) {
        (Basic::Other, _) | (_, Basic::Other) | (Basic::Bool(_), Basic::Bool(_)) => {
            return Err(bad());
        }
        (Basic::Int(left), Basic::Int(right)) => left < right,
        (Basic::Uint(left), Basic::Uint(right)) => left < right,
        (Basic::Int(int), Basic::Uint(uint)) => u64::try_from(int).map_or(true, |int| int < uint),
        (Basic::Uint(uint), Basic::Int(int)) => u64::try_from(int).is_ok_and(|int| uint < int),
        (Basic::Float(left), Basic::Float(right)) => {
            left.partial_cmp(&right) == Some(Ordering::Less)
        }
        (Basic::Text(left), Basic::Text(right)) => left < right,
        _ => return Err(incompatible(left, right)),
    })
}

fn incompatible(left: &Value, right: &Value) -> TemplateError {
    let (left, right) = (left.type_name(), right.type_name());
    TemplateError::new(format!(
        "incompatible types for comparison: {left} and {right}"
    ))
}

fn basic(value: &Value) -> Basic<'_> {
    match value {
        Value::Bool(value) => Basic::Bool(*value),
        Value::Int(value) | Value::Int64(value) => Basic::Int(*value),
        Value::Sized(integer) if integer.kind.is_signed() => Basic::Int(integer.bits),
        Value::Sized(integer) => Basic::Uint(integer.unsigned()),
        Value::Float(value) => Basic::Float(*value),
        Value::Float32(value) => Basic::Float(f64::from(*value)),
        Value::String(text) => Basic::Text(text.as_bytes().into()),
        Value::Object(object) => match object.underlying() {
            Some(Value::String(text)) => Basic::Text(text.to_vec().into()),
            Some(Value::Bool(value)) => Basic::Bool(value),
            Some(Value::Float(value)) => Basic::Float(value),
            Some(other) => match other.as_integer() {
                Some(integer) if integer.kind.is_signed() => Basic::Int(integer.bits),
                Some(integer) => Basic::Uint(integer.unsigned()),
                None => Basic::Other,
            },
            None => Basic::Other,
        },
        Value::Nil | Value::Bytes(_) | Value::List(_) | Value::Map(_) => Basic::Other,
    }
}

/// Nil without a type.
fn is_invalid(value: &Value) -> bool {
    matches!(value.kind(), GoKind::Invalid | GoKind::Interface)
}
