//! Integers, characters and booleans.

use super::printer::Printer;
use super::quote;
use crate::value::Integer;

impl Printer<'_, '_> {
    /// Writes an integer. Returns whether it can be written by the verb.
    pub(super) fn integer(&mut self, integer: Integer, verb: char) -> bool {
        let is_signed = integer.kind.is_signed();
        match verb {
            'v' if self.flags.sharp_v && !is_signed => {
                let sharp = std::mem::replace(&mut self.flags.sharp, true);
                self.digits(integer, 16, verb);
                self.flags.sharp = sharp;
            }
            'v' | 'd' => self.digits(integer, 10, verb),
            'b' => self.digits(integer, 2, verb),
            'o' | 'O' => self.digits(integer, 8, verb),
            'x' | 'X' => self.digits(integer, 16, verb),
            'c' => {
                let mut buffer = [0; 4];
                let text = character(integer).encode_utf8(&mut buffer);
                self.pad(text.as_bytes());
            }
            'q' => {
                let mut buffer = [0; 4];
                let text = character(integer).encode_utf8(&mut buffer);
                let mut quoted = Vec::new();
                quote::append(&mut quoted, text.as_bytes(), b'\'', self.flags.plus);
                self.pad(&quoted);
            }
            'U' => self.unicode(integer),
            _ => return false,
        }
        true
    }

    /// Writes a boolean. Returns whether it can be written by the verb.
    pub(super) fn boolean(&mut self, value: bool, verb: char) -> bool {
        match verb {
            't' | 'v' => self.pad(if value { b"true" } else { b"false" }),
            _ => return false,
        }
        true
    }

    fn digits(&mut self, integer: Integer, base: u64, verb: char) {
        let negative = integer.kind.is_signed() && integer.bits < 0;
        let number = magnitude(integer);
        let has_sign = negative || self.flags.plus || self.flags.space;

        let precision = match (self.flags.precision, self.flags.width) {
            (Some(0), width) if number == 0 => {
                return self.repeat(b' ', width.unwrap_or_default());
            }
            (Some(precision), _) => precision,
            (None, Some(width)) if self.flags.zero && !self.flags.minus => {
                width.saturating_sub(usize::from(has_sign))
            }
            _ => 0,
        };
        if !self.reserve(precision) {
            return;
        }

        let mut text = Vec::with_capacity(precision + 8);
        reversed_digits(&mut text, number, base, verb == 'X');
        text.resize(text.len().max(precision), b'0');
        self.prefix(&mut text, base, verb);
        match (negative, self.flags.plus, self.flags.space) {
            (true, ..) => text.push(b'-'),
            (_, true, _) => text.push(b'+'),
            (_, _, true) => text.push(b' '),
            _ => {}
        }
        text.reverse();
        self.pad_with_spaces(&text);
    }

    /// Appends the mark of the base to reversed digits.
    fn prefix(&self, text: &mut Vec<u8>, base: u64, verb: char) {
        if self.flags.sharp {
            match base {
                2 => text.extend_from_slice(b"b0"),
                8 if text.last() != Some(&b'0') => text.push(b'0'),
                16 if verb == 'X' => text.extend_from_slice(b"X0"),
                16 => text.extend_from_slice(b"x0"),
                _ => {}
            }
        }
        if verb == 'O' {
            text.extend_from_slice(b"o0");
        }
    }

    fn unicode(&mut self, integer: Integer) {
        let precision = self.flags.precision.unwrap_or_default().max(4);
        if !self.reserve(precision) {
            return;
        }
        let number = integer.bits as u64;
        let mut text = format!(
            "U+{number:0precision$X}",
            precision = precision.min(MAX_ZEROS)
        );
        let c = u32::try_from(number).ok().and_then(char::from_u32);
        if let Some(c) = c.filter(|c| self.flags.sharp && quote::is_print(*c)) {
            text.push_str(" '");
            text.push(c);
            text.push('\'');
        }
        self.pad_with_spaces(text.as_bytes());
    }
}

/// The longest number that the standard library fills with zeros.
const MAX_ZEROS: usize = 1000;

fn reversed_digits(text: &mut Vec<u8>, mut number: u64, base: u64, upper: bool) {
    let letters = if upper {
        b"0123456789ABCDEF"
    } else {
        b"0123456789abcdef"
    };
    loop {
        text.extend(letters.get((number % base) as usize));
        number /= base;
        if number == 0 {
            break;
        }
    }
}

fn magnitude(integer: Integer) -> u64 {
    if integer.kind.is_signed() {
        integer.bits.unsigned_abs()
    } else {
        integer.bits as u64
    }
}

fn character(integer: Integer) -> char {
    let number = u32::try_from(integer.bits);
    let c = number.ok().and_then(char::from_u32);
    c.unwrap_or(char::REPLACEMENT_CHARACTER)
}
