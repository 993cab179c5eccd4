//! [`parse`]: reads a time by a layout, as Go's `time.ParseInLocation`.

use std::sync::Arc;

use crate::go::duration::quoted;
use crate::go::layout::{self, LayoutPart, MONTHS, Offset, WEEKDAYS};
use crate::go::time::{Civil, Time, Zone, days_in};
use crate::go::time_text::{
    TimeFault, month_and_day, name, nanos, number, signed, skip, take, whole, within,
    zone_name_length,
};

/// Reads a time by a layout; what names no zone is in the local one.
///
/// # Errors
/// Go's message.
pub(crate) fn parse(layout: &[u8], value: &[u8], local: &Zone) -> Result<Time, String> {
    let mut reader = TimeReader {
        layout,
        value,
        rest: value,
        found: FoundTime::default(),
    };
    reader.read()?;
    let date = reader.date()?;
    Ok(reader.found.time(date, local))
}

struct TimeReader<'t> {
    layout: &'t [u8],
    value: &'t [u8],
    rest: &'t [u8],
    found: FoundTime,
}

/// What was read.
#[derive(Default)]
struct FoundTime {
    year: i64,
    month: Option<u8>,
    day: Option<u8>,
    year_day: Option<i64>,
    hour: u8,
    minute: u8,
    second: u8,
    nanos: u32,
    afternoon: Option<bool>,
    utc: bool,
    offset: Option<i32>,
    zone_name: Vec<u8>,
}

impl<'t> TimeReader<'t> {
    fn read(&mut self) -> Result<(), String> {
        let mut layout = self.layout;
        loop {
            let (before, part, behind) = layout::split(layout);
            self.rest = skip(self.rest, before).map_err(|rest| self.mismatch(before, rest))?;
            let Some(part) = part else {
                break;
            };

            let length = layout.len() - before.len() - behind.len();
            let shown = layout.get(before.len()..before.len() + length);
            let hold = self.rest;
            self.part(part, behind).map_err(|fault| match fault {
                TimeFault::Form => self.mismatch(shown.unwrap_or_default(), hold),
                TimeFault::Range(what) => self.refused(&format!(": {what} out of range")),
            })?;
            layout = behind;
        }
        if self.rest.is_empty() {
            Ok(())
        } else {
            Err(self.refused(&format!(": extra text: {}", quoted(self.rest))))
        }
    }

    fn mismatch(&self, part: &[u8], rest: &[u8]) -> String {
        format!(
            "parsing time {} as {}: cannot parse {} as {}",
            quoted(self.value),
            quoted(self.layout),
            quoted(rest),
            quoted(part)
        )
    }

    fn refused(&self, why: &str) -> String {
        format!("parsing time {}{why}", quoted(self.value))
    }

    fn part(&mut self, part: LayoutPart, behind: &[u8]) -> Result<(), TimeFault> {
        self.rest = match part {
            LayoutPart::ZoneName => self.zone_name()?,
            LayoutPart::Offset(form) => self.offset(form)?,
            LayoutPart::Fraction {
                digits, trimmed, ..
            } => self.fraction(digits, trimmed)?,
            LayoutPart::HalfDay { upper } => self.half_day(upper)?,
            part if part.is_of_the_clock() => self.clock(part, behind)?,
            part => self.calendar(part)?,
        };
        Ok(())
    }

    fn calendar(&mut self, part: LayoutPart) -> Result<&'t [u8], TimeFault> {
        let rest = self.rest;
        Ok(match part {
            LayoutPart::LongYear => {
                let (text, rest) = take(rest, 4)?;
                self.found.year = whole(text)?;
                rest
            }
            LayoutPart::Year => {
                let (text, rest) = take(rest, 2)?;
                let year = signed(text)?;
                // The Unix epoch began in 1969 in some time zones.
                self.found.year = year + if year >= 69 { 1900 } else { 2000 };
                rest
            }
            LayoutPart::LongMonth | LayoutPart::Month => {
                let (at, rest) = name(rest, &MONTHS, part == LayoutPart::Month)?;
                self.found.month = Some(at as u8 + 1);
                rest
            }
            LayoutPart::NumMonth | LayoutPart::ZeroMonth => {
                let (month, rest) = number(rest, part == LayoutPart::ZeroMonth)?;
                self.found.month = Some(within(month, 1..=12, "month")?);
                rest
            }
            LayoutPart::LongWeekday | LayoutPart::Weekday => {
                name(rest, &WEEKDAYS, part == LayoutPart::Weekday)?.1
            }
            part => return self.days(part),
        })
    }

    fn days(&mut self, part: LayoutPart) -> Result<&'t [u8], TimeFault> {
        let unpadded = |text: &'t [u8]| text.strip_prefix(b" ").unwrap_or(text);
        match part {
            LayoutPart::UnderYearDay => self.day_of_year(unpadded(unpadded(self.rest)), false),
            LayoutPart::ZeroYearDay => self.day_of_year(self.rest, true),
            LayoutPart::UnderDay => self.day_of_month(unpadded(self.rest), false),
            part => self.day_of_month(self.rest, part == LayoutPart::ZeroDay),
        }
    }

    /// Reads up to three digits, or exactly as many.
    fn day_of_year(&mut self, text: &'t [u8], is_fixed: bool) -> Result<&'t [u8], TimeFault> {
        let digits = text.iter().take(3).take_while(|b| b.is_ascii_digit());
        let count = digits.count();
        if count == 0 || (is_fixed && count != 3) {
            return Err(TimeFault::Form);
        }
        let (digits, rest) = take(text, count)?;
        self.found.year_day = Some(whole(digits)?);
        Ok(rest)
    }

    fn day_of_month(&mut self, text: &'t [u8], is_fixed: bool) -> Result<&'t [u8], TimeFault> {
        let (day, rest) = number(text, is_fixed)?;
        self.found.day = Some(day);
        Ok(rest)
    }

    fn clock(&mut self, part: LayoutPart, behind: &[u8]) -> Result<&'t [u8], TimeFault> {
        let fixed = matches!(
            part,
            LayoutPart::ZeroHour12 | LayoutPart::ZeroMinute | LayoutPart::ZeroSecond
        );
        let (value, rest) = number(self.rest, fixed)?;
        match part {
            LayoutPart::Hour => self.found.hour = within(value, 0..=23, "hour")?,
            LayoutPart::Hour12 | LayoutPart::ZeroHour12 => {
                self.found.hour = within(value, 0..=12, "hour")?;
            }
            LayoutPart::Minute | LayoutPart::ZeroMinute => {
                self.found.minute = within(value, 0..=59, "minute")?;
            }
            _ => {
                self.found.second = within(value, 0..=59, "second")?;
                return self.fraction_without_part(rest, behind);
            }
        }
        Ok(rest)
    }

    /// A fraction of a second may follow the seconds although the layout has none.
    fn fraction_without_part(
        &mut self,
        rest: &'t [u8],
        behind: &[u8],
    ) -> Result<&'t [u8], TimeFault> {
        let (_, next, _) = layout::split(behind);
        let is_fraction = matches!(rest, [b'.' | b',', digit, ..] if digit.is_ascii_digit());
        if !is_fraction || matches!(next, Some(LayoutPart::Fraction { .. })) {
            return Ok(rest);
        }
        let digits = rest
            .iter()
            .skip(1)
            .take_while(|b| b.is_ascii_digit())
            .count();
        let (text, rest) = take(rest, digits + 1)?;
        self.found.nanos = nanos(text)?;
        Ok(rest)
    }

    fn fraction(&mut self, digits: usize, trimmed: bool) -> Result<&'t [u8], TimeFault> {
        let rest = self.rest;
        let length = if trimmed {
            match rest {
                [b'.' | b',', digit, ..] if digit.is_ascii_digit() => {
                    1 + rest
                        .iter()
                        .skip(1)
                        .take_while(|b| b.is_ascii_digit())
                        .count()
                }
                _ => return Ok(rest),
            }
        } else {
            digits + 1
        };
        let (text, rest) = take(rest, length)?;
        self.found.nanos = nanos(text)?;
        Ok(rest)
    }

    fn half_day(&mut self, upper: bool) -> Result<&'t [u8], TimeFault> {
        let (text, rest) = take(self.rest, 2)?;
        self.found.afternoon = Some(match (text, upper) {
            (b"PM", true) | (b"pm", false) => true,
            (b"AM", true) | (b"am", false) => false,
            _ => return Err(TimeFault::Form),
        });
        Ok(rest)
    }

    fn offset(&mut self, form: Offset) -> Result<&'t [u8], TimeFault> {
        if form.zulu
            && let Some(rest) = self.rest.strip_prefix(b"Z")
        {
            self.found.utc = true;
            return Ok(rest);
        }

        let (sign, mut rest) = take(self.rest, 1)?;
        let mut fields = [0_i32; 3];
        for at in 0..usize::from(form.fields) {
            if at > 0 && form.colon {
                rest = rest.strip_prefix(b":").ok_or(TimeFault::Form)?;
            }
            let (text, behind) = take(rest, 2)?;
            let (value, _) = number(text, true)?;
            if let Some(field) = fields.get_mut(at) {
                *field = i32::from(value);
            }
            rest = behind;
        }
        let [hours, minutes, seconds] = fields;
        for (value, most, what) in [
            (hours, 24, "time zone offset hour"),
            (minutes, 60, "time zone offset minute"),
            (seconds, 60, "time zone offset second"),
        ] {
            if value > most {
                return Err(TimeFault::Range(what));
            }
        }
        let offset = (hours * 60 + minutes) * 60 + seconds;
        self.found.offset = Some(match sign {
            b"+" => offset,
            b"-" => -offset,
            _ => return Err(TimeFault::Form),
        });
        Ok(rest)
    }

    fn zone_name(&mut self) -> Result<&'t [u8], TimeFault> {
        if let Some(rest) = self.rest.strip_prefix(b"UTC") {
            self.found.utc = true;
            return Ok(rest);
        }
        let length = zone_name_length(self.rest).ok_or(TimeFault::Form)?;
        let (text, rest) = take(self.rest, length)?;
        self.found.zone_name = text.to_vec();
        Ok(rest)
    }

    /// Returns month and day, which a day of the year may stand for.
    fn date(&self) -> Result<(u8, u8), String> {
        let found = &self.found;
        let (month, day) = match found.year_day {
            None => (found.month.unwrap_or(1), found.day.unwrap_or(1)),
            Some(year_day) => {
                let (month, day) = month_and_day(found.year, year_day)
                    .ok_or_else(|| self.refused(": day-of-year out of range"))?;
                if found.month.is_some_and(|seen| seen != month) {
                    return Err(self.refused(": day-of-year does not match month"));
                }
                if found.day.is_some_and(|seen| seen != day) {
                    return Err(self.refused(": day-of-year does not match day"));
                }
                (month, day)
            }
        };

        if day < 1 || day > days_in(found.year, month) {
            return Err(self.refused(": day out of range"));
        }
        Ok((month, day))
    }
}

impl FoundTime {
    fn time(self, (month, day): (u8, u8), local: &Zone) -> Time {
        let hour = match self.afternoon {
            Some(true) if self.hour < 12 => self.hour + 12,
            Some(false) if self.hour == 12 => 0,
            _ => self.hour,
        };
        let civil = Civil {
            year: self.year,
            month,
            day,
            hour,
            minute: self.minute,
            second: self.second,
        };

        // What the text says about its zone decides, in this order.
        if self.utc {
            return Time::from_civil(civil, self.nanos, Zone::Utc);
        }
        let in_utc = Time::from_civil(civil, self.nanos, Zone::Utc);
        if let Some(offset) = self.offset {
            return self.with_offset(in_utc.seconds, offset, local);
        }
        if !self.zone_name.is_empty() {
            return self.with_name(in_utc.seconds, local);
        }
        Time::from_civil(civil, self.nanos, local.clone())
    }

    /// Takes the local zone if it has this offset at this time, else a zone of its own.
    fn with_offset(&self, seconds: i64, offset: i32, local: &Zone) -> Time {
        let seconds = seconds.saturating_sub(i64::from(offset));
        let (name, local_offset) = local.at(seconds);
        let same_name = self.zone_name.is_empty() || name.as_bytes() == self.zone_name;
        let zone = if local_offset == offset && same_name {
            local.clone()
        } else {
            self.fixed(offset)
        };
        Time {
            seconds,
            nanos: self.nanos,
            zone,
        }
    }

    /// Takes the local zone if it has this name, else a zone whose offset is unknown.
    fn with_name(&self, seconds: i64, local: &Zone) -> Time {
        let (name, offset) = local.at(seconds);
        if name.as_bytes() == self.zone_name {
            return Time {
                seconds: seconds.saturating_sub(i64::from(offset)),
                nanos: self.nanos,
                zone: local.clone(),
            };
        }

        let hours = self
            .zone_name
            .strip_prefix(b"GMT")
            .and_then(|hours| signed(hours).ok())
            .unwrap_or_default();
        Time {
            seconds,
            nanos: self.nanos,
            zone: self.fixed(hours as i32 * 3600),
        }
    }

    fn fixed(&self, offset: i32) -> Zone {
        Zone::Fixed {
            name: Arc::from(String::from_utf8_lossy(&self.zone_name)),
            offset,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(layout: &str, value: &str) -> Result<String, String> {
        parse(layout.as_bytes(), value.as_bytes(), &Zone::Utc)
            .map(|time| String::from_utf8(layout::to_string(&time)).unwrap())
    }

    #[test]
    fn times_are_read() {
        for (layout, value, want) in [
            ("2006-01-02", "2017-12-31", "2017-12-31 00:00:00 +0000 UTC"),
            (
                "2006-01-02T15:04:05Z07:00",
                "2006-01-02T15:04:05Z",
                "2006-01-02 15:04:05 +0000 UTC",
            ),
            (
                "2006-01-02T15:04:05Z07:00",
                "2006-01-02T15:04:05.25-03:30",
                "2006-01-02 15:04:05.25 -0330 -0330",
            ),
            (
                "Jan _2 2006 3:04PM",
                "feb  3 2024 12:30AM",
                "2024-02-03 00:30:00 +0000 UTC",
            ),
            ("06 002", "24 366", "2024-12-31 00:00:00 +0000 UTC"),
            (
                "15:04 MST 2006",
                "10:00 CEST 2020",
                "2020-01-01 10:00:00 +0000 CEST",
            ),
            (
                "15:04 MST 2006",
                "10:00 GMT+3 2020",
                "2020-01-01 13:00:00 +0300 GMT+3",
            ),
            (
                "15:04:05.000",
                "01:02:03.004",
                "0000-01-01 01:02:03.004 +0000 UTC",
            ),
            (
                "2006 -0700 MST",
                "2020 +0100 CET",
                "2020-01-01 00:00:00 +0100 CET",
            ),
        ] {
            assert_eq!(
                parsed(layout, value).as_deref(),
                Ok(want),
                "{layout} {value}"
            );
        }
    }

    #[test]
    fn what_does_not_fit_says_where() {
        for (layout, value, want) in [
            (
                "2006-01-02",
                "2017-13-31",
                "parsing time \"2017-13-31\": month out of range",
            ),
            (
                "2006-01-02",
                "x",
                "parsing time \"x\" as \"2006-01-02\": cannot parse \"x\" as \"2006\"",
            ),
            (
                "2006-01-02",
                "2017/01",
                "parsing time \"2017/01\" as \"2006-01-02\": cannot parse \"/01\" as \"-\"",
            ),
            (
                "2006",
                "2017 ä",
                "parsing time \"2017 \\xc3\\xa4\": extra text: \" \\xc3\\xa4\"",
            ),
            (
                "2006-01-02",
                "2017-02-29",
                "parsing time \"2017-02-29\": day out of range",
            ),
            (
                "2006 002",
                "2017 366",
                "parsing time \"2017 366\": day-of-year out of range",
            ),
            (
                "15:04",
                "24:00",
                "parsing time \"24:00\": hour out of range",
            ),
        ] {
            assert_eq!(parsed(layout, value).unwrap_err(), want, "{layout} {value}");
        }
    }
}
