//! What a column shows of what a path finds.

use jiff::Timestamp;
use lode_stdx::go_float;
use serde_json::{Number, Value};

use super::JsonPath;
use crate::age;

impl JsonPath {
    /// Returns the cell of an object for a column of a type.
    pub(crate) fn cell(&self, object: &Value, kind: &str, now: Timestamp) -> Value {
        let Some(found) = self.first(object) else {
            return Value::Null;
        };
        match (kind, &*found) {
            ("string", value) => printed(value).into(),
            ("integer", Value::Number(number)) => number
                .as_i64()
                .or_else(|| number.as_f64().map(|number| number as i64))
                .into(),
            ("number", Value::Number(number)) => plain(number),
            ("boolean", Value::Bool(truth)) => (*truth).into(),
            ("date", Value::String(time)) => date(time, now).into(),
            _ => Value::Null,
        }
    }
}

fn date(time: &str, now: Timestamp) -> String {
    let known = time.is_empty() || time.parse::<Timestamp>().is_ok();
    if known {
        age::since(Some(time), now)
    } else {
        "<invalid>".to_owned()
    }
}

/// Returns a value as Go prints it; anything but a scalar is HTML-safe JSON.
fn printed(value: &Value) -> String {
    match value {
        Value::Null => "<no value>".to_owned(),
        Value::String(text) => text.clone(),
        Value::Number(number) if !number.is_i64() => go_float(number.as_f64().unwrap_or_default()),
        Value::Array(_) | Value::Object(_) => {
            let text = value.to_string();
            text.replace('<', "\\u003c")
                .replace('>', "\\u003e")
                .replace('&', "\\u0026")
        }
        other => other.to_string(),
    }
}

/// Returns an integral number without its fraction.
fn plain(number: &Number) -> Value {
    match number.as_f64() {
        Some(float) if !number.is_i64() && float.fract() == 0.0 && float.abs() < WHOLE_MAX => {
            (float as i64).into()
        }
        _ => number.clone().into(),
    }
}

/// Below it every integer is exactly representable.
const WHOLE_MAX: f64 = 9_007_199_254_740_992.0;

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn numbers_are_written_as_go_writes_them() {
        let floats = [1e6, 1_234_567.5, 123_456.5, 0.0001, 0.00001, -2e21].map(go_float);
        assert_eq!(
            floats,
            [
                "1e+06",
                "1.2345675e+06",
                "123456.5",
                "0.0001",
                "1e-05",
                "-2e+21"
            ]
        );
        assert_eq!(
            json!([3.0, 2.5, 7])
                .as_array()
                .unwrap()
                .iter()
                .map(|number| match number {
                    Value::Number(number) => plain(number),
                    _ => Value::Null,
                })
                .collect::<Value>(),
            json!([3, 2.5, 7])
        );
    }
}
