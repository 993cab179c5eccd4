//! Flow collections, `[…]` and `{…}`, and content that may be in one.
//!
//! Input: a composer whose scanner is at the first character. Output: the node; the scanner is
//! behind it.

use crate::comment::CommentKind;
use crate::compose::Composer;
use crate::compose::mapping::Entries;
use crate::error::{Error, Syntax};
use crate::node::{Node, Style};
use crate::scan::Mark;

impl Composer<'_> {
    fn flow_sequence(&mut self) -> Result<Node, Error> {
        let start = self.open()?;
        let mut items = Vec::new();
        let mut is_first = true;
        while self.next_entry(b']', is_first)? {
            is_first = false;
            let nodes = self.nodes;
            let item = self.flow_item()?;
            items.extend(self.hand_out(item, nodes)?);
        }
        let mut node = Node::sequence(items);
        self.close(&mut node, start);
        Ok(node)
    }

    fn flow_mapping(&mut self) -> Result<Node, Error> {
        let start = self.open()?;
        let mut entries = Entries::default();
        let mut is_first = true;
        while self.next_entry(b'}', is_first)? {
            is_first = false;
            let (key, value) = self.flow_entry()?;
            self.put(&mut entries, key, value)?;
        }
        let mut node = entries.into_node();
        self.close(&mut node, start);
        Ok(node)
    }

    fn open(&mut self) -> Result<Mark, Error> {
        let start = self.scan.mark();
        self.enter(start)?;
        self.count(1, start)?;
        self.trace
            .note(CommentKind::FlowStart, start.at, start.at + 1);
        self.scan.at += 1;
        self.scan.flow_depth += 1;
        Ok(start)
    }

    fn close(&mut self, node: &mut Node, start: Mark) {
        self.trace
            .note(CommentKind::FlowEnd, self.scan.at, self.scan.at + 1);
        self.scan.at += 1;
        self.scan.flow_depth -= 1;
        self.scan.starts_allowed = false;
        self.depth -= 1;
        node.style = Style::Flow;
        self.last_end = self.scan.at;
        node.place = self.place(start, self.last_end);
    }

    /// Moves to the next entry; false at the closing bracket.
    fn next_entry(&mut self, closing: u8, is_first: bool) -> Result<bool, Error> {
        self.scan.skip_to_token();
        if self.scan.here() == closing {
            return Ok(false);
        }
        if !is_first {
            if self.scan.here() != b',' {
                let syntax = if closing == b']' {
                    Syntax::FlowSequenceEnd
                } else {
                    Syntax::FlowMappingEnd
                };
                return Err(self.scan.error_here(syntax));
            }
            self.pass(CommentKind::Comma);
        }
        Ok(self.scan.here() != closing)
    }

    /// Reads an item; `key: value` is a mapping with one entry.
    fn flow_item(&mut self) -> Result<Node, Error> {
        let start = self.scan.mark();
        let first = self.trace.len();
        let (key, value) = if self.scan.here() == b'?' {
            self.enter(start)?;
            self.pass(CommentKind::Key);
            if matches!(self.scan.here(), b':' | b',') {
                // The value is taken for the key: Go's reading of `[? : ]`, where both are null.
                let key = self.empty(self.scan.mark())?;
                self.trace
                    .note(CommentKind::Value, self.scan.at, self.scan.at + 1);
                self.scan.at += 1;
                (key, self.flow_value(b']')?)
            } else {
                let key = self.flow_node()?;
                (key, self.flow_value(b']')?)
            }
        } else {
            let item = self.flow_node()?;
            self.scan.skip_to_token();
            if self.scan.here() != b':' || !self.scan.is_key_from(start) {
                return Ok(item);
            }
            self.enter(start)?;
            (item, self.flow_value(b']')?)
        };
        self.trace
            .insert(first, CommentKind::PairStart, (start.at, start.at));
        self.trace.note(CommentKind::PairEnd, 0, 0);
        self.depth -= 1;
        self.count(1, start)?;
        let mut entries = Entries::default();
        self.put(&mut entries, key, value)?;
        let mut node = entries.into_node();
        node.style = Style::Flow;
        node.place = self.place(start, self.last_end);
        Ok(node)
    }

    fn flow_entry(&mut self) -> Result<(Node, Node), Error> {
        let start = self.scan.mark();
        if self.scan.here() == b'?' {
            self.pass(CommentKind::Key);
            let is_absent = matches!(self.scan.here(), b':' | b',' | b'}');
            let key = if is_absent {
                self.empty(self.scan.mark())?
            } else {
                self.flow_node()?
            };
            return Ok((key, self.flow_value(b'}')?));
        }
        let key = self.flow_node()?;
        self.scan.skip_to_token();
        if self.scan.here() == b':' && !self.scan.is_key_from(start) {
            return Err(self.scan.error_here(Syntax::FlowMappingEnd));
        }
        let is_entered = self.enter_key(&key);
        let value = self.flow_value(b'}')?;
        self.leave_key(is_entered);
        Ok((key, value))
    }

    /// Reads `: value`, or null if there is none.
    fn flow_value(&mut self, closing: u8) -> Result<Node, Error> {
        self.scan.skip_to_token();
        if self.scan.here() != b':' {
            return self.empty(self.scan.mark());
        }
        self.pass(CommentKind::Value);
        let here = self.scan.here();
        if here == b',' || here == closing {
            return self.empty(self.scan.mark());
        }
        self.flow_node()
    }

    fn pass(&mut self, indicator: CommentKind) {
        self.trace.note(indicator, self.scan.at, self.scan.at + 1);
        self.scan.at += 1;
        self.scan.skip_to_token();
    }

    fn flow_node(&mut self) -> Result<Node, Error> {
        let properties = self.properties()?;
        let is_bare =
            properties.is_some() && matches!(self.scan.here(), b',' | b']' | b'}' | b':' | b'?');
        let node = if is_bare {
            self.empty(properties.end)?
        } else if self.scan.at_boundary() || self.scan.at_indicator(b'-') {
            return Err(self.scan.error_here(Syntax::ValueExpected));
        } else {
            self.any_content(properties.is_some())?
        };
        self.with_properties(node, properties)
    }

    /// Reads a node's content that may be in a block or in a flow collection.
    pub(crate) fn any_content(&mut self, has_properties: bool) -> Result<Node, Error> {
        let start = self.scan.mark();
        match self.scan.here() {
            b'*' if !has_properties => self.alias(),
            b'*' | b'&' | b'!' => Err(self.scan.error_here(Syntax::TooManyProperties)),
            b'[' => self.flow_sequence(),
            b'{' => self.flow_mapping(),
            quote @ (b'\'' | b'"') => {
                let text = self.scan.quoted()?;
                let style = if quote == b'"' {
                    Style::DoubleQuoted
                } else {
                    Style::SingleQuoted
                };
                self.scalar(start, self.scan.at, (text, style))
            }
            _ if self.scan.at_plain() && !self.scan.at_document_mark() => {
                let (text, end) = self.scan.plain((self.indent + 1).cast_unsigned())?;
                self.scalar(start, end, (text, Style::Plain))
            }
            b',' | b']' | b'}' | b':' | b'?' | 0 => {
                Err(self.scan.error_here(Syntax::ValueExpected))
            }
            _ => Err(self.scan.error_here(Syntax::BadStart)),
        }
    }
}
