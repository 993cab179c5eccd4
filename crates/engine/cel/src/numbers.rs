//! Numbers: conversion to integers, and bit operations.

use kube_cel::cel::{
    Context, ExecutionError, Value,
    extractors::{Arguments, This},
    objects::ResolveResult,
};

/// Registers the functions.
pub(crate) fn register(context: &mut Context<'_>) {
    context.add_function("int", int);
    context.add_function("math.bitNot", |value: Value| match value {
        Value::Int(int) => Ok(Value::Int(!int)),
        Value::UInt(uint) => Ok(Value::UInt(!uint)),
        _ => Err(ExecutionError::NoSuchOverload),
    });

    let two: [(&str, Bits); 3] = [
        ("math.bitAnd", |a, b| a & b),
        ("math.bitOr", |a, b| a | b),
        ("math.bitXor", |a, b| a ^ b),
    ];
    for (name, bits) in two {
        context.add_function(name, move |Arguments(args): Arguments| {
            match args.as_slice() {
                [Value::Int(a), Value::Int(b)] => Ok(Value::Int(bits(*a as u64, *b as u64) as i64)),
                [Value::UInt(a), Value::UInt(b)] => Ok(Value::UInt(bits(*a, *b))),
                _ => Err(ExecutionError::NoSuchOverload),
            }
        });
    }

    let shifts: [(&str, Bits); 2] = [
        ("math.bitShiftLeft", |bits, by| bits << by),
        ("math.bitShiftRight", |bits, by| bits >> by),
    ];
    for (name, shift) in shifts {
        context.add_function(name, move |Arguments(args): Arguments| {
            let [value, Value::Int(by)] = args.as_slice() else {
                return Err(ExecutionError::NoSuchOverload);
            };
            let by = u64::try_from(*by)
                .map_err(|_| ExecutionError::function_error(name, "shifts by a negative"))?;
            let shifted = |bits: u64| if by < 64 { shift(bits, by) } else { 0 };
            match value {
                Value::Int(int) => Ok(Value::Int(shifted(*int as u64) as i64)),
                Value::UInt(uint) => Ok(Value::UInt(shifted(*uint))),
                _ => Err(ExecutionError::NoSuchOverload),
            }
        });
    }
}

/// A bit operation.
type Bits = fn(u64, u64) -> u64;

fn int(This(this): This<Value>) -> ResolveResult {
    let int = match this {
        Value::Int(int) => Some(int),
        Value::UInt(uint) => i64::try_from(uint).ok(),
        Value::Float(float) => (float.abs() < PAST_INT).then_some(float as i64),
        Value::String(text) => text.parse().ok(),
        Value::Timestamp(time) => Some(time.timestamp()),
        _ => return Err(ExecutionError::NoSuchOverload),
    };
    int.map(Value::Int)
        .ok_or_else(|| ExecutionError::function_error("int", "out of range"))
}

/// From here on no float is an `int`.
const PAST_INT: f64 = 9_223_372_036_854_775_808.0;
