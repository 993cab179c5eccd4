//! How a new value is written into a text: inline, as a block, or in the quotes of the value it
//! replaces.

use crate::Dialect;
use crate::analyze::{analyze_v3, is_break, is_printable};
use crate::compose::resolve::{self, Meaning, reads_back_as_text};
use crate::escape::escape;
use crate::node::{Content, Node, Style, Tag};
use crate::write::v3::{Options, write_v3};

/// Returns a scalar on one line, in the requested style if the text allows it, with its resulting
/// meaning.
pub(super) fn scalar(node: &Node, wanted: Style, in_flow: bool) -> (String, Node) {
    let text = node.text().unwrap_or_default();
    let tag = node.resolved_tag(Dialect::V3);
    if tag == Tag::Null && text.is_empty() {
        return ("null".to_owned(), Node::null());
    }

    let is_text = tag == Tag::Str;
    let traits = analyze_v3(text);
    let may_be_plain = if in_flow {
        traits.may_be_plain_in_flow()
    } else {
        traits.may_be_plain()
    };
    let means_text = !text.is_empty()
        && text != "<<"
        && reads_back_as_text(text)
        && resolve::plain(text, Dialect::V3) == Meaning::Text;
    let plain_fits = may_be_plain && !text.is_empty() && (!is_text || means_text);
    let string = Node::string(text);
    match wanted {
        Style::Plain if plain_fits => (
            text.to_owned(),
            Node {
                style: Style::Plain,
                extra: None,
                ..node.clone()
            },
        ),
        Style::Plain | Style::SingleQuoted
            if traits.may_be_single_quoted() && !traits.is_multiline() =>
        {
            (format!("'{}'", text.replace('\'', "''")), string)
        }
        _ => (double_quoted(text), string),
    }
}

/// Returns a node on one line.
pub(super) fn inline(node: &Node) -> String {
    match &node.content {
        Content::Scalar(_) => scalar(node, flat(node.style), true).0,
        _ => write_v3(
            &Node {
                style: Style::Flow,
                ..bare(node)
            },
            Options::default(),
        )
        .trim_end()
        .to_owned(),
    }
}

/// Returns a mapping's key.
pub(super) fn key(text: &str, in_flow: bool) -> String {
    scalar(&Node::string(text), Style::Plain, in_flow).0
}

/// Returns a node as lines without indentation.
pub(super) fn lines(node: &Node, options: Options) -> Vec<String> {
    let text = match &node.content {
        Content::Scalar(text) if !text.contains('\n') => scalar(node, flat(node.style), false).0,
        _ => write_v3(&bare(node), options),
    };
    text.strip_suffix('\n')
        .unwrap_or(&text)
        .split('\n')
        .map(str::to_owned)
        .collect()
}

/// Returns the header and lines of a literal block, if the text can be one without an indentation
/// indicator.
pub(super) fn literal(text: &str) -> Option<(&'static str, Vec<&str>)> {
    let fits = analyze_v3(text).may_be_block_v3()
        && !text.starts_with(|c: char| c == ' ' || is_break(c))
        && !text.ends_with("\n\n")
        && !text.contains(|c: char| is_break(c) && c != '\n');
    let body = text.strip_suffix('\n');
    fits.then(|| {
        (
            if body.is_some() { "|" } else { "|-" },
            body.unwrap_or(text).split('\n').collect(),
        )
    })
}

/// Returns a node without comments and positions.
pub(super) fn bare(node: &Node) -> Node {
    let mut node = node.clone();
    strip(&mut node);
    node
}

fn strip(node: &mut Node) {
    let tag = node.extra.take().and_then(|extra| extra.tag);
    if tag.is_some() {
        node.extra = Some(Box::new(crate::Extra {
            tag,
            ..crate::Extra::default()
        }));
    }
    match &mut node.content {
        Content::Scalar(text)
            if text.is_empty() && node.tag == Tag::Implied && node.style == Style::Plain =>
        {
            *text = "null".into();
        }
        // Folding indented lines again would add empty ones.
        Content::Scalar(_) if node.style == Style::Folded => node.style = Style::Literal,
        Content::Scalar(_) => {}
        Content::Sequence(items) => items.iter_mut().for_each(strip),
        Content::Mapping(entries) => entries.iter_mut().for_each(|entry| {
            strip(&mut entry.key);
            strip(&mut entry.value);
        }),
    }
}

fn flat(style: Style) -> Style {
    match style {
        Style::Flow => Style::Plain,
        Style::Literal | Style::Folded => Style::DoubleQuoted,
        style => style,
    }
}

fn double_quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        if !is_printable(c) || is_break(c) || c == '"' || c == '\\' {
            escape(&mut out, c);
        } else {
            out.push(c);
        }
    }
    out.push('"');
    out
}
