//! Durations as Go counts them: signed nanoseconds in 64 bits.
//!
//! `lode_stdx::duration` reads the durations of API objects, which are never negative; templates
//! may subtract.

use std::fmt::Write as _;
use std::time::Duration;

use lode_stdx::duration;

/// A duration in nanoseconds.
pub(crate) type Nanos = i64;

/// One second.
pub(crate) const SECOND: Nanos = 1_000_000_000;
/// One minute.
pub(crate) const MINUTE: Nanos = 60 * SECOND;
/// One hour.
pub(crate) const HOUR: Nanos = 60 * MINUTE;

/// One day.
pub(crate) const DAY: Nanos = 24 * HOUR;

/// Reads a duration such as `-1h30m`.
///
/// # Errors
/// Go's message.
pub(crate) fn parse(text: &[u8]) -> Result<Nanos, String> {
    let invalid = || format!("time: invalid duration {}", quoted(text));
    let (negative, magnitude) = match text.split_first() {
        Some((b'-', rest)) => (true, rest),
        Some((b'+', rest)) => (false, rest),
        _ => (false, text),
    };
    if magnitude == b"0" {
        return Ok(0);
    }
    if magnitude.is_empty() {
        return Err(invalid());
    }

    let (mut rest, mut sum) = (magnitude, 0_u64);
    while !rest.is_empty() {
        let (part, behind) = part(text, rest)?;
        sum = sum
            .checked_add(part)
            .filter(|sum| *sum <= LARGEST)
            .ok_or_else(invalid)?;
        rest = behind;
    }
    let signed = if negative {
        0_i64.checked_sub_unsigned(sum)
    } else {
        i64::try_from(sum).ok()
    };
    signed.ok_or_else(invalid)
}

/// Nanoseconds of the longest duration, which is negative.
const LARGEST: u64 = 1 << 63;

/// Reads one number with its unit; returns its nanoseconds and the rest of the text.
fn part<'t>(text: &[u8], rest: &'t [u8]) -> Result<(u64, &'t [u8]), String> {
    let invalid = || format!("time: invalid duration {}", quoted(text));
    let (whole, rest) = split_digits(rest);
    let (fraction, rest) = match rest.split_first() {
        Some((b'.', rest)) => split_digits(rest),
        _ => (&[][..], rest),
    };
    if whole.is_empty() && fraction.is_empty() {
        return Err(invalid());
    }
    let whole = whole
        .iter()
        .try_fold(0_u64, |sum, byte| {
            sum.checked_mul(10)?.checked_add(u64::from(byte - b'0'))
        })
        .filter(|whole| *whole <= LARGEST)
        .ok_or_else(invalid)?;

    let end = rest
        .iter()
        .position(|byte| *byte == b'.' || byte.is_ascii_digit())
        .unwrap_or(rest.len());
    let (unit, rest) = rest.split_at(end);
    if unit.is_empty() {
        return Err(format!("time: missing unit in duration {}", quoted(text)));
    }
    let unit = nanos_of(unit).ok_or_else(|| {
        let (unit, text) = (quoted(unit), quoted(text));
        format!("time: unknown unit {unit} in duration {text}")
    })?;
    let whole = whole
        .checked_mul(unit)
        .and_then(|whole| whole.checked_add(fraction_of(fraction, unit)))
        .filter(|nanos| *nanos <= LARGEST)
        .ok_or_else(invalid)?;
    Ok((whole, rest))
}

fn split_digits(text: &[u8]) -> (&[u8], &[u8]) {
    let end = text
        .iter()
        .position(|byte| !byte.is_ascii_digit())
        .unwrap_or(text.len());
    text.split_at(end)
}

fn nanos_of(unit: &[u8]) -> Option<u64> {
    Some(match unit {
        b"ns" => 1,
        // U+00B5 and U+03BC are both used as the micro sign.
        b"us" | b"\xC2\xB5s" | b"\xCE\xBCs" => 1_000,
        b"ms" => 1_000_000,
        b"s" => 1_000_000_000,
        b"m" => 60_000_000_000,
        b"h" => 3_600_000_000_000,
        _ => return None,
    })
}

/// Returns the nanoseconds of the digits after a point, with Go's floating-point arithmetic, so
/// that rounding agrees.
fn fraction_of(digits: &[u8], unit: u64) -> u64 {
    let (mut value, mut scale) = (0_u64, 1.0_f64);
    for digit in digits {
        let longer = value
            .checked_mul(10)
            .and_then(|value| value.checked_add(u64::from(digit - b'0')))
            .filter(|longer| *longer <= LARGEST);
        let Some(longer) = longer else {
            break;
        };
        (value, scale) = (longer, scale * 10.0);
    }
    (value as f64 * (unit as f64 / scale)) as u64
}

/// Returns a duration as Go prints it: `-1h30m0s`.
pub(crate) fn format(nanos: Nanos) -> String {
    let magnitude = duration::format(Duration::from_nanos(nanos.unsigned_abs()));
    if nanos < 0 {
        format!("-{magnitude}")
    } else {
        magnitude
    }
}

/// Returns a duration rounded to a multiple of another, halves away from zero.
pub(crate) fn round(nanos: Nanos, multiple: Nanos) -> Nanos {
    if multiple <= 0 {
        return nanos;
    }
    let rest = (nanos % multiple).unsigned_abs();
    let down = nanos - nanos % multiple;
    if rest.saturating_add(rest) < multiple.unsigned_abs() {
        down
    } else if nanos < 0 {
        down.saturating_sub(multiple)
    } else {
        down.saturating_add(multiple)
    }
}

/// Quotes a text as the time package does: bytes beyond ASCII as hexadecimal.
pub(crate) fn quoted(text: &[u8]) -> String {
    let mut out = String::from("\"");
    for byte in text {
        match byte {
            b'"' | b'\\' => {
                out.push('\\');
                out.push(char::from(*byte));
            }
            b' '..=0x7F => out.push(char::from(*byte)),
            byte => {
                // Writing to a text cannot fail.
                let _ = write!(out, "\\x{byte:02x}");
            }
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_with_their_sign() {
        for (text, want) in [
            ("-1.5h", -5_400 * SECOND),
            ("+2m3s", 123 * SECOND),
            ("0", 0),
            ("-0", 0),
            ("1µs", 1_000),
            ("-9223372036854775808ns", i64::MIN),
            ("0.3333333333333333333h", 20 * MINUTE),
        ] {
            assert_eq!(parse(text.as_bytes()), Ok(want), "{text}");
        }
        for (text, want) in [
            ("", "time: invalid duration \"\""),
            ("3", "time: missing unit in duration \"3\""),
            ("1d", "time: unknown unit \"d\" in duration \"1d\""),
            ("x", "time: invalid duration \"x\""),
            (".s", "time: invalid duration \".s\""),
            (
                "9223372036854775808ns",
                "time: invalid duration \"9223372036854775808ns\"",
            ),
            (
                "99999999999999999999h",
                "time: invalid duration \"99999999999999999999h\"",
            ),
        ] {
            assert_eq!(parse(text.as_bytes()), Err(want.to_owned()), "{text}");
        }
    }

    #[test]
    fn durations_are_printed_with_their_sign() {
        assert_eq!(format(-90 * MINUTE), "-1h30m0s");
        assert_eq!(format(0), "0s");
        assert_eq!(format(i64::MIN), "-2562047h47m16.854775808s");
    }

    #[test]
    fn halves_are_rounded_away_from_zero() {
        assert_eq!(round(1_500_000_000, SECOND), 2 * SECOND);
        assert_eq!(round(-1_500_000_000, SECOND), -2 * SECOND);
        assert_eq!(round(1_499_999_999, SECOND), SECOND);
        assert_eq!(round(i64::MAX, SECOND), i64::MAX);
        assert_eq!(round(7, 0), 7);
    }
}
