//! [`SetLine`]: the rest of a line.

use super::error::SetStop;

/// The rest of a line.
pub(super) struct SetLine<'t> {
    rest: &'t str,
}

impl<'t> SetLine<'t> {
    pub(super) fn new(line: &'t str) -> Self {
        Self { rest: line }
    }

    pub(super) fn next(&mut self) -> Option<char> {
        let mut letters = self.rest.chars();
        let letter = letters.next();
        self.rest = letters.as_str();
        letter
    }

    /// Takes the next character, if it is this one.
    pub(super) fn take(&mut self, letter: char) -> bool {
        let rest = self.rest.strip_prefix(letter);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    /// Takes characters up to and with the first that is in `stops`; nothing for it at the end.
    /// Unless the line is literal, `\` takes away the meaning of the next character.
    pub(super) fn until(&mut self, stops: &[char], is_literal: bool) -> (String, Option<char>) {
        let mut taken = String::new();
        while let Some(letter) = self.next() {
            if stops.contains(&letter) {
                return (taken, Some(letter));
            }
            if letter == '\\' && !is_literal {
                match self.next() {
                    Some(escaped) => taken.push(escaped),
                    None => break,
                }
            } else {
                taken.push(letter);
            }
        }
        (taken, None)
    }

    /// Skips white space and a comma after it. Returns whether that, or the end, was all there is
    /// up to the next key.
    pub(super) fn skip_empty(&mut self) -> bool {
        self.rest = self.rest.trim_start();
        self.rest.is_empty() || self.take(',')
    }

    /// Takes a JSON value.
    pub(super) fn json(&mut self) -> Option<serde_json::Value> {
        let mut values = serde_json::Deserializer::from_str(self.rest).into_iter();
        let value = values.next()?.ok()?;
        self.rest = self.rest.get(values.byte_offset()..)?;
        Some(value)
    }

    /// Takes all that is left.
    pub(super) fn all(&mut self) -> &'t str {
        std::mem::take(&mut self.rest)
    }

    /// Returns an error if nothing is left.
    pub(super) fn some(&self) -> Result<(), SetStop> {
        if self.rest.is_empty() {
            Err(SetStop::End)
        } else {
            Ok(())
        }
    }
}
