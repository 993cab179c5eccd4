//! An object's text with the comments, key order and quotes of the files it comes from.
//!
//! Input: a node that was read with its comments. Output: go-yaml v3's form. Readers with YAML
//! 1.1's rules, such as the API's clients, must read the same object, so a text that they would
//! misread is quoted. Left out: comments of values that a JSON patch changed, and of values that
//! were only in a patch; folded texts (`>`) become `|`.

use lode_stdx::budget::{Budget, Exceeded};
use lode_yaml::{Content, Dialect, Node, Style, Tag};
use serde_json::Value;

/// Returns an object's text, which ends with a line break.
pub(crate) fn text(node: &Node, budget: &Budget) -> Result<String, lode_yaml::Error> {
    let fault = |exceeded: Exceeded| lode_yaml::Error {
        line: 1,
        column: 1,
        cause: exceeded.into(),
    };
    node.cost().charge(budget).map_err(fault)?;
    let mut node = node.clone();
    guard(&mut node)?;
    let options = lode_yaml::Options {
        quotes_old_words: true,
        ..lode_yaml::Options::default()
    };
    lode_yaml::write_v3_within(&node, options, budget).map_err(fault)
}

/// Makes both dialects read every scalar alike. The recursion is as deep as the reader allows.
fn guard(node: &mut Node) -> Result<(), lode_yaml::Error> {
    match &mut node.content {
        Content::Sequence(items) => items.iter_mut().try_for_each(guard),
        Content::Mapping(entries) => entries.iter_mut().try_for_each(|entry| {
            guard(&mut entry.key)?;
            guard(&mut entry.value)
        }),
        Content::Scalar(_) => guard_scalar(node),
    }
}

fn guard_scalar(node: &mut Node) -> Result<(), lode_yaml::Error> {
    let value = node.to_value(Dialect::V3)?;
    let text = node.text().unwrap_or_default();
    // go-yaml v3 writes these in a way that reads back differently.
    let style = match node.style {
        Style::Literal | Style::Folded
            if text.trim_start_matches([' ', '\n']).starts_with('\t') =>
        {
            Style::DoubleQuoted
        }
        Style::Folded => Style::Literal,
        style => style,
    };
    let is_safe = match style {
        Style::Plain => Node::plain(text)
            .to_value(Dialect::V2)
            .is_ok_and(|read| read == value),
        _ => value.as_str() == Some(text),
    };
    node.style = style;
    if let (false, Value::String(value)) = (is_safe, value) {
        (node.style, node.tag) = (Style::DoubleQuoted, Tag::Str);
        node.content = Content::Scalar(value.into());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use lode_yaml::{Nodes, Origins};

    use super::*;

    #[test]
    fn what_an_older_reader_takes_for_more_is_quoted() {
        let before = "b: yes # why\na: 'x'\nd: 2001-01-01\n# head\nc:\n- 1.50\n- !!str 5\n";
        let node = Nodes::new(before.as_bytes(), Dialect::V3, Origins::default())
            .with_comments()
            .next()
            .unwrap();
        let node = node.unwrap();
        let written = text(&node, &Budget::unlimited()).unwrap();
        assert_eq!(
            written,
            "b: \"yes\" # why\na: 'x'\nd: \"2001-01-01T00:00:00Z\"\n# head\nc:\n- 1.50\n- !!str \"5\"\n"
        );
        let again = lode_yaml::parse(written.as_bytes(), Dialect::V2).unwrap();
        assert_eq!(again, node.to_value(Dialect::V3).unwrap());
    }
}
