//! Values from JSON, and back.

use lode_object::Value as Json;

use super::{GoString, Map, Value};

impl Value {
    /// Returns JSON as Helm reads values: every number is a `float64`.
    ///
    /// Recursion ends where the nesting of the JSON does, which its reader has bounded.
    pub fn from_json(json: &Json) -> Self {
        match json {
            Json::Null => Self::Nil,
            Json::Bool(value) => Self::Bool(*value),
            Json::Number(number) => Self::Float(number.as_f64().unwrap_or(f64::INFINITY)),
            Json::String(text) => Self::text(text.as_str()),
            Json::Array(items) => Self::list(items.iter().map(Self::from_json).collect()),
            Json::Object(map) => Map::from_json(map).into(),
        }
    }
}

impl Value {
    /// Returns an object of a cluster as client-go decodes it: whole numbers are `int64`.
    pub fn from_object(json: &Json) -> Self {
        match json {
            Json::Number(number) => match number.as_i64() {
                Some(number) => Self::Int64(number),
                None => Self::from_json(json),
            },
            Json::Array(items) => Self::list(items.iter().map(Self::from_object).collect()),
            Json::Object(map) => {
                let entry = |(key, value): (&String, &Json)| {
                    (GoString::from(key.as_str()), Self::from_object(value))
                };
                Map::from_entries(map.iter().map(entry).collect()).into()
            }
            other => Self::from_json(other),
        }
    }
}

impl Map {
    /// Returns a JSON object as Helm reads values: every number is a `float64`.
    pub fn from_json(map: &lode_object::Map<String, Json>) -> Self {
        let entry = |(key, value): (&String, &Json)| {
            (GoString::from(key.as_str()), Value::from_json(value))
        };
        Self::from_entries(map.iter().map(entry).collect())
    }
}
