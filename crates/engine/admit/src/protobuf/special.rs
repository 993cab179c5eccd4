//! Types with their own JSON encoding, from their messages.

use lode_schema::fields::{Special, written::zero_of};
use serde_json::Value;

use super::error::Error;
use super::wire::{Payload, Wire, text};
use crate::decode::{quantity, time};

/// Returns what Go writes for a message of such a type. `nested` decodes a JSON schema inside it.
pub(super) fn value(
    special: Special,
    bytes: &[u8],
    nested: impl FnMut(&[u8]) -> Result<Value, Error>,
) -> Result<Value, Error> {
    Ok(match special {
        Special::Quantity => quantity_of(bytes)?,
        Special::IntOrString => int_or_string(bytes)?,
        Special::Time => point_in_time(bytes, time::Unit::Second)?,
        Special::MicroTime => point_in_time(bytes, time::Unit::Microsecond)?,
        Special::RawExtension | Special::FieldsV1 | Special::Json => raw(bytes)?,
        Special::SchemaOrBool | Special::SchemaOrArray | Special::SchemaOrStringArray => {
            schema_or(special, bytes, nested)?
        }
    })
}

fn quantity_of(bytes: &[u8]) -> Result<Value, Error> {
    let mut written = zero_of(Special::Quantity);
    let mut wire = Wire::new(bytes);
    while let Some((number, payload)) = wire.next()? {
        if let (1, Payload::Bytes(bytes)) = (number, payload) {
            written = Value::from(quantity::canonical(&text(bytes))?);
        }
    }
    Ok(written)
}

fn int_or_string(bytes: &[u8]) -> Result<Value, Error> {
    let (mut is_text, mut number_value, mut text_value) = (false, 0, "".into());
    let mut wire = Wire::new(bytes);
    while let Some((number, payload)) = wire.next()? {
        match (number, payload) {
            (1, Payload::Varint(kind)) => is_text = kind != 0,
            (2, Payload::Varint(value)) => number_value = value as i32,
            (3, Payload::Bytes(bytes)) => text_value = text(bytes),
            _ => {}
        }
    }
    Ok(if is_text {
        Value::from(text_value)
    } else {
        Value::from(number_value)
    })
}

fn point_in_time(bytes: &[u8], unit: time::Unit) -> Result<Value, Error> {
    if bytes.is_empty() {
        return Ok(Value::Null);
    }

    let (mut seconds, mut nanos) = (0_i64, 0_u32);
    let mut wire = Wire::new(bytes);
    while let Some((number, payload)) = wire.next()? {
        match (number, payload) {
            (1, Payload::Varint(value)) => seconds = value as i64,
            (2, Payload::Varint(value)) => {
                nanos = u32::try_from(value).map_err(|_| Error::Malformed)?;
            }
            _ => {}
        }
    }

    let micros = if unit == time::Unit::Second {
        0
    } else {
        nanos / 1_000
    };
    Ok(time::written(seconds, micros % 1_000_000, unit))
}

/// JSON within protobuf.
fn raw(bytes: &[u8]) -> Result<Value, Error> {
    let mut value = Value::Null;
    let mut wire = Wire::new(bytes);
    while let Some((number, payload)) = wire.next()? {
        if let (1, Payload::Bytes(bytes)) = (number, payload)
            && !bytes.is_empty()
        {
            value = serde_json::from_slice(bytes).map_err(|_| Error::Json)?;
        }
    }
    Ok(value)
}

/// A schema, a boolean, or a list. If the message has several, Go prefers the list over the schema.
fn schema_or(
    special: Special,
    bytes: &[u8],
    mut nested: impl FnMut(&[u8]) -> Result<Value, Error>,
) -> Result<Value, Error> {
    let (mut schema, mut truth, mut list) = (None, false, Vec::new());
    let mut wire = Wire::new(bytes);
    while let Some((number, payload)) = wire.next()? {
        match (number, payload) {
            (1, Payload::Varint(value)) => truth = value != 0,
            (1, Payload::Bytes(bytes)) => schema = Some(nested(bytes)?),
            (2, Payload::Bytes(bytes)) if special == Special::SchemaOrBool => {
                schema = Some(nested(bytes)?);
            }
            (2, Payload::Bytes(bytes)) if special == Special::SchemaOrStringArray => {
                list.push(Value::from(text(bytes)));
            }
            (2, Payload::Bytes(bytes)) => list.push(nested(bytes)?),
            _ => {}
        }
    }

    Ok(match (list.is_empty(), schema) {
        (false, _) => Value::Array(list),
        (true, Some(schema)) => schema,
        (true, None) if special == Special::SchemaOrBool => Value::Bool(truth),
        (true, None) => Value::Null,
    })
}
