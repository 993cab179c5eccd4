//! go-yaml v3's form, compared with what v3.0.3 itself wrote: each line of `cases/v3.jsonl` has a
//! text, the tree and the comments that v3 read from it, and its encoder's output with two columns
//! and lists at their key's column (`compact`), two columns and indented lists (`wide`), and four
//! columns (`four`).

use lode_yaml::{Content, Entry, Extra, Node, Options, Style, Tag, write_v3};
use serde_json::Value;

pub(crate) const CASES: &str = include_str!("../cases/v3.jsonl");

#[test]
fn nodes_are_written_as_v3_writes_them() {
    let mut compared = 0;
    for line in CASES.lines() {
        let case: Value = serde_json::from_str(line).unwrap();
        for document in case["docs"].as_array().unwrap() {
            let Some(node) = document_node(&document["tree"]) else {
                continue;
            };
            for (name, options) in layouts() {
                assert_eq!(
                    write_v3(&node, options),
                    text(document, name),
                    "{name}: {}",
                    case["input"]
                );
                compared += 1;
            }
        }
    }
    assert!(compared > 300, "{compared}");
}

#[test]
fn what_code_made_gets_quotes_where_it_would_read_back_otherwise() {
    let old = Options {
        quotes_old_words: true,
        ..Options::default()
    };
    for (node, want, want_old) in [
        (Node::string("1"), "\"1\"\n", "\"1\"\n"),
        (Node::string("true"), "\"true\"\n", "\"true\"\n"),
        (Node::string("<<"), "\"<<\"\n", "\"<<\"\n"),
        (Node::string("yes"), "yes\n", "\"yes\"\n"),
        (Node::string("1:30"), "1:30\n", "\"1:30\"\n"),
        (Node::string("a: b"), "'a: b'\n", "'a: b'\n"),
        (Node::string("a\nb\n"), "|\n  a\n  b\n", "|\n  a\n  b\n"),
        (Node::string("a \nb"), "\"a \\nb\"\n", "\"a \\nb\"\n"),
        (Node::plain("1"), "1\n", "1\n"),
        (
            Node {
                tag: Tag::Float,
                ..Node::plain("1")
            },
            "!!float 1\n",
            "!!float 1\n",
        ),
        (
            Node {
                tag: Tag::Int,
                ..Node::plain("1")
            },
            "1\n",
            "1\n",
        ),
        (Node::null(), "null\n", "null\n"),
        (Node::mapping(), "{}\n", "{}\n"),
    ] {
        assert_eq!(write_v3(&node, Options::default()), want);
        assert_eq!(write_v3(&node, old), want_old);
    }
}

/// The layouts that were recorded.
pub(crate) fn layouts() -> [(&'static str, Options); 3] {
    [
        ("compact", Options::default()),
        (
            "wide",
            Options {
                wide_lists: true,
                ..Options::default()
            },
        ),
        (
            "four",
            Options {
                indent: 4,
                wide_lists: true,
                ..Options::default()
            },
        ),
    ]
}

/// Returns the document's root, with the document's comments added to the root's.
pub(crate) fn document_node(tree: &Value) -> Option<Node> {
    let mut root = node(&tree["c"][0])?;
    let (head, foot) = (text(tree, "h"), text(tree, "f"));
    let ends_its_line = root.text().is_some() || root.style == Style::Flow || root.is_nothing();
    let mut extra = root.extra.take().map(|extra| *extra).unwrap_or_default();
    if !head.is_empty() {
        extra.head_comment = format!("{head}\n\n{}", extra.head_comment).into();
    }
    if !foot.is_empty() {
        extra.foot_comment = match &*extra.foot_comment {
            _ if !ends_its_line => foot.into(),
            "" => format!("\n{foot}").into(),
            own => format!("{own}\n\n{foot}").into(),
        };
    }
    root.extra = (extra != Extra::default()).then(|| Box::new(extra));
    Some(root)
}

fn node(tree: &Value) -> Option<Node> {
    let parts = tree["c"].as_array().map(Vec::as_slice).unwrap_or_default();
    let mut built = match text(tree, "k") {
        "str" => Node::plain(text(tree, "v")),
        "seq" => Node::sequence(parts.iter().map(node).collect::<Option<_>>()?),
        "map" => {
            let entry = |pair: &[Value]| {
                Some(Entry {
                    key: node(&pair[0])?,
                    value: node(&pair[1])?,
                })
            };
            Node {
                content: Content::Mapping(parts.chunks(2).map(entry).collect::<Option<_>>()?),
                ..Node::mapping()
            }
        }
        _ => return None,
    };
    built.style = match text(tree, "s") {
        "d" => Style::DoubleQuoted,
        "q" => Style::SingleQuoted,
        "l" => Style::Literal,
        "f" => Style::Folded,
        "w" => Style::Flow,
        _ => Style::Plain,
    };
    let (tag, was_written) = (text(tree, "t"), tree["x"] == true);
    built.tag = match tag {
        _ if was_written => Tag::Other,
        "!!str" => Tag::Str,
        "!!int" => Tag::Int,
        "!!float" => Tag::Float,
        "!!bool" => Tag::Bool,
        "!!null" => Tag::Null,
        "!!timestamp" => Tag::Timestamp,
        "!!seq" => Tag::Seq,
        "!!map" => Tag::Map,
        _ => return None,
    };
    let extra = Extra {
        tag: was_written.then(|| tag.into()),
        head_comment: text(tree, "h").into(),
        line_comment: text(tree, "l").into(),
        foot_comment: text(tree, "f").into(),
    };
    built.extra = (extra != Extra::default()).then(|| Box::new(extra));
    Some(built)
}

pub(crate) fn text<'v>(value: &'v Value, name: &str) -> &'v str {
    value[name].as_str().unwrap_or_default()
}
