//! Lines of a text: where they start and end, and how far a block extends by its indentation.

use std::ops::Range;

/// Which lines at a block's own column still belong to it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Same {
    /// All: it is a mapping.
    Any,
    /// List entries: it is a list, or an entry with a list at its key's column.
    Dash,
    /// None: it is a single item.
    None,
}

/// The lines of a text, and the spans with their own layout: texts and flow collections of several
/// lines.
pub(super) struct TextLines<'t> {
    pub(super) text: &'t str,
    /// Sorted and disjoint.
    pub(super) spans: Vec<Range<usize>>,
}

impl TextLines<'_> {
    /// Returns the start of a position's line.
    pub(super) fn start(&self, at: usize) -> usize {
        self.text[..at].rfind('\n').map_or(0, |end| end + 1)
    }

    /// Returns the start of the next line.
    pub(super) fn next(&self, at: usize) -> usize {
        self.text[at..]
            .find('\n')
            .map_or(self.text.len(), |end| at + end + 1)
    }

    /// Returns the column of a position, in bytes.
    pub(super) fn column(&self, at: usize) -> usize {
        at - self.start(at)
    }

    /// Returns the line break that the text uses.
    pub(super) fn line_break(&self) -> &'static str {
        match self.text.find('\n') {
            Some(at) if self.text[..at].ends_with('\r') => "\r\n",
            _ => "\n",
        }
    }

    /// Returns the start of the line after a block that begins at `start` in a column.
    pub(super) fn block_end(&self, start: usize, column: usize, same: Same) -> usize {
        let mut at = self.after_spans(self.next(start));
        let mut end = at;
        while at < self.text.len() {
            let line = &self.text[at..self.next(at)];
            let body = line.trim_start_matches(' ');
            let is_content = !body.trim().is_empty() && !body.starts_with('#');
            if is_content && !belongs(line.len() - body.len(), body, column, same) {
                break;
            }
            at = self.after_spans(self.next(at));
            if is_content {
                end = at;
            }
        }
        end
    }

    /// Returns the next position, at or after a line's start, that is neither blank nor in a
    /// comment.
    pub(super) fn content(&self, mut at: usize) -> usize {
        loop {
            let body = self.text[at..].trim_start();
            at = self.text.len() - body.len();
            if !body.starts_with('#') {
                return at;
            }
            at = self.next(at);
        }
    }

    /// Returns the start of the comment lines directly above a line start, at the same column.
    pub(super) fn comments_above(&self, line_start: usize, column: usize) -> usize {
        let mut top = line_start;
        while top > 0 {
            let above = self.start(top - 1);
            let line = &self.text[above..top];
            let body = line.trim_start_matches(' ');
            if !body.starts_with('#')
                || line.len() - body.len() != column
                || self.after_spans(above) != above
            {
                break;
            }
            top = above;
        }
        top
    }

    /// Returns a line's start, or the start of the first line after the spans that contain it.
    fn after_spans(&self, mut at: usize) -> usize {
        let mut number = self.spans.partition_point(|span| span.end <= at);
        while let Some(span) = self
            .spans
            .get(number)
            .filter(|span| span.start < at && at < span.end)
        {
            at = if self.text[..span.end].ends_with('\n') {
                span.end
            } else {
                self.next(span.end)
            };
            number += 1;
            // The rest of the line may open the next span.
            while self.spans.get(number).is_some_and(|span| span.end <= at) {
                number += 1;
            }
        }
        at
    }
}

fn belongs(indent: usize, body: &str, column: usize, same: Same) -> bool {
    let is_mark = indent == 0 && (body.starts_with("---") || body.starts_with("..."));
    let is_dash = body.starts_with('-') && body[1..].starts_with([' ', '\n', '\r', '\t']);
    match same {
        _ if is_mark => false,
        _ if indent != column => indent > column,
        Same::Any => true,
        Same::Dash => is_dash,
        Same::None => false,
    }
}
