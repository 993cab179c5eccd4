//! Reads typed fields from a mapping, as Go's decoders do.
//!
//! Names are matched case-insensitively, and null is absent. Other strictness depends on the file:
//! see [`Mode`]. A mapping is read field by field, and [`Mapping::finish`] refuses what was not
//! read.

use std::ops::Deref;

use lode_yaml::{Dialect, Entry, Node, Place, Tag};
use serde_json::Value;

use crate::error::{Fault, FileCause};

/// A value with its position.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct At<T> {
    /// The value.
    pub value: T,
    /// Its position.
    pub place: Place,
}

/// How strictly a file is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// A kustomization: unknown fields, and numbers in place of texts, are refused.
    Strict,
    /// A kustomization that Flux rewrites: unknown fields are dropped, numbers become texts.
    Rewritten,
    /// A file of `configurations` or replacements: unknown fields are refused, numbers become texts.
    Settings,
    /// The configuration of a built-in transformer: unknown fields are dropped, numbers become texts.
    Builtin,
}

/// Texts by key, sorted by key; each value is a text node with its position.
pub(crate) type Pairs = Vec<(String, Node)>;

/// A mapping being read.
pub(crate) struct Mapping<'n> {
    fields: Vec<(&'n str, &'n Node)>,
    /// Its name in messages: empty for a file's outermost mapping.
    name: String,
    place: Place,
    mode: Mode,
}

impl<T> At<T> {
    /// Creates a value with a position.
    pub fn new(value: T, place: Place) -> Self {
        Self { value, place }
    }
}

impl<T> Deref for At<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl Mode {
    /// Returns the dialect for plain scalars.
    pub(crate) fn dialect(self) -> Dialect {
        match self {
            Self::Builtin => Dialect::V3,
            _ => Dialect::V2,
        }
    }

    fn refuses_unknown(self) -> bool {
        matches!(self, Self::Strict | Self::Settings)
    }

    fn takes_numbers_as_texts(self) -> bool {
        self != Self::Strict
    }
}

impl<'n> Mapping<'n> {
    /// Starts reading a node that must be a mapping.
    pub(crate) fn new(node: &'n Node, name: &str, mode: Mode) -> Result<Self, Fault> {
        let shown = if name.is_empty() { "the file" } else { name };
        let entries = node
            .entries()
            .ok_or_else(|| wrong(node.place, shown, "a mapping"))?;
        let fields = entries
            .iter()
            .filter_map(|entry| Some((entry.key.text()?, &entry.value)))
            .collect();
        Ok(Self {
            fields,
            name: name.to_owned(),
            place: node.place,
            mode,
        })
    }

    /// Returns the position of the mapping.
    pub(crate) fn place(&self) -> Place {
        self.place
    }

    /// Returns how strictly it is read.
    pub(crate) fn mode(&self) -> Mode {
        self.mode
    }

    /// Returns whether a field exists that was not read yet.
    pub(crate) fn has(&self, field: &str) -> bool {
        self.fields
            .iter()
            .any(|(name, node)| name.eq_ignore_ascii_case(field) && !self.is_null(node))
    }

    /// Takes a field that exists and is not null.
    pub(crate) fn node(&mut self, field: &str) -> Option<&'n Node> {
        let at = self
            .fields
            .iter()
            .position(|(name, _)| *name == field)
            .or_else(|| {
                self.fields
                    .iter()
                    .position(|(name, _)| name.eq_ignore_ascii_case(field))
            })?;
        let (_, node) = self.fields.swap_remove(at);
        let is_null = node.text().is_some() && node.resolved_tag(self.mode.dialect()) == Tag::Null;
        (!is_null).then_some(node)
    }

    /// Takes a text; empty if absent.
    pub(crate) fn text(&mut self, field: &str) -> Result<String, Fault> {
        Ok(self.text_at(field)?.value)
    }

    /// Takes a text with its position.
    pub(crate) fn text_at(&mut self, field: &str) -> Result<At<String>, Fault> {
        let Some(node) = self.node(field) else {
            return Ok(At::new(String::new(), self.place));
        };
        Ok(At::new(self.string(field, node)?, node.place))
    }

    /// Takes a boolean; false if absent.
    pub(crate) fn flag(&mut self, field: &str) -> Result<bool, Fault> {
        let Some(node) = self.node(field) else {
            return Ok(false);
        };
        match self.value(node) {
            Some(Value::Bool(flag)) => Ok(flag),
            _ => Err(wrong(node.place, &self.shown(field), "true or false")),
        }
    }

    /// Takes an integer with its position.
    pub(crate) fn whole(&mut self, field: &str) -> Result<Option<At<i64>>, Fault> {
        let Some(node) = self.node(field) else {
            return Ok(None);
        };
        match self.value(node).and_then(|value| value.as_i64()) {
            Some(number) => Ok(Some(At::new(number, node.place))),
            None => Err(wrong(node.place, &self.shown(field), "a whole number")),
        }
    }

    /// Takes a list of texts.
    pub(crate) fn texts(&mut self, field: &str) -> Result<Vec<At<String>>, Fault> {
        let Some(node) = self.node(field) else {
            return Ok(Vec::new());
        };
        let items = node
            .items()
            .ok_or_else(|| wrong(node.place, &self.shown(field), "a list of texts"))?;
        let text = |item: &Node| {
            let text = if self.is_null(item) {
                String::new()
            } else {
                self.string(field, item)?
            };
            Ok(At::new(text, item.place))
        };
        items.iter().map(text).collect()
    }

    /// Takes a mapping of texts.
    pub(crate) fn pairs(&mut self, field: &str) -> Result<Pairs, Fault> {
        let Some(node) = self.node(field) else {
            return Ok(Vec::new());
        };

        let shown = self.shown(field);
        let entries = node
            .entries()
            .ok_or_else(|| wrong(node.place, &shown, "a mapping"))?;
        let mut pairs = Vec::with_capacity(entries.len());
        for entry in entries {
            let key = text_key(&entry.key)
                .ok_or_else(|| wrong(entry.key.place, &shown, "texts as keys"))?;
            let value = if self.is_null(&entry.value) {
                String::new()
            } else {
                self.string(&format!("{field}.{key}"), &entry.value)?
            };
            pairs.push((key, Node::string(value).placed(entry.value.place)));
        }

        pairs.sort_by(|a, b| a.0.cmp(&b.0));
        Ok(pairs)
    }

    /// Takes a mapping.
    pub(crate) fn mapping(&mut self, field: &str) -> Result<Option<Self>, Fault> {
        let Some(node) = self.node(field) else {
            return Ok(None);
        };
        Self::new(node, &self.shown(field), self.mode).map(Some)
    }

    /// Takes a mapping and reads all of it.
    pub(crate) fn read<T>(
        &mut self,
        field: &str,
        read: impl FnOnce(&mut Mapping<'n>) -> Result<T, Fault>,
    ) -> Result<Option<T>, Fault> {
        let Some(mut inner) = self.mapping(field)? else {
            return Ok(None);
        };
        let value = read(&mut inner)?;
        inner.finish()?;
        Ok(Some(value))
    }

    /// Takes a list of mappings and reads each.
    pub(crate) fn entries<T>(
        &mut self,
        field: &str,
        mut read: impl FnMut(&mut Mapping<'n>) -> Result<T, Fault>,
    ) -> Result<Vec<At<T>>, Fault> {
        let Some(node) = self.node(field) else {
            return Ok(Vec::new());
        };

        let shown = self.shown(field);
        let items = node
            .items()
            .ok_or_else(|| wrong(node.place, &shown, "a list"))?;
        let mut all = Vec::with_capacity(items.len());
        for item in items {
            let mut entry = if self.is_null(item) {
                Self {
                    fields: Vec::new(),
                    name: shown.clone(),
                    place: item.place,
                    mode: self.mode,
                }
            } else {
                Self::new(item, &shown, self.mode)?
            };
            let value = read(&mut entry)?;
            entry.finish()?;
            all.push(At::new(value, item.place));
        }
        Ok(all)
    }

    /// Refuses what was not read, if unknown fields are refused.
    pub(crate) fn finish(self) -> Result<(), Fault> {
        match self.fields.first() {
            Some((name, node)) if self.mode.refuses_unknown() => Err(Fault::At(
                node.place,
                FileCause::UnknownField(self.shown(name)),
            )),
            _ => Ok(()),
        }
    }

    fn string(&self, field: &str, node: &Node) -> Result<String, Fault> {
        match self.value(node) {
            Some(Value::String(text)) => Ok(text),
            Some(value @ (Value::Bool(_) | Value::Number(_)))
                if self.mode.takes_numbers_as_texts() =>
            {
                Ok(lode_yaml::to_string(&value).trim_end().to_owned())
            }
            Some(Value::Bool(_) | Value::Number(_)) => Err(wrong(
                node.place,
                &self.shown(field),
                "text (put it in quotes)",
            )),
            _ => Err(wrong(node.place, &self.shown(field), "text")),
        }
    }

    fn is_null(&self, node: &Node) -> bool {
        node.text().is_some() && node.resolved_tag(self.mode.dialect()) == Tag::Null
    }

    fn value(&self, node: &Node) -> Option<Value> {
        node.text()?;
        node.to_value(self.mode.dialect()).ok()
    }

    fn shown(&self, field: &str) -> String {
        if self.name.is_empty() {
            field.to_owned()
        } else {
            format!("{}.{field}", self.name)
        }
    }
}

/// Returns a key as the text that JSON would use.
pub(crate) fn text_key(key: &Node) -> Option<String> {
    let mut pair = Node::mapping();
    pair.entries_mut()?.push(Entry {
        key: key.clone(),
        value: Node::null(),
    });
    let Ok(Value::Object(map)) = pair.to_value(Dialect::V2) else {
        return None;
    };
    map.into_iter().next().map(|(key, _)| key)
}

/// Returns the fault for a field of the wrong type.
pub(crate) fn wrong(place: Place, field: &str, want: &'static str) -> Fault {
    Fault::At(
        place,
        FileCause::WrongType {
            field: field.to_owned(),
            want,
        },
    )
}

#[cfg(test)]
mod tests {
    use lode_yaml::{Nodes, Origins};

    use super::*;

    fn node(text: &str) -> Node {
        Nodes::new(text.as_bytes(), Dialect::V2, Origins::default())
            .next()
            .unwrap()
            .unwrap()
    }

    #[test]
    fn names_match_in_any_case_and_nulls_are_absent() {
        let node = node("NAME: a\nflag: null\nother: 1\n");
        let mut fields = Mapping::new(&node, "", Mode::Strict).unwrap();
        assert_eq!(fields.text("name").unwrap(), "a");
        assert!(!fields.flag("flag").unwrap());
        let Err(Fault::At(place, cause)) = fields.finish() else {
            panic!("an unknown field was taken")
        };
        assert_eq!(
            (place.line, cause.to_string()),
            (3, "unknown field \"other\"".to_owned())
        );
    }

    #[test]
    fn only_settings_take_numbers_as_texts() {
        let node = node("name: 1.50\nyes: y\n");
        assert!(
            Mapping::new(&node, "", Mode::Strict)
                .unwrap()
                .text("name")
                .is_err()
        );
        assert!(
            Mapping::new(&node, "", Mode::Strict)
                .unwrap()
                .text("yes")
                .is_err(),
            "y is true in this dialect"
        );
        assert_eq!(
            Mapping::new(&node, "", Mode::Settings)
                .unwrap()
                .text("name")
                .unwrap(),
            "1.5"
        );
    }

    #[test]
    fn pairs_are_sorted_and_placed() {
        let node = node("p:\n  b: one\n  a: two\n");
        let pairs = Mapping::new(&node, "", Mode::Strict)
            .unwrap()
            .pairs("p")
            .unwrap();
        let shown: Vec<(&str, u32)> = pairs
            .iter()
            .map(|(key, value)| (key.as_str(), value.place.line))
            .collect();
        assert_eq!(shown, [("a", 3), ("b", 2)]);
    }
}
