//! [`Time`]: a moment in a time zone, as Go's `time.Time`.
//!
//! Seconds are counted in 64 bits, so that every number in a template is some time; the rules of
//! time zones come from the database that is compiled in, and the clock from the caller.

use std::borrow::Cow;
use std::sync::Arc;

use jiff::Timestamp;
use jiff::tz::{TimeZone, TimeZoneDatabase};

use crate::go::duration::{Nanos, SECOND};

/// A moment in a time zone.
#[derive(Debug, Clone)]
pub(crate) struct Time {
    /// Seconds since 1970 in UTC.
    pub(crate) seconds: i64,
    /// Nanoseconds of the second.
    pub(crate) nanos: u32,
    /// The zone in which it is shown.
    pub(crate) zone: Zone,
}

/// A time zone.
#[derive(Debug, Clone)]
pub(crate) enum Zone {
    /// UTC.
    Utc,
    /// Always the same offset in seconds, with a name that may be empty.
    Fixed {
        /// The abbreviation.
        name: Arc<str>,
        /// Seconds east of UTC.
        offset: i32,
    },
    /// A place with its history of offsets.
    Place(TimeZone),
}

/// A moment as a calendar and a clock show it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Civil {
    /// The year; there is a year 0.
    pub(crate) year: i64,
    /// The month, from 1.
    pub(crate) month: u8,
    /// The day of the month, from 1.
    pub(crate) day: u8,
    /// The hour.
    pub(crate) hour: u8,
    /// The minute.
    pub(crate) minute: u8,
    /// The second.
    pub(crate) second: u8,
}

/// Seconds of a day.
const DAY: i64 = 86_400;

impl Time {
    /// Returns the time of so many seconds since 1970.
    pub(crate) fn from_unix(seconds: i64, zone: Zone) -> Self {
        Self {
            seconds,
            nanos: 0,
            zone,
        }
    }

    /// Returns Go's zero time: the first second of year 1.
    pub(crate) fn zero() -> Self {
        Self::from_unix(-62_135_596_800, Zone::Utc)
    }

    /// Returns the time that a calendar and a clock show in a zone. Of a time that occurs twice or
    /// not at all, Go's choice is taken: the offset that was in force before the change.
    pub(crate) fn from_civil(civil: Civil, nanos: u32, zone: Zone) -> Self {
        let local = civil.seconds();
        // Guess with the offset at this time in UTC, and correct the guess once.
        let (_, guess) = zone.at(local);
        let (_, offset) = zone.at(local.saturating_sub(i64::from(guess)));
        let offset = if guess == 0 { 0 } else { offset };
        let seconds = local.saturating_sub(i64::from(offset));
        Self {
            seconds,
            nanos,
            zone,
        }
    }

    /// Returns what a calendar and a clock show.
    pub(crate) fn civil(&self) -> Civil {
        let (_, offset) = self.zone.at(self.seconds);
        Civil::from_seconds(self.seconds.saturating_add(i64::from(offset)))
    }

    /// Returns the same moment in another zone.
    pub(crate) fn shown_in(&self, zone: Zone) -> Self {
        Self {
            zone,
            ..self.clone()
        }
    }

    /// Returns the moment so much later.
    pub(crate) fn plus(&self, nanos: Nanos) -> Self {
        let sum = i64::from(self.nanos) + nanos.rem_euclid(SECOND);
        let carried = nanos.div_euclid(SECOND) + sum / SECOND;
        Self {
            seconds: self.seconds.saturating_add(carried),
            nanos: (sum % SECOND) as u32,
            zone: self.zone.clone(),
        }
    }

    /// Returns the time since another moment; what exceeds 292 years becomes that.
    pub(crate) fn since(&self, earlier: &Self) -> Nanos {
        let seconds = i128::from(self.seconds) - i128::from(earlier.seconds);
        let nanos = i128::from(self.nanos) - i128::from(earlier.nanos);
        let exact = seconds * i128::from(SECOND) + nanos;
        Nanos::try_from(exact).unwrap_or(if exact < 0 { Nanos::MIN } else { Nanos::MAX })
    }
}

impl PartialEq for Time {
    /// Compares the moments, whatever the zones.
    fn eq(&self, other: &Self) -> bool {
        (self.seconds, self.nanos) == (other.seconds, other.nanos)
    }
}

impl Zone {
    /// Returns the zone with a name, as `time.LoadLocation` does; none if there is no such zone.
    pub(crate) fn named(name: &[u8], local: &Self) -> Option<Self> {
        match name {
            b"" | b"UTC" => return Some(Self::Utc),
            b"Local" => return Some(local.clone()),
            _ => {}
        }
        let name = std::str::from_utf8(name).ok()?;
        let zone = TimeZoneDatabase::bundled().get(name).ok()?;
        // The database ignores case, Go's does not.
        (zone.iana_name() == Some(name)).then_some(Self::Place(zone))
    }

    /// Returns the abbreviation and the offset in seconds at a time.
    pub(crate) fn at(&self, seconds: i64) -> (Cow<'_, str>, i32) {
        match self {
            Self::Utc => ("UTC".into(), 0),
            Self::Fixed { name, offset } => (Cow::Borrowed(name), *offset),
            Self::Place(zone) => {
                let bound = |limit: Timestamp| limit.as_second();
                let seconds = seconds.clamp(bound(Timestamp::MIN), bound(Timestamp::MAX));
                let Ok(time) = Timestamp::from_second(seconds) else {
                    return ("UTC".into(), 0);
                };
                let info = zone.to_offset_info(time);
                (
                    info.abbreviation().to_owned().into(),
                    info.offset().seconds(),
                )
            }
        }
    }
}

impl Civil {
    /// Returns what is shown so many seconds after the start of 1970.
    fn from_seconds(seconds: i64) -> Self {
        let (year, month, day) = date_of(seconds.div_euclid(DAY));
        let clock = seconds.rem_euclid(DAY);
        Self {
            year,
            month,
            day,
            hour: (clock / 3600) as u8,
            minute: (clock / 60 % 60) as u8,
            second: (clock % 60) as u8,
        }
    }

    /// Returns the seconds since the start of 1970.
    fn seconds(self) -> i64 {
        let clock =
            i64::from(self.hour) * 3600 + i64::from(self.minute) * 60 + i64::from(self.second);
        days_until(self.year, self.month, self.day) * DAY + clock
    }

    /// Returns the day of the week, from 0 for Sunday.
    pub(crate) fn weekday(self) -> usize {
        // The first day of 1970 was a Thursday.
        (days_until(self.year, self.month, self.day) + 4).rem_euclid(7) as usize
    }

    /// Returns the day of the year, from 1.
    pub(crate) fn year_day(self) -> i64 {
        days_until(self.year, self.month, self.day) - days_until(self.year, 1, 1) + 1
    }
}

/// Returns the number of days of a month.
pub(crate) fn days_in(year: i64, month: u8) -> u8 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days of 400 years.
const CYCLE_DAYS: i64 = 146_097;
/// Days from the first of March of year 0 to the start of 1970.
const EPOCH_DAYS: i64 = 719_468;

/// Returns the date of a day, counted from the start of 1970. Years begin in March here, so that
/// the leap day is the last.
fn date_of(day: i64) -> (i64, u8, u8) {
    let shifted = day + EPOCH_DAYS;
    let cycle = shifted.div_euclid(CYCLE_DAYS);
    let in_cycle = shifted.rem_euclid(CYCLE_DAYS);
    let year = (in_cycle - in_cycle / 1460 + in_cycle / 36_524 - in_cycle / 146_096) / 365;
    let in_year = in_cycle - (365 * year + year / 4 - year / 100);
    let march_month = (5 * in_year + 2) / 153;
    let day = in_year - (153 * march_month + 2) / 5 + 1;
    let month = if march_month < 10 {
        march_month + 3
    } else {
        march_month - 9
    };
    let year = year + cycle * 400 + i64::from(month <= 2);
    (year, month as u8, day as u8)
}

/// Returns the days from the start of 1970 to a date.
fn days_until(year: i64, month: u8, day: u8) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let cycle = year.div_euclid(400);
    let in_cycle = year.rem_euclid(400);
    let march_month = (i64::from(month) + 9) % 12;
    let in_year = (153 * march_month + 2) / 5 + i64::from(day) - 1;
    let days = in_cycle * 365 + in_cycle / 4 - in_cycle / 100 + in_year;
    cycle * CYCLE_DAYS + days - EPOCH_DAYS
}

#[cfg(test)]
mod tests {
    use super::*;

    fn civil(year: i64, month: u8, day: u8, hour: u8) -> Civil {
        Civil {
            year,
            month,
            day,
            hour,
            minute: 0,
            second: 0,
        }
    }

    fn berlin() -> Zone {
        Zone::named(b"Europe/Berlin", &Zone::Utc).unwrap()
    }

    #[test]
    fn calendars_agree_with_seconds() {
        for (seconds, want) in [
            (0, civil(1970, 1, 1, 0)),
            (951_782_400, civil(2000, 2, 29, 0)),
            (-62_135_596_800, civil(1, 1, 1, 0)),
            (-62_167_219_200 - 86_400, civil(-1, 12, 31, 0)),
            (4_107_542_400, civil(2100, 3, 1, 0)),
        ] {
            let time = Time::from_unix(seconds, Zone::Utc);
            assert_eq!(time.civil(), want);
            assert_eq!(want.seconds(), seconds);
        }
        let far = Time::from_unix(i64::MAX, Zone::Utc).civil();
        assert_eq!(far.year, 292_277_026_596);
        assert_eq!(civil(2026, 11, 30, 0).weekday(), 1);
        assert_eq!(civil(2024, 12, 31, 0).year_day(), 366);
    }

    #[test]
    fn zones_have_their_history() {
        let zone = berlin();
        let summer = Time::from_civil(civil(2026, 7, 1, 12), 0, zone.clone());
        assert_eq!(summer.zone.at(summer.seconds), ("CEST".into(), 7200));
        assert_eq!(summer.civil().hour, 12);
        let winter = Time::from_civil(civil(2026, 1, 1, 12), 0, zone.clone());
        assert_eq!(winter.zone.at(winter.seconds), ("CET".into(), 3600));
        // The clock jumps from two to three; Go counts on with the offset before.
        let skipped = Time::from_civil(civil(2026, 3, 29, 2), 0, zone);
        assert_eq!(skipped.civil().hour, 3);
    }

    #[test]
    fn names_of_zones_are_exact() {
        assert!(Zone::named(b"europe/berlin", &Zone::Utc).is_none());
        assert!(Zone::named(b"Nowhere/At_all", &Zone::Utc).is_none());
        assert!(matches!(Zone::named(b"", &berlin()), Some(Zone::Utc)));
        assert!(matches!(
            Zone::named(b"Local", &berlin()),
            Some(Zone::Place(_))
        ));
    }

    #[test]
    fn durations_are_added_and_measured() {
        let start = Time {
            seconds: 10,
            nanos: 600_000_000,
            zone: Zone::Utc,
        };
        let later = start.plus(-1_700_000_000);
        assert_eq!((later.seconds, later.nanos), (8, 900_000_000));
        assert_eq!(later.since(&start), -1_700_000_000);
        assert_eq!(
            Time::from_unix(i64::MAX, Zone::Utc).since(&start),
            Nanos::MAX
        );
    }
}
