//! Go's layouts of times: the reference time `Mon Jan 2 15:04:05 MST 2006`, whose parts stand for
//! what is written in their place.
//!
//! [`split`] cuts a layout into [`LayoutPart`]s, for writing ([`format()`]) and reading
//! ([`crate::go::parse_time`]).

use std::io::Write as _;

use crate::go::time::{Civil, Time};

/// A part of a layout.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LayoutPart {
    /// `2006`
    LongYear,
    /// `06`
    Year,
    /// `January`
    LongMonth,
    /// `Jan`
    Month,
    /// `1`
    NumMonth,
    /// `01`
    ZeroMonth,
    /// `Monday`
    LongWeekday,
    /// `Mon`
    Weekday,
    /// `2`
    Day,
    /// `_2`
    UnderDay,
    /// `02`
    ZeroDay,
    /// `__2`
    UnderYearDay,
    /// `002`
    ZeroYearDay,
    /// `15`
    Hour,
    /// `3`
    Hour12,
    /// `03`
    ZeroHour12,
    /// `4`
    Minute,
    /// `04`
    ZeroMinute,
    /// `5`
    Second,
    /// `05`
    ZeroSecond,
    /// `PM` or `pm`
    HalfDay {
        /// Written `PM`.
        upper: bool,
    },
    /// `MST`
    ZoneName,
    /// `-0700` and its variants.
    Offset(Offset),
    /// `.000` or `.999`
    Fraction {
        /// The point or comma.
        point: u8,
        /// Digits.
        digits: usize,
        /// Trailing zeros are left out.
        trimmed: bool,
    },
}

impl LayoutPart {
    /// Returns whether the part is of the time of day.
    pub(crate) fn is_of_the_clock(self) -> bool {
        matches!(
            self,
            Self::Hour
                | Self::Hour12
                | Self::ZeroHour12
                | Self::Minute
                | Self::ZeroMinute
                | Self::Second
                | Self::ZeroSecond
                | Self::HalfDay { .. }
        )
    }
}

/// How an offset is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Offset {
    /// `Z` stands for no offset.
    pub(crate) zulu: bool,
    /// A colon separates hours, minutes and seconds.
    pub(crate) colon: bool,
    /// How many of hours, minutes and seconds are written.
    pub(crate) fields: u8,
}

/// Names of the months.
pub(crate) const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
/// Names of the days of a week.
pub(crate) const WEEKDAYS: [&str; 7] = [
    "Sunday",
    "Monday",
    "Tuesday",
    "Wednesday",
    "Thursday",
    "Friday",
    "Saturday",
];

/// Returns the text before the first part of a layout, the part, and the rest.
pub(crate) fn split(layout: &[u8]) -> (&[u8], Option<LayoutPart>, &[u8]) {
    for at in 0..layout.len() {
        let (before, here) = layout.split_at(at);
        // A `_` before a year is a text of its own.
        if here.starts_with(b"_2006") {
            let (before, _) = layout.split_at(at + 1);
            let rest = here.get(5..).unwrap_or_default();
            return (before, Some(LayoutPart::LongYear), rest);
        }
        if let Some((part, length)) = part_at(here) {
            let rest = here.get(length..).unwrap_or_default();
            return (before, Some(part), rest);
        }
    }
    (layout, None, &[])
}

/// Returns the part with which a text begins, and its length.
fn part_at(text: &[u8]) -> Option<(LayoutPart, usize)> {
    match text.first()? {
        b'J' | b'M' | b'P' | b'p' => word_at(text),
        b'-' | b'Z' => offset_at(text),
        point @ (b'.' | b',') => fraction_at(text, *point),
        b'0' => zero_at(text),
        b'_' if text.starts_with(b"_2") => Some((LayoutPart::UnderDay, 2)),
        b'_' if text.starts_with(b"__2") => Some((LayoutPart::UnderYearDay, 3)),
        b'1' if text.starts_with(b"15") => Some((LayoutPart::Hour, 2)),
        b'1' => Some((LayoutPart::NumMonth, 1)),
        b'2' if text.starts_with(b"2006") => Some((LayoutPart::LongYear, 4)),
        b'2' => Some((LayoutPart::Day, 1)),
        b'3' => Some((LayoutPart::Hour12, 1)),
        b'4' => Some((LayoutPart::Minute, 1)),
        b'5' => Some((LayoutPart::Second, 1)),
        _ => None,
    }
}

fn word_at(text: &[u8]) -> Option<(LayoutPart, usize)> {
    for (word, part) in [
        (&b"January"[..], LayoutPart::LongMonth),
        (b"Monday", LayoutPart::LongWeekday),
        (b"MST", LayoutPart::ZoneName),
        (b"PM", LayoutPart::HalfDay { upper: true }),
        (b"pm", LayoutPart::HalfDay { upper: false }),
    ] {
        if text.starts_with(word) {
            return Some((part, word.len()));
        }
    }
    // The short names do not begin a longer word.
    let ends = !text.get(3).is_some_and(u8::is_ascii_lowercase);
    match text.get(..3)? {
        b"Jan" if ends => Some((LayoutPart::Month, 3)),
        b"Mon" if ends => Some((LayoutPart::Weekday, 3)),
        _ => None,
    }
}

fn zero_at(text: &[u8]) -> Option<(LayoutPart, usize)> {
    let part = match text.get(1)? {
        b'1' => LayoutPart::ZeroMonth,
        b'2' => LayoutPart::ZeroDay,
        b'3' => LayoutPart::ZeroHour12,
        b'4' => LayoutPart::ZeroMinute,
        b'5' => LayoutPart::ZeroSecond,
        b'6' => LayoutPart::Year,
        _ => {
            return text
                .starts_with(b"002")
                .then_some((LayoutPart::ZeroYearDay, 3));
        }
    };
    Some((part, 2))
}

fn offset_at(text: &[u8]) -> Option<(LayoutPart, usize)> {
    let (sign, digits) = text.split_first()?;
    for (form, colon, fields) in [
        (&b"070000"[..], false, 3),
        (b"07:00:00", true, 3),
        (b"0700", false, 2),
        (b"07:00", true, 2),
        (b"07", false, 1),
    ] {
        if digits.starts_with(form) {
            let offset = Offset {
                zulu: *sign == b'Z',
                colon,
                fields,
            };
            return Some((LayoutPart::Offset(offset), form.len() + 1));
        }
    }
    None
}

fn fraction_at(text: &[u8], point: u8) -> Option<(LayoutPart, usize)> {
    let digits = text.get(1..)?;
    let digit = *digits
        .first()
        .filter(|digit| matches!(digit, b'0' | b'9'))?;
    let count = digits.iter().take_while(|byte| **byte == digit).count();
    let ends = !digits.get(count).is_some_and(u8::is_ascii_digit);
    let part = LayoutPart::Fraction {
        point,
        digits: count,
        trimmed: digit == b'9',
    };
    ends.then_some((part, count + 1))
}

// === writing ===

/// Returns a time written by a layout.
pub(crate) fn format(time: &Time, layout: &[u8]) -> Vec<u8> {
    let civil = time.civil();
    let mut out = Vec::with_capacity(layout.len() + 8);
    let mut rest = layout;
    loop {
        let (before, part, behind) = split(rest);
        out.extend_from_slice(before);
        let Some(part) = part else {
            return out;
        };
        match part {
            LayoutPart::ZoneName | LayoutPart::Offset(_) => push_zone(&mut out, time, part),
            LayoutPart::Fraction {
                point,
                digits,
                trimmed,
            } => push_fraction(&mut out, time.nanos, (point, digits, trimmed)),
            part if part.is_of_the_clock() => push_clock(&mut out, civil, part),
            part => push_date(&mut out, civil, part),
        }
        rest = behind;
    }
}

/// Returns a time as Go prints it.
pub(crate) fn to_string(time: &Time) -> Vec<u8> {
    format(time, b"2006-01-02 15:04:05.999999999 -0700 MST")
}

fn push_clock(out: &mut Vec<u8>, civil: Civil, part: LayoutPart) {
    let hour12 = match civil.hour % 12 {
        0 => 12,
        hour => hour,
    };
    let (number, width) = match part {
        LayoutPart::Hour => (civil.hour, 2),
        LayoutPart::Hour12 => (hour12, 0),
        LayoutPart::ZeroHour12 => (hour12, 2),
        LayoutPart::Minute => (civil.minute, 0),
        LayoutPart::ZeroMinute => (civil.minute, 2),
        LayoutPart::Second => (civil.second, 0),
        LayoutPart::ZeroSecond => (civil.second, 2),
        LayoutPart::HalfDay { upper } => {
            let word: &[u8] = match (civil.hour >= 12, upper) {
                (true, true) => b"PM",
                (true, false) => b"pm",
                (false, true) => b"AM",
                (false, false) => b"am",
            };
            return out.extend_from_slice(word);
        }
        _ => return,
    };
    push_number(out, i64::from(number), width);
}

fn push_date(out: &mut Vec<u8>, civil: Civil, part: LayoutPart) {
    let month = MONTHS
        .get(usize::from(civil.month).wrapping_sub(1))
        .unwrap_or(&"");
    let weekday = WEEKDAYS.get(civil.weekday()).unwrap_or(&"");
    let (number, width) = match part {
        LayoutPart::LongYear => (civil.year, 4),
        LayoutPart::Year => (civil.year.abs() % 100, 2),
        LayoutPart::NumMonth => (i64::from(civil.month), 0),
        LayoutPart::ZeroMonth => (i64::from(civil.month), 2),
        LayoutPart::Day => (i64::from(civil.day), 0),
        LayoutPart::ZeroDay => (i64::from(civil.day), 2),
        LayoutPart::ZeroYearDay => (civil.year_day(), 3),
        LayoutPart::UnderDay => return push_padded(out, i64::from(civil.day), 2),
        LayoutPart::UnderYearDay => return push_padded(out, civil.year_day(), 3),
        LayoutPart::LongMonth => return out.extend_from_slice(month.as_bytes()),
        LayoutPart::LongWeekday => return out.extend_from_slice(weekday.as_bytes()),
        LayoutPart::Month => return out.extend(month.bytes().take(3)),
        LayoutPart::Weekday => return out.extend(weekday.bytes().take(3)),
        _ => return,
    };
    push_number(out, number, width);
}

/// Appends a number with zeros in front of it; the sign does not count as a digit.
fn push_number(out: &mut Vec<u8>, number: i64, width: usize) {
    if number < 0 {
        out.push(b'-');
    }
    // Writing to a vector cannot fail.
    let _ = write!(out, "{:0width$}", number.unsigned_abs());
}

fn push_padded(out: &mut Vec<u8>, number: i64, width: usize) {
    let _ = write!(out, "{number:width$}");
}

fn push_zone(out: &mut Vec<u8>, time: &Time, part: LayoutPart) {
    let (name, seconds) = time.zone.at(time.seconds);
    let form = match part {
        LayoutPart::ZoneName if !name.is_empty() => return out.extend_from_slice(name.as_bytes()),
        LayoutPart::Offset(form) if form.zulu && seconds == 0 => return out.push(b'Z'),
        LayoutPart::Offset(form) => form,
        _ => Offset {
            zulu: false,
            colon: false,
            fields: 2,
        },
    };

    // Go looks at whole minutes for the sign.
    let minutes = seconds / 60;
    out.push(if minutes < 0 { b'-' } else { b'+' });
    let fields = [
        minutes.abs() / 60,
        minutes.abs() % 60,
        (if minutes < 0 { -seconds } else { seconds }) % 60,
    ];
    for (at, field) in fields.iter().take(usize::from(form.fields)).enumerate() {
        if at > 0 && form.colon {
            out.push(b':');
        }
        push_number(out, i64::from(*field), 2);
    }
}

fn push_fraction(out: &mut Vec<u8>, nanos: u32, (point, digits, trimmed): (u8, usize, bool)) {
    let mut shown = format!("{nanos:09}");
    // More than nine digits are never written.
    shown.truncate(digits);
    let shown = if trimmed {
        shown.trim_end_matches('0')
    } else {
        &shown
    };
    if !shown.is_empty() {
        out.push(point);
        out.extend_from_slice(shown.as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::go::time::Zone;

    fn sample() -> Time {
        Time {
            seconds: 1_234_567_890,
            nanos: 12_340_000,
            zone: Zone::Utc,
        }
    }

    fn formatted(time: &Time, layout: &str) -> String {
        String::from_utf8(format(time, layout.as_bytes())).unwrap()
    }

    #[test]
    fn layouts_are_filled_in() {
        for (layout, want) in [
            ("2006-01-02T15:04:05Z07:00", "2009-02-13T23:31:30Z"),
            (
                "Mon Jan _2 15:04:05 MST 2006",
                "Fri Feb 13 23:31:30 UTC 2009",
            ),
            (
                "Monday, 02-Jan-06 15:04:05 -0700",
                "Friday, 13-Feb-09 23:31:30 +0000",
            ),
            ("3:4:5PM 03pm January", "11:31:30PM 11pm February"),
            ("2006 002 __2 _2006", "2009 044  44 _2009"),
            (".000 .999999 ,00", ".012 .01234 ,01"),
            ("Month Janet Jan", "Month Janet Feb"),
            ("-07 Z07 -07:00:00 -070000", "+00 Z +00:00:00 +000000"),
            ("1 2 15", "2 13 23"),
            ("ab", "ab"),
            (".0001", ".0002"),
        ] {
            assert_eq!(formatted(&sample(), layout), want, "{layout}");
        }
    }

    #[test]
    fn offsets_and_names_of_zones_are_written() {
        let zone = |name: &str, offset| Zone::Fixed {
            name: name.into(),
            offset,
        };
        let there = sample().shown_in(zone("ACST", 34_200));
        assert_eq!(
            formatted(&there, "15:04 MST -07:00 Z0700"),
            "09:01 ACST +09:30 +0930"
        );
        let nameless = sample().shown_in(zone("", -3_660));
        assert_eq!(formatted(&nameless, "15:04 MST -07"), "22:30 -0101 -01");
    }

    #[test]
    fn go_prints_times_in_its_own_layout() {
        assert_eq!(to_string(&sample()), b"2009-02-13 23:31:30.01234 +0000 UTC");
        assert_eq!(to_string(&Time::zero()), b"0001-01-01 00:00:00 +0000 UTC");
    }
}
