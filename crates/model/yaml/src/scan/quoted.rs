//! Scalars in quotes.
//!
//! Input: a scanner at the opening quote. Output: the text; the scanner is after the closing quote.

use crate::error::{Error, Syntax};
use crate::node::Text;
use crate::scan::plain::Gap;
use crate::scan::{Scanner, looked_at};

impl Scanner<'_> {
    /// Scans a scalar in the quotes that start here.
    pub(crate) fn quoted(&mut self) -> Result<Text, Error> {
        let quote = self.here();
        self.at += 1;
        self.buffer.clear();
        // As long as the source equals the text, it is borrowed; only then is the buffer used.
        let mut piece = self.at;
        loop {
            if self.at_document_mark() {
                return Err(self.error_here(Syntax::DocumentInQuotes));
            }
            self.at = self.quoted_run_end(self.at, quote);
            match self.here() {
                0 => return Err(self.error_here(Syntax::EndInQuotes)),
                b'\'' if self.byte(self.at + 1) == b'\'' && quote == b'\'' => {
                    self.at += 1;
                    self.buffer.push_str(&self.text[piece..self.at]);
                    self.at += 1;
                    piece = self.at;
                }
                byte if byte == quote => break,
                b'\\' => {
                    self.buffer.push_str(&self.text[piece..self.at]);
                    self.escape()?;
                    piece = self.at;
                }
                _ => {
                    let line = self.text[piece..self.at].trim_end_matches([' ', '\t']);
                    self.buffer.push_str(line);
                    if let Gap::Breaks(at, len) = self.gap(None)? {
                        self.fold(at, len);
                    }
                    piece = self.at;
                }
            }
        }
        let last = &self.text[piece..self.at];
        self.at += 1;
        self.starts_allowed = false;
        if self.buffer.is_empty() {
            return Ok(Text::from(last));
        }
        self.buffer.push_str(last);
        looked_at(self.buffer.len());
        Ok(Text::from(self.buffer.as_str()))
    }

    fn quoted_run_end(&self, start: usize, quote: u8) -> usize {
        let bytes = self.text.as_bytes();
        let mut at = start;
        while let Some(&byte) = bytes.get(at) {
            let stops = match byte {
                b'\n' | b'\r' => true,
                b'\\' => quote == b'"',
                0xc2 | 0xe2 => self.break_len(at) > 0,
                _ => byte == quote,
            };
            if stops {
                break;
            }
            at += 1;
        }
        looked_at(at - start);
        at
    }

    fn escape(&mut self) -> Result<(), Error> {
        let code = self.at + 1;
        let len = self.break_len(code);
        if len > 0 {
            return self.escaped_break(code, len);
        }

        let plain = match self.byte(code) {
            b'0' => "\0",
            b'a' => "\x07",
            b'b' => "\x08",
            b't' | b'\t' => "\t",
            b'n' => "\n",
            b'v' => "\x0b",
            b'f' => "\x0c",
            b'r' => "\r",
            b'e' => "\x1b",
            b' ' => " ",
            b'"' => "\"",
            b'\'' => "'",
            b'\\' => "\\",
            b'N' => "\u{85}",
            b'_' => "\u{a0}",
            b'L' => "\u{2028}",
            b'P' => "\u{2029}",
            b'x' => return self.character_code(2),
            b'u' => return self.character_code(4),
            b'U' => return self.character_code(8),
            _ => return Err(self.error_here(Syntax::UnknownEscape)),
        };
        self.buffer.push_str(plain);
        self.at += 2;
        Ok(())
    }

    /// An escaped break is removed with the blanks after it; empty lines after it stay.
    fn escaped_break(&mut self, at: usize, len: usize) -> Result<(), Error> {
        self.at = at;
        self.pass_break(len);
        // At a document mark the text is about to be refused.
        while let Gap::Breaks(first, len) = self.gap(None)? {
            self.buffer.push_str(self.break_text(first, len));
            self.buffer.push_str(&self.breaks);
        }
        Ok(())
    }

    fn character_code(&mut self, digits: usize) -> Result<(), Error> {
        let start = self.at + 2;
        let character = self
            .text
            .get(start..start + digits)
            .filter(|code| code.bytes().all(|byte| byte.is_ascii_hexdigit()))
            .and_then(|code| u32::from_str_radix(code, 16).ok())
            .and_then(char::from_u32);
        let Some(character) = character else {
            return Err(self.error_here(Syntax::BadEscape));
        };
        self.buffer.push(character);
        self.at = start + digits;
        Ok(())
    }
}
