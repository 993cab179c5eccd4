//! [`Reader`]: a YAML text of several documents, read one at a time.
//!
//! Input: bytes and a dialect. Output: JSON values, each with the line on which its document
//! starts. Numbers have the form of Go's JSON: `1.0` becomes `1`. Bounds are in `bounds.rs`.

use lode_stdx::budget::Budget;
use serde_json::{Map, Value};

use crate::dialect::Dialect;
use crate::error::{Cause, Error};
use crate::lines::Lines;
use crate::node::{Content, Entry, Node};
use crate::nodes::Nodes;
use crate::scan::error_in;
use crate::{Origins, scalar};

/// One document of a text.
#[derive(Debug, Clone, PartialEq)]
pub struct Document {
    /// Its value; `null` if it is empty or contains only comments.
    pub value: Value,
    /// The line of its first node, from 1.
    pub line: u32,
    /// The lines of its fields, if requested with [`Reader::with_lines`].
    pub lines: Lines,
}

/// The documents of a text, in order; nothing follows an error.
pub struct Reader<'t> {
    text: &'t [u8],
    nodes: Nodes<'t>,
    dialect: Dialect,
    budget: Option<&'t Budget>,
    with_lines: bool,
    done: bool,
}

/// Reads the first document of a text; an empty text is `null`.
///
/// # Errors
/// The text is not YAML or exceeds a bound.
pub fn parse(text: &[u8], dialect: Dialect) -> Result<Value, Error> {
    Reader::new(text, dialect)
        .next()
        .map_or(Ok(Value::Null), |document| {
            document.map(|document| document.value)
        })
}

/// As [`parse`], charged to a budget.
///
/// # Errors
/// The text is not YAML, exceeds a bound or exceeds the budget.
pub fn parse_within(text: &[u8], dialect: Dialect, budget: &Budget) -> Result<Value, Error> {
    let document = Reader::new(text, dialect).with_budget(budget).next();
    document.map_or(Ok(Value::Null), |document| {
        document.map(|document| document.value)
    })
}

impl<'t> Reader<'t> {
    /// Creates a reader; nothing is read before the first document is requested.
    #[must_use]
    pub fn new(text: &'t [u8], dialect: Dialect) -> Self {
        let nodes = Nodes::new(text, dialect, Origins::default());
        Self {
            text,
            nodes,
            dialect,
            budget: None,
            with_lines: false,
            done: false,
        }
    }

    /// Sets the budget to charge; without one only the bounds of this crate apply.
    #[must_use]
    pub fn with_budget(mut self, budget: &'t Budget) -> Self {
        self.nodes = self.nodes.with_budget(budget);
        self.budget = Some(budget);
        self
    }

    /// Requests the lines of the fields near each document's root.
    #[must_use]
    pub fn with_lines(mut self) -> Self {
        self.with_lines = true;
        self
    }

    fn document(&self, node: Node) -> Result<Document, Error> {
        let line = node.place.line;
        if let Some(budget) = self.budget {
            node.cost()
                .charge_value(budget)
                .map_err(|exceeded| node.fault(exceeded.into()))?;
        }

        let mut lines = Lines::default();
        if self.with_lines {
            note(&node, "", &mut lines);
        }
        let value = value(node, self.dialect)
            .map_err(|(at, cause)| error_in(self.text, at as usize, cause))?;
        Ok(Document { value, line, lines })
    }
}

impl Iterator for Reader<'_> {
    type Item = Result<Document, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.done {
            return None;
        }
        let document = self.nodes.next()?.and_then(|node| self.document(node));
        self.done = document.is_err();
        Some(document)
    }
}

/// Converts a node to a JSON value; an error contains the byte offset.
fn value(node: Node, dialect: Dialect) -> Result<Value, (u32, Cause)> {
    let start = node.place.start;
    match node.content {
        Content::Scalar(_) => scalar::owned_value(node, dialect).map_err(|cause| (start, cause)),
        Content::Sequence(items) => items
            .into_iter()
            .map(|item| value(item, dialect))
            .collect::<Result<_, _>>(),
        Content::Mapping(entries) => {
            let mut map = Map::new();
            for entry in entries {
                let start = entry.key.place.start;
                let key = scalar::key(&entry.key, dialect).map_err(|cause| (start, cause))?;
                let value = value(entry.value, dialect)?;
                if dialect == Dialect::V3 && map.contains_key(&key) {
                    return Err((start, Cause::DuplicateKey(key)));
                }
                map.insert(key, value);
            }
            Ok(Value::Object(map))
        }
    }
}

/// Levels of fields whose lines are kept.
const LINES_DEPTH: usize = 2;

/// Records the lines of a node's fields. Keys are recorded as written; keys that a dialect rewrites
/// are too rare to matter.
fn note(node: &Node, pointer: &str, lines: &mut Lines) {
    let depth = pointer.bytes().filter(|byte| *byte == b'/').count();
    if depth == LINES_DEPTH {
        return;
    }
    let mut put = |name: &str, line: u32, value: &Node| {
        let pointer = format!("{pointer}/{}", name.replace('~', "~0").replace('/', "~1"));
        note(value, &pointer, lines);
        lines.put(pointer, line);
    };
    match &node.content {
        Content::Scalar(_) => {}
        Content::Sequence(items) => {
            for (at, item) in items.iter().enumerate() {
                put(&at.to_string(), item.place.line, item);
            }
        }
        Content::Mapping(entries) => {
            for Entry { key, value } in entries {
                put(key.text().unwrap_or_default(), key.place.line, value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use serde_json::json;

    use super::*;
    use crate::{DEPTH_MAX, TEXT_MAX};

    fn v3(text: &str) -> Result<Value, Error> {
        parse(text.as_bytes(), Dialect::V3)
    }

    fn cause(text: &str, dialect: Dialect) -> Cause {
        parse(text.as_bytes(), dialect).unwrap_err().cause
    }

    #[test]
    fn documents_know_their_first_line() {
        let text = "# first\n---\na: 1\n---\n# nothing\n---\n\nb: 2\n";
        let read: Vec<Document> = Reader::new(text.as_bytes(), Dialect::V3)
            .map(Result::unwrap)
            .collect();
        let shown: Vec<(u32, Value)> = read
            .into_iter()
            .map(|document| (document.line, document.value))
            .collect();
        assert_eq!(
            shown,
            [(3, json!({"a": 1})), (6, Value::Null), (8, json!({"b": 2}))]
        );
    }

    #[test]
    fn fields_near_the_root_know_their_lines() {
        let text = "a:\n  b: 1\n  c: {d: 1}\nlist:\n- x\n-\n  y: 1\n";
        let document = Reader::new(text.as_bytes(), Dialect::V2)
            .with_lines()
            .next()
            .unwrap()
            .unwrap();
        for (pointer, line) in [
            ("/a", 1),
            ("/a/b", 2),
            ("/a/c/d", 3),
            ("/list/0", 5),
            ("/list/1", 7),
            ("/none", 0),
        ] {
            assert_eq!(
                document.lines.of(pointer).unwrap_or_default(),
                line,
                "{pointer}"
            );
        }
    }

    #[test]
    fn keys_follow_the_dialect() {
        let text = b"yes: a\n010: b\n1.50: c\n";
        assert_eq!(
            parse(text, Dialect::V2).unwrap(),
            json!({"true": "a", "8": "b", "1.5": "c"})
        );
        assert_eq!(cause("1: a\n", Dialect::V3), Cause::KeyNotText);
        assert_eq!(cause("null: a\n", Dialect::V2), Cause::KeyNotText);
        assert_eq!(
            parse(b"a: 1\na: 2\n", Dialect::V2).unwrap(),
            json!({"a": 2})
        );
        assert_eq!(
            cause("a: 1\na: 2\n", Dialect::V3),
            Cause::DuplicateKey("a".to_owned())
        );
    }

    #[test]
    fn merges_follow_the_dialect() {
        let text = b"x: &x {a: 1, b: 1}\ny: &y {b: 2, c: 2}\nz:\n  a: 0\n  <<: [*x, *y]\n";
        assert_eq!(
            parse(text, Dialect::V3).unwrap()["z"],
            json!({"a": 0, "b": 1, "c": 2})
        );
        assert_eq!(
            parse(text, Dialect::V2).unwrap()["z"],
            json!({"a": 1, "b": 1, "c": 2})
        );
        assert_eq!(v3("'<<': 1").unwrap(), json!({"<<": 1}));
        assert_eq!(cause("<<: 1", Dialect::V3), Cause::BadMerge);
    }

    #[test]
    fn numbers_are_as_json_shows_them() {
        let text = "[1.0, 1e3, 1.5, 9223372036854775808, 1e20, 1e22, 0x10, 1_0]";
        let want = "[1,1000,1.5,9223372036854775808,1e+20,1e+22,16,10]";
        assert_eq!(v3(text).unwrap().to_string(), want);
        assert_eq!(cause(".inf", Dialect::V3), Cause::NotFinite);
        assert_eq!(cause(".nan", Dialect::V2), Cause::NotFinite);
    }

    #[test]
    fn tags_decide() {
        let text = "[!!str 1, !!int '2', !!binary aGk=, !own 3, !!float 1]";
        assert_eq!(v3(text).unwrap(), json!(["1", 2, "hi", "3", 1]));
        assert_eq!(
            cause("!!int x", Dialect::V3),
            Cause::BadTag("!!int".to_owned())
        );
    }

    #[test]
    fn checking_a_value_and_building_it_fail_alike() {
        let texts = [
            "a: .inf",
            "a: -.Inf",
            "a: [.nan]",
            "a: 1e999",
            "null: a",
            "~: a",
            "1: a",
            "yes: a",
            "? [a]\n: b",
            "a: !!int x",
            "a: !!float .inf",
            "!!str 1: a",
            "'null': a",
            "a: nan",
            "n: a",
            "nul: a",
            ": a",
            "a: {b: !x y}",
            "a: infinity",
            "2001-1-1: a",
            ".5: a",
            "a: 0x10",
            "Null: a",
            "\"1\": a",
        ];
        for dialect in [Dialect::V2, Dialect::V3] {
            for text in texts {
                let Some(Ok(node)) =
                    Nodes::new(text.as_bytes(), dialect, Origins::default()).next()
                else {
                    continue;
                };
                let built = node.to_value(dialect).map(drop);
                assert_eq!(node.check_value(dialect), built, "{text} {dialect:?}");
            }
        }
    }

    #[test]
    fn times_are_text_in_v2_and_rfc_3339_in_v3() {
        assert_eq!(v3("2001-1-1").unwrap(), json!("2001-01-01T00:00:00Z"));
        assert_eq!(parse(b"2001-1-1", Dialect::V2).unwrap(), json!("2001-1-1"));
    }

    #[test]
    fn a_block_text_at_the_end_gains_no_line_break() {
        for (text, want) in [
            ("a: |\n  x", "x"),
            ("a: |\n  x\n", "x\n"),
            ("a: >\n  x\n  y", "x y"),
            ("a: |", ""),
        ] {
            assert_eq!(v3(text).unwrap(), json!({"a": want}), "{text:?}");
        }
    }

    #[test]
    fn errors_say_line_column_and_cause() {
        for (text, want) in [
            ("a: [1\nb: 2\n", "2:2: a , or ] was expected here"),
            (
                "a: b: c\n",
                "1:5: a : is not allowed here: quote the text or check the indentation",
            ),
            ("a: 'x\n", "2:1: the text ends inside quotes"),
            ("a: *x\n", "1:4: alias *x has no anchor before it"),
        ] {
            assert_eq!(v3(text).unwrap_err().to_string(), want, "{text:?}");
        }
    }

    #[test]
    fn bounds_hold() {
        let deep = "[".repeat(DEPTH_MAX + 1);
        assert_eq!(cause(&deep, Dialect::V3), Cause::TooDeep);
        let deepest = "[".repeat(DEPTH_MAX) + &"]".repeat(DEPTH_MAX);
        assert!(v3(&deepest).is_ok());
        let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
        for level in 1..10 {
            let before = vec![format!("*a{}", level - 1); 10].join(", ");
            writeln!(bomb, "a{level}: &a{level} [{before}]").unwrap();
        }
        assert_eq!(cause(&bomb, Dialect::V3), Cause::AliasBomb);
        let mut chain = "a0: &a0 [x]\n".to_owned();
        for level in 1..200 {
            writeln!(chain, "a{level}: &a{level} [*a{}]", level - 1).unwrap();
        }
        assert_eq!(cause(&chain, Dialect::V3), Cause::TooDeep);
        assert_eq!(
            cause(&" ".repeat(TEXT_MAX + 1), Dialect::V3),
            Cause::TooLong
        );
    }
}
