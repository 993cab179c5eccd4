//! Writes nodes in go-yaml v3's form, which keeps what was read: order, styles, tags and comments.
//!
//! Input: a node with its comments in [`Extra`]. Output: the text of v3's encoder with unlimited
//! width, as kyaml uses it. Where a comment is written depends on the order in which v3 visits the
//! parts of a node: comments at the end of a collection may be written after the next thing. The
//! root's comments are those of its document: a head comment that ends in an empty line stays
//! separate from what follows.
//!
//! Left out: anchors and aliases, which nodes do not have.

mod scalar;
mod writer;

use lode_stdx::budget::{Budget, Exceeded};

use crate::analyze::analyze_v3;
use crate::node::{Content, Entry, Extra, Node, Style};

use scalar::shown_tag;
use writer::{Context, Pending, Writer};

pub use writer::Options;

/// Returns a node as YAML text that ends with a line break.
#[must_use]
pub fn write_v3(node: &Node, options: Options) -> String {
    let mut writer = Writer::new(options, None);
    writer.document(node);
    writer.out
}

/// As [`write_v3()`], charged to a budget.
///
/// # Errors
/// The text exceeds the budget.
pub fn write_v3_within(node: &Node, options: Options, budget: &Budget) -> Result<String, Exceeded> {
    let mut writer = Writer::new(options, Some(budget));
    writer.document(node);
    let Writer { out, till, .. } = writer;
    till.close(out.len()).map(|()| out)
}

/// Longest key written without a leading `?`, in bytes.
const SIMPLE_KEY_MAX: usize = 128;

impl<'n> Writer<'n> {
    fn document(&mut self, node: &'n Node) {
        self.meet(node, "");
        self.write_head();
        self.node(node, Context::Root);
        self.foot_indent = Some(0);
        self.write_foot();
        self.foot_indent = None;
        self.new_line();
    }

    /// Takes the comments that v3 knows when a node starts.
    fn meet(&mut self, node: &'n Node, tail: &'n str) {
        set(&mut self.pending.tail, tail);
        let Some(extra) = &node.extra else { return };
        set(&mut self.pending.head, &extra.head_comment);
        if node.text().is_some() {
            set(&mut self.pending.line, &extra.line_comment);
            set(&mut self.pending.foot, &extra.foot_comment);
        }
    }

    /// Takes the comments that v3 knows when a collection ends.
    fn meet_end(&mut self, extra: Option<&'n Extra>, tail: &'n str) {
        set(&mut self.pending.tail, tail);
        set(
            &mut self.pending.line,
            extra.map_or("", |extra| &extra.line_comment),
        );
        set(
            &mut self.pending.foot,
            extra.map_or("", |extra| &extra.foot_comment),
        );
    }

    fn node(&mut self, node: &'n Node, context: Context) {
        if !self.till.pay(self.out.len()) {
            return;
        }

        let is_key = matches!(context, Context::SimpleKey | Context::LongKey);
        if let Content::Scalar(text) = &node.content {
            self.scalar(node, text, context);
        } else if let Some(tag) = shown_tag(node) {
            self.tag(&tag);
        }

        if !is_key {
            if matches!(context, Context::FlowItem | Context::FlowValue)
                && self.has_trailing_comments()
            {
                self.indicator(",");
            }
            self.write_line_comment();
            self.write_foot();
        }

        let extra = node.extra.as_deref();
        match &node.content {
            Content::Scalar(_) => {}
            Content::Sequence(items) if self.in_flow(node, items.is_empty()) => {
                self.flow_sequence(items, extra, context);
            }
            Content::Sequence(items) => self.block_sequence(items, extra, context),
            Content::Mapping(entries) if self.in_flow(node, entries.is_empty()) => {
                self.flow_mapping(entries, extra, context);
            }
            Content::Mapping(entries) => self.block_mapping(entries, extra, context),
        }
    }

    fn in_flow(&self, node: &Node, is_empty: bool) -> bool {
        self.flow_depth > 0 || node.style == Style::Flow || is_empty
    }

    fn block_sequence(&mut self, items: &'n [Node], extra: Option<&'n Extra>, context: Context) {
        let under_key = !matches!(
            context,
            Context::Root | Context::BlockItem | Context::FlowItem
        ) && (self.column == 0 || !self.indention);
        let saved = self.deepen(
            false,
            context == Context::BlockItem,
            under_key && !self.options.wide_lists,
        );
        for item in items {
            self.meet(item, "");
            self.write_head();
            self.new_line();
            self.block_indicator("-");
            self.node(item, Context::BlockItem);
        }
        self.meet_end(extra, "");
        self.indent = saved;
    }

    fn block_mapping(&mut self, entries: &'n [Entry], extra: Option<&'n Extra>, context: Context) {
        let saved = self.deepen(false, context == Context::BlockItem, false);
        let mut tail = "";
        for Entry { key, value } in entries {
            self.meet_key(key, tail);
            tail = foot_of(key);
            self.write_head();
            self.new_line();
            if !self.pending.line.is_empty() {
                self.pending.key_line = std::mem::take(&mut self.pending.line);
            }
            self.block_key(key);
            self.meet(value, "");
            self.write_key_comment(value);
            self.node(value, Context::BlockValue);
        }
        self.meet_end(extra, tail);
        self.write_head();
        self.indent = saved;
    }

    fn block_key(&mut self, key: &'n Node) {
        if is_simple_key(key) {
            self.node(key, Context::SimpleKey);
            self.indicator(":");
        } else {
            self.block_indicator("?");
            self.node(key, Context::LongKey);
            self.new_line();
            self.block_indicator(":");
        }
    }

    /// Gives a key's own line comment to a scalar that has none, or writes it before the block that
    /// follows.
    fn write_key_comment(&mut self, value: &Node) {
        if self.pending.key_line.is_empty() {
            return;
        }
        if value.text().is_some() {
            if self.pending.line.is_empty() {
                self.pending.line = std::mem::take(&mut self.pending.key_line);
            }
        } else if value.style != Style::Flow {
            let own = std::mem::replace(&mut self.pending.line, self.pending.key_line);
            self.write_line_comment();
            self.pending.key_line = "";
            self.pending.line = own;
        }
    }

    fn flow_sequence(&mut self, items: &'n [Node], extra: Option<&'n Extra>, context: Context) {
        self.opening_indicator("[");
        let saved = self.deepen(true, context == Context::BlockItem, false);
        self.flow_depth += 1;
        let mut needs_comma = false;
        for item in items {
            self.meet(item, "");
            needs_comma = self.start_flow_part(needs_comma);
            self.node(item, Context::FlowItem);
        }
        self.meet_end(extra, "");
        self.flow_depth -= 1;
        self.indent = saved;
        if self.column == 0 {
            self.new_line();
        }
        self.end_flow("]");
    }

    fn flow_mapping(&mut self, entries: &'n [Entry], extra: Option<&'n Extra>, context: Context) {
        self.opening_indicator("{");
        let saved = self.deepen(true, context == Context::BlockItem, false);
        self.flow_depth += 1;
        let (mut needs_comma, mut tail) = (false, "");
        for Entry { key, value } in entries {
            self.meet_key(key, tail);
            tail = foot_of(key);
            self.start_flow_part(needs_comma);
            if is_simple_key(key) {
                self.node(key, Context::SimpleKey);
                self.indicator(":");
            } else {
                self.spaced_indicator("?");
                self.node(key, Context::LongKey);
                self.spaced_indicator(":");
            }
            self.meet(value, "");
            needs_comma = !self.has_trailing_comments();
            self.node(value, Context::FlowValue);
        }
        self.meet_end(extra, tail);
        let Pending {
            head, foot, tail, ..
        } = self.pending;
        // A document's own foot comment, separated by an empty line, comes later.
        let has_foot = !foot.is_empty() && !foot.starts_with('\n');
        if needs_comma && (has_foot || !head.is_empty() || !tail.is_empty()) {
            self.indicator(",");
        }
        self.write_head();
        self.flow_depth -= 1;
        self.indent = saved;
        self.end_flow("}");
    }

    /// Writes what precedes an item or key; returns whether a comma is still needed after it.
    fn start_flow_part(&mut self, needs_comma: bool) -> bool {
        if needs_comma {
            self.indicator(",");
        }
        self.write_head();
        if self.column == 0 {
            self.new_line();
        }
        !self.has_trailing_comments()
    }

    fn end_flow(&mut self, bracket: &str) {
        self.indicator(bracket);
        self.write_line_comment();
        self.write_foot();
    }

    /// As [`Writer::meet`]; but a key's foot comment follows its value.
    fn meet_key(&mut self, key: &'n Node, tail: &'n str) {
        let foot = self.pending.foot;
        self.meet(key, tail);
        self.pending.foot = foot;
    }

    fn has_trailing_comments(&self) -> bool {
        !(self.pending.line.is_empty()
            && self.pending.foot.is_empty()
            && self.pending.tail.is_empty())
    }
}

fn set<'n>(comment: &mut &'n str, text: &'n str) {
    if !text.is_empty() {
        *comment = text;
    }
}

fn foot_of(node: &Node) -> &str {
    node.extra.as_ref().map_or("", |extra| &extra.foot_comment)
}

fn is_simple_key(key: &Node) -> bool {
    let tag_len = shown_tag(key).map_or(0, |tag| tag.len());
    match &key.content {
        Content::Scalar(text) => {
            !analyze_v3(text).is_multiline() && tag_len + text.len() <= SIMPLE_KEY_MAX
        }
        Content::Sequence(items) => items.is_empty() && tag_len <= SIMPLE_KEY_MAX,
        Content::Mapping(entries) => entries.is_empty() && tag_len <= SIMPLE_KEY_MAX,
    }
}
