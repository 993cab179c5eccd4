//! Writes JSON values and nodes in go-yaml v2's form, which is what kustomize and Flux call an
//! object's YAML.
//!
//! Input: a value, or a node that is written as its JSON value would be, without converting it.
//! Output: block style, keys in [`key_order()`](key_order::key_order), lists not indented under
//! their key, lines folded at column 80, quotes only if the text would otherwise read back
//! differently. The bytes equal those of sigs.k8s.io/yaml.

pub(crate) mod byte_order;
pub(crate) mod fold;
pub(crate) mod key_order;
pub(crate) mod number;
pub(crate) mod shape;
pub(crate) mod v3;

use std::convert::Infallible;

use lode_stdx::budget::{Budget, Exceeded};
use serde_json::Value;

use crate::analyze::{Traits, analyze, is_break, is_printable};
use crate::compose::resolve::reads_back_as_text;
use crate::cost::Till;
use crate::error::Error;
use crate::escape::escape;
use crate::node::Node;
use crate::write::shape::{Pair, Shape, Tree};

/// Column after which a line is folded at the next space.
const WIDTH: usize = 80;
/// Longest key written without a leading `?`, in bytes.
const SIMPLE_KEY_MAX: usize = 128;
/// Columns per level.
const INDENT: usize = 2;
const SPACES: &str = "                                ";

/// Returns a value as YAML text that ends with a line break.
#[must_use]
pub fn to_string(value: &Value) -> String {
    let mut out = String::new();
    write(&mut out, value);
    out
}

/// Appends a value as YAML text that ends with a line break.
pub fn write(out: &mut String, value: &Value) {
    // Without a budget nothing can exceed it.
    let (Ok(()), _paid) = write_tree(out, value, None);
}

/// As [`write()`], charged to a budget.
///
/// # Errors
/// The text exceeds the budget; nothing is appended.
pub fn write_within(out: &mut String, value: &Value, budget: &Budget) -> Result<(), Exceeded> {
    write_tree_within(out, value, budget)
}

/// As [`write_within`], for any value that has a [`Shape`].
///
/// # Errors
/// The text exceeds the budget; nothing is appended.
pub fn write_tree_within<T: Tree<Fault = Infallible>>(
    out: &mut String,
    tree: &T,
    budget: &Budget,
) -> Result<(), Exceeded> {
    let before = out.len();
    let (Ok(()), paid) = write_tree(out, tree, Some(budget));
    paid.inspect_err(|_| out.truncate(before))
}

/// Appends a node as the YAML text of its JSON value, as go-yaml v3 reads it.
///
/// # Errors
/// The node has no JSON value; nothing is appended.
pub fn write_node(out: &mut String, node: &Node) -> Result<(), Error> {
    write_paid(out, node, None)
}

/// As [`write_node`], charged to a budget.
///
/// # Errors
/// As [`write_node`], or the text exceeds the budget.
pub fn write_node_within(out: &mut String, node: &Node, budget: &Budget) -> Result<(), Error> {
    write_paid(out, node, Some(budget))
}

fn write_paid(out: &mut String, node: &Node, budget: Option<&Budget>) -> Result<(), Error> {
    let before = out.len();
    let (written, paid) = write_tree(out, node, budget);
    let outcome = written.and_then(|()| paid.map_err(|exceeded| node.fault(exceeded.into())));
    outcome.inspect_err(|_| out.truncate(before))
}

/// Writes as much as the budget allows; the second result says whether that was everything.
pub(crate) fn write_tree<T: Tree>(
    out: &mut String,
    tree: &T,
    budget: Option<&Budget>,
) -> (Result<(), T::Fault>, Result<(), Exceeded>) {
    let till = Till::new(budget, out);
    let mut writer = Writer {
        out,
        till,
        column: 0,
        indent: None,
        whitespace: true,
        indention: true,
    };
    let written = writer.tree(tree, Context::Root);
    writer.new_line();
    let Writer { out, till, .. } = writer;
    (written, till.close(out.len()))
}

/// The surroundings of a node, which decide indentation and line breaks.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Context {
    Root,
    MappingValue,
    MappingKey,
    SequenceItem,
}

/// How a text is written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Style {
    Plain,
    Single,
    Double,
    Literal,
}

struct Writer<'o> {
    out: &'o mut String,
    till: Till<'o>,
    /// Characters on the current line.
    column: usize,
    indent: Option<usize>,
    /// The last character written separates tokens.
    whitespace: bool,
    /// The current line contains only indentation and indicators.
    indention: bool,
}

impl Writer<'_> {
    fn tree<T: Tree>(&mut self, tree: &T, context: Context) -> Result<(), T::Fault> {
        if !self.till.pay(self.out.len()) {
            return Ok(());
        }
        match tree.shape()? {
            Shape::Word(word) => self.word(&word),
            Shape::Text(text) => self.text(&text, context),
            Shape::Sequence([]) => self.spaced_indicator("[]"),
            Shape::Sequence(items) => self.sequence(items, context)?,
            Shape::Mapping(entries) if entries.is_empty() => self.spaced_indicator("{}"),
            Shape::Mapping(entries) => self.mapping(entries)?,
        }
        Ok(())
    }

    fn sequence<T: Tree>(&mut self, items: &[T], context: Context) -> Result<(), T::Fault> {
        let saved = self.indent;
        let under_key = context == Context::MappingValue && !self.indention;
        if !under_key {
            self.deepen();
        }
        for item in items {
            self.new_line();
            self.block_indicator("-");
            self.tree(item, Context::SequenceItem)?;
        }
        self.indent = saved;
        Ok(())
    }

    fn mapping<T: Tree>(&mut self, entries: Vec<Pair<'_, T>>) -> Result<(), T::Fault> {
        let saved = self.indent;
        self.deepen();
        for (key, value) in entries {
            self.new_line();
            self.key(&key);
            self.tree(value, Context::MappingValue)?;
        }
        self.indent = saved;
        Ok(())
    }

    fn key(&mut self, key: &str) {
        let simple = key.len() <= SIMPLE_KEY_MAX && !key.contains(is_break);
        if simple {
            self.text(key, Context::MappingKey);
            self.indicator(":");
        } else {
            self.block_indicator("?");
            self.text(key, Context::MappingValue);
            self.new_line();
            self.block_indicator(":");
        }
    }

    fn text(&mut self, text: &str, context: Context) {
        let traits = analyze(text);
        let style = style(text, traits, context);
        let saved = self.indent;
        self.indent = Some(self.indent.unwrap_or_default() + INDENT);
        let fold = context != Context::MappingKey;

        match style {
            Style::Plain if traits.is_simple() && self.column + text.len() < WIDTH => {
                self.word(text);
            }
            Style::Plain => {
                self.space();
                self.folded(text, fold, false);
            }
            Style::Single => {
                self.spaced_indicator("'");
                self.folded(text, fold, true);
                self.indicator("'");
            }
            Style::Double => self.double_quoted(text, fold),
            Style::Literal => self.literal(text),
        }
        self.indent = saved;
    }

    fn word(&mut self, text: &str) {
        self.space();
        self.simple(text);
    }

    fn simple(&mut self, text: &str) {
        self.out.push_str(text);
        self.column += text.len();
        self.whitespace = false;
        self.indention = false;
    }

    /// Writes a plain or single-quoted text, folding long lines at single spaces.
    fn folded(&mut self, text: &str, fold: bool, quoted: bool) {
        let (mut spaces, mut breaks) = (false, false);
        let mut chars = text.char_indices().peekable();
        while let Some((at, c)) = chars.next() {
            let next = chars.peek().map(|(_, next)| *next);
            if c == ' ' {
                let inner = !quoted || (at > 0 && next.is_some());
                if fold && !spaces && self.column > WIDTH && inner && next != Some(' ') {
                    self.new_line();
                } else {
                    self.put(c);
                }
                spaces = true;
            } else if is_break(c) {
                if !breaks && c == '\n' {
                    self.line_break('\n');
                }
                self.line_break(c);
                self.indention = true;
                breaks = true;
            } else {
                if breaks {
                    self.new_line();
                }
                if quoted && c == '\'' {
                    self.put('\'');
                }
                self.put(c);
                self.indention = false;
                (spaces, breaks) = (false, false);
            }
        }

        self.whitespace = false;
        self.indention = false;
    }

    fn double_quoted(&mut self, text: &str, fold: bool) {
        self.spaced_indicator("\"");
        // go-yaml v2 checks only the first character for a byte order mark, and then escapes
        // everything.
        let all = text.starts_with('\u{feff}');
        let mut spaces = false;
        let mut chars = text.char_indices().peekable();
        while let Some((at, c)) = chars.next() {
            if all || !is_printable(c) || is_break(c) || c == '"' || c == '\\' {
                self.escape(c);
                spaces = false;
            } else if c == ' ' {
                let next = chars.peek().map(|(_, next)| *next);
                if fold && !spaces && self.column > WIDTH && at > 0 && next.is_some() {
                    self.new_line();
                    if next == Some(' ') {
                        self.put('\\');
                    }
                } else {
                    self.put(c);
                }
                spaces = true;
            } else {
                self.put(c);
                spaces = false;
            }
        }
        self.indicator("\"");
    }

    fn escape(&mut self, c: char) {
        let before = self.out.len();
        escape(self.out, c);
        self.column += self.out.len() - before;
    }

    fn literal(&mut self, text: &str) {
        self.spaced_indicator("|");
        if text.starts_with(|c| c == ' ' || is_break(c)) {
            self.indicator("2");
        }

        let mut last = text.chars().rev();
        match (last.next().is_some_and(is_break), last.next()) {
            (false, _) => self.indicator("-"),
            (true, None) => self.indicator("+"),
            (true, Some(before)) if is_break(before) => self.indicator("+"),
            (true, Some(_)) => {}
        }

        self.line_break('\n');
        self.indention = true;
        self.whitespace = true;
        for line in text.split_inclusive(is_break) {
            let body = line.trim_end_matches(is_break);
            if !body.is_empty() {
                self.new_line();
                self.out.push_str(body);
                self.column += 1;
                self.indention = false;
            }
            if let Some(end) = line[body.len()..].chars().next() {
                self.line_break(end);
                self.indention = true;
            }
        }
    }

    /// Writes an indicator that follows what is before it.
    fn indicator(&mut self, text: &str) {
        self.out.push_str(text);
        self.column += text.len();
        self.whitespace = false;
        self.indention = false;
    }

    /// Writes an indicator separated from what is before it, as an opening quote is.
    fn spaced_indicator(&mut self, text: &str) {
        self.space();
        self.indicator(text);
    }

    /// Writes the indicator of a block entry: what comes after it may start a block on the same line.
    fn block_indicator(&mut self, text: &str) {
        let indention = self.indention;
        self.spaced_indicator(text);
        self.indention = indention;
    }

    /// Moves to the current indentation, on a new line unless the current one is empty so far.
    fn new_line(&mut self) {
        if !self.till.pay(self.out.len()) {
            return;
        }
        let indent = self.indent.unwrap_or_default();
        if !self.indention || self.column > indent || (self.column == indent && !self.whitespace) {
            self.line_break('\n');
        }
        while self.column < indent {
            let spaces = &SPACES[..SPACES.len().min(indent - self.column)];
            self.out.push_str(spaces);
            self.column += spaces.len();
        }
        self.whitespace = true;
        self.indention = true;
    }

    fn line_break(&mut self, c: char) {
        self.out.push(c);
        self.column = 0;
    }

    fn space(&mut self) {
        if !self.whitespace {
            self.put(' ');
        }
    }

    fn put(&mut self, c: char) {
        self.out.push(c);
        self.column += 1;
    }

    fn deepen(&mut self) {
        self.indent = Some(self.indent.map_or(0, |indent| indent + INDENT));
    }
}

fn style(text: &str, traits: Traits, context: Context) -> Style {
    let key = context == Context::MappingKey;
    if traits.is_multiline() && text.contains('\n') {
        return if key || !traits.may_be_block() {
            Style::Double
        } else {
            Style::Literal
        };
    }
    if !reads_back_as_text(text) || (key && traits.is_multiline()) {
        Style::Double
    } else if traits.may_be_plain() {
        Style::Plain
    } else if traits.may_be_single_quoted() {
        Style::Single
    } else {
        Style::Double
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::Dialect;

    #[test]
    fn quotes_stand_only_where_needed() {
        for (text, want) in [
            ("plain", "plain"),
            ("", "\"\""),
            ("yes", "\"yes\""),
            ("y", "\"y\""),
            ("1:30", "\"1:30\""),
            ("0x1", "\"0x1\""),
            ("2001-01-01", "\"2001-01-01\""),
            ("<<", "<<"),
            ("a: b", "'a: b'"),
            ("- x", "'- x'"),
            ("*x", "'*x'"),
            (" lead", "' lead'"),
            ("it's", "it's"),
            ("'", "''''"),
            ("tab\there", "\"tab\\there\""),
            ("\u{1f600}", "\"\\U0001F600\""),
            ("\u{a0}", "\u{a0}"),
            ("\u{feff}a b", "\"\\uFEFF\\x61\\x20\\x62\""),
            ("a #b", "'a #b'"),
            ("a#b", "a#b"),
        ] {
            assert_eq!(
                to_string(&json!({"k": text})),
                format!("k: {want}\n"),
                "{text:?}"
            );
        }
    }

    #[test]
    fn texts_with_lines_become_blocks() {
        for (text, want) in [
            ("a\nb\n", "|\n  a\n  b"),
            ("a\nb", "|-\n  a\n  b"),
            ("a\n\n", "|+\n  a\n"),
            (" a\nb\n", "|2\n   a\n  b"),
            ("a \nb\n", "\"a \\nb\\n\""),
        ] {
            assert_eq!(
                to_string(&json!({"k": text})),
                format!("k: {want}\n"),
                "{text:?}"
            );
        }
    }

    #[test]
    fn long_lines_fold_after_column_80() {
        let text = "word ".repeat(20);
        let written = to_string(&json!({"k": text.trim_end()}));
        let lines: Vec<usize> = written.lines().map(str::len).collect();
        assert_eq!(lines, [82, 21]);
    }

    #[test]
    fn keys_sort_naturally() {
        let value = json!({"a10": 1, "a9": 1, "A": 1, "_z": 1, "b": 1, "a": 1, "a01": 1});
        assert_eq!(
            to_string(&value),
            "_z: 1\nA: 1\na: 1\na01: 1\na9: 1\na10: 1\nb: 1\n"
        );
    }

    #[test]
    fn collections_nest_without_extra_columns() {
        let value = json!({"a": [[1, [2]], {"b": [], "c": {}}, null, true], "d": 1.5e300, "e": 1_234_567.5});
        assert_eq!(
            to_string(&value),
            "a:\n- - 1\n  - - 2\n- b: []\n  c: {}\n- null\n- true\nd: 1.5e+300\ne: 1.2345675e+06\n"
        );
    }

    #[test]
    fn long_keys_are_marked() {
        let key = "k".repeat(129);
        assert_eq!(to_string(&json!({&key: 1})), format!("? {key}\n: 1\n"));
    }

    #[test]
    fn what_is_written_reads_back() {
        let texts = [
            "a\n b\n", "\n", "x: y\n", "\u{85}", "'\"\\", "- ", "#", "a  b", "~", "\r\n", "0",
            "\u{7}",
        ];
        for text in texts {
            let value = json!({"k": [text], text: {"deep": text}});
            let read = crate::parse(to_string(&value).as_bytes(), Dialect::V2);
            assert_eq!(read.as_ref(), Ok(&value), "{text:?}");
        }
    }
}
