//! Writes a JSON value with its keys in the order of their bytes, as Go writes maps that were sorted
//! before.
//!
//! Digests of values of Helm releases are computed from this text. All else is as in
//! [`to_string`](crate::to_string).

use std::convert::Infallible;

use serde_json::Value;

use crate::write::shape::{Shape, Tree};
use crate::write::write_tree;

/// Returns a value as YAML text that ends with a line break, with keys in the order of their bytes.
#[must_use]
pub fn to_string_by_bytes(value: &Value) -> String {
    let mut out = String::new();
    // Without a budget nothing can exceed it.
    let (Ok(()), _paid) = write_tree(&mut out, &ByBytes::of(value), None);
    out
}

/// A value whose mappings are sorted.
enum ByBytes<'v> {
    Scalar(&'v Value),
    Sequence(Vec<Self>),
    Mapping(Vec<(&'v str, Self)>),
}

impl<'v> ByBytes<'v> {
    fn of(value: &'v Value) -> Self {
        match value {
            Value::Array(items) => Self::Sequence(items.iter().map(Self::of).collect()),
            Value::Object(map) => {
                let entries = map.iter().map(|(key, value)| (&**key, Self::of(value)));
                let mut entries: Vec<_> = entries.collect();
                entries.sort_by_key(|(key, _)| *key);
                Self::Mapping(entries)
            }
            scalar => Self::Scalar(scalar),
        }
    }
}

impl Tree for ByBytes<'_> {
    type Fault = Infallible;

    fn shape(&self) -> Result<Shape<'_, Self>, Infallible> {
        Ok(match self {
            Self::Scalar(value) => match value.shape()? {
                Shape::Word(word) => Shape::Word(word),
                Shape::Text(text) => Shape::Text(text),
                Shape::Sequence(_) | Shape::Mapping(_) => Shape::Word("null".into()),
            },
            Self::Sequence(items) => Shape::Sequence(items),
            Self::Mapping(entries) => {
                let entries = entries.iter().map(|(key, value)| ((*key).into(), value));
                Shape::Mapping(entries.collect())
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn keys_have_the_order_of_their_bytes_at_every_level() {
        let value = json!({"b2": 1, "b10": {"y": true, "Z": ["a", {"d": 1, "c": 2}]}, "a": null});
        let want = "a: null\nb10:\n  Z:\n  - a\n  - c: 2\n    d: 1\n  \"y\": true\nb2: 1\n";
        assert_eq!(to_string_by_bytes(&value), want);
        assert_ne!(
            crate::to_string(&value),
            want,
            "numbers in keys have a natural order"
        );
    }

    #[test]
    fn everything_else_is_as_usual() {
        for value in [
            json!({}),
            json!([]),
            json!("x: y"),
            json!({"a": [[], {}]}),
            json!(1.5),
        ] {
            assert_eq!(to_string_by_bytes(&value), crate::to_string(&value));
        }
    }
}
