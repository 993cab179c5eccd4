//! Times as YAML 1.1 writes them, in the four forms that Go accepts.
//!
//! Input: a plain scalar. Output: RFC 3339 with the shortest fraction, as Go's JSON writes a time.

use std::fmt::Write as _;

/// Parses a time; `None` if the text is not one.
pub(crate) fn parse(text: &str) -> Option<String> {
    let bytes = text.as_bytes();
    // A time starts with four digits and a dash; nearly every number is rejected here.
    if bytes.len() < 8 || bytes[4] != b'-' || !bytes[..4].iter().all(u8::is_ascii_digit) {
        return None;
    }
    let year: u32 = text[..4].parse().ok()?;
    let (month, rest) = one_or_two(text.get(5..)?)?;
    let (day, rest) = one_or_two(rest.strip_prefix('-')?)?;
    if !(1..=12).contains(&month) || day < 1 || day > days(year, month) {
        return None;
    }
    let mut out = format!("{year:04}-{month:02}-{day:02}T");
    match rest.chars().next() {
        None => out.push_str("00:00:00Z"),
        Some('T' | 't') => zone(clock(&rest[1..], &mut out)?, &mut out)?,
        Some(' ') => {
            if !clock(&rest[1..], &mut out)?.is_empty() {
                return None;
            }
            out.push('Z');
        }
        Some(_) => return None,
    }
    Some(out)
}

fn clock<'t>(text: &'t str, out: &mut String) -> Option<&'t str> {
    let (hour, rest) = one_or_two(text)?;
    let (minute, rest) = one_or_two(rest.strip_prefix(':')?)?;
    let (second, mut rest) = one_or_two(rest.strip_prefix(':')?)?;
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    write!(out, "{hour:02}:{minute:02}:{second:02}").ok()?;
    if let Some(after) = rest.strip_prefix('.') {
        let digits = after.bytes().take_while(u8::is_ascii_digit).count();
        if digits == 0 {
            return None;
        }
        let fraction = after[..digits.min(9)].trim_end_matches('0');
        if !fraction.is_empty() {
            write!(out, ".{fraction}").ok()?;
        }
        rest = &after[digits..];
    }
    Some(rest)
}

fn zone(text: &str, out: &mut String) -> Option<()> {
    if text == "Z" || text == "+00:00" || text == "-00:00" {
        out.push('Z');
        return Some(());
    }
    let bytes = text.as_bytes();
    let shaped = bytes.len() == 6
        && matches!(bytes[0], b'+' | b'-')
        && bytes[3] == b':'
        && [1, 2, 4, 5].iter().all(|&at| bytes[at].is_ascii_digit());
    shaped.then(|| out.push_str(text))
}

fn one_or_two(text: &str) -> Option<(u32, &str)> {
    let digits = text.bytes().take(2).take_while(u8::is_ascii_digit).count();
    let (number, rest) = text.split_at_checked(digits)?;
    Some((number.parse().ok()?, rest))
}

fn days(year: u32, month: u32) -> u32 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400)) => {
            29
        }
        2 => 28,
        _ => 31,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn four_forms_are_times() {
        for (text, want) in [
            ("2001-1-2", "2001-01-02T00:00:00Z"),
            ("2001-01-02 3:4:5.60", "2001-01-02T03:04:05.6Z"),
            ("2001-01-02T03:04:05Z", "2001-01-02T03:04:05Z"),
            ("2001-01-02t03:04:05.000+02:00", "2001-01-02T03:04:05+02:00"),
        ] {
            assert_eq!(parse(text).as_deref(), Some(want), "{text}");
        }
        for text in [
            "2001-13-01",
            "2001-02-29",
            "2001-01-02T03:04:05",
            "2001-01-02 03:04",
            "12345678",
            "2001-01-02x",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
