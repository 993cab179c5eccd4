//! JSON values as CEL values, measured on the way.
//!
//! An integer is an `int` if it fits, as in Go's decoder, so that it can be added to one.

use std::{collections::HashMap, sync::Arc};

use kube_cel::cel::{
    Value as Cel,
    objects::{Key, Map},
};
use serde_json::Value;

/// The size of an input.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Measure {
    /// Number of values, including all entries.
    pub(crate) values: usize,
    /// Number of entries of the largest map or list.
    pub(crate) longest: u64,
    /// Bytes of texts and keys, and a few for every value.
    pub(crate) bytes: u64,
    /// Bytes of the longest text.
    pub(crate) longest_text: u64,
}

impl Measure {
    /// Counts a value; stops early if it has more than `max` values.
    pub(crate) fn add(&mut self, value: &Value, max: usize) {
        self.values += 1;
        self.bytes += VALUE_BYTES;
        match value {
            Value::String(text) => self.text(text),
            Value::Array(items) => {
                self.longest = self.longest.max(items.len() as u64);
                for item in items {
                    if self.values > max {
                        return;
                    }
                    self.add(item, max);
                }
            }
            Value::Object(map) => {
                self.longest = self.longest.max(map.len() as u64);
                for (key, value) in map {
                    if self.values > max {
                        return;
                    }
                    self.text(key);
                    self.add(value, max);
                }
            }
            _ => {}
        }
    }

    /// Returns the size of a value composed of others.
    pub(crate) fn of_parts<'m>(parts: impl Iterator<Item = &'m Self>) -> Self {
        let mut whole = Self {
            values: 1,
            bytes: VALUE_BYTES,
            ..Self::default()
        };
        let mut count = 0;
        for part in parts {
            count += 1;
            whole.unite(part);
        }
        whole.longest = whole.longest.max(count);
        whole
    }

    /// Adds another size.
    pub(crate) fn unite(&mut self, other: &Self) {
        self.values += other.values;
        self.bytes += other.bytes;
        self.longest = self.longest.max(other.longest);
        self.longest_text = self.longest_text.max(other.longest_text);
    }

    /// Counts a text.
    pub(crate) fn text(&mut self, text: &str) {
        self.bytes += text.len() as u64;
        self.longest_text = self.longest_text.max(text.len() as u64);
    }
}

/// Returns a JSON value as a CEL value.
pub(crate) fn to_cel(value: &Value) -> Cel {
    match value {
        Value::Null => Cel::Null,
        Value::Bool(truth) => Cel::Bool(*truth),
        Value::String(text) => Cel::String(Arc::new(text.clone())),
        Value::Number(number) => match (number.as_i64(), number.as_u64()) {
            (Some(int), _) => Cel::Int(int),
            (None, Some(uint)) => Cel::UInt(uint),
            (None, None) => Cel::Float(number.as_f64().unwrap_or(f64::NAN)),
        },
        Value::Array(items) => Cel::List(Arc::new(items.iter().map(to_cel).collect())),
        Value::Object(entries) => {
            let entry = |(key, value): (&String, &Value)| {
                (Key::String(Arc::new(key.clone())), to_cel(value))
            };
            let map: HashMap<Key, Cel> = entries.iter().map(entry).collect();
            Cel::Map(Map { map: Arc::new(map) })
        }
    }
}

/// Returns a CEL value as JSON; `None` if JSON cannot express it (bytes, times, infinities).
pub(crate) fn to_json(value: &Cel) -> Option<Value> {
    Some(match value {
        Cel::Null => Value::Null,
        Cel::Bool(truth) => (*truth).into(),
        Cel::Int(int) => (*int).into(),
        Cel::UInt(uint) => (*uint).into(),
        Cel::Float(float) => Value::Number(serde_json::Number::from_f64(*float)?),
        Cel::String(text) => text.as_str().into(),
        Cel::List(items) => Value::Array(items.iter().map(to_json).collect::<Option<_>>()?),
        Cel::Map(map) => {
            let entry = |(key, value): (&Key, &Cel)| Some((key.to_string(), to_json(value)?));
            Value::Object(map.map.iter().map(entry).collect::<Option<_>>()?)
        }
        _ => return None,
    })
}

/// Bytes of a value besides its text.
const VALUE_BYTES: u64 = 16;
