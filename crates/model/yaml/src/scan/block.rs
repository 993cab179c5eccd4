//! Block scalars: `|` and `>`.
//!
//! Input: a scanner at the indicator and the column of the surrounding collection. Output: the text
//! and its end, which is after the last line break that belongs to it; the scanner is at the next
//! token.

use crate::error::{Error, Syntax};
use crate::node::Text;
use crate::scan::Scanner;

/// The settings in a block scalar's first line.
struct Header {
    literal: bool,
    chomping: Chomping,
    indent: usize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Chomping {
    Strip,
    Clip,
    Keep,
}

impl Scanner<'_> {
    /// Scans a block scalar in a collection at column `parent`, or -1.
    pub(crate) fn block_scalar(&mut self, parent: isize) -> Result<(Text, usize), Error> {
        let header = self.block_header(parent)?;
        self.starts_allowed = true;
        self.buffer.clear();
        self.breaks.clear();
        let mut indent = header.indent;
        let mut end = self.block_breaks(indent, &mut indent, parent)?;
        let mut before = (0, 0);
        let mut starts_blank = false;
        while self.column() == indent && !self.at_end() {
            let blank = matches!(self.here(), b' ' | b'\t');
            let folds = !header.literal && !starts_blank && !blank;
            self.join_lines(before, folds);
            starts_blank = blank;
            let line_end = self.line_end(self.at);
            self.buffer.push_str(&self.text[self.at..line_end]);
            self.at = line_end;
            let len = self.break_len(line_end);
            before = (line_end, len);
            if len > 0 {
                self.pass_break(len);
            }
            self.breaks.clear();
            end = self.block_breaks(indent, &mut indent, parent)?;
        }
        if header.chomping != Chomping::Strip && before.1 > 0 {
            self.buffer.push_str(self.break_text(before.0, before.1));
        }
        if header.chomping == Chomping::Keep {
            self.buffer.push_str(&self.breaks);
        }
        Ok((Text::from(self.buffer.as_str()), end))
    }

    fn join_lines(&mut self, (at, len): (usize, usize), folds: bool) {
        if len > 0 {
            match self.break_text(at, len) {
                "\n" if folds && self.breaks.is_empty() => self.buffer.push(' '),
                "\n" if folds => {}
                text => self.buffer.push_str(text),
            }
        }
        self.buffer.push_str(&self.breaks);
    }

    fn block_header(&mut self, parent: isize) -> Result<Header, Error> {
        let literal = self.here() == b'|';
        self.at += 1;
        let mut header = Header {
            literal,
            chomping: Chomping::Clip,
            indent: 0,
        };
        let (mut chomped, mut indented) = (false, false);
        loop {
            match self.here() {
                sign @ (b'+' | b'-') if !chomped => {
                    chomped = true;
                    header.chomping = if sign == b'+' {
                        Chomping::Keep
                    } else {
                        Chomping::Strip
                    };
                }
                b'0' if !indented => return Err(self.error_here(Syntax::BadIndentation)),
                digit @ b'1'..=b'9' if !indented => {
                    indented = true;
                    header.indent = parent.max(0).cast_unsigned() + usize::from(digit - b'0');
                }
                _ => break,
            }
            self.at += 1;
        }
        self.end_header_line()?;
        Ok(header)
    }

    /// Skips empty lines and the next line's indentation; if `indent` is 0, that line determines
    /// it. Returns where the last empty line ends.
    fn block_breaks(
        &mut self,
        indent: usize,
        decided: &mut usize,
        parent: isize,
    ) -> Result<usize, Error> {
        let mut end = self.at;
        let mut deepest = 0;
        loop {
            while (indent == 0 || self.column() < indent) && self.here() == b' ' {
                self.at += 1;
            }
            deepest = deepest.max(self.column());
            if (indent == 0 || self.column() < indent) && self.here() == b'\t' {
                return Err(self.error_here(Syntax::Tab));
            }
            let len = self.break_len(self.at);
            if len == 0 {
                break;
            }
            self.breaks.push_str(self.break_text(self.at, len));
            self.pass_break(len);
            end = self.at;
        }
        if indent == 0 {
            *decided = deepest.max((parent + 1).max(1).cast_unsigned());
        }
        Ok(end)
    }
}
