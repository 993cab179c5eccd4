//! Conversions to numbers: what sprig's `int`, `int64` and `float64` make of any value.

use crate::go::number::{float_to_int, parse_float, parse_int};
use crate::value::{Integer, IntegerKind, Value};

/// Returns a value as an integer; what is none becomes 0.
pub(crate) fn to_int(value: &Value) -> i64 {
    match indirect(value).as_ref().unwrap_or(value) {
        Value::Int(number) | Value::Int64(number) => *number,
        Value::Sized(number) => number.bits,
        Value::Float(number) => float_to_int(*number),
        Value::Float32(number) => float_to_int(f64::from(*number)),
        Value::String(text) => parse_int(without_zero_fraction(text), 0).unwrap_or_default(),
        Value::Bool(is_true) => i64::from(*is_true),
        _ => 0,
    }
}

/// Returns a value as a float; what is none becomes 0.
pub(crate) fn to_float(value: &Value) -> f64 {
    match indirect(value).as_ref().unwrap_or(value) {
        Value::Int(number) | Value::Int64(number) => *number as f64,
        Value::Sized(number) => sized_to_float(*number),
        Value::Float(number) => *number,
        Value::Float32(number) => f64::from(*number),
        Value::String(text) => parse_float(text).unwrap_or_default(),
        Value::Bool(is_true) => f64::from(u8::from(*is_true)),
        _ => 0.0,
    }
}

fn sized_to_float(number: Integer) -> f64 {
    match number.kind {
        IntegerKind::Uint | IntegerKind::Uint64 => number.bits.cast_unsigned() as f64,
        _ => number.bits as f64,
    }
}

/// Returns what a pointer points to. A value of a defined type is none of the types that are
/// converted.
fn indirect(value: &Value) -> Option<Value> {
    let mut found = None;
    for _ in 0..POINTERS_MAX {
        let target = match found.as_ref().unwrap_or(value) {
            Value::Object(object) => object.target(),
            _ => None,
        };
        let Some(target) = target else {
            break;
        };
        found = Some(target);
    }
    found
}

/// Most pointers to pointers that are followed.
const POINTERS_MAX: usize = 8;

/// Cuts a fraction of zeros off: `1.00` becomes `1`.
fn without_zero_fraction(text: &[u8]) -> &[u8] {
    let zeros = text.iter().rev().take_while(|byte| **byte == b'0').count();
    let rest = text.get(..text.len() - zeros).unwrap_or_default();
    match rest.strip_suffix(b".") {
        Some(whole) if zeros > 0 => whole,
        _ => text,
    }
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "these floats are exact")]
mod tests {
    use super::*;

    #[test]
    fn all_kinds_of_values_become_integers() {
        for (value, want) in [
            (Value::text("12.00"), 12),
            (Value::text("0x1F"), 31),
            (Value::text("010"), 8),
            (Value::text("12."), 0),
            (Value::text("1.5"), 0),
            (Value::text("x"), 0),
            (Value::Float(-2.9), -2),
            (Value::Float(1e300), i64::MIN),
            (Value::Bool(true), 1),
            (Value::Nil, 0),
            (Value::list(vec![]), 0),
            (Value::integer(IntegerKind::Uint8, 7), 7),
        ] {
            assert_eq!(to_int(&value), want, "{value:?}");
        }
    }

    #[test]
    fn all_kinds_of_values_become_floats() {
        assert_eq!(to_float(&Value::text("1.5e1")), 15.0);
        assert_eq!(to_float(&Value::text("x")), 0.0);
        assert_eq!(to_float(&Value::Int(3)), 3.0);
        let most = Value::integer(IntegerKind::Uint64, -1);
        assert_eq!(to_float(&most), 18_446_744_073_709_551_615.0);
    }
}
