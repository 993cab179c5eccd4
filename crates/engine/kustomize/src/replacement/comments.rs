//! Comments of a YAML text, put at the nodes go-yaml v3 finds them at.
//!
//! Input: a text and its first document as nodes that know their places. Output: the nodes with their comments. A
//! comment behind something on its line belongs to that; comment lines belong to what follows, unless an empty line or
//! their indentation says that they belong to what is above.
//!
//! Left out: comments inside brackets that go over several lines and behind a block text's `|`.

mod gap;
mod outline;

use lode_yaml::{Content, Extra, Node};

use self::gap::Gap;
use self::outline::{Lines, Outline, Step};

/// Puts the comments of a text at the nodes of its first document.
pub(super) fn attach(text: &str, root: &mut Node) {
    if !text.contains('#') {
        return;
    }
    let lines = Lines::new(text);
    let outline = Outline::new(&lines, root);
    let mut notes = Vec::new();
    let mut gap: Option<Gap<'_>> = None;
    for comment in find(text, &lines, &outline) {
        let next = outline.next_after(comment.at);
        if gap.as_ref().is_some_and(|gap| !comment.is_alone || gap.next != next) {
            notes.extend(gap.take().map(Gap::close).unwrap_or_default());
        }
        if comment.is_alone {
            gap.get_or_insert_with(|| Gap::new(&outline, &lines, &comment)).add(&comment);
        } else {
            notes.push(behind(&outline, &lines, &comment));
        }
    }
    notes.extend(gap.map(Gap::close).unwrap_or_default());
    for note in notes {
        note.put(root);
    }
}

/// A comment of a text.
struct Comment<'t> {
    at: usize,
    line: usize,
    column: usize,
    text: &'t str,
    /// Nothing else is on its line.
    is_alone: bool,
}

/// A comment with the way to its node.
struct Note {
    path: Vec<Step>,
    side: Side,
    text: String,
}

#[derive(Clone, Copy)]
enum Side {
    Head,
    Line,
    Foot,
}

/// Finds the comments of the first document: every `#` behind a blank that stands in no scalar.
fn find<'t>(text: &'t str, lines: &Lines<'_>, outline: &Outline) -> Vec<Comment<'t>> {
    let end = text[outline.end..].find("\n---").map_or(text.len(), |at| at + outline.end);
    let mut comments = Vec::new();
    let mut from = 0;
    while let Some(at) = text[from..end].find('#').map(|at| at + from) {
        if let Some(behind) = outline.end_of_scalar(at) {
            from = behind.min(end);
            continue;
        }
        let line = lines.line(at);
        let before = &text[lines.start(line)..at];
        from = at + 1;
        if before.is_empty() || before.ends_with([' ', '\t']) {
            let shown = text[at..].lines().next().unwrap_or_default();
            from = (at + shown.len()).min(end);
            comments.push(Comment { at, line, column: before.len(), text: shown, is_alone: before.trim().is_empty() });
        }
    }
    comments
}

/// Returns where a comment belongs that stands behind something on its line.
fn behind(outline: &Outline, lines: &Lines<'_>, comment: &Comment<'_>) -> Note {
    let text = comment.text.to_owned();
    let last = outline.last_end(comment.at).filter(|end| lines.line(end.at - 1) == comment.line);
    match (last, outline.next_after(comment.at)) {
        (Some(end), _) => Note { path: outline.path_of(end), side: Side::Line, text },
        (None, Some(next)) => Note { path: outline.path(next), side: Side::Head, text },
        (None, None) => Note { path: Vec::new(), side: Side::Foot, text },
    }
}

impl Note {
    fn put(self, root: &mut Node) {
        let mut node = root;
        for step in &self.path {
            let inner = match (step, &mut node.content) {
                (Step::Item(at), Content::Sequence(items)) => items.get_mut(*at),
                (Step::Key(at), Content::Mapping(entries)) => entries.get_mut(*at).map(|entry| &mut entry.key),
                (Step::Value(at), Content::Mapping(entries)) => entries.get_mut(*at).map(|entry| &mut entry.value),
                _ => None,
            };
            let Some(inner) = inner else { return };
            node = inner;
        }
        let extra = node.extra.get_or_insert_with(|| Box::new(Extra::default()));
        let comment = match self.side {
            Side::Head => &mut extra.head_comment,
            Side::Line => &mut extra.line_comment,
            Side::Foot => &mut extra.foot_comment,
        };
        *comment = if comment.is_empty() { self.text } else { format!("{comment}\n{}", self.text) }.into();
    }
}

#[cfg(test)]
mod tests {
    use lode_yaml::{Dialect, Nodes, Options, Origins};

    use super::*;

    fn written(text: &str) -> String {
        let mut root = Nodes::new(text.as_bytes(), Dialect::V3, Origins::default()).next().unwrap().unwrap();
        attach(text, &mut root);
        lode_yaml::write_v3(&root, Options::default())
    }

    #[test]
    fn comments_that_stay_where_they_are() {
        for text in [
            "# head\na: 1 # one\n# on b\nb: \"x # no\" # two\n",
            "# the document's\n\na: 1\n",
            "# the document's\n\n# on a\na: 1\n",
            "a: # on a\n  b: 1\n  # below b\n\n  c: 2\n# below a\n\nd: 1\n",
            "a:\n  b:\n    c: 1\n    # below c\n  # below b\n# below a\n",
            "l:\n# first\n- a # one\n# second\n- k: v\n  # inner\n  m: 1\n",
            "f: [1, {x: y}] # flow\nt: | \n  text # no\n# on z\nz: ''\n".replace("| \n", "|\n").as_str(),
            "a: 1\n\n# the end\n",
        ] {
            assert_eq!(written(text), text);
        }
    }

    #[test]
    fn comments_that_move() {
        for (text, want) in [
            ("a: 1\n\n# on b\n\nb: 2\n", "a: 1\n# on b\nb: 2\n"),
            ("a:\n  b: 1\n # below b\nc: 2\n", "a:\n  b: 1\n  # below b\nc: 2\n"),
            ("l:\n  - # on a\n    a: 1\n", "l:\n# on a\n- a: 1\n"),
        ] {
            assert_eq!(written(text), want, "{text}");
        }
    }

    #[test]
    fn what_is_no_comment_is_none() {
        for text in ["a: b#c\n", "a: 'x #y'\n", "a: |\n  # text\n  more\n", "\"#\": 1\n"] {
            assert_eq!(written(text), text);
        }
    }
}
