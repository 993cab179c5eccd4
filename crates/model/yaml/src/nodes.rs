//! [`Nodes`]: a YAML text of several documents, read one [`Node`] at a time.
//!
//! Input: bytes and a dialect. Output: node trees with aliases and merges resolved by the dialect's
//! rules.

use lode_stdx::budget::Budget;

use crate::compose::items::Items;
use crate::compose::{ComposeOptions, Composer};
use crate::error::Error;
use crate::node::{Node, Text};
use crate::{Dialect, Origins};

/// The documents of a text as nodes; nothing follows an error. Empty documents are nulls.
///
/// A node's [`Place`](crate::Place) runs from its first byte to the one after its last: it includes
/// the anchor and tag before it, quotes, brackets, a block text's `|` line, and the empty lines
/// after a block text.
pub struct Nodes<'t> {
    text: &'t [u8],
    options: ComposeOptions,
    budget: Option<&'t Budget>,
    items: Option<Items<'t>>,
    state: NodesState<'t>,
}

enum NodesState<'t> {
    Start,
    Reading(Box<Composer<'t>>),
    Done,
}

impl<'t> Nodes<'t> {
    /// Creates a reader; nothing is read before the first document is requested.
    #[must_use]
    pub fn new(text: &'t [u8], dialect: Dialect, origins: Origins) -> Self {
        let options = ComposeOptions {
            dialect,
            origins,
            comments: false,
        };
        Self {
            text,
            options,
            budget: None,
            items: None,
            state: NodesState::Start,
        }
    }

    /// Sets the budget to charge; without one only the bounds of this crate apply.
    #[must_use]
    pub fn with_budget(mut self, budget: &'t Budget) -> Self {
        self.budget = Some(budget);
        self
    }

    /// Hands out the items of every list that is two keys deep, as `entries: {name: [item, …]}`, one by one, with the
    /// keys above it; the lists themselves are empty then. Only what is kept counts for the bound on nodes; the budget is
    /// charged for all.
    #[must_use]
    pub fn with_items(mut self, take: &'t mut dyn FnMut(&[Text], Node)) -> Self {
        self.items = Some(Items::new(take));
        self
    }

    /// Requests comments, and tags as they were written, in [`Extra`](crate::Extra):
    /// [`write_v3`](crate::write_v3()) then writes what go-yaml v3 writes. A document's own
    /// comments are stored with its root's. The copy in place of an alias has the comments of the
    /// anchored node.
    #[must_use]
    pub fn with_comments(mut self) -> Self {
        self.options.comments = true;
        self
    }
}

impl Iterator for Nodes<'_> {
    type Item = Result<Node, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut composer = match std::mem::replace(&mut self.state, NodesState::Done) {
            NodesState::Start => match Composer::new(self.text, self.options, self.budget) {
                Ok(mut composer) => {
                    composer.items = self.items.take();
                    Box::new(composer)
                }
                Err(error) => return Some(Err(error)),
            },
            NodesState::Reading(composer) => composer,
            NodesState::Done => return None,
        };
        let document = composer.document().transpose();
        if matches!(document, Some(Ok(_))) {
            self.state = NodesState::Reading(composer);
        }
        document
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Cause;
    use crate::scan::LOOKS;

    fn read(text: &str) -> Node {
        Nodes::new(text.as_bytes(), Dialect::V3, Origins::default())
            .next()
            .unwrap()
            .unwrap()
    }

    #[test]
    fn places_hold_the_source_of_what_was_read() {
        let text = "a: &x 'it''s'\nb: [1, {c: d}] # e\nf:\n- |\n  g\n\n- h\n  i\nj: *x\n";
        let node = read(text);
        let source = |node: &Node| &text[node.place.start as usize..node.place.end as usize];
        assert_eq!(source(&node), text.trim_end());
        assert_eq!(source(node.get("a").unwrap()), "&x 'it''s'");
        assert_eq!(source(node.get("b").unwrap()), "[1, {c: d}]");
        assert_eq!(
            source(&node.get("b").unwrap().items().unwrap()[1]),
            "{c: d}"
        );
        assert_eq!(source(node.get("f").unwrap()), "- |\n  g\n\n- h\n  i");
        assert_eq!(
            source(&node.get("f").unwrap().items().unwrap()[0]),
            "|\n  g\n\n"
        );
        assert_eq!(
            source(&node.get("f").unwrap().items().unwrap()[1]),
            "h\n  i"
        );
        assert_eq!(node.get("j").unwrap().place, node.get("a").unwrap().place);
    }

    #[test]
    fn lines_above_move_every_line() {
        let origins = Origins {
            source: 7,
            lines_above: 10,
        };
        let node = Nodes::new(b"\na:\n  b", Dialect::V3, origins)
            .next()
            .unwrap()
            .unwrap();
        let value = node.get("a").unwrap().place;
        assert_eq!((node.place.line, value.line, value.source), (12, 13, 7));
    }

    #[test]
    fn the_innermost_anchor_of_a_name_counts_and_none_names_itself() {
        let node = read("- &x [&x 1]\n- *x\n");
        assert_eq!(node.items().unwrap()[1].text(), Some("1"));
        assert!(
            Nodes::new(b"- &x 1\n- &x [*x]", Dialect::V3, Origins::default())
                .any(|node| node.is_err())
        );
    }

    #[test]
    fn a_fault_behind_a_document_is_told_after_it() {
        let mut nodes = Nodes::new(b"a: 1\n...\nb: 2\n", Dialect::V3, Origins::default());
        assert!(nodes.next().unwrap().is_ok());
        assert_eq!(
            nodes.next().unwrap().unwrap_err().to_string(),
            "3:1: a document starts here without ---"
        );
        assert!(nodes.next().is_none());
    }

    /// Most bytes that are processed or copied, and most of what a budget is charged, per byte of a
    /// text.
    const LOOKS_MAX: usize = 16;
    const CHARGE_MAX: u64 = 512;

    #[test]
    fn hostile_texts_cost_no_more_than_their_length() {
        let many = 20_000;
        let lines =
            |count: usize, line: &dyn Fn(usize) -> String| (0..count).map(line).collect::<String>();
        let keys = lines(many, &|at| format!("k{at}: 1\n"));
        let merges = lines(many / 10, &|at| format!("  k{at}: 1\n"));
        let anchors = lines(many / 10, &|at| format!("- &a{at} x\n- *a{at}\n"));
        let texts = [
            keys,
            format!("a: &a\n{merges}b:\n  <<: *a\n{merges}"),
            anchors,
            "[".repeat(many),
            "[a, ".repeat(many),
            "{a: ".repeat(many),
            "- ".repeat(many),
            "? ".repeat(many),
            "a ".repeat(many),
            format!("[{}]", "a, ".repeat(many)),
            format!("[{}]", "'a' ".repeat(many)),
            "a\n".repeat(many),
            "a:\n".repeat(many),
            format!("a: |\n{}", "\n".repeat(many)),
            format!("a: >\n{}", "  b\n\n".repeat(many)),
            format!("a: '{}", "\n".repeat(many)),
            format!("a: \"{}", "\\\n".repeat(many)),
            "# a\n\t".repeat(many),
            format!("{}: b", "k".repeat(many)),
            format!("{}a: b", "é".repeat(1000)).repeat(100),
            "&a ".repeat(many),
            "!a\n".repeat(many),
            "---\n".repeat(many),
            "%TAG !a! b\n".repeat(many),
            "\u{2028}".repeat(many),
        ];
        for text in texts {
            let begin: String = text.chars().take(20).collect();
            let len = text.len();
            let budget = Budget::unlimited();
            let before = LOOKS.get();
            let origins = Origins::default();
            let read = Nodes::new(text.as_bytes(), Dialect::V3, origins)
                .with_budget(&budget)
                .flatten()
                .count();
            let looks = LOOKS.get() - before;
            let spent = budget.spent();
            println!("{begin:?}: {read} documents, {len} bytes, {looks} looks, {spent:?}");
            assert!(
                looks <= LOOKS_MAX * len,
                "{begin:?}: {looks} looks at {len} bytes"
            );
            let charged = spent.bytes.max(spent.nodes).max(spent.steps);
            assert!(
                charged <= CHARGE_MAX * len as u64,
                "{begin:?}: {spent:?} for {len} bytes"
            );
        }
    }

    #[test]
    fn a_long_tag_is_not_repeated_without_end() {
        let (long, many) = ("x".repeat(1 << 16), 1000);
        let by_handle = format!("%TAG !a! {long}\n---\n{}", "- !a!b c\n".repeat(many));
        let by_alias = |first: &str| format!("- {first} c\n{}", "- *a\n".repeat(many));
        for text in [
            by_handle,
            by_alias(&format!("&a !{long}")),
            by_alias(&format!("!{long} &a")),
        ] {
            let error =
                Nodes::new(text.as_bytes(), Dialect::V3, Origins::default()).find_map(Result::err);
            assert_eq!(
                error.map(|error| error.cause),
                Some(Cause::AliasBomb),
                "{:?}",
                &text[..10]
            );
        }
    }
}
