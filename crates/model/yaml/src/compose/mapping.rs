//! The entries of a mapping while it is read: duplicate keys and merges (`<<`).
//!
//! Input: keys and values as they are read. Output: a mapping with unique keys.

use std::collections::HashMap;

use crate::compose::Composer;
use crate::error::{Cause, Error};
use crate::node::{Content, Entry, Node, Style, Tag, Text};
use crate::scan::error_in;
use crate::{Dialect, scalar};

/// Entries read so far.
#[derive(Default)]
pub(crate) struct Entries {
    list: Vec<Entry>,
    /// Position of each key, once there are many.
    places: HashMap<Text, usize>,
    /// v3: the entries from `<<`, inserted once the mapping's own keys are known.
    merged: Option<Node>,
}

impl Entries {
    fn find(&mut self, key: &str) -> Option<usize> {
        if self.list.len() < LINEAR_MAX {
            return self
                .list
                .iter()
                .position(|entry| entry.key.text() == Some(key));
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

    /// Inserts the entries of merged mappings, replacing existing ones: all but the first mapping
    /// come from a list, in which earlier ones win.
    fn merge(&mut self, value: Node) -> Result<(), Cause> {
        let mut put = |value: Node| {
            let Content::Mapping(entries) = value.content else {
                return Err(Cause::BadMerge);
            };
            entries
                .into_iter()
                .try_for_each(|Entry { key, value }| self.replace(key, value))
        };
        match value.content {
            Content::Sequence(maps) => maps.into_iter().rev().try_for_each(put),
            _ => put(value),
        }
    }

    /// Creates the mapping; in v3 its own keys win over merged ones, which follow them.
    pub(crate) fn into_node(self) -> Node {
        let mut entries = self;
        if let Some(merged) = entries.merged.take() {
            let mut all = Self::default();
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

/// Number of keys up to which they are compared one by one.
const LINEAR_MAX: usize = 16;

impl Composer<'_> {
    /// Adds an entry by the dialect's rules.
    pub(crate) fn put(&self, entries: &mut Entries, key: Node, value: Node) -> Result<(), Error> {
        if self.depth_kept.is_some() && is_merge(&key) {
            // What it merges may be too deep to be here: the whole document has to be read.
            return Err(key.fault(Cause::BadMerge));
        }
        if self.is_too_deep() {
            let dialect = self.options.dialect;
            scalar::check_key(&key, dialect).map_err(|cause| key.fault(cause))?;
            return value.check_value(dialect);
        }
        let start = key.place.start as usize;
        self.try_put(entries, key, value)
            .map_err(|cause| error_in(self.scan.text.as_bytes(), start, cause))
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

        let Some(text) = key.text() else {
            return Err(Cause::KeyNotText);
        };

        match entries.find(text) {
            Some(_) if self.options.dialect == Dialect::V3 => {
                Err(Cause::DuplicateKey(text.to_owned()))
            }
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

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use super::*;
    use crate::{Nodes, Origins};

    fn read(text: &str, dialect: Dialect) -> Result<Node, Cause> {
        let mut nodes = Nodes::new(text.as_bytes(), dialect, Origins::default());
        nodes.next().unwrap().map_err(|error| error.cause)
    }

    fn keys(node: &Node) -> Vec<&str> {
        node.entries()
            .unwrap()
            .iter()
            .map(|entry| entry.key.text().unwrap())
            .collect()
    }

    #[test]
    fn merged_keys_stand_behind_own_ones_the_last_mapping_of_a_list_first() {
        let text = "<<: [{a: 1, b: 1}, {b: 2, c: 2}]\nd: 0\nc: 0\n";
        let node = read(text, Dialect::V3).unwrap();
        assert_eq!(keys(&node), ["d", "c", "b", "a"]);
        assert_eq!(node.get("b").unwrap().text(), Some("1"));
        assert_eq!(node.get("c").unwrap().text(), Some("0"));
    }

    #[test]
    fn a_v2_merge_replaces_what_stands_before_it() {
        let node = read("a: 0\n<<: {a: 1, b: 1}\nb: 0\n", Dialect::V2).unwrap();
        assert_eq!(keys(&node), ["a", "b"]);
        assert_eq!(
            (node.get("a").unwrap().text(), node.get("b").unwrap().text()),
            (Some("1"), Some("0"))
        );
    }

    #[test]
    fn merges_of_other_things_are_refused() {
        for text in ["<<: 1", "<<: [1]", "<<: [[{a: 1}]]", "<<:"] {
            for dialect in [Dialect::V2, Dialect::V3] {
                assert_eq!(read(text, dialect).unwrap_err(), Cause::BadMerge, "{text}");
            }
        }
        assert_eq!(
            read("<<: {}\n<<: {}", Dialect::V3).unwrap_err(),
            Cause::DuplicateKey("<<".to_owned())
        );
    }

    #[test]
    fn a_key_twice_is_found_among_few_and_many() {
        for count in [1, LINEAR_MAX - 1, LINEAR_MAX, LINEAR_MAX + 1, 1000] {
            let mut text = String::new();
            for key in 0..count {
                writeln!(text, "k{key}: 1").unwrap();
            }
            assert_eq!(
                read(&text, Dialect::V3).unwrap().entries().unwrap().len(),
                count
            );
            let again = format!("k{}", count - 1);
            writeln!(text, "{again}: 2").unwrap();
            assert_eq!(
                read(&text, Dialect::V3).unwrap_err(),
                Cause::DuplicateKey(again.clone())
            );
            assert_eq!(
                read(&text, Dialect::V2)
                    .unwrap()
                    .get(&again)
                    .unwrap()
                    .text(),
                Some("2")
            );
        }
    }
}
