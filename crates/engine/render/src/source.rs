//! The position of a rendered text's expression in its source.
//!
//! A rendered text has its keys sorted, its long lines folded and texts in other quotes than its
//! files, but the same expressions in the same order as the scalars in writing order.

use lode_yaml::{Node, Place, Style, each_written_scalar};

/// The start of an expression.
const BEGIN: &str = "${";

/// Returns the place of the expression that starts at or before a byte of an object's text; `None`
/// if there is none.
pub(crate) fn of_expression(object: &Node, text: &str, at: usize) -> Option<Place> {
    let end = (at + BEGIN.len()).min(text.len());
    let before = text.as_bytes().get(..end).unwrap_or_default();
    let mut left = before
        .windows(BEGIN.len())
        .filter(|window| *window == BEGIN.as_bytes())
        .count();
    if left == 0 {
        return None;
    }

    let mut found = None;
    each_written_scalar(object, &mut |scalar| {
        let text = scalar.text().unwrap_or_default();
        match text.match_indices(BEGIN).nth(left - 1) {
            Some((at, _)) => found = Some(line_of(scalar, &text[..at])),
            None => left -= text.matches(BEGIN).count(),
        }
        found.is_none()
    });
    found
}

/// Returns a place in a scalar after a part of its text. For folded texts only the first line is
/// known.
fn line_of(scalar: &Node, before: &str) -> Place {
    let place = scalar.place;
    let breaks = before.matches('\n').count() as u32;
    let line = match scalar.style {
        // A text that a generator read from a file has no `|` line, and no bytes.
        Style::Literal if place.start == place.end => place.line.saturating_add(breaks),
        Style::Literal => place.line.saturating_add(1).saturating_add(breaks),
        _ => place.line,
    };
    Place { line, ..place }
}

#[cfg(test)]
mod tests {
    use lode_yaml::{Dialect, Nodes, Origins};

    use super::*;

    #[test]
    fn an_expression_is_found_wherever_its_scalar_is_written() {
        let source = "z: ${a}\nb:\n  script: |\n    one\n    two ${b} $${c}\n    ${d}\n  a: 'x ${e}'\n${k}: '1'\n";
        let node = Nodes::new(source.as_bytes(), Dialect::V3, Origins::default())
            .next()
            .unwrap()
            .unwrap();
        let mut text = String::new();
        lode_yaml::write_node(&mut text, &node).unwrap();
        for line in source.lines().filter(|line| line.contains(BEGIN)) {
            let number = 1 + source.lines().position(|other| other == line).unwrap() as u32;
            for (begin, _) in line.match_indices(BEGIN) {
                let expression = &line[begin..=begin + 3];
                let at = text.find(expression).unwrap();
                assert_eq!(
                    of_expression(&node, &text, at).map(|place| place.line),
                    Some(number),
                    "{expression}"
                );
            }
        }
        assert_eq!(
            of_expression(&node, &text, text.len()).map(|place| place.line),
            Some(1)
        );
        assert_eq!(of_expression(&node, "", 0), None);
    }
}
