//! Times as Go reads and writes them: in UTC, in seconds or in microseconds.

use std::ops::RangeInclusive;

use jiff::{SignedDuration, civil::DateTime};
use serde_json::Value;

/// The precision of a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unit {
    /// `2006-01-02T15:04:05Z`; a fraction is read and dropped.
    Second,
    /// `2006-01-02T15:04:05.000000Z`, all six digits.
    Microsecond,
}

/// Returns a time as Go writes it, null for the zero time.
///
/// # Errors
/// The text is not a time; the message is Go's.
pub(crate) fn canonical(text: &str, unit: Unit) -> Result<Value, String> {
    let fail = |rest: &str, part: &str| {
        let (text, rest) = (quoted(text), quoted(rest));
        format!(
            "parsing time {text} as {:?}: cannot parse {rest} as {part:?}",
            unit.layout()
        )
    };
    let out_of_range = |what: &str| format!("parsing time {}: {what} out of range", quoted(text));
    let mut reader = TimeReader { rest: text };
    let mut numbers = [0_i16; 6];
    for (number, part) in numbers.iter_mut().zip(&PARTS) {
        reader
            .literal(part.separator)
            .ok_or_else(|| fail(reader.rest, part.separator))?;
        *number = reader
            .number(part.digits)
            .ok_or_else(|| fail(reader.rest, part.layout))?;
        if !part.range.contains(number) {
            return Err(out_of_range(part.name));
        }
    }
    let micros = match unit {
        Unit::Second => reader.any_fraction(),
        Unit::Microsecond => reader
            .six_digits()
            .ok_or_else(|| fail(reader.rest, ".000000"))?,
    };
    let offset_s = reader.offset().ok_or_else(|| fail(reader.rest, "Z07:00"))?;
    if !reader.rest.is_empty() {
        return Err(format!(
            "parsing time {}: extra text: {}",
            quoted(text),
            quoted(reader.rest)
        ));
    }
    let year = numbers[0];
    let [_, month, day, hour, minute, second] = numbers.map(|number| number as i8);
    let local = DateTime::new(year, month, day, hour, minute, second, 0)
        .map_err(|_| out_of_range("day"))?;
    let seconds = local.duration_since(EPOCH).as_secs() - offset_s;
    Ok(written(seconds, micros, unit))
}

/// Returns what Go writes for a time; null if the year has more than four digits.
pub(crate) fn written(seconds: i64, micros: u32, unit: Unit) -> Value {
    let Ok(time) = EPOCH.checked_add(SignedDuration::from_secs(seconds)) else {
        return Value::Null;
    };
    match unit {
        _ if seconds == ZERO_S && micros == 0 => Value::Null,
        Unit::Second => Value::String(format!("{time}Z")),
        Unit::Microsecond => Value::String(format!("{time}.{micros:06}Z")),
    }
}

/// A text as Go shows it here: with non-ASCII characters byte by byte.
fn quoted(text: &str) -> String {
    let shown = |byte: u8| match byte {
        b'"' | b'\\' => format!("\\{}", char::from(byte)),
        b' '..0x80 => char::from(byte).to_string(),
        _ => format!("\\x{byte:02x}"),
    };
    let shown: String = text.bytes().map(shown).collect();
    format!("\"{shown}\"")
}

impl Unit {
    fn layout(self) -> &'static str {
        match self {
            Self::Second => "2006-01-02T15:04:05Z07:00",
            Self::Microsecond => "2006-01-02T15:04:05.000000Z07:00",
        }
    }
}

struct TimeReader<'t> {
    rest: &'t str,
}

impl TimeReader<'_> {
    fn literal(&mut self, expected: &str) -> Option<()> {
        self.rest = self.rest.strip_prefix(expected)?;
        Some(())
    }

    fn number(&mut self, digits: usize) -> Option<i16> {
        let found = self
            .rest
            .get(..digits)
            .filter(|found| found.bytes().all(|b| b.is_ascii_digit()))?;
        self.rest = &self.rest[digits..];
        found.parse().ok()
    }

    /// Reads a fraction of any length, which may also follow a comma, and ignores it.
    fn any_fraction(&mut self) -> u32 {
        if let Some(digits) = self.rest.strip_prefix(['.', ',']) {
            let end = digits
                .find(|c: char| !c.is_ascii_digit())
                .unwrap_or(digits.len());
            if end > 0 {
                self.rest = &digits[end..];
            }
        }
        0
    }

    fn six_digits(&mut self) -> Option<u32> {
        let digits = self.rest.strip_prefix(['.', ','])?.get(..6)?;
        let micros = digits
            .bytes()
            .all(|b| b.is_ascii_digit())
            .then(|| digits.parse().ok())??;
        self.rest = &self.rest[7..];
        Some(micros)
    }

    /// Seconds east of UTC.
    fn offset(&mut self) -> Option<i64> {
        if let Some(rest) = self.rest.strip_prefix('Z') {
            self.rest = rest;
            return Some(0);
        }
        let sign = match self.rest.as_bytes().first()? {
            b'+' => 1,
            b'-' => -1,
            _ => return None,
        };
        let mut ahead = TimeReader {
            rest: &self.rest[1..],
        };
        let hours = ahead.number(2).filter(|hours| *hours <= 24)?;
        ahead.literal(":")?;
        let minutes = ahead.number(2).filter(|minutes| *minutes <= 60)?;
        self.rest = &self.rest[6..];
        Some(sign * (i64::from(hours) * 3600 + i64::from(minutes) * 60))
    }
}

/// One number of a time.
struct TimePart {
    /// The separator before it.
    separator: &'static str,
    /// How Go's layout spells it.
    layout: &'static str,
    digits: usize,
    name: &'static str,
    range: RangeInclusive<i16>,
}

const fn part(
    separator: &'static str,
    layout: &'static str,
    name: &'static str,
    range: RangeInclusive<i16>,
) -> TimePart {
    TimePart {
        separator,
        layout,
        digits: layout.len(),
        name,
        range,
    }
}

/// Whether the day exists in its month is checked at the end.
const PARTS: [TimePart; 6] = [
    part("", "2006", "year", 0..=9999),
    part("-", "01", "month", 1..=12),
    part("-", "02", "day", 0..=99),
    part("T", "15", "hour", 0..=23),
    part(":", "04", "minute", 0..=59),
    part(":", "05", "second", 0..=59),
];
const EPOCH: DateTime = DateTime::constant(1970, 1, 1, 0, 0, 0, 0);
/// The first second of year 1, which is Go's zero time.
const ZERO_S: i64 = -62_135_596_800;

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn times_are_written_in_utc_and_in_their_unit() {
        for (text, expected) in [
            ("2008-01-01T01:01:01Z", json!("2008-01-01T01:01:01Z")),
            ("2008-01-01T01:01:01.999Z", json!("2008-01-01T01:01:01Z")),
            ("2008-01-01T01:01:01+02:00", json!("2007-12-31T23:01:01Z")),
            ("2008-02-29T23:30:00-01:00", json!("2008-03-01T00:30:00Z")),
            ("9999-12-31T23:59:59Z", json!("9999-12-31T23:59:59Z")),
            ("0001-01-01T00:00:00Z", json!(null)),
        ] {
            assert_eq!(canonical(text, Unit::Second), Ok(expected), "{text}");
        }
        let micro = |text| canonical(text, Unit::Microsecond);
        assert_eq!(
            micro("2008-01-01T01:01:01.000100Z"),
            Ok(json!("2008-01-01T01:01:01.000100Z"))
        );
        assert!(
            micro("2008-01-01T01:01:01Z")
                .unwrap_err()
                .ends_with("cannot parse \"Z\" as \".000000\"")
        );
    }

    #[test]
    fn what_is_no_time_is_refused_in_gos_words() {
        for (text, error) in [
            (
                "x",
                "parsing time \"x\" as \"2006-01-02T15:04:05Z07:00\": cannot parse \"x\" as \"2006\"",
            ),
            (
                "",
                "parsing time \"\" as \"2006-01-02T15:04:05Z07:00\": cannot parse \"\" as \"2006\"",
            ),
            (
                "é",
                "parsing time \"\\xc3\\xa9\" as \"2006-01-02T15:04:05Z07:00\": cannot parse \"\\xc3\\xa9\" as \"2006\"",
            ),
            (
                "2008-13-01T01:01:01Z",
                "parsing time \"2008-13-01T01:01:01Z\": month out of range",
            ),
            (
                "2008-02-30T01:01:01Z",
                "parsing time \"2008-02-30T01:01:01Z\": day out of range",
            ),
            (
                "2008-01-01 01:01:01Z",
                "parsing time \"2008-01-01 01:01:01Z\" as \"2006-01-02T15:04:05Z07:00\": cannot parse \" 01:01:01Z\" as \"T\"",
            ),
            (
                "2008-01-01T01:01:01Zx",
                "parsing time \"2008-01-01T01:01:01Zx\": extra text: \"x\"",
            ),
        ] {
            assert_eq!(canonical(text, Unit::Second).unwrap_err(), error);
        }
    }
}
