//! The value of a variable.

use lode_yaml::{Node, Tag};

use crate::transform::replacement::walk::is_untyped;

/// The value of a variable.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    Text(String),
    Int(i64),
    Bool(bool),
    Float(f64),
    /// A list or mapping, which cannot be substituted.
    Collection,
}

impl Value {
    /// Reads a field's value; `None` if its text does not fit its type as Go reads it.
    pub(super) fn of(node: &Node) -> Option<Self> {
        let Some(text) = node.text() else {
            return Some(Self::Collection);
        };
        let tag = if is_untyped(node) {
            Tag::Str
        } else {
            node.resolved_tag(lode_yaml::Dialect::V3)
        };
        match tag {
            Tag::Int => text.parse().ok().map(Self::Int),
            Tag::Float => text.parse().ok().map(Self::Float),
            Tag::Bool => text.to_ascii_lowercase().parse().ok().map(Self::Bool),
            _ => Some(Self::Text(text.to_owned())),
        }
    }
}
