//! The pieces of a time in a text: numbers, names, zones.

use crate::go::number::parse_decimal;
use crate::go::time::days_in;

/// Why a part cannot be read.
pub(crate) enum TimeFault {
    /// The text does not fit.
    Form,
    /// A number is out of its range.
    Range(&'static str),
}

/// What was read, and the rest.
pub(crate) type TimeRead<'v, T> = Result<(T, &'v [u8]), TimeFault>;

/// Skips the text between two parts; a space stands for any number of spaces.
pub(crate) fn skip<'v>(mut value: &'v [u8], mut text: &[u8]) -> Result<&'v [u8], &'v [u8]> {
    while let Some((letter, behind)) = text.split_first() {
        if *letter == b' ' {
            if value.first().is_some_and(|first| *first != b' ') {
                return Err(value);
            }
            text = without_spaces(text);
            value = without_spaces(value);
            continue;
        }
        match value.split_first() {
            Some((first, rest)) if first == letter => value = rest,
            _ => return Err(value),
        }
        text = behind;
    }
    Ok(value)
}

fn without_spaces(text: &[u8]) -> &[u8] {
    let end = text.iter().position(|byte| *byte != b' ');
    text.get(end.unwrap_or(text.len())..).unwrap_or_default()
}

/// Splits so many bytes off.
pub(crate) fn take(text: &[u8], length: usize) -> TimeRead<'_, &[u8]> {
    text.split_at_checked(length).ok_or(TimeFault::Form)
}

/// Reads a number of one or two digits.
pub(crate) fn number(text: &[u8], fixed: bool) -> TimeRead<'_, u8> {
    let digit = |at: usize| {
        text.get(at)
            .filter(|byte| byte.is_ascii_digit())
            .map(|byte| byte - b'0')
    };
    let first = digit(0).ok_or(TimeFault::Form)?;
    match digit(1) {
        Some(second) => Ok((first * 10 + second, text.get(2..).unwrap_or_default())),
        None if fixed => Err(TimeFault::Form),
        None => Ok((first, text.get(1..).unwrap_or_default())),
    }
}

/// Returns a number that is in its range.
pub(crate) fn within(
    value: u8,
    range: std::ops::RangeInclusive<u8>,
    what: &'static str,
) -> Result<u8, TimeFault> {
    if range.contains(&value) {
        Ok(value)
    } else {
        Err(TimeFault::Range(what))
    }
}

/// Reads a year: digits without a sign.
pub(crate) fn whole(text: &[u8]) -> Result<i64, TimeFault> {
    if !text.first().is_some_and(u8::is_ascii_digit) {
        return Err(TimeFault::Form);
    }
    signed(text)
}

/// Reads a number that may have a sign.
pub(crate) fn signed(text: &[u8]) -> Result<i64, TimeFault> {
    parse_decimal(text).ok_or(TimeFault::Form)
}

/// Reads the digits after a point as nanoseconds; what is finer is cut off.
pub(crate) fn nanos(text: &[u8]) -> Result<u32, TimeFault> {
    let Some((b'.' | b',', digits)) = text.split_first() else {
        return Err(TimeFault::Form);
    };
    let mut nanos = 0_u32;
    for at in 0..9 {
        let digit = match digits.get(at) {
            Some(byte) if byte.is_ascii_digit() => byte - b'0',
            Some(_) => return Err(TimeFault::Form),
            None => 0,
        };
        nanos = nanos * 10 + u32::from(digit);
    }
    Ok(nanos)
}

/// Reads one of several names, whatever its case; short names are the first three letters.
pub(crate) fn name<'v>(text: &'v [u8], names: &[&str], short: bool) -> TimeRead<'v, usize> {
    for (at, name) in names.iter().enumerate() {
        let length = if short { 3 } else { name.len() };
        let wanted = name.as_bytes().get(..length).unwrap_or_default();
        if let Some((head, rest)) = text.split_at_checked(length)
            && head.eq_ignore_ascii_case(wanted)
        {
            return Ok((at, rest));
        }
    }
    Err(TimeFault::Form)
}

/// Returns the length of the abbreviation of a time zone at the start of a text.
pub(crate) fn zone_name_length(text: &[u8]) -> Option<usize> {
    if text.len() < 3 {
        return None;
    }
    if text.starts_with(b"ChST") || text.starts_with(b"MeST") {
        return Some(4);
    }
    if let Some(rest) = text.strip_prefix(b"GMT") {
        return Some(3 + signed_hours_length(rest).unwrap_or(0));
    }
    if matches!(text.first(), Some(b'+' | b'-')) {
        return signed_hours_length(text);
    }
    let upper = text
        .iter()
        .take(6)
        .take_while(|b| b.is_ascii_uppercase())
        .count();
    match upper {
        3 => Some(3),
        4 if text.get(3) == Some(&b'T') || text.starts_with(b"WITA") => Some(4),
        5 if text.get(4) == Some(&b'T') => Some(5),
        _ => None,
    }
}

fn signed_hours_length(text: &[u8]) -> Option<usize> {
    let (b'+' | b'-', digits) = text.split_first()? else {
        return None;
    };
    let count = digits.iter().take_while(|b| b.is_ascii_digit()).count();
    let hours = signed(digits.get(..count)?).ok()?;
    (hours <= 23).then_some(count + 1)
}

/// Returns the date of a day of the year.
pub(crate) fn month_and_day(year: i64, year_day: i64) -> Option<(u8, u8)> {
    let mut left = year_day;
    for month in 1..=12 {
        let days = i64::from(days_in(year, month));
        if (1..=days).contains(&left) {
            return Some((month, left as u8));
        }
        left -= days;
    }
    None
}
