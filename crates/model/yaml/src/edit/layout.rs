//! The range of a node with everything that belongs to it, and what to replace for a change.
//!
//! Input: a text and the tree read from it. Output: one [`TextChange`]. A wrongly guessed position
//! makes an edit fail but never corrupts a text, because the caller reads the result again.

use std::ops::Range;

use super::change::{New, Spot, TextChange};
use super::line::{Same, TextLines};
use super::shown;
use crate::Dialect;
use crate::node::{Content, Entry, Node, Style, Tag};
use crate::write::v3::Options;

pub(super) struct Layout<'t> {
    lines: TextLines<'t>,
    options: Options,
}

impl<'t> Layout<'t> {
    pub(super) fn new(text: &'t str, root: &Node) -> Self {
        let mut layout = Self {
            lines: TextLines {
                text,
                spans: Vec::new(),
            },
            options: Options::default(),
        };
        let mut spans = Vec::new();
        layout.gather(root, &mut spans);
        spans.sort_by_key(|span| (span.start, std::cmp::Reverse(span.end)));
        let mut end = 0;
        spans.retain(|span| {
            let is_apart = span.start >= end;
            end = end.max(span.end);
            is_apart
        });
        layout.lines.spans = spans;
        layout.options.wide_lists = layout.has_wide_lists(root).unwrap_or(false);
        layout
    }

    /// Returns the replacement of a value, and the value it should read back as.
    pub(super) fn replaced(&self, spot: &Spot, new: New<'_>) -> Option<(TextChange, Node)> {
        let old = spot.node();
        let new = match new {
            New::Node(node) => shown::bare(node),
            New::Text(text) => typed_as(old, text),
        };
        let in_flow = self.is_in_flow(spot);
        if old.text().is_some() && new.text().is_some() {
            return self.scalar_replaced(old, new, in_flow);
        }
        if spot.parent().is_none() {
            let text = self.indented(&shown::lines(&new, self.options), 0, true);
            return Some((
                TextChange {
                    range: self.value_start(old)..self.value_end(old),
                    text,
                },
                new,
            ));
        }
        let (range, column) = self.value_span(spot)?;
        if in_flow {
            return Some((
                TextChange {
                    text: format!(" {}", shown::inline(&new)),
                    range,
                },
                new,
            ));
        }
        let lines = shown::lines(&new, self.options);
        let is_block = new.text().is_none() && new.style != Style::Flow && !new.is_nothing();
        let in_item = spot.parent()?.1.node().items().is_some();
        let at_key = !in_item && new.items().is_some() && !self.options.wide_lists;
        let indent = column
            + if at_key || (new.text().is_some()) {
                0
            } else {
                2
            };
        let below = is_block && !in_item;
        let lead = if below { self.line_break() } else { " " };
        let text = lead.to_owned() + &self.indented(&lines, indent, below);
        Some((TextChange { range, text }, new))
    }

    /// Returns the insertion of a key or item at the end of a collection.
    pub(super) fn inserted(
        &self,
        spot: &Spot,
        key: Option<&str>,
        value: &Node,
    ) -> Option<TextChange> {
        let (node, text) = (spot.node(), self.lines.text);
        if self.is_flow(node) {
            return self.inserted_in_flow(node, key, value);
        }
        let start = self.value_start(node);
        let column = self.lines.column(start);
        let (same, head, lead) = if let Some(key) = key {
            (Same::Any, format!("{}:", shown::key(key, false)), " ")
        } else {
            let after_dash = text.get(start + 1..)?;
            let spaces = after_dash.len() - after_dash.trim_start_matches(' ').len();
            (
                Same::Dash,
                "-".to_owned(),
                after_dash
                    .get(..spaces.max(1))
                    .filter(|lead| !lead.contains('\n'))
                    .unwrap_or(" "),
            )
        };
        let at = self.lines.block_end(start, column, same);
        let lines = shown::lines(value, self.options);
        let is_block = value.text().is_none() && value.style != Style::Flow && !value.is_nothing();
        let below = key.is_some() && is_block;
        let deeper = match (key, value.items()) {
            (None, _) => 1 + lead.len(),
            (Some(_), Some(_)) if !self.options.wide_lists => 0,
            (Some(_), _) if value.text().is_some() => 0,
            _ => 2,
        };
        let body = self.indented(&lines, column + deeper, below);
        let between = if below { self.line_break() } else { lead };
        let before = if text[..at].ends_with('\n') {
            ""
        } else {
            self.line_break()
        };
        let after = if before.is_empty() {
            self.line_break()
        } else {
            ""
        };
        let indent = " ".repeat(column);
        Some(TextChange {
            range: at..at,
            text: format!("{before}{indent}{head}{between}{body}{after}"),
        })
    }

    /// Returns the removal of an entry or item.
    pub(super) fn removed(&self, spot: &Spot) -> Option<TextChange> {
        let (index, parent) = spot.parent()?;
        let node = parent.node();
        let count = node
            .items()
            .map(<[Node]>::len)
            .or(node.entries().map(<[Entry]>::len))?;
        if self.is_flow(node) {
            return self.removed_from_flow(node, index);
        }
        if count == 1 {
            return self.emptied(&parent);
        }
        let (start, same) = match &node.content {
            Content::Mapping(entries) => (start(&entries.get(index)?.key), Same::Dash),
            _ => (self.dash(node, index)?, Same::None),
        };
        let (column, line_start) = (self.lines.column(start), self.lines.start(start));
        let end = self.lines.block_end(start, column, same);
        let leads_its_line = self.lines.text[line_start..start].trim().is_empty();
        let range = if leads_its_line {
            self.lines.comments_above(line_start, column)..end
        } else {
            start..self.lines.content(end)
        };
        Some(TextChange {
            range,
            text: String::new(),
        })
    }

    fn scalar_replaced(&self, old: &Node, new: Node, in_flow: bool) -> Option<(TextChange, Node)> {
        let range = self.value_start(old)..self.value_end(old);
        let text = new.text()?;
        let is_block = matches!(old.style, Style::Literal | Style::Folded);
        if is_block && let Some((head, lines)) = shown::literal(text) {
            return Some((self.block_replaced(range, head, &lines), new));
        }
        let wanted = match (old.style, new.style) {
            (Style::Plain, style) => style,
            (Style::Literal | Style::Folded, _) => Style::DoubleQuoted,
            (_, _) if new.resolved_tag(Dialect::V3) != Tag::Str => Style::Plain,
            (style, _) => style,
        };
        let wanted = if matches!(wanted, Style::Literal | Style::Folded) {
            Style::DoubleQuoted
        } else {
            wanted
        };
        let (mut shown, mut meant) = shown::scalar(&new, wanted, in_flow);
        if old.tag != Tag::Implied {
            // A written tag stays before the value.
            meant.tag = old.tag;
        }
        let text = self.lines.text;
        if range.is_empty() {
            let before =
                text[..range.start].ends_with(|c: char| !c.is_whitespace() && !"[{".contains(c));
            let after =
                text[range.end..].starts_with(|c: char| !c.is_whitespace() && !",]}".contains(c));
            shown = format!(
                "{}{shown}{}",
                if before { " " } else { "" },
                if after { " " } else { "" }
            );
        }
        Some((TextChange { range, text: shown }, meant))
    }

    /// Replaces a block, keeping its comment and indentation.
    fn block_replaced(&self, range: Range<usize>, head: &str, lines: &[&str]) -> TextChange {
        let old = &self.lines.text[range.clone()];
        let (old_head, body) = old.split_once('\n').unwrap_or((old, ""));
        let comment = old_head.trim_end().trim_start_matches([
            '|', '>', '+', '-', '1', '2', '3', '4', '5', '6', '7', '8', '9',
        ]);
        let first = body.lines().find(|line| !line.trim().is_empty());
        let indent = match first {
            Some(line) => line.len() - line.trim_start_matches(' ').len(),
            None => self.line_indent(range.start) + 2,
        };
        let lines: Vec<String> = lines.iter().map(|&line| line.to_owned()).collect();
        let body = self.indented(&lines, indent, true);
        let at_end = range.end == self.lines.text.len() && !head.ends_with('-');
        let end = if at_end { self.line_break() } else { "" };
        TextChange {
            text: format!("{head}{comment}{}{body}{end}", self.line_break()),
            range,
        }
    }

    fn inserted_in_flow(&self, node: &Node, key: Option<&str>, value: &Node) -> Option<TextChange> {
        let text = self.lines.text;
        let close = self.value_end(node).checked_sub(1)?;
        let last = self.children(node).map(|(_, range)| range.end).max();
        let value = shown::inline(value);
        let part = key.map_or(value.clone(), |key| {
            format!("{}: {value}", shown::key(key, true))
        });
        let Some(last) = last else {
            let open = self.value_start(node) + 1;
            return Some(TextChange {
                range: open..close,
                text: part,
            });
        };
        let rest = text.get(last..close)?;
        let comma = rest.len() - rest.trim_start().len();
        if rest[comma..].starts_with(',') {
            let at = last + comma + 1;
            return Some(TextChange {
                range: at..at,
                text: format!(" {part},"),
            });
        }
        Some(TextChange {
            range: last..last,
            text: format!(", {part}"),
        })
    }

    fn removed_from_flow(&self, node: &Node, index: usize) -> Option<TextChange> {
        let (_, own) = self.children(node).find(|(at, _)| *at == index)?;
        let next = self
            .children(node)
            .map(|(_, range)| range.start)
            .filter(|start| *start >= own.end)
            .min();
        let before = self
            .children(node)
            .map(|(_, range)| range.end)
            .filter(|end| *end <= own.start)
            .max();
        let range = match (next, before) {
            (Some(next), _) => own.start..next,
            (None, Some(before)) => before..own.end,
            (None, None) => own,
        };
        Some(TextChange {
            range,
            text: String::new(),
        })
    }

    /// Removes the last entry of a block, which leaves `{}` or `[]`.
    fn emptied(&self, spot: &Spot) -> Option<TextChange> {
        let empty = if spot.node().items().is_some() {
            "[]"
        } else {
            "{}"
        };
        if spot.parent().is_some() {
            let (range, _) = self.value_span(spot)?;
            return Some(TextChange {
                range,
                text: format!(" {empty}"),
            });
        }
        let start = self.value_start(spot.node());
        let end = self
            .lines
            .block_end(start, self.lines.column(start), Same::Any);
        Some(TextChange {
            range: start..end,
            text: format!("{empty}{}", self.line_break()),
        })
    }

    /// Returns the range from after a key's `:` or an item's `-` to the value's end, and the column
    /// of the key or `-`.
    fn value_span(&self, spot: &Spot) -> Option<(Range<usize>, usize)> {
        let (index, parent) = spot.parent()?;
        let (node, container) = (spot.node(), parent.node());
        let is_inline = node.text().is_some() || self.is_flow(node);
        let (start, after, same) = match &container.content {
            Content::Mapping(entries) => {
                let entry = entries.get(index)?;
                (start(&entry.key), self.colon(entry)? + 1, Same::Dash)
            }
            _ if self.is_flow(container) => {
                (self.value_start(node), self.value_start(node), Same::None)
            }
            _ => {
                let dash = self.dash(container, index)?;
                (dash, dash + 1, Same::None)
            }
        };
        let column = self.lines.column(start);
        let end = if is_inline {
            self.value_end(node).max(after)
        } else {
            let end = self.lines.block_end(start, column, same);
            self.lines.text[..end].trim_end().len()
        };
        Some((after..end, column))
    }

    /// Returns the entries or items that are written inside a collection, not those from an alias
    /// or a merge.
    fn children<'n>(&'n self, node: &'n Node) -> impl Iterator<Item = (usize, Range<usize>)> + 'n {
        let from = self.value_start(node);
        let items = node
            .items()
            .unwrap_or_default()
            .iter()
            .map(|item| (start(item), self.value_end(item)));
        let entries = node.entries().unwrap_or_default().iter().map(|entry| {
            let key_end = self
                .colon(entry)
                .map_or(self.value_end(&entry.key), |colon| colon + 1);
            (start(&entry.key), self.value_end(&entry.value).max(key_end))
        });
        let ranges = items
            .chain(entries)
            .map(|(start, end)| start..end)
            .enumerate();
        ranges.filter(move |(_, range)| range.start > from && range.start <= range.end)
    }

    fn colon(&self, entry: &Entry) -> Option<usize> {
        let end = self.value_end(&entry.key);
        let rest = self.lines.text.get(end..)?;
        let gap = rest.len() - rest.trim_start_matches([' ', '\t']).len();
        rest[gap..].starts_with(':').then_some(end + gap)
    }

    /// Returns the position of an item's `-`.
    fn dash(&self, sequence: &Node, index: usize) -> Option<usize> {
        let first = self.value_start(sequence);
        let column = self.lines.column(first);
        let dash = (0..index).fold(first, |dash, _| {
            self.lines
                .content(self.lines.block_end(dash, column, Same::None))
        });
        (self.lines.text.get(dash..)?.starts_with('-') && self.lines.column(dash) == column)
            .then_some(dash)
    }

    /// Returns whether a value is inside a flow collection.
    pub(super) fn is_in_flow(&self, spot: &Spot) -> bool {
        spot.chain[..spot.chain.len() - 1]
            .iter()
            .any(|node| self.is_flow(node))
    }

    fn is_flow(&self, node: &Node) -> bool {
        node.text().is_none() && self.lines.text[self.value_start(node)..].starts_with(['[', '{'])
    }

    /// Returns where a value starts, after its anchor and tag.
    fn value_start(&self, node: &Node) -> usize {
        let (text, mut at) = (self.lines.text, start(node).min(self.lines.text.len()));
        if node.text().is_some() && node.place.end <= node.place.start {
            return at;
        }
        while text[at..].starts_with(['&', '!']) {
            let word = text[at..]
                .find(|c: char| c.is_whitespace() || ",]}".contains(c))
                .unwrap_or(text.len() - at);
            at = self.lines.content(at + word);
        }
        if node.text().is_some() {
            at.min(node.place.end as usize)
        } else {
            at
        }
    }

    /// Returns where a scalar or flow collection ends; a block scalar ends before its last line break.
    fn value_end(&self, node: &Node) -> usize {
        let (text, start) = (self.lines.text, self.value_start(node));
        let end = (node.place.end as usize).clamp(start, text.len());
        match &node.content {
            Content::Scalar(_) if matches!(node.style, Style::Literal | Style::Folded) => {
                let keeps = text[start..self.lines.next(start)]
                    .split('#')
                    .next()
                    .is_some_and(|head| head.contains('+'));
                let body = &text[start..end];
                let last = if keeps {
                    body.floor_char_boundary(body.len().saturating_sub(1))
                } else {
                    body.trim_end().len()
                };
                start
                    + body[last..]
                        .find(['\r', '\n'])
                        .map_or(body.len(), |line_end| last + line_end)
            }
            Content::Scalar(_) if node.style == Style::Plain => {
                start + text[start..end].trim_end().len()
            }
            Content::Scalar(_) => end,
            _ if !self.is_flow(node) => end,
            _ => {
                let last = self
                    .children(node)
                    .map(|(_, range)| range.end)
                    .max()
                    .unwrap_or(start + 1);
                let mut at = last.max(start + 1);
                while let Some(c) = text[at..].chars().next() {
                    match c {
                        ']' | '}' => return at + 1,
                        '#' => at = self.lines.next(at),
                        _ => at += c.len_utf8(),
                    }
                }
                at
            }
        }
    }

    fn gather(&self, node: &Node, spans: &mut Vec<Range<usize>>) {
        let span = self.value_start(node)..self.value_end(node);
        let is_own = node.text().is_some() || self.is_flow(node);
        if is_own && self.lines.text[span.clone()].contains('\n') {
            spans.push(span);
        }
        match &node.content {
            Content::Scalar(_) => {}
            Content::Sequence(items) => items.iter().for_each(|item| self.gather(item, spans)),
            Content::Mapping(entries) => entries.iter().for_each(|entry| {
                self.gather(&entry.key, spans);
                self.gather(&entry.value, spans);
            }),
        }
    }

    /// Returns whether the first list under a key is indented; nothing if there is none.
    fn has_wide_lists(&self, node: &Node) -> Option<bool> {
        match &node.content {
            Content::Scalar(_) => None,
            Content::Sequence(items) => items.iter().find_map(|item| self.has_wide_lists(item)),
            Content::Mapping(entries) => entries.iter().find_map(|Entry { key, value }| {
                if value.items().is_some() && !self.is_flow(value) {
                    return Some(
                        self.lines.column(self.value_start(value)) > self.lines.column(start(key)),
                    );
                }
                self.has_wide_lists(value)
            }),
        }
    }

    fn indented(&self, lines: &[String], indent: usize, first: bool) -> String {
        let mut out = String::new();
        for (number, line) in lines.iter().enumerate() {
            if number > 0 {
                out.push_str(self.line_break());
            }
            if !line.is_empty() && (first || number > 0) {
                out.push_str(&" ".repeat(indent));
            }
            out.push_str(line);
        }
        out
    }

    fn line_indent(&self, at: usize) -> usize {
        let line = &self.lines.text[self.lines.start(at)..at];
        line.len() - line.trim_start_matches([' ', '-']).len()
    }

    fn line_break(&self) -> &'static str {
        self.lines.line_break()
    }
}

fn start(node: &Node) -> usize {
    node.place.start as usize
}

/// Returns a text as a scalar of the same kind as the old one.
fn typed_as(old: &Node, text: &str) -> Node {
    let was_text = old.text().is_some() && old.resolved_tag(Dialect::V3) == Tag::Str;
    if was_text {
        Node {
            style: old.style,
            ..Node::string(text)
        }
    } else {
        Node::plain(text)
    }
}
