//! Values as map keys.

use std::sync::Arc;

use kube_cel::cel::{Value, objects::Key};

/// Returns a value as a map key; an integral `double` equals the integer.
pub(crate) fn map_key(value: &Value) -> Option<Key> {
    match value {
        Value::Int(int) => Some(Key::Int(*int)),
        Value::UInt(uint) => Some(Key::Uint(*uint)),
        Value::Bool(truth) => Some(Key::Bool(*truth)),
        Value::String(text) => Some(Key::String(Arc::clone(text))),
        Value::Float(float) if float.fract() == 0.0 && float.abs() < EXACT => {
            Some(Key::Int(*float as i64))
        }
        _ => None,
    }
}

/// Below this every whole float is an exact integer.
const EXACT: f64 = 9_007_199_254_740_992.0;
