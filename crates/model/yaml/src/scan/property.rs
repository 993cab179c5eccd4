//! Anchors, aliases, tags and `%` directives.
//!
//! Input: a scanner at the indicator. Output: names and tags; the scanner is after them.

use std::borrow::Cow;

use crate::error::{Error, Syntax};
use crate::scan::Scanner;

/// A tag as written: its handle, and the rest.
pub(crate) struct WrittenTag<'t> {
    /// `!`, `!!` or `!name!`; empty if the rest is the whole tag.
    pub(crate) handle: &'t str,
    pub(crate) suffix: Cow<'t, str>,
}

/// A directive that has an effect.
pub(crate) enum Directive<'t> {
    Version {
        is_known: bool,
    },
    Tag {
        handle: &'t str,
        prefix: Cow<'t, str>,
    },
}

impl<'t> Scanner<'t> {
    /// Scans the name after `&` or `*`.
    pub(crate) fn anchor_name(&mut self) -> Result<&'t str, Error> {
        let start = self.at + 1;
        let end = self.word_end(start);
        let ends_well = self.is_gap(end)
            || matches!(
                self.byte(end),
                b'?' | b':' | b',' | b']' | b'}' | b'%' | b'@' | b'`'
            );
        if end == start || !ends_well {
            return Err(self.error_here(Syntax::BadAnchor));
        }
        self.at = end;
        self.starts_allowed = false;
        Ok(&self.text[start..end])
    }

    /// Scans a tag.
    pub(crate) fn tag(&mut self) -> Result<WrittenTag<'t>, Error> {
        let start = self.at;
        let tag = if self.byte(start + 1) == b'<' {
            self.at += 2;
            let suffix = self.tag_rest(self.at)?;
            if self.here() != b'>' || suffix.is_empty() {
                return Err(self.error_here(Syntax::BadTag));
            }
            self.at += 1;
            WrittenTag { handle: "", suffix }
        } else {
            self.short_tag(start)?
        };
        if !self.is_gap(self.at) {
            return Err(self.error_here(Syntax::BadTag));
        }
        self.starts_allowed = false;
        Ok(tag)
    }

    fn short_tag(&mut self, start: usize) -> Result<WrittenTag<'t>, Error> {
        let word_end = self.word_end(start + 1);
        if self.byte(word_end) == b'!' {
            let handle = &self.text[start..=word_end];
            self.at = word_end + 1;
            let suffix = self.tag_rest(self.at)?;
            if suffix.is_empty() {
                return Err(self.error_here(Syntax::BadTag));
            }
            return Ok(WrittenTag { handle, suffix });
        }
        self.at = word_end;
        let suffix = self.tag_rest(start + 1)?;
        let whole = suffix.is_empty();
        Ok(if whole {
            WrittenTag {
                handle: "",
                suffix: "!".into(),
            }
        } else {
            WrittenTag {
                handle: "!",
                suffix,
            }
        })
    }

    /// Scans to the end of a tag and returns it from `start`, with `%` codes decoded.
    fn tag_rest(&mut self, start: usize) -> Result<Cow<'t, str>, Error> {
        let is_tag_byte = |byte: u8| is_word(byte) || b";/?:@&=+$,.!~*'()[]%".contains(&byte);
        while is_tag_byte(self.here()) {
            self.at += 1;
        }
        let text = &self.text[start..self.at];
        if !text.contains('%') {
            return Ok(text.into());
        }
        match decoded(text) {
            Some(text) => Ok(text.into()),
            None => Err(self.error_here(Syntax::BadTag)),
        }
    }

    /// Scans a `%` line and its line break.
    pub(crate) fn directive(&mut self) -> Result<Directive<'t>, Error> {
        let start = self.at + 1;
        let end = self.word_end(start);
        self.at = end;
        let directive = match &self.text[start..end] {
            "YAML" if self.is_gap(end) => self.version()?,
            "TAG" if self.is_gap(end) => self.tag_directive()?,
            _ => return Err(self.error_here(Syntax::BadDirective)),
        };
        self.end_header_line()?;
        self.starts_allowed = false;
        Ok(directive)
    }

    /// Passes what may stand behind the header of a block or a directive: blanks, a comment, the line break.
    pub(super) fn end_header_line(&mut self) -> Result<(), Error> {
        self.skip_blanks();
        if self.here() == b'#' {
            self.pass_comment();
        }

        let len = self.break_len(self.at);
        if len > 0 {
            self.pass_break(len);
        } else if !self.at_end() {
            return Err(self.error_here(Syntax::LineEndExpected));
        }
        Ok(())
    }

    fn version(&mut self) -> Result<Directive<'t>, Error> {
        self.skip_blanks();
        let mut numbers = [0; 2];
        for (place, number) in numbers.iter_mut().enumerate() {
            if place > 0 {
                if self.here() != b'.' {
                    return Err(self.error_here(Syntax::BadDirective));
                }
                self.at += 1;
            }
            let start = self.at;
            while self.here().is_ascii_digit() {
                self.at += 1;
            }
            let digits = &self.text[start..self.at];
            let fits = digits.len() <= VERSION_DIGITS_MAX;
            let parsed = digits.parse().ok().filter(|_| fits);
            *number = parsed.ok_or_else(|| self.error_here(Syntax::BadDirective))?;
        }
        Ok(Directive::Version {
            is_known: numbers == [1, 1],
        })
    }

    fn tag_directive(&mut self) -> Result<Directive<'t>, Error> {
        self.skip_blanks();
        let start = self.at;
        if self.here() != b'!' {
            return Err(self.error_here(Syntax::BadDirective));
        }
        let word_end = self.word_end(start + 1);
        let handle_end = word_end + usize::from(self.byte(word_end) == b'!');
        let handle = &self.text[start..handle_end];
        let closed = handle == "!" || handle_end > word_end;
        if !closed || !matches!(self.byte(handle_end), b' ' | b'\t') {
            return Err(self.error_here(Syntax::BadDirective));
        }
        self.at = handle_end;
        self.skip_blanks();
        let prefix = self.tag_rest(self.at)?;
        if prefix.is_empty() || !self.is_gap(self.at) {
            return Err(self.error_here(Syntax::BadDirective));
        }
        Ok(Directive::Tag { handle, prefix })
    }

    fn word_end(&self, start: usize) -> usize {
        let mut at = start;
        while is_word(self.byte(at)) {
            at += 1;
        }
        at
    }
}

/// Most digits in either number of `%YAML`.
const VERSION_DIGITS_MAX: usize = 2;

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-')
}

fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((plain, after)) = rest.split_once('%') {
        bytes.extend_from_slice(plain.as_bytes());
        let code = after
            .get(..2)
            .filter(|code| code.bytes().all(|byte| byte.is_ascii_hexdigit()))?;
        bytes.push(u8::from_str_radix(code, 16).ok()?);
        rest = &after[2..];
    }
    bytes.extend_from_slice(rest.as_bytes());
    String::from_utf8(bytes).ok()
}
