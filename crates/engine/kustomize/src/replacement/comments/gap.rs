//! Comment lines between two pieces of content, and which of the two they belong to.

use super::outline::{Lines, Outline};
use super::{Comment, Note, Side};

/// Comment lines between two pieces of content.
pub(super) struct Gap<'o> {
    outline: &'o Outline,
    lines: &'o Lines<'o>,
    /// What follows.
    pub(super) next: Option<usize>,
    /// What is above.
    above: Option<usize>,
    /// The line of the last comment.
    line: usize,
    /// No empty line was there yet.
    is_dense: bool,
    /// Content is right above: no comment was found to belong to it yet.
    is_at_content: bool,
    group: Option<Group>,
    notes: Vec<Note>,
}

/// Comment lines that belong together.
struct Group {
    column: usize,
    text: String,
}

impl<'o> Gap<'o> {
    pub(super) fn new(outline: &'o Outline, lines: &'o Lines<'o>, first: &Comment<'_>) -> Self {
        let next = outline.next_after(first.at);
        let last = next.unwrap_or(outline.len()).checked_sub(1);
        let above = last.map(|above| outline.block(above));
        let content = above.and(lines.last_content(first.at));
        let is_dense = content.is_none_or(|line| line + 1 == first.line);
        Self {
            outline,
            lines,
            next,
            above,
            line: first.line,
            is_dense,
            is_at_content: content != Some(0) || lines.ends_plainly(0, outline),
            group: None,
            notes: Vec::new(),
        }
    }

    /// Adds the next comment line.
    pub(super) fn add(&mut self, comment: &Comment<'_>) {
        if comment.line > self.line + 1 {
            self.empty_line();
        }
        self.dedent(comment.column);
        if let Some(group) = &mut self.group {
            group.text.push('\n');
            group.text.push_str(comment.text);
        } else {
            self.group = Some(Group { column: comment.column, text: comment.text.to_owned() });
        }
        self.line = comment.line;
    }

    /// Says where the comments belong, now that nothing but content follows.
    pub(super) fn close(mut self) -> Vec<Note> {
        let next = self.next.map(|next| self.outline.slot(next).start);
        match next {
            Some(next) if self.lines.line(next) <= self.line + 1 => self.dedent(self.lines.indentation(next)),
            Some(_) => self.empty_line(),
            None if self.belongs_above() => self.put_above(true),
            None => {}
        }
        if let Some(group) = self.group.take() {
            self.put_below(&group.text);
        }
        self.notes
    }

    /// The first empty line parts what belongs above from what belongs below.
    fn empty_line(&mut self) {
        if self.belongs_above() {
            self.put_above(true);
        } else if let Some(group) = &mut self.group {
            group.text.push('\n');
        }
        self.is_dense = false;
    }

    /// What goes on further left than the block above has nothing to do with comments that do not.
    fn dedent(&mut self, column: usize) {
        if self.group.as_ref().is_some_and(|group| column < self.indent() && column != group.column) {
            self.put_above(false);
        }
    }

    fn indent(&self) -> usize {
        self.above.map_or(0, |above| self.outline.slot(above).column)
    }

    fn belongs_above(&self) -> bool {
        let (Some(group), Some(above)) = (&self.group, self.above) else { return false };
        let follows = self.is_at_content && !self.outline.slot(above).is_open;
        self.is_dense && (follows || group.column < self.indent())
    }

    fn put_above(&mut self, is_parted: bool) {
        let (Some(group), Some(above)) = (self.group.take(), self.above) else { return };
        // Further comments are already apart from the content above.
        let path = if is_parted || !self.is_at_content {
            self.outline.path_of_block(above, group.column)
        } else {
            self.outline.path(above)
        };
        self.is_at_content = false;
        self.notes.push(Note { path, side: Side::Foot, text: group.text });
    }

    fn put_below(&mut self, text: &str) {
        let Some(next) = self.next else {
            self.notes.push(Note { path: Vec::new(), side: Side::Foot, text: text.to_owned() });
            return;
        };
        // What stands above an empty line at the top is the document's.
        let apart = if text.ends_with('\n') { Some(text.len()) } else { text.rfind("\n\n").map(|at| at + 2) };
        let (document, own) = text.split_at(apart.filter(|_| next == 0).unwrap_or_default());
        if !document.is_empty() {
            let text = format!("{}\n\n", document.trim_end());
            self.notes.push(Note { path: Vec::new(), side: Side::Head, text });
        }
        if !own.is_empty() {
            self.notes.push(Note { path: self.outline.path(next), side: Side::Head, text: own.to_owned() });
        }
    }
}
