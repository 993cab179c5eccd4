//! [`Writer`]: the text so far, its columns and lines, and the comments that wait for their place.

use lode_stdx::budget::Budget;

use crate::cost::Till;

/// Layout of v3's form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// Columns per level, 2 to 9.
    pub indent: usize,
    /// Lists are indented below their key instead of at its column.
    pub wide_lists: bool,
    /// Quote words that mean something else in YAML 1.1 (`yes`, `1:30`) if
    /// [`Tag::Str`](crate::Tag::Str) marks them as texts, as when Go writes a struct.
    pub quotes_old_words: bool,
}

impl Default for Options {
    /// Kyaml's: two columns, lists at the column of their key.
    fn default() -> Self {
        Self {
            indent: 2,
            wide_lists: false,
            quotes_old_words: false,
        }
    }
}

/// The surroundings of a node.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Context {
    Root,
    BlockItem,
    BlockValue,
    FlowItem,
    FlowValue,
    /// A key on one line with its `:`.
    SimpleKey,
    /// A key after `?`.
    LongKey,
}

/// Comments that were met and not yet written.
#[derive(Default)]
pub(super) struct Pending<'n> {
    pub(super) head: &'n str,
    pub(super) line: &'n str,
    pub(super) foot: &'n str,
    /// The foot comment of the entry before.
    pub(super) tail: &'n str,
    /// After a key whose value starts on its own line.
    pub(super) key_line: &'n str,
}

/// The text so far, and where it stands.
pub(super) struct Writer<'n> {
    pub(super) out: String,
    pub(super) till: Till<'n>,
    pub(super) options: Options,
    pub(super) pending: Pending<'n>,
    /// Characters on the current line.
    pub(super) column: usize,
    pub(super) indent: Option<usize>,
    pub(super) flow_depth: usize,
    /// The last character written separates tokens.
    pub(super) whitespace: bool,
    /// The current line contains only indentation and indicators.
    pub(super) indention: bool,
    /// Column of a foot comment just written: what follows at that column is separated from it.
    pub(super) foot_indent: Option<usize>,
}

impl<'n> Writer<'n> {
    pub(super) fn new(options: Options, budget: Option<&'n Budget>) -> Self {
        Self {
            out: String::new(),
            till: Till::new(budget, &String::new()),
            options: Options {
                indent: options.indent.clamp(2, 9),
                ..options
            },
            pending: Pending::default(),
            column: 0,
            indent: None,
            flow_depth: 0,
            whitespace: true,
            indention: true,
            foot_indent: None,
        }
    }

    /// Writes an indicator that follows what is before it, as `,` does.
    pub(super) fn indicator(&mut self, text: &str) {
        self.out.push_str(text);
        self.column += text.len();
        self.whitespace = false;
        self.indention = false;
    }

    /// Writes an indicator separated from what is before it, as an opening quote is.
    pub(super) fn spaced_indicator(&mut self, text: &str) {
        self.space();
        self.indicator(text);
    }

    /// Writes the indicator of a block entry: what comes after it may start a block on the same line.
    pub(super) fn block_indicator(&mut self, text: &str) {
        let indention = self.indention;
        self.spaced_indicator(text);
        self.indention = indention;
    }

    /// Writes an opening bracket, which no space follows.
    pub(super) fn opening_indicator(&mut self, text: &str) {
        self.spaced_indicator(text);
        self.whitespace = true;
    }

    /// Moves to the current indentation, on a new line unless the current one is empty so far.
    pub(super) fn new_line(&mut self) {
        if !self.till.pay(self.out.len()) {
            return;
        }
        let indent = self.indent.unwrap_or_default();
        if !self.indention || self.column > indent || (self.column == indent && !self.whitespace) {
            self.line_break();
        }
        if self.foot_indent == Some(indent) {
            self.line_break();
        }
        while self.column < indent {
            self.put(' ');
        }
        self.whitespace = true;
        self.foot_indent = None;
    }

    pub(super) fn space(&mut self) {
        if !self.whitespace {
            self.put(' ');
        }
    }

    pub(super) fn line_break(&mut self) {
        self.end_line('\n');
    }

    pub(super) fn end_line(&mut self, c: char) {
        self.out.push(c);
        self.column = 0;
        self.indention = true;
    }

    pub(super) fn put(&mut self, c: char) {
        self.out.push(c);
        self.column += 1;
    }

    pub(super) fn write_head(&mut self) {
        let tail = std::mem::take(&mut self.pending.tail);
        if !tail.is_empty() {
            self.new_line();
            self.comment(tail);
            self.foot_indent = Some(self.indent.unwrap_or_default());
        }
        let head = std::mem::take(&mut self.pending.head);
        if !head.is_empty() {
            self.new_line();
            self.comment(head);
        }
    }

    pub(super) fn write_line_comment(&mut self) {
        let line = std::mem::take(&mut self.pending.line);
        if !line.is_empty() {
            self.space();
            self.comment(line);
        }
    }

    pub(super) fn write_foot(&mut self) {
        let foot = std::mem::take(&mut self.pending.foot);
        if !foot.is_empty() {
            self.new_line();
            self.comment(foot);
            self.foot_indent = Some(self.indent.unwrap_or_default());
        }
    }

    fn comment(&mut self, text: &str) {
        let mut lines = text.split('\n').peekable();
        let mut first = true;

        while let Some(line) = lines.next() {
            if !line.is_empty() {
                if !first {
                    self.new_line();
                }
                if !line.starts_with('#') {
                    self.out.push_str("# ");
                }
                self.out.push_str(line);
                self.indention = false;
                self.column += 1;
            }
            first = false;
            if lines.peek().is_some() || !line.is_empty() {
                self.line_break();
            }
        }
        self.whitespace = true;
    }

    /// Goes one level deeper; returns the previous level.
    pub(super) fn deepen(&mut self, flow: bool, in_item: bool, at_key: bool) -> Option<usize> {
        let step = self.options.indent;
        let saved = self.indent;
        self.indent = Some(match saved {
            None if flow => step,
            None => 0,
            Some(indent) if in_item => indent + 2,
            Some(indent) => (indent / step + 1) * step - if at_key { 2 } else { 0 },
        });
        saved
    }
}
