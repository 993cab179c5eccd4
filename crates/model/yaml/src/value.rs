//! A [`Node`] as a JSON value, and the other way round.

use serde_json::Value;

use crate::error::Error;
use crate::node::{Content, Entry, Node, Tag};
use crate::{Dialect, scalar};

impl Node {
    /// Returns the equivalent JSON value.
    ///
    /// # Errors
    /// A key is not a text although the dialect requires one, a scalar does not match its tag, or a
    /// number is not finite.
    pub fn to_value(&self, dialect: Dialect) -> Result<Value, Error> {
        match &self.content {
            Content::Scalar(text) => {
                scalar::value(text, self, dialect).map_err(|cause| self.fault(cause))
            }
            Content::Sequence(items) => items
                .iter()
                .map(|item| item.to_value(dialect))
                .collect::<Result<_, _>>()
                .map(Value::Array),
            Content::Mapping(entries) => {
                let entry = |entry: &Entry| {
                    let key =
                        scalar::key(&entry.key, dialect).map_err(|cause| entry.key.fault(cause))?;
                    Ok((key, entry.value.to_value(dialect)?))
                };
                entries
                    .iter()
                    .map(entry)
                    .collect::<Result<_, _>>()
                    .map(Value::Object)
            }
        }
    }

    /// Checks that [`Node::to_value`] succeeds, without building the value.
    ///
    /// # Errors
    /// As [`Node::to_value`].
    pub fn check_value(&self, dialect: Dialect) -> Result<(), Error> {
        match &self.content {
            Content::Scalar(text) => {
                scalar::check(text, self, dialect).map_err(|cause| self.fault(cause))
            }
            Content::Sequence(items) => items.iter().try_for_each(|item| item.check_value(dialect)),
            Content::Mapping(entries) => entries.iter().try_for_each(|entry| {
                let key = scalar::check_key(&entry.key, dialect);
                key.map_err(|cause| entry.key.fault(cause))?;
                entry.value.check_value(dialect)
            }),
        }
    }

    /// Returns the node for a JSON value.
    #[must_use]
    pub fn from_value(value: &Value) -> Self {
        match value {
            Value::Null => Self::null(),
            Value::Bool(flag) => Self {
                tag: Tag::Bool,
                ..Self::plain(if *flag { "true" } else { "false" })
            },
            Value::Number(number) => Self::plain(number.to_string()),
            Value::String(text) => Self::string(text.as_str()),
            Value::Array(items) => Self::sequence(items.iter().map(Self::from_value).collect()),
            Value::Object(map) => {
                let entry = |(key, value): (&String, &Value)| Entry {
                    key: Self::string(key.as_str()),
                    value: Self::from_value(value),
                };
                Self::of(Content::Mapping(map.iter().map(entry).collect()))
            }
        }
    }
}
