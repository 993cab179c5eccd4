//! Numbers as Go's `strconv` reads and writes them.

use std::io::Write as _;

/// Returns the integer that a text is in Go's syntax: with a sign, and for base 0 with a prefix
/// (`0x`, `0o`, `0b`, `0`) and underscores.
pub(crate) fn parse_int(text: &[u8], base: u32) -> Option<i64> {
    let (negative, rest) = split_sign(text);
    // Underscores are allowed only where the text itself says the base.
    let names_base = base == 0;
    let (base, digits) = if names_base {
        split_base(rest)
    } else {
        (base, rest)
    };
    if digits.is_empty() || (digits.contains(&b'_') && !(names_base && underscores_fit(text))) {
        return None;
    }

    let mut number: u64 = 0;
    for &byte in digits.iter().filter(|byte| **byte != b'_') {
        let digit = char::from(byte).to_digit(base)?;
        number = number
            .checked_mul(u64::from(base))?
            .checked_add(u64::from(digit))?;
    }
    if negative {
        0_i64.checked_sub_unsigned(number)
    } else {
        i64::try_from(number).ok()
    }
}

/// Returns the integer that a text is in base 10, as `strconv.Atoi`.
pub(crate) fn parse_decimal(text: &[u8]) -> Option<i64> {
    parse_int(text, 10)
}

/// Returns the integer that a text is in base 10, as Go's functions do next to their error: 0 for
/// what is none, and the limit for what is beyond it.
pub(crate) fn parse_clamped(text: &[u8]) -> i64 {
    let (negative, digits) = split_sign(text);
    let limit = if negative { i64::MIN } else { i64::MAX };
    let mut number = 0_u64;
    for byte in digits {
        let Some(digit) = char::from(*byte).to_digit(10) else {
            return 0;
        };
        // What follows is not looked at.
        let longer = number
            .checked_mul(10)
            .and_then(|n| n.checked_add(u64::from(digit)));
        let Some(longer) = longer else {
            return limit;
        };
        number = longer;
    }
    if number > limit.unsigned_abs() {
        return limit;
    }
    if negative {
        0_i64.wrapping_sub_unsigned(number)
    } else {
        number as i64
    }
}

/// Returns the float that a text is in Go's syntax; none if it is out of range.
pub(crate) fn parse_float(text: &[u8]) -> Option<f64> {
    let (negative, rest) = split_sign(text);
    let lower = rest.to_ascii_lowercase();
    match lower.as_slice() {
        b"inf" | b"infinity" if negative => return Some(f64::NEG_INFINITY),
        b"inf" | b"infinity" => return Some(f64::INFINITY),
        b"nan" if rest.len() == text.len() => return Some(f64::NAN),
        _ => {}
    }

    if lower.contains(&b'_') && !underscores_fit(text) {
        return None;
    }
    let plain: Vec<u8> = lower.into_iter().filter(|byte| *byte != b'_').collect();
    let magnitude = match plain.strip_prefix(b"0x") {
        Some(hex) => parse_hex_float(hex)?,
        None if plain
            .first()
            .is_some_and(|byte| byte.is_ascii_digit() || *byte == b'.') =>
        {
            std::str::from_utf8(&plain).ok()?.parse::<f64>().ok()?
        }
        None => return None,
    };
    magnitude
        .is_finite()
        .then_some(if negative { -magnitude } else { magnitude })
}

fn split_sign(text: &[u8]) -> (bool, &[u8]) {
    match text.split_first() {
        Some((b'-', rest)) => (true, rest),
        Some((b'+', rest)) => (false, rest),
        _ => (false, text),
    }
}

/// Splits the prefix that names a base off.
fn split_base(text: &[u8]) -> (u32, &[u8]) {
    let prefix = text.get(..2).map(<[u8]>::to_ascii_lowercase);
    let rest = text.get(2..).unwrap_or_default();
    match prefix.as_deref() {
        Some(b"0x") if !rest.is_empty() => (16, rest),
        Some(b"0o") if !rest.is_empty() => (8, rest),
        Some(b"0b") if !rest.is_empty() => (2, rest),
        // `0` alone stays a decimal zero; what follows a leading zero is octal.
        Some([b'0', _]) => (8, text.get(1..).unwrap_or_default()),
        _ => (10, text),
    }
}

/// Returns whether every underscore stands between digits, or between a prefix and a digit.
fn underscores_fit(text: &[u8]) -> bool {
    let (_, rest) = split_sign(text);
    let prefix = rest
        .get(..2)
        .map(<[u8]>::to_ascii_lowercase)
        .filter(|prefix| matches!(prefix.as_slice(), b"0x" | b"0o" | b"0b"));
    let hex = prefix.as_deref() == Some(b"0x");
    let mut before = if prefix.is_some() { b'0' } else { b'^' };

    let start = if prefix.is_some() { 2 } else { 0 };
    for &byte in rest.get(start..).unwrap_or_default() {
        before = match byte {
            b'0'..=b'9' => b'0',
            byte if hex && byte.is_ascii_hexdigit() => b'0',
            b'_' if before != b'0' => return false,
            b'_' => b'_',
            _ if before == b'_' => return false,
            _ => b'!',
        };
    }
    before != b'_'
}

/// Reads a hexadecimal float without its `0x`, such as `1.8p3`. An exponent is required.
fn parse_hex_float(text: &[u8]) -> Option<f64> {
    let at = text.iter().position(|byte| *byte == b'p')?;
    let (digits, exponent) = (text.get(..at)?, text.get(at + 1..)?);
    if exponent.len() > EXPONENT_MAX || digits.len() > HEX_DIGITS_MAX {
        return None;
    }
    let mut exponent = parse_decimal(exponent)?;

    let (mut mantissa, mut seen_point) = (0_u128, false);
    let mut digits_read = 0;
    for &byte in digits {
        if byte == b'.' && !seen_point {
            seen_point = true;
            continue;
        }
        let digit = char::from(byte).to_digit(16)?;
        digits_read += 1;
        mantissa = mantissa.checked_mul(16)?.checked_add(u128::from(digit))?;
        exponent -= if seen_point { 4 } else { 0 };
    }
    let exponent = i32::try_from(exponent).ok()?;
    (digits_read > 0).then(|| mantissa as f64 * 2_f64.powi(exponent))
}

/// Longest exponent of a hexadecimal float that is read.
const EXPONENT_MAX: usize = 6;
/// Most digits of a hexadecimal float: what 128 bits hold.
const HEX_DIGITS_MAX: usize = 32;

/// Appends a finite float as Go's `encoding/json` does: without exponent from 1e-6 to 1e21.
pub(crate) fn push_json(out: &mut Vec<u8>, float: f64) {
    let magnitude = float.abs();
    if magnitude != 0.0 && !(1e-6..1e21).contains(&magnitude) {
        let (digits, exponent) = scientific(float);
        let sign = if exponent < 0 { '-' } else { '+' };
        let _ = write!(out, "{digits}e{sign}{}", exponent.abs());
    } else {
        let _ = write!(out, "{float}");
    }
}

fn scientific(float: f64) -> (String, i32) {
    let shown = format!("{float:e}");
    match shown.split_once('e') {
        Some((digits, exponent)) => (digits.to_owned(), exponent.parse().unwrap_or_default()),
        None => (shown, 0),
    }
}

/// Returns a float as an integer, as Go's conversion on amd64: what does not fit becomes the
/// smallest.
pub(crate) fn float_to_int(float: f64) -> i64 {
    // 2^63 is the first float that does not fit; -2^63 itself does.
    const END: f64 = 9_223_372_036_854_775_808.0;
    if (-END..END).contains(&float) {
        float as i64
    } else {
        i64::MIN
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_are_read_in_the_base_they_name() {
        for (text, want) in [
            ("0", Some(0)),
            ("-0", Some(0)),
            ("12", Some(12)),
            ("+12", Some(12)),
            ("010", Some(8)),
            ("08", None),
            ("0x1F", Some(31)),
            ("-0b101", Some(-5)),
            ("0o17", Some(15)),
            ("1_000", Some(1000)),
            ("0x_1", Some(1)),
            ("1__0", None),
            ("_1", None),
            ("1_", None),
            ("0_8", None),
            ("0_7", Some(7)),
            ("", None),
            ("-", None),
            ("0x", None),
            ("1.5", None),
            ("9223372036854775807", Some(i64::MAX)),
            ("-9223372036854775808", Some(i64::MIN)),
            ("9223372036854775808", None),
        ] {
            assert_eq!(parse_int(text.as_bytes(), 0), want, "{text:?}");
        }
        for (text, want) in [
            ("12", 12),
            ("-9223372036854775809", i64::MIN),
            ("99999999999999999999x", i64::MAX),
            ("9x", 0),
            ("", 0),
        ] {
            assert_eq!(parse_clamped(text.as_bytes()), want, "{text}");
        }
        assert_eq!(parse_decimal(b"010"), Some(10));
        assert_eq!(parse_decimal(b"1_0"), None);
        assert_eq!(parse_decimal(b"0x1"), None);
    }

    #[test]
    fn floats_are_read() {
        for (text, want) in [
            ("1.5", Some(1.5)),
            ("-.5", Some(-0.5)),
            ("5.", Some(5.0)),
            ("+1e3", Some(1000.0)),
            ("1_0.5", Some(10.5)),
            ("0x1.8p3", Some(12.0)),
            ("0x10", None),
            ("1e999", None),
            ("-inf", Some(f64::NEG_INFINITY)),
            ("Infinity", Some(f64::INFINITY)),
            ("+nan", None),
            ("e5", None),
            ("1e", None),
            (".", None),
            ("", None),
            ("--1", None),
            ("0", Some(0.0)),
        ] {
            assert_eq!(parse_float(text.as_bytes()), want, "{text:?}");
        }
    }

    #[test]
    fn floats_are_written() {
        let json = |float: f64| {
            let mut out = Vec::new();
            push_json(&mut out, float);
            String::from_utf8(out).unwrap()
        };
        assert_eq!(json(1e20), "100000000000000000000");
        assert_eq!(json(1e21), "1e+21");
        assert_eq!(json(1e-6), "0.000001");
        assert_eq!(json(1.5e-7), "1.5e-7");
        assert_eq!(json(0.0), "0");
    }

    #[test]
    fn floats_that_do_not_fit_become_the_smallest_integer() {
        assert_eq!(float_to_int(-1.9), -1);
        assert_eq!(float_to_int(1e19), i64::MIN);
        assert_eq!(float_to_int(f64::NAN), i64::MIN);
        assert_eq!(float_to_int(-9_223_372_036_854_775_808.0), i64::MIN);
    }
}
