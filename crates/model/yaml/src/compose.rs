//! Documents and block collections, built into nodes while they are scanned.
//!
//! Input: a scanner. Output: one node per document, with aliases and merges resolved. There is no
//! token queue: a scalar is read first and becomes a key if a `:` follows on its line. Depth is
//! bounded, so recursion is too. What all parts share is in `composer`, flow collections are in
//! `flow`, anchors and tags in `property`, entries in `mapping`.

mod anchor;
mod composer;
pub(crate) mod flow;
pub(crate) mod items;
pub(crate) mod mapping;
pub(crate) mod property;
pub(crate) mod resolve;

use crate::comment::CommentKind;
use crate::compose::mapping::Entries;
use crate::compose::property::Properties;
use crate::error::{Error, Syntax};
use crate::node::{Node, Style};
use crate::scan::Mark;

pub(crate) use composer::{ComposeOptions, Composer};

/// What a line starts with: a value, a key, or properties of something on a later line.
pub(crate) enum Lead<'t> {
    Value(Properties<'t>, Option<Node>),
    Key(Node),
    Properties(Properties<'t>),
}

/// How a block mapping starts.
enum FirstKey {
    Read(Node),
    Explicit,
}

impl<'t> Composer<'t> {
    /// Reads the next document; nothing at the end.
    pub(crate) fn document(&mut self) -> Result<Option<Node>, Error> {
        self.anchors.clear();
        self.handles.clear();
        (self.nodes, self.anchored_nodes, self.anchored_bytes) = (0, 0, 0);
        self.scan.skip_to_token();
        if !self.is_first {
            while self.scan.at_document_mark() && self.scan.here() == b'.' {
                self.pass_document_mark();
            }
        }
        if self.scan.at_end() {
            return Ok(None);
        }
        let explicit = self.scan.at_boundary() && !(self.is_first && self.scan.here() == b'.');
        if explicit {
            self.directives()?;
        }
        if explicit || !self.is_first {
            if !self.scan.at_document_mark() || self.scan.here() != b'-' {
                return Err(self.scan.error_here(Syntax::DocumentStart));
            }
            self.pass_document_mark();
        }
        self.is_first = false;
        let mut node = if explicit && self.scan.at_boundary() {
            self.empty(self.scan.mark())?
        } else {
            self.block_node(false)?
        };
        self.scan.skip_to_token();
        if let Some(comments) = &mut self.comments {
            let attached = comments.attach(
                &mut node,
                &mut self.trace,
                (self.scan.at, self.meter.as_ref()),
            );
            attached.map_err(|exceeded| self.scan.error(self.scan.mark(), exceeded))?;
        }
        Ok(Some(node))
    }

    fn pass_document_mark(&mut self) {
        self.trace
            .note(CommentKind::Mark, self.scan.at, self.scan.at + 3);
        self.scan.at += 3;
        self.scan.starts_allowed = false;
        self.scan.skip_to_token();
    }

    /// Reads a node whose first token is here, indented deeper than the surrounding collection;
    /// with `list_ok`, a list may be at that collection's own column.
    fn block_node(&mut self, list_ok: bool) -> Result<Node, Error> {
        let mut outer = Properties::default();
        loop {
            let start = self.scan.mark();
            if let Some(node) = self.block_collection(&mut outer, list_ok)? {
                return Ok(node);
            }
            let first = self.trace.len();
            match self.lead(outer.is_some())? {
                Lead::Key(key) => {
                    self.trace
                        .insert(first, CommentKind::MappingStart, (start.at, start.column));
                    return self.mapping(start, outer, FirstKey::Read(key));
                }
                Lead::Value(inner, node) => {
                    let properties = self.joined(outer, inner)?;
                    let node = match node {
                        Some(node) => node,
                        None => self.empty(start)?,
                    };
                    return self.with_properties(node, properties);
                }
                Lead::Properties(inner) => {
                    outer = self.joined(outer, inner)?;
                    let at_list = list_ok && self.at_list_of_mapping();
                    if self.is_over() && !at_list {
                        let node = self.empty(outer.end)?;
                        return self.with_properties(node, outer);
                    }
                }
            }
        }
    }

    /// Reads a collection if its indicator is here.
    fn block_collection(
        &mut self,
        outer: &mut Properties<'t>,
        list_ok: bool,
    ) -> Result<Option<Node>, Error> {
        let start = self.scan.mark();
        let (indicator, refused) = match self.scan.here() {
            b'-' => (b'-', Syntax::EntryNotAllowed),
            b'?' => (b'?', Syntax::QuestionNotAllowed),
            b':' => (b':', Syntax::ColonNotAllowed),
            _ => return Ok(None),
        };
        if !self.scan.at_indicator(indicator) {
            return Ok(None);
        }
        if !self.scan.starts_allowed {
            return Err(self.scan.error_here(refused));
        }
        let outer = std::mem::take(outer);
        match indicator {
            b'-' => self.sequence(start, outer, list_ok).map(Some),
            b'?' => {
                self.trace
                    .note(CommentKind::MappingStart, start.at, start.column);
                self.mapping(start, outer, FirstKey::Explicit).map(Some)
            }
            _ => Err(self.scan.error_here(Syntax::KeyExpected)),
        }
    }

    /// Reads properties and content on one line, and the `:` that makes them a key.
    fn lead(&mut self, has_outer: bool) -> Result<Lead<'t>, Error> {
        let mark = self.scan.mark();
        let key_ok = self.scan.starts_allowed;
        let properties = self.properties()?;
        if self.scan.line != mark.line && properties.is_some() {
            return Ok(Lead::Properties(properties));
        }
        let is_bare = properties.is_some() && (self.scan.at_end() || self.scan.at_indicator(b':'));
        let is_alias = self.scan.here() == b'*';
        let node = if is_bare {
            None
        } else {
            Some(self.content(properties.is_some())?)
        };
        if !self.scan.starts_allowed {
            self.scan.skip_blanks();
            if self.scan.at_indicator(b':') {
                if !key_ok || !self.scan.is_key_from(mark) {
                    return Err(self.scan.error_here(Syntax::ColonNotAllowed));
                }
                let colon = self.scan.at;
                self.scan.at += 1;
                let node = match node {
                    Some(node) => node,
                    None => self.empty(properties.end)?,
                };
                self.trace.note(CommentKind::Value, colon, colon + 1);
                return Ok(Lead::Key(self.with_properties(node, properties)?));
            }
        }
        if is_alias && has_outer {
            return Err(self.scan.error(mark, Syntax::ValueExpected));
        }
        Ok(Lead::Value(properties, node))
    }

    /// Reads a node's content in a block.
    fn content(&mut self, has_properties: bool) -> Result<Node, Error> {
        match self.scan.here() {
            b'|' | b'>' => self.block_scalar(),
            b'-' | b'?' if self.scan.at_indicator(self.scan.here()) => {
                Err(self.scan.error_here(Syntax::EntryNotAllowed))
            }
            _ => self.any_content(has_properties),
        }
    }

    fn block_scalar(&mut self) -> Result<Node, Error> {
        let start = self.scan.mark();
        let style = if self.scan.here() == b'|' {
            Style::Literal
        } else {
            Style::Folded
        };
        let (text, end) = self.scan.block_scalar(self.indent)?;
        self.scalar(start, end, (text, style))
    }

    /// Reads a list whose first `-` is here. At the column of a mapping it is that mapping's value.
    fn sequence(
        &mut self,
        start: Mark,
        properties: Properties<'t>,
        list_ok: bool,
    ) -> Result<Node, Error> {
        let shares_column = self.indent == start.column.cast_signed();
        if shares_column && !list_ok {
            return Err(self.scan.error_here(Syntax::ValueExpected));
        }
        self.enter(start)?;
        self.count(1, start)?;
        let around = std::mem::replace(&mut self.indent, start.column.cast_signed());
        let begins = if shares_column {
            CommentKind::BareStart
        } else {
            CommentKind::SequenceStart
        };
        self.trace.note(begins, start.at, start.column);
        let mut items = Vec::new();
        loop {
            let item = self.item()?;
            items.extend(item);
            self.scan.skip_to_token();
            if self.at_list_of_mapping() {
                continue;
            }
            if shares_column || self.is_dedented() {
                break;
            }
            return Err(self.scan.error_here(Syntax::EntryExpected));
        }
        self.trace.note(
            if shares_column {
                CommentKind::BareEnd
            } else {
                CommentKind::BlockEnd
            },
            0,
            0,
        );
        self.indent = around;
        self.depth -= 1;
        let mut node = Node::sequence(items);
        node.place = self.place(start, self.last_end);
        self.with_properties(node, properties)
    }

    /// Reads an item of a block list, which starts with a hyphen; returns it if it is to be kept.
    fn item(&mut self) -> Result<Option<Node>, Error> {
        self.trace
            .note(CommentKind::Entry, self.scan.at, self.scan.at + 1);
        self.scan.at += 1;
        self.scan.starts_allowed = true;
        let behind = self.scan.mark();
        self.scan.skip_to_token();

        let nodes = self.nodes;
        let item = if self.is_over() {
            self.empty(behind)?
        } else {
            self.block_node(false)?
        };
        self.hand_out(item, nodes)
    }

    /// Reads a mapping whose first key starts at `start`.
    fn mapping(
        &mut self,
        start: Mark,
        properties: Properties<'t>,
        first: FirstKey,
    ) -> Result<Node, Error> {
        self.enter(start)?;
        self.count(1, start)?;
        let around = std::mem::replace(&mut self.indent, start.column.cast_signed());
        let mut entries = Entries::default();
        let mut next = first;
        loop {
            let (key, value) = match next {
                FirstKey::Read(key) => {
                    let is_entered = self.enter_key(&key);
                    let value = self.block_value(false)?;
                    self.leave_key(is_entered);
                    (key, value)
                }
                FirstKey::Explicit => self.explicit_entry()?,
            };
            self.put(&mut entries, key, value)?;
            self.scan.skip_to_token();
            if self.is_dedented() {
                break;
            }
            next = self.next_key()?;
        }
        self.trace.note(CommentKind::BlockEnd, 0, 0);
        self.indent = around;
        self.depth -= 1;
        let mut node = entries.into_node();
        node.place = self.place(start, self.last_end);
        self.with_properties(node, properties)
    }

    fn next_key(&mut self) -> Result<FirstKey, Error> {
        let is_deeper = self.scan.column().cast_signed() > self.indent;
        if is_deeper || self.scan.at_indicator(b'-') || self.scan.at_indicator(b':') {
            return Err(self.scan.error_here(Syntax::KeyExpected));
        }
        if self.scan.at_indicator(b'?') {
            return Ok(FirstKey::Explicit);
        }
        let mark = self.scan.mark();
        match self.lead(false)? {
            Lead::Key(key) => Ok(FirstKey::Read(key)),
            _ => Err(self.scan.error(mark, Syntax::ColonExpected)),
        }
    }

    /// Reads `? key` and `: value`, of which either may be missing.
    fn explicit_entry(&mut self) -> Result<(Node, Node), Error> {
        self.trace
            .note(CommentKind::Key, self.scan.at, self.scan.at + 1);
        self.scan.at += 1;
        let behind = self.scan.mark();
        let key = self.block_value(true)?;
        let behind = Mark {
            at: behind.at.max(self.last_end),
            ..behind
        };
        self.scan.skip_to_token();
        let has_value = !self.is_dedented()
            && self.scan.column().cast_signed() == self.indent
            && self.scan.at_indicator(b':');
        if !has_value {
            return Ok((key, self.empty(behind)?));
        }
        self.trace
            .note(CommentKind::Value, self.scan.at, self.scan.at + 1);
        self.scan.at += 1;
        Ok((key, self.block_value(true)?))
    }

    /// Reads what follows a `?` or `:` that was just passed.
    fn block_value(&mut self, starts_allowed: bool) -> Result<Node, Error> {
        self.scan.starts_allowed = starts_allowed;
        let behind = self.scan.mark();
        self.scan.skip_to_line_comment();
        self.scan.skip_to_token();
        if self.is_over() && !self.at_list_of_mapping() {
            return self.empty(behind);
        }
        self.block_node(true)
    }

    /// Returns whether the innermost block collection ends here.
    fn is_dedented(&self) -> bool {
        self.scan.column().cast_signed() < self.indent || self.scan.at_boundary()
    }

    /// Returns whether no value of the innermost block collection starts here. A block text may be
    /// at the collection's own column, because it cannot be mistaken for a key.
    fn is_over(&self) -> bool {
        let column = self.scan.column().cast_signed();
        let is_block_text = column == self.indent && matches!(self.scan.here(), b'|' | b'>');
        column <= self.indent && !is_block_text || self.scan.at_boundary()
    }

    fn at_list_of_mapping(&self) -> bool {
        self.scan.column().cast_signed() == self.indent
            && self.scan.at_indicator(b'-')
            && !self.scan.at_document_mark()
    }
}
