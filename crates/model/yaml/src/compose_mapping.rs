//! The entries of a mapping while it is read: keys twice, and merges (`<<`).
//!
//! Input: keys and values as they are read. Output: a mapping in which no key stands twice.

use std::collections::HashMap;

use crate::Dialect;
use crate::compose::Composer;
use crate::error::{Cause, Error};
use crate::node::{Content, Entry, Node, Style, Tag, Text};
use crate::scan::error_in;

/// Entries read so far.
#[derive(Default)]
pub(crate) struct Entries {
    list: Vec<Entry>,
    /// Where each key stands, once there are many.
    places: HashMap<Text, usize>,
    /// v3: what `<<` brings, put in when the mapping's own keys are known.
    merged: Option<Node>,
}

impl Entries {
    fn find(&mut self, key: &str) -> Option<usize> {
        if self.list.len() < LINEAR_MAX {
            return self.list.iter().position(|entry| entry.key.text() == Some(key));
        }
        for at in self.places.len()..self.list.len() {
            let text = self.list[at].key.text().unwrap_or_default();
            self.places.insert(text.into(), at);
        }
        self.places.get(key).copied()
    }

    fn replace(&mut self, key: Node, value: Node) -> Result<(), Cause> {
        let found = self.find(key.text().ok_or(Cause::KeyNotText)?);
        match found {
            Some(at) => self.list[at].value = value,
            None => self.list.push(Entry { key, value }),
        }
        Ok(())
    }

    /// Puts merged mappings' entries in, replacing what stands there: all mappings but the first come from a list,
    /// whose earlier ones win.
    fn merge(&mut self, value: Node) -> Result<(), Cause> {
        let mut put = |value: Node| {
            let Content::Mapping(entries) = value.content else { return Err(Cause::BadMerge) };
            entries.into_iter().try_for_each(|Entry { key, value }| self.replace(key, value))
        };
        match value.content {
            Content::Sequence(maps) => maps.into_iter().rev().try_for_each(put),
            _ => put(value),
        }
    }
}

/// Most keys that are compared one by one.
const LINEAR_MAX: usize = 16;

impl Composer<'_> {
    /// Takes an entry in by the dialect's rules.
    pub(crate) fn put(&self, entries: &mut Entries, key: Node, value: Node) -> Result<(), Error> {
        let start = key.place.start as usize;
        self.try_put(entries, key, value).map_err(|cause| error_in(self.scan.text.as_bytes(), start, cause))
    }

    fn try_put(&self, entries: &mut Entries, key: Node, value: Node) -> Result<(), Cause> {
        if is_merge(&key) {
            if self.options.dialect == Dialect::V2 {
                return entries.merge(value);
            }
            check_merge(&value)?;
            return match entries.merged.replace(value) {
                Some(_) => Err(Cause::DuplicateKey(MERGE.to_owned())),
                None => Ok(()),
            };
        }
        let Some(text) = key.text() else { return Err(Cause::KeyNotText) };
        match entries.find(text) {
            Some(_) if self.options.dialect == Dialect::V3 => Err(Cause::DuplicateKey(text.to_owned())),
            Some(at) => {
                entries.list[at].value = value;
                Ok(())
            }
            None => {
                entries.list.push(Entry { key, value });
                Ok(())
            }
        }
    }

    /// Makes the mapping; in v3 its own keys win over merged ones, which stand behind them.
    pub(crate) fn finished(&self, entries: Entries) -> Node {
        let mut entries = entries;
        if let Some(merged) = entries.merged.take() {
            let mut all = Entries::default();
            // It was checked when it was read.
            let _checked = all.merge(merged);
            for entry in all.list {
                if entries.find(entry.key.text().unwrap_or_default()).is_none() {
                    entries.list.push(entry);
                }
            }
        }
        let mut node = Node::mapping();
        node.content = Content::Mapping(entries.list);
        node
    }
}

fn check_merge(value: &Node) -> Result<(), Cause> {
    let is_mapping = |node: &Node| matches!(node.content, Content::Mapping(_));
    let fits = match &value.content {
        Content::Sequence(items) => items.iter().all(is_mapping),
        _ => is_mapping(value),
    };
    if fits { Ok(()) } else { Err(Cause::BadMerge) }
}

fn is_merge(key: &Node) -> bool {
    let fits = match key.tag {
        Tag::Implied => key.style == Style::Plain,
        Tag::Other => {
            let tag = key.extra.as_ref().and_then(|extra| extra.tag.as_deref());
            matches!(tag, Some("!" | "tag:yaml.org,2002:merge"))
        }
        _ => false,
    };
    fits && key.text() == Some(MERGE)
}

const MERGE: &str = "<<";
