//! Formats: flags, width, precision and the choice of arguments.

use super::printer::{Flags, Printer};
use crate::value::Value;

/// The largest width or precision.
const NUMBER_MAX: i64 = 1_000_000;

/// The position in a format and in its arguments.
struct Cursor<'f> {
    format: &'f [u8],
    args: &'f [Value],
    at: usize,
    argument: usize,
    /// Whether an argument was chosen by number anywhere.
    is_reordered: bool,
    /// Whether the choice by number in the verb at hand is valid.
    is_good: bool,
}

/// Writes arguments by a format.
pub(super) fn format(printer: &mut Printer<'_, '_>, format: &[u8], args: &[Value]) {
    let mut cursor = Cursor {
        format,
        args,
        at: 0,
        argument: 0,
        is_reordered: false,
        is_good: true,
    };

    while printer.error.is_none() {
        let rest = cursor.rest();
        let Some(percent) = rest.iter().position(|byte| *byte == b'%') else {
            printer.bytes(rest);
            break;
        };
        printer.bytes(rest.get(..percent).unwrap_or_default());
        cursor.at += percent + 1;
        if !cursor.verb(printer) {
            break;
        }
    }
    cursor.extra(printer);
}

impl Cursor<'_> {
    fn rest(&self) -> &[u8] {
        self.format.get(self.at..).unwrap_or_default()
    }

    fn peek(&self) -> Option<u8> {
        self.format.get(self.at).copied()
    }

    /// Writes one verb. Returns whether the format goes on after it.
    fn verb(&mut self, printer: &mut Printer<'_, '_>) -> bool {
        printer.flags = Flags::default();
        self.is_good = true;
        self.flags(printer);
        let after_index = self.choose();
        let after_index = self.width(printer, after_index);
        let after_index = self.precision(printer, after_index);
        if !after_index {
            self.choose();
        }

        let Some(verb) = self.character() else {
            printer.text("%!(NOVERB)");
            return false;
        };
        if verb == '%' {
            printer.byte(b'%');
        } else if !self.is_good {
            report(printer, verb, "(BADINDEX)");
        } else if let Some(value) = self.args.get(self.argument) {
            if matches!(verb, 'v' | 'w') {
                printer.flags.sharp_v = std::mem::take(&mut printer.flags.sharp);
                printer.flags.plus_v = std::mem::take(&mut printer.flags.plus);
            }
            printer.argument(value, verb);
            self.argument += 1;
        } else {
            report(printer, verb, "(MISSING)");
        }
        true
    }

    fn flags(&mut self, printer: &mut Printer<'_, '_>) {
        while let Some(byte) = self.peek() {
            let flags = &mut printer.flags;
            match byte {
                b'#' => flags.sharp = true,
                b'0' => flags.zero = true,
                b'+' => flags.plus = true,
                b'-' => flags.minus = true,
                b' ' => flags.space = true,
                _ => break,
            }
            self.at += 1;
        }
    }

    fn width(&mut self, printer: &mut Printer<'_, '_>, after_index: bool) -> bool {
        if self.peek() != Some(b'*') {
            printer.flags.width = self.number();
            self.is_good &= !(after_index && printer.flags.width.is_some());
            return after_index;
        }

        self.at += 1;
        match self.integer() {
            Some(width) => {
                printer.flags.width = usize::try_from(width.unsigned_abs()).ok();
                if width < 0 {
                    printer.flags.minus = true;
                    printer.flags.zero = false;
                }
            }
            None => printer.text("%!(BADWIDTH)"),
        }
        false
    }

    fn precision(&mut self, printer: &mut Printer<'_, '_>, after_index: bool) -> bool {
        // A point at the very end is a verb.
        if self.peek() != Some(b'.') || self.at + 1 >= self.format.len() {
            return after_index;
        }

        self.at += 1;
        self.is_good &= !after_index;
        let after_index = self.choose();
        if self.peek() != Some(b'*') {
            printer.flags.precision = Some(self.number().unwrap_or_default());
            return after_index;
        }

        self.at += 1;
        let precision = self
            .integer()
            .and_then(|number| usize::try_from(number).ok());
        printer.flags.precision = precision;
        if precision.is_none() {
            printer.text("%!(BADPREC)");
        }
        false
    }

    /// Reads `[3]`, which chooses the argument. Returns whether there was one.
    fn choose(&mut self) -> bool {
        if self.peek() != Some(b'[') {
            return false;
        }
        self.is_reordered = true;
        let rest = self.rest();
        let Some(end) = rest.iter().position(|byte| *byte == b']') else {
            self.is_good = false;
            self.at += 1;
            return false;
        };
        let number = rest.get(1..end).and_then(parse_number);
        self.at += end + 1;

        let index = number.and_then(|number| number.checked_sub(1));
        match index.filter(|index| *index < self.args.len()) {
            Some(index) => self.argument = index,
            None => self.is_good = false,
        }
        number.is_some()
    }

    /// Reads a number in the format; one that is too large is none, and ends the format.
    fn number(&mut self) -> Option<usize> {
        let digits = self.rest().iter().take_while(|byte| byte.is_ascii_digit());
        let length = digits.count();
        if length == 0 {
            return None;
        }
        let number = self.rest().get(..length).and_then(parse_number);
        self.at = match number {
            Some(_) => self.at + length,
            None => self.format.len(),
        };
        number
    }

    /// Takes an argument as width or precision.
    fn integer(&mut self) -> Option<i64> {
        let value = self.args.get(self.argument)?;
        self.argument += 1;
        let integer = value.as_integer()?;
        let is_positive = integer.kind.is_signed() || integer.bits >= 0;
        let is_small = (-NUMBER_MAX..=NUMBER_MAX).contains(&integer.bits);
        (is_positive && is_small).then_some(integer.bits)
    }

    fn character(&mut self) -> Option<char> {
        let rest = self.rest();
        let start = rest.get(..rest.len().min(4))?;
        let chunk = start.utf8_chunks().next()?;
        let (verb, width) = match chunk.valid().chars().next() {
            Some(c) => (c, c.len_utf8()),
            None => (char::REPLACEMENT_CHARACTER, 1),
        };
        self.at += width;
        Some(verb)
    }

    /// Reports arguments that no verb asked for.
    fn extra(&self, printer: &mut Printer<'_, '_>) {
        let extra = self.args.get(self.argument..).unwrap_or_default();
        if self.is_reordered || extra.is_empty() {
            return;
        }

        printer.flags = Flags::default();
        printer.text("%!(EXTRA ");
        for (index, value) in extra.iter().enumerate() {
            if index > 0 {
                printer.text(", ");
            }
            if !value.is_nil() {
                printer.text(&value.type_name());
                printer.byte(b'=');
            }
            printer.argument(value, 'v');
        }
        printer.byte(b')');
    }
}

fn report(printer: &mut Printer<'_, '_>, verb: char, what: &str) {
    printer.text("%!");
    printer.character(verb);
    printer.text(what);
}

/// Reads digits; nothing if there is another letter or the number is too large.
fn parse_number(digits: &[u8]) -> Option<usize> {
    let mut number = 0_i64;
    for byte in digits {
        if number > NUMBER_MAX || !byte.is_ascii_digit() {
            return None;
        }
        number = number * 10 + i64::from(byte - b'0');
    }
    usize::try_from(number).ok().filter(|_| !digits.is_empty())
}
