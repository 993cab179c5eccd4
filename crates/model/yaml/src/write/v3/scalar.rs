//! Scalars of v3's form: the style of each text, and writing it.

use std::fmt::Write as _;

use super::writer::{Context, Options, Writer};
use crate::Dialect;
use crate::analyze::{analyze_v3, is_break, is_printable};
use crate::compose::resolve::{self, Meaning, reads_back_as_text};
use crate::escape::escape;
use crate::node::{Content, Node, Style, Tag};

/// Returns the tag to be written: a custom one, or one that does not follow from the text.
pub(super) fn shown_tag(node: &Node) -> Option<String> {
    if let Some(tag) = node.extra.as_ref().and_then(|extra| extra.tag.as_deref()) {
        let core = tag
            .strip_prefix("tag:yaml.org,2002:")
            .or_else(|| tag.strip_prefix("!!"));
        return Some(match (core, tag.strip_prefix('!')) {
            (Some(core), _) => format!("!!{}", tag_text(core)),
            (_, Some(own)) => format!("!{}", tag_text(own)),
            _ => format!("!<{}>", tag_text(tag)),
        });
    }

    if node.is_implied_plain() && node.text() == Some("<<") {
        return Some("!!merge".to_owned());
    }

    let follows = match node.tag {
        Tag::Implied | Tag::Other => true,
        Tag::Str => node.text().is_some(),
        tag => tag == tag_by_text(node),
    };
    if follows {
        None
    } else {
        core_name(node.tag).map(|name| format!("!!{name}"))
    }
}

/// Returns a tag's text with forbidden characters as `%` codes.
fn tag_text(tag: &str) -> String {
    let mut text = String::with_capacity(tag.len());
    for byte in tag.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_;/?:@&=+$,.~*'()[]".contains(&byte) {
            text.push(char::from(byte));
        } else {
            let _infallible = write!(text, "%{byte:02X}");
        }
    }
    text
}

impl Writer<'_> {
    pub(super) fn scalar(&mut self, node: &Node, text: &str, context: Context) {
        if let Some(tag) = shown_tag(node) {
            self.tag(&tag);
        }
        let style = self.style(node, text, context == Context::SimpleKey);
        let saved = self.deepen(true, context == Context::BlockItem, false);
        match style {
            Style::Plain | Style::Flow => self.plain(text),
            Style::SingleQuoted => self.single_quoted(text),
            Style::DoubleQuoted => self.double_quoted(text),
            Style::Literal => self.literal(text),
            Style::Folded => self.folded(text),
        }
        self.indent = saved;
    }

    fn style(&self, node: &Node, text: &str, is_key: bool) -> Style {
        let wanted = match node.style {
            Style::Plain | Style::Flow if text.contains('\n') => Style::Literal,
            Style::Plain | Style::Flow if must_be_quoted(node, text, self.options) => {
                Style::DoubleQuoted
            }
            Style::Flow => Style::Plain,
            style => style,
        };
        let traits = analyze_v3(text);
        let in_flow = self.flow_depth > 0;
        let may_be_plain = if in_flow {
            traits.may_be_plain_in_flow()
        } else {
            traits.may_be_plain()
        };

        match wanted {
            _ if is_key && traits.is_multiline() => Style::DoubleQuoted,
            Style::Plain if may_be_plain && !(text.is_empty() && is_key) => Style::Plain,
            Style::Plain | Style::SingleQuoted if traits.may_be_single_quoted() => {
                Style::SingleQuoted
            }
            Style::Literal | Style::Folded if traits.may_be_block_v3() && !in_flow && !is_key => {
                wanted
            }
            _ => Style::DoubleQuoted,
        }
    }

    pub(super) fn tag(&mut self, tag: &str) {
        self.spaced_indicator(tag);
    }

    fn plain(&mut self, text: &str) {
        if !text.is_empty() {
            self.space();
            self.out.push_str(text);
            self.column += text.len();
            self.whitespace = false;
        }
        self.indention = false;
    }

    fn single_quoted(&mut self, text: &str) {
        self.spaced_indicator("'");
        let mut breaks = false;
        for c in text.chars() {
            if is_break(c) {
                if !breaks && c == '\n' {
                    self.line_break();
                }
                self.end_line(c);
                breaks = true;
                continue;
            }
            if breaks {
                self.new_line();
            }
            if c == '\'' {
                self.put('\'');
            }
            self.put(c);
            self.indention = false;
            breaks = false;
        }

        self.indicator("'");
    }

    fn double_quoted(&mut self, text: &str) {
        self.spaced_indicator("\"");
        // Only the first character is checked for a byte order mark, and then everything is
        // escaped.
        let all = text.starts_with('\u{feff}');
        for c in text.chars() {
            if all || !is_printable(c) || is_break(c) || c == '"' || c == '\\' {
                escape(&mut self.out, c);
            } else {
                self.out.push(c);
            }
            self.column += 1;
        }
        self.indicator("\"");
    }

    fn literal(&mut self, text: &str) {
        self.block_head("|", text);
        for line in text.split_inclusive(is_break) {
            let body = line.trim_end_matches(is_break);
            self.block_line(body);
            if let Some(end) = line[body.len()..].chars().next() {
                self.end_line(end);
            }
        }
    }

    fn folded(&mut self, text: &str) {
        self.block_head(">", text);
        // v3 checks the first line of the text where it means the next one.
        let first_is_indented = text
            .trim_start_matches(is_break)
            .starts_with([' ', '\t', '\0']);
        let mut indented = true;
        for line in text.split_inclusive(is_break) {
            let body = line.trim_end_matches(is_break);
            self.block_line(body);
            if !body.is_empty() {
                indented = body.starts_with([' ', '\t']);
            }
            if let Some(end) = line[body.len()..].chars().next() {
                if !body.is_empty() && !indented && end == '\n' && !first_is_indented {
                    self.line_break();
                }
                self.end_line(end);
            }
        }
    }

    fn block_head(&mut self, sign: &str, text: &str) {
        self.spaced_indicator(sign);
        if text.starts_with(|c| c == ' ' || is_break(c)) {
            let indent = self.options.indent.to_string();
            self.indicator(&indent);
        }
        let mut last = text.chars().rev();
        match (last.next().is_some_and(is_break), last.next()) {
            (false, _) => self.indicator("-"),
            (true, None) => self.indicator("+"),
            (true, Some(before)) if is_break(before) => self.indicator("+"),
            (true, Some(_)) => {}
        }
        if self.pending.line.is_empty() {
            self.line_break();
        }
        self.write_line_comment();
        self.whitespace = true;
    }

    fn block_line(&mut self, body: &str) {
        if !body.is_empty() {
            self.new_line();
            self.out.push_str(body);
            self.column += body.len();
            self.indention = false;
        }
    }
}

fn core_name(tag: Tag) -> Option<&'static str> {
    match tag {
        Tag::Implied | Tag::Other => None,
        Tag::Null => Some("null"),
        Tag::Bool => Some("bool"),
        Tag::Int => Some("int"),
        Tag::Float => Some("float"),
        Tag::Str => Some("str"),
        Tag::Binary => Some("binary"),
        Tag::Timestamp => Some("timestamp"),
        Tag::Seq => Some("seq"),
        Tag::Map => Some("map"),
    }
}

/// Returns the type that follows from a node's text alone, ignoring style and tag.
fn tag_by_text(node: &Node) -> Tag {
    match &node.content {
        Content::Scalar(text) => Node::plain(text.clone()).resolved_tag(Dialect::V3),
        Content::Sequence(_) => Tag::Seq,
        Content::Mapping(_) => Tag::Map,
    }
}

/// Returns whether a text would be read as something else without quotes. A written tag makes
/// quotes unnecessary.
fn must_be_quoted(node: &Node, text: &str, options: Options) -> bool {
    if node.extra.as_ref().is_some_and(|extra| extra.tag.is_some()) {
        return false;
    }
    let reads_otherwise = || text == "<<" || resolve::plain(text, Dialect::V3) != Meaning::Text;
    node.tag == Tag::Str
        && (reads_otherwise() || (options.quotes_old_words && !reads_back_as_text(text)))
}
