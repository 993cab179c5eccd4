//! [`Fields`]: what one entry of a kustomization says, field by field.
//!
//! Names fit in any letter case and the last one counts, as in Go's JSON; texts are those of go-yaml v2, so `yes` is
//! none without quotes.

use lode_yaml::{Dialect, Node, Place, Tag};
use serde_json::Value;

/// A field that is not what it should be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Wrong {
    /// There is no such field.
    #[error("{0}: unknown field")]
    Unknown(String),
    /// It is of another type.
    #[error("{field}: must be {want}")]
    Type {
        /// The field.
        field: String,
        /// What it must be.
        want: &'static str,
    },
}

/// What is done about fields that do not exist.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unknown {
    /// They are refused, as in a kustomization.
    Refuse,
    /// They are dropped, and numbers are taken for texts, as in files beside a kustomization.
    Ignore,
}

/// The fields of a mapping.
pub(crate) struct Fields<'n> {
    /// What the mapping is, for messages.
    of: &'static str,
    place: Place,
    entries: Vec<(&'n str, &'n Node)>,
    unknown: Unknown,
}

impl<'n> Fields<'n> {
    /// Reads a mapping; a null has no fields.
    pub(crate) fn read(
        node: &'n Node,
        of: &'static str,
        known: &[&str],
        unknown: Unknown,
    ) -> Result<Self, (Place, Wrong)> {
        let mut fields = Self { of, place: node.place, entries: Vec::new(), unknown };
        if is_null(node) {
            return Ok(fields);
        }
        let wrong = || (node.place, Wrong::Type { field: of.to_owned(), want: "a mapping" });
        for entry in node.entries().ok_or_else(wrong)? {
            let name = entry.key.text().unwrap_or_default();
            if known.iter().any(|known| known.eq_ignore_ascii_case(name)) {
                fields.entries.push((name, &entry.value));
            } else if unknown == Unknown::Refuse {
                return Err((entry.key.place, Wrong::Unknown(format!("{of}.{name}"))));
            }
        }
        Ok(fields)
    }

    /// Returns where the mapping stands.
    pub(crate) fn place(&self) -> Place {
        self.place
    }

    /// Returns a field that is there and no null.
    pub(crate) fn get(&self, name: &str) -> Option<&'n Node> {
        let found = self.entries.iter().rev().find(|(field, _)| field.eq_ignore_ascii_case(name));
        found.map(|(_, node)| *node).filter(|node| !is_null(node))
    }

    /// Returns a text; empty where it is absent.
    pub(crate) fn text(&self, name: &str) -> Result<String, (Place, Wrong)> {
        let Some(node) = self.get(name) else { return Ok(String::new()) };
        self.text_of(node).ok_or_else(|| self.wrong(name, node, "text (put it in quotes)"))
    }

    /// Returns a list's items; nothing where it is absent.
    pub(crate) fn list(&self, name: &str) -> Result<Option<&'n [Node]>, (Place, Wrong)> {
        let Some(node) = self.get(name) else { return Ok(None) };
        node.items().map(Some).ok_or_else(|| self.wrong(name, node, "a list"))
    }

    /// Returns a list of texts with their places; an empty one where it is absent.
    pub(crate) fn texts(&self, name: &str) -> Result<Vec<(String, Place)>, (Place, Wrong)> {
        let text = |node: &Node| {
            let text = if is_null(node) { Some(String::new()) } else { self.text_of(node) };
            text.map(|text| (text, node.place)).ok_or_else(|| self.wrong(name, node, "a list of texts"))
        };
        self.list(name)?.unwrap_or_default().iter().map(text).collect()
    }

    /// Returns a whole number; zero where it is absent.
    pub(crate) fn int(&self, name: &str) -> Result<i64, (Place, Wrong)> {
        let Some(node) = self.get(name) else { return Ok(0) };
        let number = node.to_value(Dialect::V2).ok().and_then(|value| value.as_i64());
        number.ok_or_else(|| self.wrong(name, node, "a whole number"))
    }

    /// Returns a flag; `false` where it is absent.
    pub(crate) fn flag(&self, name: &str) -> Result<bool, (Place, Wrong)> {
        let Some(node) = self.get(name) else { return Ok(false) };
        let flag = node.to_value(Dialect::V2).ok().and_then(|value| value.as_bool());
        flag.ok_or_else(|| self.wrong(name, node, "true or false"))
    }

    fn text_of(&self, node: &Node) -> Option<String> {
        match node.to_value(Dialect::V2).ok()? {
            Value::String(text) => Some(text),
            value @ (Value::Number(_) | Value::Bool(_)) if self.unknown == Unknown::Ignore => {
                Some(lode_yaml::to_string(&value).trim_end().to_owned())
            }
            _ => None,
        }
    }

    fn wrong(&self, name: &str, node: &Node, want: &'static str) -> (Place, Wrong) {
        (node.place, Wrong::Type { field: format!("{}.{name}", self.of), want })
    }
}

fn is_null(node: &Node) -> bool {
    node.text().is_some() && node.resolved_tag(Dialect::V2) == Tag::Null
}
