//! Comments in the gaps between tokens: split into parts, each bound to a position.
//!
//! Input: tokens in order. Output: comments in order, and the positions of the ends of block
//! collections: before comments that follow at the collection's own column.

use std::collections::VecDeque;

use super::{Comment, CommentKind, CommentPart, CommentToken};

/// The gaps of a text, visited once.
pub(super) struct Gaps<'t> {
    pub(super) text: &'t str,
    /// After the first line of the text.
    second_line: usize,
    /// Columns of the surrounding block collections, innermost last.
    columns: Vec<usize>,
    flow_depth: usize,
    /// The last token and the one before it.
    last: (CommentKind, usize),
    before: (CommentKind, usize),
    /// go-yaml's position after the last token: after the gap that belongs to it and its line
    /// comment.
    behind: usize,
    /// Everything up to here has been scanned.
    reached: usize,
}

impl<'t> Gaps<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        let start = if text.starts_with('\u{feff}') {
            '\u{feff}'.len_utf8()
        } else {
            0
        };
        let second_line = text.find(BREAKS).map_or(text.len(), |at| at + 1);
        Self {
            text,
            second_line,
            columns: Vec::new(),
            flow_depth: 0,
            last: (CommentKind::Mark, start),
            before: (CommentKind::Mark, start),
            behind: start,
            reached: start,
        }
    }

    /// Finds the comments up to `next`, where the text continues after a document, and those in the
    /// gap after the token there, some of which count as before it.
    pub(super) fn scan(
        &mut self,
        tokens: &mut [CommentToken],
        next: usize,
        queue: &mut VecDeque<Comment>,
    ) {
        let mut ends = 0..0;
        for at in 0..tokens.len() {
            let CommentToken { kind, start, end } = tokens[at];
            match kind {
                CommentKind::BlockEnd => {
                    ends = if ends.is_empty() {
                        at..at + 1
                    } else {
                        ends.start..at + 1
                    }
                }
                CommentKind::Empty
                | CommentKind::BareStart
                | CommentKind::BareEnd
                | CommentKind::PairStart
                | CommentKind::PairEnd => {}
                CommentKind::SequenceStart | CommentKind::MappingStart => {
                    self.reach(start, &mut tokens[std::mem::take(&mut ends)], queue);
                    self.columns.push(end);
                }
                _ => {
                    self.reach(start, &mut tokens[std::mem::take(&mut ends)], queue);
                    self.pass(CommentToken { kind, start, end }, queue);
                }
            }
        }
        self.reach(next, &mut tokens[ends], queue);
        self.look_ahead(next, queue);
    }

    fn look_ahead(&mut self, next: usize, queue: &mut VecDeque<Comment>) {
        let line_end = self.line_end(next);
        let (kind, end) = match self.text.as_bytes().get(next..next + 3) {
            Some(b"---" | b"...") => (CommentKind::Mark, next + 3),
            _ if self.byte(next) == b'%' => {
                (CommentKind::Directive, line_end + self.break_len(line_end))
            }
            _ => return,
        };
        self.pass(
            CommentToken {
                kind,
                start: next,
                end,
            },
            queue,
        );
        self.reached = self.gap(queue);
    }

    /// Scans the gap before a token, and ends the block collections that end in it.
    fn reach(&mut self, start: usize, ends: &mut [CommentToken], queue: &mut VecDeque<Comment>) {
        if start > self.reached {
            self.gap(queue);
            self.reached = start;
        }
        self.end_blocks(start, ends, queue);
    }

    /// Finds the comments after the last token; returns the position of the next one.
    fn gap(&self, queue: &mut VecDeque<Comment>) -> usize {
        let mut at = self.gap_end(self.behind);
        while self.byte(at) == b'#' {
            at = self.gap_end(self.comments(at, queue));
        }
        at
    }

    fn end_blocks(&mut self, start: usize, ends: &mut [CommentToken], queue: &VecDeque<Comment>) {
        let column = self.column(start);
        let mut block = self.behind.saturating_sub(1);
        let mut was_dedent = true;
        for end in ends
            .iter_mut()
            .filter(|end| end.kind == CommentKind::BlockEnd)
        {
            let Some(indent) = self.columns.pop() else {
                return;
            };
            if was_dedent && indent <= column {
                was_dedent = false;
                block = start.saturating_sub(1);
            }
            let mut stop = block;
            for comment in queue.iter().rev() {
                let Some((from, to)) = comment.looked_at else {
                    break;
                };
                if to < stop {
                    break;
                }
                if comment.column == indent {
                    block = comment.start;
                }
                stop = from;
            }
            end.start = block;
            self.before = self.last;
            self.last = (CommentKind::BlockEnd, block);
        }
    }

    fn pass(&mut self, token: CommentToken, queue: &mut VecDeque<Comment>) {
        let CommentToken { kind, start, end } = token;
        if start < self.behind && self.last == (kind, start) {
            return;
        }
        let indicator = self.byte(start);
        let follows = if self.flow_depth == 0 {
            indicator == b':'
        } else {
            indicator == b','
        };
        let bound = if follows { self.last.1 } else { start };
        self.before = self.last;
        self.last = (kind, start);
        self.behind = end;
        self.reached = self.reached.max(end);
        match kind {
            CommentKind::FlowStart => self.flow_depth += 1,
            CommentKind::FlowEnd => self.flow_depth = self.flow_depth.saturating_sub(1),
            _ => {}
        }
        match kind {
            CommentKind::Mark | CommentKind::Directive | CommentKind::Entry => {}
            CommentKind::Scalar if matches!(indicator, b'|' | b'>') => {
                let header = self.line_end(start);
                if let Some(hash) = self.text[start..header].find('#') {
                    self.line_comment(start + hash, bound, queue);
                }
                self.behind = end;
            }
            CommentKind::Scalar if !matches!(indicator, b'\'' | b'"') => {
                self.behind = self.gap_end(end);
                if self.line_end(end) >= self.behind {
                    self.line_comment(self.behind, bound, queue);
                }
            }
            _ => {
                let mut at = end;
                while self.is_blank(at) && at - end < LOOK_MAX {
                    at += 1;
                }
                self.line_comment(at, bound, queue);
            }
        }
    }

    fn line_comment(&mut self, at: usize, bound: usize, queue: &mut VecDeque<Comment>) {
        if self.byte(at) != b'#' {
            return;
        }
        let end = self.line_end(at);
        let text = self.text[at..end].to_owned();
        queue.push_back(Comment {
            part: CommentPart::Line,
            text,
            bound,
            start: at,
            column: 0,
            looked_at: None,
        });
        self.behind = end;
    }

    /// Splits the comment lines that begin at a `#` into parts; returns where the last of them
    /// ends.
    fn comments(&self, hash: usize, queue: &mut VecDeque<Comment>) -> usize {
        let mut run = self.run(hash);
        let (mut base, mut at) = (hash, hash);
        // In go-yaml's line count the break after a comment does not count; `true_line` counts it.
        let (mut line, mut true_line) = (0, 0);
        let mut column = self.column(hash);
        while at - base < LOOK_MAX {
            let byte = self.byte(at);
            if self.is_blank(at) {
                (at, column) = (at + 1, column + 1);
                continue;
            }
            let closes = self.flow_depth > 0 && matches!(byte, b']' | b'}');
            let breaks = self.is_break(at);
            if closes || breaks || byte == 0 {
                run.pause(at, closes, (byte == 0, queue));
                if !breaks {
                    break;
                }
                (at, line, column) = (at + 1, line + 1, 0);
                continue;
            }
            if column < run.indent && column != run.column {
                run.push_foot(at, queue);
            }
            if byte != b'#' {
                break;
            }
            true_line += self.breaks_in(base, at);
            base = self.line_end(at);
            run.add(&self.text[at..base], at, (line, column));
            (at, line, column) = (base + 1, true_line, 0);
        }
        run.push_head(at, queue);
        base
    }

    /// Starts the comment lines at a `#`.
    fn run(&self, hash: usize) -> LineRun {
        let last = if self.last.0 == CommentKind::Comma {
            self.before
        } else {
            self.last
        };
        let newlines = self.newlines_before(hash);
        let foot_line = match newlines {
            _ if self.behind < self.second_line || last.0 == CommentKind::Value => None,
            0 => Some(1 + isize::from(self.column(hash) > 1)),
            _ => Some(1 - newlines.cast_signed()),
        };
        LineRun {
            text: String::new(),
            bound: last.1,
            start: hash,
            column: 0,
            line: 0,
            from: self.behind,
            indent: self.columns.last().copied().unwrap_or_default(),
            foot_line,
            before_gap: newlines <= 1,
            behind_gap: false,
        }
    }

    fn byte(&self, at: usize) -> u8 {
        self.text.as_bytes().get(at).copied().unwrap_or(0)
    }

    fn is_blank(&self, at: usize) -> bool {
        matches!(self.byte(at), b' ' | b'\t')
    }

    fn is_break(&self, at: usize) -> bool {
        self.break_len(at) > 0
    }

    fn break_len(&self, at: usize) -> usize {
        match self.byte(at) {
            b'\n' | b'\r' => 1,
            0xc2 if self.byte(at + 1) == 0x85 => 2,
            0xe2 if self.byte(at + 1) == 0x80 && matches!(self.byte(at + 2), 0xa8 | 0xa9) => 3,
            _ => 0,
        }
    }

    fn line_end(&self, start: usize) -> usize {
        (start..self.text.len())
            .find(|at| self.is_break(*at))
            .unwrap_or(self.text.len())
    }

    fn gap_end(&self, start: usize) -> usize {
        let mut at = start;
        loop {
            match self.break_len(at) {
                0 if self.is_blank(at) => at += 1,
                0 => return at,
                len => at += len,
            }
        }
    }

    /// Bytes between a place and the start of its line.
    fn column(&self, at: usize) -> usize {
        let at = at.min(self.text.len());
        at - self.text[..at]
            .rfind(BREAKS)
            .map_or(0, |before| before + self.break_len(before))
    }

    fn breaks_in(&self, start: usize, end: usize) -> isize {
        let text = &self.text[start..end];
        let pairs = text.matches("\r\n").count();
        (text.matches(BREAKS).count() - pairs).cast_signed()
    }

    /// Counts the line breaks between a position and what precedes it.
    fn newlines_before(&self, at: usize) -> usize {
        let rest = self.text[..at].trim_end_matches(BREAKS_AND_BLANKS);
        self.breaks_in(rest.len(), at).unsigned_abs()
    }
}

const BREAKS: [char; 5] = ['\n', '\r', '\u{85}', '\u{2028}', '\u{2029}'];
const BREAKS_AND_BLANKS: [char; 7] = ['\n', '\r', '\u{85}', '\u{2028}', '\u{2029}', ' ', '\t'];
/// How far go-yaml looks for the next comment.
const LOOK_MAX: usize = 512;

/// Comment lines that belong together.
struct LineRun {
    text: String,
    bound: usize,
    start: usize,
    column: usize,
    /// Its line, from that of the first comment in the gap.
    line: isize,
    from: usize,
    indent: usize,
    /// A comment that starts here is below the previous token.
    foot_line: Option<isize>,
    /// No empty line so far.
    before_gap: bool,
    /// The line before is empty.
    behind_gap: bool,
}

impl LineRun {
    fn add(&mut self, text: &str, start: usize, (line, column): (isize, usize)) {
        if self.text.is_empty() {
            (self.start, self.line, self.column) = (start, line, column);
        } else {
            self.text.push('\n');
        }
        self.text.push_str(text);
        self.behind_gap = false;
    }

    /// At an empty line, a closing bracket or the end of the text: decides whether the collected
    /// comments belong to the previous token; if it is indented less, only from its own position
    /// on.
    fn pause(&mut self, at: usize, closes: bool, (is_end, queue): (bool, &mut VecDeque<Comment>)) {
        let is_dedented = self.column < self.indent;
        let is_foot = self.before_gap && (Some(self.line) == self.foot_line || is_dedented);
        if closes || !self.behind_gap && is_foot {
            if is_dedented && !self.text.is_empty() {
                self.bound = self.start;
            }
            self.push_foot(at, queue);
        } else if !self.behind_gap && !is_end && !self.text.is_empty() {
            self.text.push('\n');
        }
        (self.before_gap, self.behind_gap) = (false, true);
    }

    fn push_foot(&mut self, at: usize, queue: &mut VecDeque<Comment>) {
        if !self.text.is_empty() {
            self.push(CommentPart::Foot, self.bound, (at, queue));
            (self.from, self.bound) = (at, at);
        }
    }

    fn push_head(mut self, at: usize, queue: &mut VecDeque<Comment>) {
        if !self.text.is_empty() {
            self.push(CommentPart::Head, self.start, (at - 1, queue));
        }
    }

    fn push(
        &mut self,
        part: CommentPart,
        bound: usize,
        (end, queue): (usize, &mut VecDeque<Comment>),
    ) {
        let text = std::mem::take(&mut self.text);
        let (start, column) = (self.start, self.column);
        queue.push_back(Comment {
            part,
            text,
            bound,
            start,
            column,
            looked_at: Some((self.from, end)),
        });
    }
}
