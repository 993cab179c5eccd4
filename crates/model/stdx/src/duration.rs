//! Durations as Kubernetes objects write them: `1h30m`, `500ms`, `1.5s`.
//!
//! Input: text in the grammar of Go's `time.ParseDuration`. Output: a [`Duration`], and text as Go
//! prints it. Negative durations are left out, because they have no meaning in any field that
//! Lodestone reads.

use std::fmt::Write as _;
use std::time::Duration;

/// Longest text accepted, in bytes; the longest that Go prints has 27.
const TEXT_MAX: usize = 64;
/// Longest duration accepted, in nanoseconds: what Go's signed 64 bits hold (about 292 years).
const NANOS_MAX: u64 = i64::MAX as u64;

/// Why a text is not a duration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The text is empty.
    #[error("a duration is empty (expected for instance \"1h30m\")")]
    Empty,
    /// It has a minus sign.
    #[error("duration \"{0}\" is negative")]
    Negative(Box<str>),
    /// It breaks the grammar.
    #[error("duration \"{0}\" is not valid (expected for instance \"1h30m\")")]
    Syntax(Box<str>),
    /// A number has no unit.
    #[error("duration \"{0}\" has a number without a unit (ns, us, ms, s, m, h)")]
    NoUnit(Box<str>),
    /// A unit is not one of ns, us, ms, s, m, h.
    #[error("duration \"{text}\" has the unknown unit \"{unit}\" (known: ns, us, ms, s, m, h)")]
    Unit {
        /// The whole text.
        text: Box<str>,
        /// The unknown unit.
        unit: Box<str>,
    },
    /// It exceeds 64 bits of nanoseconds.
    #[error("duration \"{0}\" is longer than 292 years")]
    TooLong(Box<str>),
    /// The text itself is too long to be a duration.
    #[error("a text of {0} bytes is not a duration")]
    Text(usize),
}

/// Parses a duration as Go does: decimal numbers, each with a unit (ns, us, µs, ms, s, m, h), or a bare `0`.
///
/// # Errors
/// The text is empty, negative, malformed or longer than Go can hold.
pub fn parse(text: &str) -> Result<Duration, Error> {
    if text.len() > TEXT_MAX {
        return Err(Error::Text(text.len()));
    }
    if text.starts_with('-') {
        return Err(Error::Negative(text.into()));
    }

    let mut rest = text.strip_prefix('+').unwrap_or(text);
    match rest {
        "" if text.is_empty() => return Err(Error::Empty),
        "" => return Err(Error::Syntax(text.into())),
        "0" => return Ok(Duration::ZERO),
        _ => {}
    }

    let mut nanos: u64 = 0;
    while !rest.is_empty() {
        let (part, behind) = part(text, rest)?;
        nanos = nanos
            .checked_add(part)
            .filter(|sum| *sum <= NANOS_MAX)
            .ok_or_else(|| Error::TooLong(text.into()))?;
        rest = behind;
    }

    Ok(Duration::from_nanos(nanos))
}

/// Prints a duration as Go's `Duration.String` does: `1m0s`, `1.5s`, `300ms`, `0s`.
#[must_use]
pub fn format(duration: Duration) -> String {
    let nanos = duration.as_nanos();
    match nanos {
        0 => "0s".to_owned(),
        1..1_000 => format!("{nanos}ns"),
        1_000..1_000_000 => decimal(nanos, 3) + "µs",
        1_000_000..1_000_000_000 => decimal(nanos, 6) + "ms",
        _ => clock(nanos),
    }
}

/// Returns a duration rounded down to a tenth of a millisecond: Go prints nanoseconds, which nobody
/// reads.
#[must_use]
pub fn rounded(duration: Duration) -> Duration {
    Duration::from_micros(duration.as_micros() as u64 / 100 * 100)
}

/// Reads one number with its unit; returns its nanoseconds and the rest of the text.
fn part<'t>(text: &str, rest: &'t str) -> Result<(u64, &'t str), Error> {
    let (whole, rest) = digits(rest);
    let (fraction, rest) = rest.strip_prefix('.').map_or(("", rest), digits);
    if whole.is_empty() && fraction.is_empty() {
        return Err(Error::Syntax(text.into()));
    }

    let end = rest
        .find(|c: char| c == '.' || c.is_ascii_digit())
        .unwrap_or(rest.len());
    let (unit, rest) = rest.split_at(end);
    let unit = match unit {
        "" => return Err(Error::NoUnit(text.into())),
        unit => nanos_of(unit).ok_or_else(|| Error::Unit {
            text: text.into(),
            unit: unit.into(),
        })?,
    };
    let whole: u64 = if whole.is_empty() {
        Some(0)
    } else {
        whole.parse().ok()
    }
    .and_then(|whole: u64| whole.checked_mul(unit))
    .ok_or_else(|| Error::TooLong(text.into()))?;
    Ok((whole.saturating_add(fraction_of(fraction, unit)), rest))
}

/// Splits the leading digits off.
fn digits(text: &str) -> (&str, &str) {
    text.split_at(
        text.find(|c: char| !c.is_ascii_digit())
            .unwrap_or(text.len()),
    )
}

/// Returns the nanoseconds of a unit.
fn nanos_of(unit: &str) -> Option<u64> {
    Some(match unit {
        "ns" => 1,
        // U+00B5 and U+03BC are both used as the micro sign.
        "us" | "\u{b5}s" | "\u{3bc}s" => 1_000,
        "ms" => 1_000_000,
        "s" => 1_000_000_000,
        "m" => 60 * 1_000_000_000,
        "h" => 3_600 * 1_000_000_000,
        _ => return None,
    })
}

/// Returns the nanoseconds of the digits after a decimal point, with Go's floating-point
/// arithmetic, so that rounding agrees.
fn fraction_of(digits: &str, unit: u64) -> u64 {
    let (mut value, mut scale) = (0_u64, 1.0_f64);
    for digit in digits.bytes() {
        let Some(longer) = value
            .checked_mul(10)
            .and_then(|v| v.checked_add(u64::from(digit - b'0')))
        else {
            break;
        };
        if longer > NANOS_MAX {
            break;
        }
        (value, scale) = (longer, scale * 10.0);
    }
    (value as f64 * (unit as f64 / scale)) as u64
}

/// Prints a duration of one second or more: hours and minutes as integers, seconds with their
/// fraction.
fn clock(nanos: u128) -> String {
    const MINUTE: u128 = 60 * 1_000_000_000;
    let (minutes, seconds) = (nanos / MINUTE, nanos % MINUTE);
    let mut text = String::new();
    // Writing to a `String` cannot fail.
    if minutes >= 60 {
        let _ = write!(text, "{}h", minutes / 60);
    }
    if minutes > 0 {
        let _ = write!(text, "{}m", minutes % 60);
    }
    text + &decimal(seconds, 9) + "s"
}

/// Prints `value` divided by ten to the power of `places`, without trailing zeros.
fn decimal(value: u128, places: u32) -> String {
    let unit = 10_u128.pow(places);
    let fraction = format!("{:0width$}", value % unit, width = places as usize);
    match fraction.trim_end_matches('0') {
        "" => (value / unit).to_string(),
        fraction => format!("{}.{fraction}", value / unit),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rounded_duration_is_one_that_people_read() {
        let took = Duration::from_nanos(2_003_456_789);
        assert_eq!(format(rounded(took)), "2.0034s");
        assert_eq!(format(rounded(Duration::from_nanos(99_999))), "0s");
    }

    #[test]
    fn durations_are_read_as_go_reads_them() {
        for (text, nanos) in [
            ("0", 0),
            ("+0", 0),
            ("0s", 0),
            ("5s", 5_000_000_000),
            ("+5s", 5_000_000_000),
            ("5.s", 5_000_000_000),
            (".5s", 500_000_000),
            ("1.5s", 1_500_000_000),
            ("1.004s", 1_004_000_000),
            ("100.00100s", 100_001_000_000),
            ("10ns", 10),
            ("11us", 11_000),
            ("12µs", 12_000),
            ("12μs", 12_000),
            ("500ms", 500_000_000),
            ("1h30m", 5_400_000_000_000),
            ("3h30m10.5s", 12_610_500_000_000),
            ("10.5s4m", 250_500_000_000),
            ("39h9m14.425s", 140_954_425_000_000),
            ("0.3333333333333333333h", 1_200_000_000_000),
            ("9007199254740993ns", 9_007_199_254_740_993),
            ("9223372036854775807ns", NANOS_MAX),
            ("0.100000000000000000000h", 360_000_000_000),
        ] {
            assert_eq!(parse(text), Ok(Duration::from_nanos(nanos)), "{text}");
        }
    }

    #[test]
    fn what_is_no_duration_says_why() {
        assert_eq!(parse(""), Err(Error::Empty));
        assert_eq!(parse("-5m"), Err(Error::Negative("-5m".into())));
        assert_eq!(parse("3"), Err(Error::NoUnit("3".into())));
        assert_eq!(
            parse("1d"),
            Err(Error::Unit {
                text: "1d".into(),
                unit: "d".into()
            })
        );
        assert_eq!(
            parse("1m 5s"),
            Err(Error::Unit {
                text: "1m 5s".into(),
                unit: "m ".into()
            })
        );
        for text in ["+", ".", ".s", "s", "+.s", "5m.", "x"] {
            assert_eq!(parse(text), Err(Error::Syntax(text.into())), "{text}");
        }
        for text in [
            "9223372036854775808ns",
            "9223372036854775.808us",
            "3000000h",
            "99999999999999999999s",
        ] {
            assert_eq!(parse(text), Err(Error::TooLong(text.into())), "{text}");
        }
        assert_eq!(parse(&"1s".repeat(40)), Err(Error::Text(80)));
    }

    #[test]
    fn durations_are_printed_as_go_prints_them() {
        for (nanos, text) in [
            (0, "0s"),
            (1, "1ns"),
            (1_100, "1.1µs"),
            (2_200_000, "2.2ms"),
            (300_000_000, "300ms"),
            (1_500_000_000, "1.5s"),
            (3_300_000_000, "3.3s"),
            (60_000_000_000, "1m0s"),
            (245_000_000_000, "4m5s"),
            (245_001_000_000, "4m5.001s"),
            (3_600_000_000_000, "1h0m0s"),
            (18_367_001_000_000, "5h6m7.001s"),
            (480_000_000_001, "8m0.000000001s"),
            (NANOS_MAX, "2562047h47m16.854775807s"),
        ] {
            assert_eq!(format(Duration::from_nanos(nanos)), text);
        }
    }

    #[test]
    fn what_is_printed_reads_back() {
        let mut nanos: u64 = 1;
        while nanos < NANOS_MAX / 7 {
            let duration = Duration::from_nanos(nanos);
            assert_eq!(parse(&format(duration)), Ok(duration), "{nanos}");
            nanos = nanos * 7 + 3;
        }
    }
}
