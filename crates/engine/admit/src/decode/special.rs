//! Types with their own JSON decoding, if the value is not a struct.

use lode_schema::fields::{Special, written::zero_of};
use serde_json::{Number, Value};

use super::{
    quantity,
    state::{DecodePath, DecodeState},
    time,
};

/// A value that is not a struct.
pub(super) enum Scalar<'v> {
    Bool(bool),
    Number(&'v Number),
    Text(String),
    Array,
    Object,
}

/// Returns the value as Go writes it.
pub(super) fn value(
    special: Special,
    scalar: Scalar<'_>,
    state: &mut DecodeState,
    at: &DecodePath<'_>,
) -> Value {
    match special {
        Special::Quantity => quantity_of(&scalar, state),
        Special::IntOrString => int_or_string(scalar, state, at),
        Special::Time => point_in_time(&scalar, time::Unit::Second, state, at),
        Special::MicroTime => point_in_time(&scalar, time::Unit::Microsecond, state, at),
        Special::SchemaOrBool => match scalar {
            Scalar::Bool(truth) => Value::Bool(truth),
            _ => refused("boolean or JSON schema expected".to_owned(), state),
        },
        // Anything else counts as absent.
        Special::SchemaOrArray | Special::SchemaOrStringArray => zero_of(special),
        Special::RawExtension | Special::FieldsV1 | Special::Json => Value::Null,
    }
}

fn quantity_of(scalar: &Scalar<'_>, state: &mut DecodeState) -> Value {
    let written = match scalar {
        Scalar::Text(text) => quantity::canonical(text.trim()).map(String::from),
        Scalar::Number(number) => quantity::canonical(&number.to_string()).map(String::from),
        Scalar::Bool(_) | Scalar::Array | Scalar::Object => Err(quantity::Error::Format),
    };
    written.map_or_else(|error| refused(error.to_string(), state), Value::String)
}

fn int_or_string(scalar: Scalar<'_>, state: &mut DecodeState, at: &DecodePath<'_>) -> Value {
    match scalar {
        Scalar::Text(text) => Value::String(text),
        Scalar::Number(number)
            if number
                .as_i64()
                .is_some_and(|number| i32::try_from(number).is_ok()) =>
        {
            Value::Number(number.clone())
        }
        Scalar::Number(number) => mismatch(&format!("number {number}"), "int32", state, at),
        Scalar::Bool(_) => mismatch("bool", "int32", state, at),
        Scalar::Array => mismatch("array", "int32", state, at),
        Scalar::Object => mismatch("object", "int32", state, at),
    }
}

fn point_in_time(
    scalar: &Scalar<'_>,
    unit: time::Unit,
    state: &mut DecodeState,
    at: &DecodePath<'_>,
) -> Value {
    match scalar {
        Scalar::Text(text) => {
            time::canonical(text, unit).unwrap_or_else(|message| refused(message, state))
        }
        Scalar::Number(_) => mismatch("number", "string", state, at),
        Scalar::Bool(_) => mismatch("bool", "string", state, at),
        Scalar::Array => mismatch("array", "string", state, at),
        Scalar::Object => mismatch("object", "string", state, at),
    }
}

fn refused(message: String, state: &mut DecodeState) -> Value {
    state.special_fail(message);
    Value::Null
}

fn mismatch(found: &str, go_name: &str, state: &mut DecodeState, at: &DecodePath<'_>) -> Value {
    state.special_mismatch(found, go_name, at);
    Value::Null
}
