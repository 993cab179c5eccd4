//! The effect of writing a folded text (`>`) with go-yaml v3 and reading it back.
//!
//! Its writer adds an empty line after every plain line, because a single line break would be read
//! as a space; it does so even if the next line starts with a space and the break would have been
//! kept. Which texts are written in another form, and what is read back, is decided by the writer
//! and the reader themselves.

use lode_stdx::budget::{Exceeded, Meter};

use crate::cost::STEP_BYTES;
use crate::node::{Content, Node, Origins, Style};
use crate::nodes::Nodes;
use crate::write::v3::{Options, write_v3};
use crate::{Dialect, Text};

/// Gives every folded text in a node the value that it has after go-yaml v3 wrote and read it once
/// more, as kustomize does with what it prints. Each becomes a literal text, so doing it twice
/// changes nothing.
///
/// # Errors
/// The budget is exceeded.
pub fn rewrite_folds(node: &mut Node, meter: &Meter<'_>) -> Result<(), Exceeded> {
    meter.steps(1)?;
    match &mut node.content {
        Content::Scalar(text) if node.style == Style::Folded => {
            meter.steps(text.len() as u64 / STEP_BYTES)?;
            meter.bytes(COPIES * text.len() as u64)?;
            if let Some(again) = rewritten(text) {
                *text = again;
            }
            node.style = Style::Literal;
            Ok(())
        }
        Content::Scalar(_) => Ok(()),
        Content::Sequence(items) => items
            .iter_mut()
            .try_for_each(|item| rewrite_folds(item, meter)),
        Content::Mapping(entries) => entries
            .iter_mut()
            .try_for_each(|entry| rewrite_folds(&mut entry.value, meter)),
    }
}

/// Number of copies of a text, with its new line breaks, while it is written and read.
const COPIES: u64 = 4;

/// Turns every folded text in a node into a literal one of the same value.
pub fn unfold(node: &mut Node) {
    match &mut node.content {
        Content::Scalar(_) if node.style == Style::Folded => node.style = Style::Literal,
        Content::Scalar(_) => {}
        Content::Sequence(items) => items.iter_mut().for_each(unfold),
        Content::Mapping(entries) => entries
            .iter_mut()
            .for_each(|entry| unfold(&mut entry.value)),
    }
}

/// Returns the text after it was written and read once more; nothing if it cannot be read back.
fn rewritten(text: &str) -> Option<Text> {
    let mut written = Node::mapping();
    written.insert(
        "k",
        Node {
            style: Style::Folded,
            ..Node::string(text)
        },
    );
    let written = write_v3(&written, Options::default());
    let mut read = Nodes::new(written.as_bytes(), Dialect::V3, Origins::default())
        .next()?
        .ok()?;
    match read.remove("k")?.content {
        Content::Scalar(text) => Some(text),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use lode_stdx::budget::Budget;

    use super::*;

    #[test]
    fn indented_lines_gain_an_empty_line_before_them() {
        for (text, want) in [
            ("a\n  b\nc", "a\n\n  b\nc"),
            ("a\nb\n\nc\n", "a\nb\n\nc\n"),
            ("a\n  b\n  c\nd\n  e", "a\n\n  b\n  c\nd\n\n  e"),
            (" a\nb\nc", " a\nb c"),
            ("", ""),
            ("a b", "a b"),
            ("a \n  b", "a \n  b"),
        ] {
            assert_eq!(rewritten(text).as_deref(), Some(want), "{text:?}");
        }
    }

    #[test]
    fn other_texts_keep_their_value_and_twice_is_once() {
        let text = "f: >\n  a\n    b\n  c\nl: |\n  a\n    b\np: a\nd: [{f: \"a\\n  b\"}]\n";
        let mut node = Nodes::new(text.as_bytes(), Dialect::V3, Origins::default())
            .next()
            .unwrap()
            .unwrap();
        let budget = Budget::unlimited();
        rewrite_folds(&mut node, &Meter::new(&budget)).unwrap();
        let once = node.clone();
        rewrite_folds(&mut node, &Meter::new(&budget)).unwrap();
        assert_eq!(node, once);
        let value = node.to_value(Dialect::V3).unwrap();
        assert_eq!(
            value,
            serde_json::json!({"f": "a\n\n  b\nc\n", "l": "a\n  b\n", "p": "a", "d": [{"f": "a\n  b"}]})
        );
    }
}
