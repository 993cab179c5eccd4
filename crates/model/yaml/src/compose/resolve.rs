//! The meaning of a plain scalar in each dialect.
//!
//! Input: a scalar's text, unquoted. Output: its JSON meaning. Both dialects share the rules for
//! numbers and times; they differ in which words are booleans (YAML 1.1 or YAML 1.2's core schema).

use crate::Dialect;
use crate::time;

/// A plain scalar's meaning.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Meaning {
    /// Only its text.
    Text,
    /// Null.
    Null,
    /// A boolean.
    Bool(bool),
    /// An integer.
    Int(i64),
    /// An integer too large for `Int`.
    Uint(u64),
    /// Any other number.
    Float(f64),
    /// A time, in RFC 3339's form.
    Time(String),
}

/// Returns the meaning of a plain scalar.
pub(crate) fn plain(text: &str, dialect: Dialect) -> Meaning {
    let Some(first) = text.bytes().next() else {
        return Meaning::Null;
    };
    match first {
        b'0'..=b'9' | b'+' | b'-' | b'.' => special_float(text)
            .or_else(|| number_or_time(text, first))
            .unwrap_or(Meaning::Text),
        b'~' | b'n' | b'N' | b't' | b'T' | b'f' | b'F' | b'y' | b'Y' | b'o' | b'O' => {
            word(text, dialect)
        }
        _ => Meaning::Text,
    }
}

/// Returns whether `text` can be written without quotes, as far as its meaning is concerned.
pub(crate) fn reads_back_as_text(text: &str) -> bool {
    plain(text, Dialect::V2) == Meaning::Text && !is_base_60(text)
}

fn word(text: &str, dialect: Dialect) -> Meaning {
    match text {
        "~" | "null" | "Null" | "NULL" => Meaning::Null,
        "true" | "True" | "TRUE" => Meaning::Bool(true),
        "false" | "False" | "FALSE" => Meaning::Bool(false),
        "y" | "Y" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" if dialect == Dialect::V2 => {
            Meaning::Bool(true)
        }
        "n" | "N" | "no" | "No" | "NO" | "off" | "Off" | "OFF" if dialect == Dialect::V2 => {
            Meaning::Bool(false)
        }
        _ => Meaning::Text,
    }
}

fn special_float(text: &str) -> Option<Meaning> {
    let (sign, rest) = match text.strip_prefix(['+', '-']) {
        Some(rest) => (text.as_bytes().first().copied(), rest),
        None => (None, text),
    };
    match (sign, rest) {
        (None, ".nan" | ".NaN" | ".NAN") => Some(Meaning::Float(f64::NAN)),
        (Some(b'-'), ".inf" | ".Inf" | ".INF") => Some(Meaning::Float(f64::NEG_INFINITY)),
        (_, ".inf" | ".Inf" | ".INF") => Some(Meaning::Float(f64::INFINITY)),
        _ => None,
    }
}

fn number_or_time(text: &str, first: u8) -> Option<Meaning> {
    if first == b'.' {
        return float(text);
    }
    if let Some(time) = time::parse(text) {
        return Some(Meaning::Time(time));
    }
    let stripped;
    let digits = if text.contains('_') {
        stripped = text.replace('_', "");
        stripped.as_str()
    } else {
        text
    };
    integer(digits).or_else(|| float(digits))
}

/// Parses an integer with Go's prefixes: `0x`, `0b`, `0o` and a leading zero for octal.
fn integer(text: &str) -> Option<Meaning> {
    let (negative, signed, rest) = match text.as_bytes().first()? {
        b'-' => (true, true, &text[1..]),
        b'+' => (false, true, &text[1..]),
        _ => (false, false, text),
    };
    let (radix, digits) = match rest.as_bytes() {
        [b'0', b'x' | b'X', ..] => (16, &rest[2..]),
        [b'0', b'b' | b'B', ..] => (2, &rest[2..]),
        [b'0', b'o' | b'O', ..] => (8, &rest[2..]),
        [b'0', _, ..] => (8, &rest[1..]),
        _ => (10, rest),
    };
    if digits.is_empty() || digits.starts_with(['+', '-']) {
        return None;
    }

    let magnitude = u64::from_str_radix(digits, radix).ok()?;
    match (negative, i64::try_from(magnitude)) {
        (false, Ok(small)) => Some(Meaning::Int(small)),
        (true, Ok(small)) => Some(Meaning::Int(-small)),
        (true, Err(_)) if magnitude == i64::MIN.unsigned_abs() => Some(Meaning::Int(i64::MIN)),
        (false, Err(_)) if !signed => Some(Meaning::Uint(magnitude)),
        _ => None,
    }
}

/// Parses `[+-] (digits [. digits] | . digits) [e [+-] digits]`; an overflow is not a number.
fn float(text: &str) -> Option<Meaning> {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (
            mantissa,
            Some(exponent.strip_prefix(['+', '-']).unwrap_or(exponent)),
        ),
        None => (unsigned, None),
    };
    let all_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let well_formed = all_digits(whole)
        && all_digits(fraction)
        && !(whole.is_empty() && fraction.is_empty())
        && exponent.is_none_or(|exponent| !exponent.is_empty() && all_digits(exponent));
    if !well_formed {
        return None;
    }

    text.parse()
        .ok()
        .filter(|float: &f64| float.is_finite())
        .map(Meaning::Float)
}

/// YAML 1.1's sexagesimal numbers (`1:30`): Go reads them as text but never writes them plain.
fn is_base_60(text: &str) -> bool {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    if !unsigned.starts_with(|c: char| c.is_ascii_digit()) {
        return false;
    }
    let mut parts = unsigned.split(':');
    let whole = parts.next().unwrap_or_default();
    if !whole.bytes().all(|b| b.is_ascii_digit() || b == b'_') {
        return false;
    }
    let mut rest: Vec<&str> = parts.collect();
    let Some(last) = rest.pop() else { return false };
    let (last, fraction) = last.split_once('.').unwrap_or((last, ""));
    fraction.bytes().all(|b| b.is_ascii_digit() || b == b'_')
        && rest.iter().chain([&last]).all(|part| is_sixtieth(part))
}

fn is_sixtieth(part: &str) -> bool {
    matches!(part.as_bytes(), [b'0'..=b'9'] | [b'0'..=b'5', b'0'..=b'9'])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_dialects_differ_in_booleans_only() {
        for text in ["y", "Y", "yes", "Yes", "on", "ON"] {
            assert_eq!(plain(text, Dialect::V2), Meaning::Bool(true), "{text}");
            assert_eq!(plain(text, Dialect::V3), Meaning::Text, "{text}");
        }
        for text in ["n", "no", "Off"] {
            assert_eq!(plain(text, Dialect::V2), Meaning::Bool(false), "{text}");
            assert_eq!(plain(text, Dialect::V3), Meaning::Text, "{text}");
        }
        assert_eq!(plain("tRUE", Dialect::V2), Meaning::Text);
    }

    #[test]
    fn numbers_are_read_as_go_reads_them() {
        for (text, want) in [
            ("0777", Meaning::Int(511)),
            ("0o17", Meaning::Int(15)),
            ("0x1F", Meaning::Int(31)),
            ("0b101", Meaning::Int(5)),
            ("-0b11", Meaning::Int(-3)),
            ("1_000", Meaning::Int(1000)),
            ("+12", Meaning::Int(12)),
            ("08", Meaning::Float(8.0)),
            ("1e3", Meaning::Float(1000.0)),
            ("1.", Meaning::Float(1.0)),
            (".5", Meaning::Float(0.5)),
            ("-9223372036854775808", Meaning::Int(i64::MIN)),
            ("18446744073709551615", Meaning::Uint(u64::MAX)),
            (
                "18446744073709551616",
                Meaning::Float(18_446_744_073_709_552_000.0),
            ),
            ("1:30", Meaning::Text),
            ("1.2.3", Meaning::Text),
            ("-", Meaning::Text),
            (".", Meaning::Text),
            ("0x", Meaning::Text),
            ("1e", Meaning::Text),
            ("1e999", Meaning::Text),
            ("<<", Meaning::Text),
            ("", Meaning::Null),
            (
                "2001-01-01",
                Meaning::Time("2001-01-01T00:00:00Z".to_owned()),
            ),
        ] {
            assert_eq!(plain(text, Dialect::V3), want, "{text}");
            assert_eq!(plain(text, Dialect::V2), want, "{text}");
        }
    }

    #[test]
    fn sixties_are_never_written_plain() {
        for text in ["1:30", "-190:20:30.5", "1_0:05"] {
            assert!(!reads_back_as_text(text), "{text}");
        }
        for text in ["1:60", "a:30", "1:", "10.0.0.1:80", "1:30:x"] {
            assert!(reads_back_as_text(text), "{text}");
        }
    }
}
