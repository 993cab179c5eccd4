//! [`Scanner`]: a position in a text, moved from token to token.
//!
//! Input: checked text. Output: the position of the next token, and scalars (in the `scan_*`
//! files). The composer decides what is allowed where; the scanner only knows whether a key or a
//! list entry may start at its position, because that decides whether a tab is indentation.

pub(crate) mod block;
pub(crate) mod check;
pub(crate) mod plain;
pub(crate) mod property;
pub(crate) mod quoted;

use crate::error::{Cause, Error};
use crate::{Dialect, TEXT_MAX};

/// A position in a text and the state of scanning.
pub(crate) struct Scanner<'t> {
    pub(crate) text: &'t str,
    pub(crate) dialect: Dialect,
    /// Byte offset of the next character.
    pub(crate) at: usize,
    /// Number of lines before it.
    pub(crate) line: u32,
    /// Byte offset of the start of its line.
    pub(crate) line_start: usize,
    /// Whether a key, a list entry or a `?` may start here: after a line break or `-`, not after a key's `:`.
    pub(crate) starts_allowed: bool,
    /// Number of open `[` and `{`.
    pub(crate) flow_depth: usize,
    /// A text assembled from pieces.
    pub(crate) buffer: String,
    /// Line breaks in the gap between two pieces, after the first one.
    pub(crate) breaks: String,
}

/// A saved position.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Mark {
    pub(crate) at: usize,
    pub(crate) line: u32,
    pub(crate) column: usize,
}

impl<'t> Scanner<'t> {
    pub(crate) fn new(bytes: &'t [u8], dialect: Dialect) -> Result<Self, Error> {
        if bytes.len() > TEXT_MAX {
            return Err(Error {
                line: 1,
                column: 1,
                cause: Cause::TooLong,
            });
        }

        let text = check::text(bytes).map_err(|(at, syntax)| error_in(bytes, at, syntax.into()))?;
        let start = if text.starts_with(BYTE_ORDER_MARK) {
            BYTE_ORDER_MARK.len()
        } else {
            0
        };
        Ok(Self {
            text,
            dialect,
            at: start,
            line: 0,
            line_start: start,
            starts_allowed: true,
            flow_depth: 0,
            buffer: String::new(),
            breaks: String::new(),
        })
    }

    /// Returns a byte, or NUL after the end: checked text contains no NUL.
    #[inline]
    pub(crate) fn byte(&self, at: usize) -> u8 {
        looked_at(1);
        self.text.as_bytes().get(at).copied().unwrap_or(0)
    }

    /// Returns the byte at the scanner's position.
    #[inline]
    pub(crate) fn here(&self) -> u8 {
        self.byte(self.at)
    }

    /// Returns the number of bytes since the start of the line. Only spaces and indicators can
    /// precede a column that matters.
    #[inline]
    pub(crate) fn column(&self) -> usize {
        self.at - self.line_start
    }

    pub(crate) fn mark(&self) -> Mark {
        Mark {
            at: self.at,
            line: self.line,
            column: self.column(),
        }
    }

    pub(crate) fn at_end(&self) -> bool {
        self.at >= self.text.len()
    }

    /// Returns the length of the line break at a position; 0 if there is none.
    #[inline]
    pub(crate) fn break_len(&self, at: usize) -> usize {
        match self.byte(at) {
            b'\n' => 1,
            b'\r' => 1 + usize::from(self.byte(at + 1) == b'\n'),
            0xc2 if self.byte(at + 1) == 0x85 => 2,
            0xe2 if self.byte(at + 1) == 0x80 && matches!(self.byte(at + 2), 0xa8 | 0xa9) => 3,
            _ => 0,
        }
    }

    /// Returns whether a blank, a line break or the end is at a position.
    #[inline]
    pub(crate) fn is_gap(&self, at: usize) -> bool {
        matches!(self.byte(at), b' ' | b'\t' | b'\n' | 0) || self.break_len(at) > 0
    }

    /// Passes a line break of known length.
    #[inline]
    pub(crate) fn pass_break(&mut self, len: usize) {
        self.at += len;
        self.line += 1;
        self.line_start = self.at;
    }

    /// Returns what a line break becomes in a text: the two Unicode separators are kept.
    pub(crate) fn break_text(&self, at: usize, len: usize) -> &'t str {
        if len == 3 {
            &self.text[at..at + len]
        } else {
            "\n"
        }
    }

    /// Skips spaces, tabs that are not indentation, comments and line breaks.
    pub(crate) fn skip_to_token(&mut self) {
        let start = self.at;
        let mut commented = false;

        loop {
            match self.here() {
                b' ' => self.at += 1,
                b'\t' if self.flow_depth > 0 || !self.starts_allowed => self.at += 1,
                b'\t' if commented && self.dialect == Dialect::V3 && self.pass_to_comment() => {}
                b'#' => {
                    commented = commented || !self.follows_token(start);
                    self.pass_comment();
                }
                _ => {
                    let len = self.break_len(self.at);
                    if len == 0 {
                        return;
                    }
                    self.pass_break(len);
                    self.starts_allowed |= self.flow_depth == 0;
                }
            }
        }
    }

    /// Skips to a comment on an indicator's line, which go-yaml v3 accepts after any blanks.
    pub(crate) fn skip_to_line_comment(&mut self) {
        let start = self.at;
        self.skip_blanks();
        if self.dialect != Dialect::V3 || self.here() != b'#' {
            self.at = start;
        }
    }

    /// Skips blanks on one line.
    pub(crate) fn skip_blanks(&mut self) {
        while matches!(self.here(), b' ' | b'\t') {
            self.at += 1;
        }
    }

    /// Skips everything up to the end of the line.
    pub(crate) fn pass_comment(&mut self) {
        self.at = self.line_end(self.at);
    }

    /// Returns the end of the line that contains a position.
    #[inline]
    pub(crate) fn line_end(&self, start: usize) -> usize {
        let bytes = self.text.as_bytes();
        let mut at = start;
        while let Some(byte) = bytes.get(at) {
            if matches!(byte, b'\n' | b'\r' | 0xc2 | 0xe2) && self.break_len(at) > 0 {
                break;
            }
            at += 1;
        }
        looked_at(at - start);
        at
    }

    /// Returns whether the scanner's line had a token when it was at `start`; a `-` does not count.
    fn follows_token(&self, start: usize) -> bool {
        let before = self.text.get(self.line_start..start).unwrap_or_default();
        looked_at(before.len());
        !before.ends_with('-') && before.bytes().any(|byte| !matches!(byte, b' ' | b'\t'))
    }

    /// Skips to the next comment if it is near: go-yaml v3 collects comments at once and so allows
    /// tabs between them.
    fn pass_to_comment(&mut self) -> bool {
        let mut at = self.at;
        let limit = self.at + COMMENT_GAP_MAX;
        while at < limit {
            match self.byte(at) {
                b' ' | b'\t' => at += 1,
                b'#' => {
                    self.pass_lines_to(at);
                    return true;
                }
                _ => match self.break_len(at) {
                    0 => return false,
                    len => at += len,
                },
            }
        }
        false
    }

    fn pass_lines_to(&mut self, target: usize) {
        while self.at < target {
            match self.break_len(self.at) {
                0 => self.at += 1,
                len => self.pass_break(len),
            }
        }
    }

    /// Returns whether `---` or `...` is here, alone at the start of a line.
    #[inline]
    pub(crate) fn at_document_mark(&self) -> bool {
        self.at == self.line_start
            && matches!(self.here(), b'-' | b'.')
            && matches!(
                self.text.as_bytes().get(self.at..self.at + 3),
                Some(b"---" | b"...")
            )
            && self.is_gap(self.at + 3)
    }

    /// Returns whether the current document must end here.
    pub(crate) fn at_boundary(&self) -> bool {
        self.at_end()
            || self.at == self.line_start && (self.here() == b'%' || self.at_document_mark())
    }

    /// Returns whether an indicator (`-`, `?`, `:`) followed by a gap is here.
    #[inline]
    pub(crate) fn at_indicator(&self, indicator: u8) -> bool {
        self.here() == indicator && self.is_gap(self.at + 1)
    }

    /// Returns whether a key that starts at `mark` and ends here is on one line and short enough to
    /// need no `?`.
    pub(crate) fn is_key_from(&self, mark: Mark) -> bool {
        let bytes = self.at - mark.at;
        let is_short = || {
            looked_at(bytes);
            self.text[mark.at..self.at].chars().count() <= KEY_MAX
        };
        mark.line == self.line
            && (bytes <= KEY_MAX || bytes <= KEY_MAX * char::MAX_LEN_UTF8 && is_short())
    }

    pub(crate) fn error(&self, mark: Mark, cause: impl Into<Cause>) -> Error {
        error_in(self.text.as_bytes(), mark.at, cause.into())
    }

    pub(crate) fn error_here(&self, cause: impl Into<Cause>) -> Error {
        self.error(self.mark(), cause)
    }
}

/// Counts, in tests, the bytes processed or copied: the total must be linear in the length of the
/// text.
#[inline]
pub(crate) fn looked_at(bytes: usize) {
    #[cfg(test)]
    LOOKS.set(LOOKS.get() + bytes);
    #[cfg(not(test))]
    let _ = bytes;
}

#[cfg(test)]
thread_local! {
    /// Bytes processed by this thread.
    pub(crate) static LOOKS: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
}

/// Most characters of a key without `?`.
const KEY_MAX: usize = 1024;
/// Distance up to which go-yaml v3 treats consecutive comments as one.
const COMMENT_GAP_MAX: usize = 512;
const BYTE_ORDER_MARK: &str = "\u{feff}";

/// Returns an error for a byte of a text; line and column are computed only now.
pub(crate) fn error_in(bytes: &[u8], at: usize, cause: Cause) -> Error {
    let before = &bytes[..at.min(bytes.len())];
    let (mut line, mut start, mut index) = (1, 0, 0);
    looked_at(before.len());
    while index < before.len() {
        let len = match &before[index..] {
            [b'\r', b'\n', ..] | [0xc2, 0x85, ..] => 2,
            [b'\r', ..] if bytes.get(index + 1) == Some(&b'\n') => 0,
            [b'\n' | b'\r', ..] => 1,
            [0xe2, 0x80, 0xa8 | 0xa9, ..] => 3,
            _ => 0,
        };
        index += len.max(1);
        if len > 0 {
            line += 1;
            start = index;
        }
    }

    let starts_character = |byte: &&u8| **byte & 0xc0 != 0x80;
    let column = before[start..].iter().filter(starts_character).count();
    Error {
        line,
        column: (column as u32).saturating_add(1),
        cause,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Syntax;

    #[test]
    fn an_error_counts_lines_and_characters() {
        for (text, at, want) in [
            ("a", 0, (1, 1)),
            ("a\nb", 3, (2, 2)),
            ("a\r\nb", 3, (2, 1)),
            ("a\rb\r", 4, (3, 1)),
            ("\u{e9}\u{85}\u{e9}x", 6, (2, 2)),
            ("a\u{2028}b", 99, (2, 2)),
        ] {
            let error = error_in(text.as_bytes(), at, Syntax::BadStart.into());
            assert_eq!((error.line, error.column), want, "{text:?}");
        }
    }

    #[test]
    fn a_key_is_on_one_line_and_short() {
        let long = "\u{e9}".repeat(KEY_MAX);
        for (text, want) in [
            ("a", true),
            ("a\nb", false),
            (&*long, true),
            (&*format!("{long}x"), false),
        ] {
            let mut scanner = Scanner::new(text.as_bytes(), Dialect::V3).unwrap();
            let mark = scanner.mark();
            scanner.pass_lines_to(text.len());
            assert_eq!(scanner.is_key_from(mark), want, "{} bytes", text.len());
        }
    }
}
