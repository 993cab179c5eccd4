//! Scalars without quotes, and the gaps between the lines of folded scalars.
//!
//! Input: a scanner at the first character. Output: the text and its end; the scanner is at the
//! next token.

use crate::error::{Error, Syntax};
use crate::node::Text;
use crate::scan::{Scanner, looked_at};

/// The gap between two pieces of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Gap {
    /// Blanks on one line: they are kept.
    Blanks,
    /// At least one line break: it is folded. Contains the first one's position and length.
    Breaks(usize, usize),
}

impl Scanner<'_> {
    /// Returns whether a scalar without quotes may start here.
    pub(crate) fn at_plain(&self) -> bool {
        match self.here() {
            b'-' => !matches!(self.byte(self.at + 1), b' ' | b'\t'),
            b'?' | b':' => self.flow_depth == 0 && !self.is_gap(self.at + 1),
            byte => !NO_START[byte as usize] && !self.is_gap(self.at),
        }
    }

    /// Scans a plain scalar; its further lines start at `column_min` or beyond, unless it is in a
    /// flow collection.
    pub(crate) fn plain(&mut self, column_min: usize) -> Result<(Text, usize), Error> {
        self.buffer.clear();
        let in_flow = self.flow_depth > 0;
        let (mut piece, mut end) = (self.at, self.at);
        let mut gap = Gap::Blanks;
        loop {
            if self.here() == b'#' || self.at_document_mark() {
                break;
            }
            let run = self.at;
            self.at = self.plain_run_end(run, in_flow);
            if self.at > run {
                if let Gap::Breaks(at, len) = gap {
                    self.buffer.push_str(&self.text[piece..end]);
                    self.fold(at, len);
                    piece = run;
                }
                end = self.at;
            }
            if !self.is_gap(self.at) || self.at_end() {
                // An indicator directly after a gap: the gap is not part of the scalar, but it was
                // skipped.
                if self.at > run {
                    gap = Gap::Blanks;
                }
                break;
            }
            gap = self.gap(Some(column_min))?;
            if !in_flow && self.column() < column_min {
                break;
            }
        }
        self.starts_allowed = gap != Gap::Blanks;
        if self.buffer.is_empty() {
            return Ok((Text::from(&self.text[piece..end]), end));
        }
        self.buffer.push_str(&self.text[piece..end]);
        looked_at(self.buffer.len());
        Ok((Text::from(self.buffer.as_str()), end))
    }

    #[inline]
    fn plain_run_end(&self, start: usize, in_flow: bool) -> usize {
        let bytes = self.text.as_bytes();
        let stops = if in_flow { &FLOW_STOPS } else { &BLOCK_STOPS };
        let mut at = start;
        loop {
            while let Some(&byte) = bytes.get(at) {
                if stops[byte as usize] {
                    break;
                }
                at += 1;
            }
            match self.byte(at) {
                b':' if !self.is_gap(at + 1) => at += 1,
                0xc2 | 0xe2 if self.break_len(at) == 0 => at += 1,
                _ => {
                    looked_at(at - start);
                    return at;
                }
            }
        }
    }

    /// Skips blanks and line breaks. `tabs_from` is the first column where a tab is not
    /// indentation.
    pub(crate) fn gap(&mut self, tabs_from: Option<usize>) -> Result<Gap, Error> {
        self.skip_blanks();
        let (first, first_len) = (self.at, self.break_len(self.at));
        if first_len == 0 {
            return Ok(Gap::Blanks);
        }

        self.pass_break(first_len);
        self.breaks.clear();
        loop {
            match self.here() {
                b' ' => self.at += 1,
                b'\t' => {
                    if tabs_from.is_some_and(|column| self.column() < column) {
                        return Err(self.error_here(Syntax::Tab));
                    }
                    self.at += 1;
                }
                _ => {
                    let len = self.break_len(self.at);
                    if len == 0 {
                        return Ok(Gap::Breaks(first, first_len));
                    }
                    self.breaks.push_str(self.break_text(self.at, len));
                    self.pass_break(len);
                }
            }
        }
    }

    /// Appends the folded form of a gap to the buffer: one break becomes a space, several become
    /// the breaks after the first.
    pub(crate) fn fold(&mut self, first: usize, len: usize) {
        let first = self.break_text(first, len);
        if first != "\n" {
            self.buffer.push_str(first);
        } else if self.breaks.is_empty() {
            self.buffer.push(' ');
        }
        self.buffer.push_str(&self.breaks);
    }
}

/// Bytes at which a run of a plain scalar may end.
const BLOCK_STOPS: [bool; 256] = table(b" \t\r\n:\xc2\xe2");
const FLOW_STOPS: [bool; 256] = table(b" \t\r\n:\xc2\xe2,?[]{}");
/// Characters that cannot start a plain scalar.
const NO_START: [bool; 256] = table(b"-?:,[]{}#&*!|>'\"%@`\0");

const fn table(bytes: &[u8]) -> [bool; 256] {
    let mut table = [false; 256];
    let mut at = 0;
    while at < bytes.len() {
        table[bytes[at] as usize] = true;
        at += 1;
    }
    table
}
