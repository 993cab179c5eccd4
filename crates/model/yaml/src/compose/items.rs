//! [`Items`]: the items of large lists, handed out one by one while the document is read.
//!
//! An index of many thousand entries has the form `entries: {name: [item, …], …}`. Whoever keeps only a little of each
//! item takes them out as they come, so that never more than one is in memory.

use crate::node::{Node, Text};

/// Keys above a list whose items are handed out.
const ITEM_KEYS: usize = 2;

/// Where a document is, and who takes its items.
pub(crate) struct Items<'t> {
    /// Keys of the mappings around, as long as there is nothing but mappings.
    path: Vec<Text>,
    /// Takes an item, given the keys above its list.
    take: &'t mut dyn FnMut(&[Text], Node),
}

impl<'t> Items<'t> {
    pub(crate) fn new(take: &'t mut dyn FnMut(&[Text], Node)) -> Self {
        Self {
            path: Vec::new(),
            take,
        }
    }

    /// Notes a key whose value follows, in a mapping at this depth; returns whether it has to be left again.
    pub(crate) fn enter_key(&mut self, key: &Node, depth: usize) -> bool {
        let is_directly_below = self.path.len() + 1 == depth;
        if !is_directly_below || self.path.len() >= ITEM_KEYS {
            return false;
        }
        self.path.push(key.text().unwrap_or_default().into());
        true
    }

    /// Leaves a key that was entered.
    pub(crate) fn leave_key(&mut self) {
        self.path.pop();
    }

    /// Hands an item of a list at this depth out, or returns it to be kept.
    pub(crate) fn hand_out(&mut self, item: Node, depth: usize) -> Option<Node> {
        if self.path.len() == ITEM_KEYS && depth == ITEM_KEYS + 1 {
            (self.take)(&self.path, item);
            None
        } else {
            Some(item)
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use crate::bounds::NODES_MAX;
    use crate::{Dialect, Nodes, Origins};

    /// Returns the items that are handed out, as path and JSON, and what is left of the document.
    fn taken(text: &str) -> (Vec<String>, String) {
        let mut items = Vec::new();
        let mut take = |path: &[super::Text], node: crate::Node| {
            let value = node.to_value(Dialect::V2).unwrap();
            items.push(format!("{}={value}", path.join("/")));
        };
        let mut nodes =
            Nodes::new(text.as_bytes(), Dialect::V2, Origins::default()).with_items(&mut take);
        let rest = nodes
            .next()
            .unwrap()
            .unwrap()
            .to_value(Dialect::V2)
            .unwrap();
        drop(nodes);
        (items, rest.to_string())
    }

    #[test]
    fn items_two_keys_deep_are_handed_out_and_all_else_is_kept() {
        let text = "v: 1\nentries:\n  a:\n  - k: 1\n    m: [2]\n  - 3\n  b: [4, {k: 5}]\n  c: 6\nother: [7]\n";
        let (items, rest) = taken(text);
        let expected = [
            "entries/a={\"k\":1,\"m\":[2]}",
            "entries/a=3",
            "entries/b=4",
            "entries/b={\"k\":5}",
        ];
        assert_eq!(items, expected);
        assert_eq!(
            rest,
            r#"{"entries":{"a":[],"b":[],"c":6},"other":[7],"v":1}"#
        );
    }

    #[test]
    fn a_document_of_brackets_is_read_in_the_same_way() {
        let (items, rest) = taken("{entries: {a: [{k: 1}, 2]}, other: [[3]]}");
        assert_eq!(items, ["entries/a={\"k\":1}", "entries/a=2"]);
        assert_eq!(rest, r#"{"entries":{"a":[]},"other":[[3]]}"#);
    }

    #[test]
    fn lists_elsewhere_are_kept() {
        let text = "a: [1]\nb:\n- c:\n    d: [2]\ne:\n  f:\n    g: [3]\n";
        let (items, rest) = taken(text);
        assert!(items.is_empty(), "{items:?}");
        assert_eq!(
            rest,
            r#"{"a":[1],"b":[{"c":{"d":[2]}}],"e":{"f":{"g":[3]}}}"#
        );
    }

    #[test]
    fn an_alias_of_an_item_is_a_copy_of_it() {
        let (items, _) = taken("e:\n  a:\n  - &x {k: 1}\n  - *x\n");
        assert_eq!(items, ["e/a={\"k\":1}", "e/a={\"k\":1}"]);
    }

    #[test]
    fn the_bound_on_nodes_is_for_what_is_kept() {
        let mut text = "entries:\n  a:\n".to_owned();
        let item = format!("  - [{}]\n", "1,".repeat(1000));
        for _ in 0..=NODES_MAX / 1000 {
            text.write_str(&item).unwrap();
        }
        let mut count = 0_usize;
        let mut take = |_: &[super::Text], _: crate::Node| count += 1;
        let mut nodes =
            Nodes::new(text.as_bytes(), Dialect::V2, Origins::default()).with_items(&mut take);
        assert!(nodes.next().unwrap().is_ok());
        drop(nodes);
        assert_eq!(count, NODES_MAX / 1000 + 1);
    }
}
