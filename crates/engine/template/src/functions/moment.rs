//! Times and durations as values: `time.Time`, and the numbers with a name that its methods
//! return.

use std::any::Any;
use std::borrow::Cow;
use std::sync::LazyLock;

use crate::context::Context;
use crate::error::TemplateError;
use crate::function::Signature;
use crate::functions::args::{FunctionResult, any, int, text};
use crate::functions::methods::Methods;
use crate::go::duration::{self, HOUR, MINUTE, Nanos, SECOND};
use crate::go::layout::{self, MONTHS, WEEKDAYS};
use crate::go::time::{Civil, Time, Zone, days_in};
use crate::value::{GoKind, GoObject, GoString, IntegerKind, Value};

/// A `time.Time`.
pub(crate) struct Moment(Time);

impl Moment {
    /// Returns a time as a value.
    pub(crate) fn value(time: Time) -> Value {
        Value::object(Self(time))
    }

    /// Returns the time.
    pub(crate) fn time(&self) -> &Time {
        &self.0
    }
}

static TIME_METHODS: LazyLock<Methods> = LazyLock::new(|| {
    Methods::new(&[
        ("Add", "func(time.Duration) time.Time"),
        ("AddDate", "func(int, int, int) time.Time"),
        ("After", "func(time.Time) bool"),
        ("Before", "func(time.Time) bool"),
        ("Compare", "func(time.Time) int"),
        ("Day", "func() int"),
        ("Equal", "func(time.Time) bool"),
        ("Format", "func(string) string"),
        ("Hour", "func() int"),
        ("IsZero", "func() bool"),
        ("Local", "func() time.Time"),
        ("Minute", "func() int"),
        ("Month", "func() time.Month"),
        ("Nanosecond", "func() int"),
        ("Second", "func() int"),
        ("String", "func() string"),
        ("Sub", "func(time.Time) time.Duration"),
        ("UTC", "func() time.Time"),
        ("Unix", "func() int64"),
        ("UnixMicro", "func() int64"),
        ("UnixMilli", "func() int64"),
        ("UnixNano", "func() int64"),
        ("Weekday", "func() time.Weekday"),
        ("Year", "func() int"),
        ("YearDay", "func() int"),
    ])
});

impl GoObject for Moment {
    fn type_name(&self) -> Cow<'static, str> {
        "time.Time".into()
    }

    fn kind(&self) -> GoKind {
        GoKind::Struct
    }

    fn as_any(&self) -> &dyn Any {
        self
    }

    fn method(&self, name: &str) -> Option<&Signature> {
        TIME_METHODS.get(name)
    }

    fn call(&self, name: &str, context: &mut Context<'_>, args: &[Value]) -> FunctionResult {
        let time = &self.0;
        let other = || {
            any(args, 0)
                .as_object::<Self>()
                .map_or_else(Time::zero, |o| o.0.clone())
        };
        let order = || (time.seconds, time.nanos).cmp(&(other().seconds, other().nanos));
        Ok(match name {
            "Add" => Self::value(time.plus(int(args, 0))),
            "AddDate" => Self::value(add_date(time, [int(args, 0), int(args, 1), int(args, 2)])),
            "After" => order().is_gt().into(),
            "Before" => order().is_lt().into(),
            "Compare" => Value::Int(order() as i64),
            "Equal" => order().is_eq().into(),
            "IsZero" => (*time == Time::zero()).into(),
            "Sub" => Named::duration(time.since(&other())),
            "UTC" | "Local" => Self::value(time.shown_in(Zone::Utc)),
            "String" => Value::text(layout::to_string(time)),
            "Format" => {
                let layout = text(args, 0);
                context.bytes(layout.len().saturating_mul(9))?;
                Value::text(layout::format(time, layout))
            }
            "Unix" | "UnixMilli" | "UnixMicro" | "UnixNano" => since_1970(time, name),
            name => part(time, name).ok_or_else(|| no_method(name))?,
        })
    }

    fn text(&self) -> Option<GoString> {
        Some(GoString::from(layout::to_string(&self.0)))
    }

    fn json(&self) -> Option<Value> {
        let shown = layout::format(&self.0, b"2006-01-02T15:04:05.999999999Z07:00");
        Some(Value::text(shown))
    }

    fn equals(&self, other: &dyn GoObject) -> bool {
        other
            .as_any()
            .downcast_ref::<Self>()
            .is_some_and(|other| self.0 == other.0)
    }
}

fn no_method(name: &str) -> TemplateError {
    TemplateError::new(format!("no method {name}"))
}

fn since_1970(time: &Time, unit: &str) -> Value {
    let (per_second, nanos) = match unit {
        "UnixMilli" => (1_000, 1_000_000),
        "UnixMicro" => (1_000_000, 1_000),
        "UnixNano" => (SECOND, 1),
        _ => return Value::Int64(time.seconds),
    };
    let whole = time.seconds.wrapping_mul(per_second);
    Value::Int64(whole.wrapping_add(i64::from(time.nanos) / nanos))
}

/// Returns what a calendar or a clock shows.
fn part(time: &Time, name: &str) -> Option<Value> {
    let civil = time.civil();
    Some(Value::Int(match name {
        "Year" => civil.year,
        "Month" => return Some(Named::month(civil.month)),
        "Weekday" => return Some(Named::weekday(civil.weekday())),
        "Day" => i64::from(civil.day),
        "YearDay" => civil.year_day(),
        "Hour" => i64::from(civil.hour),
        "Minute" => i64::from(civil.minute),
        "Second" => i64::from(civil.second),
        "Nanosecond" => i64::from(time.nanos),
        _ => return None,
    }))
}

/// Adds years, months and days; a day that a month does not have becomes one of the next month.
fn add_date(time: &Time, [years, months, days]: [i64; 3]) -> Time {
    let civil = time.civil();
    // Far beyond all calendars, so that nothing overflows.
    let bound = |number: i64| number.clamp(-1_000_000_000, 1_000_000_000);
    let month = i64::from(civil.month) - 1 + bound(months);
    let year = civil.year + bound(years) + month.div_euclid(12);
    let month = (month.rem_euclid(12) + 1) as u8;
    let over = i64::from(civil.day) - i64::from(days_in(year, month).min(civil.day));
    let moved = Civil {
        year,
        month,
        day: civil.day - over as u8,
        ..civil
    };
    let shifted = Time::from_civil(moved, time.nanos, Zone::Utc);
    let days = bound(days) + over;
    let civil = Time {
        seconds: shifted.seconds.saturating_add(days.saturating_mul(86_400)),
        ..shifted
    }
    .civil();
    Time::from_civil(civil, time.nanos, time.zone.clone())
}

/// A number of a type with a name: `time.Duration`, `time.Month`, `time.Weekday`.
pub(crate) struct Named {
    type_name: &'static str,
    kind: IntegerKind,
    number: i64,
}

static DURATION_METHODS: LazyLock<Methods> = LazyLock::new(|| {
    Methods::new(&[
        ("Abs", "func() time.Duration"),
        ("Hours", "func() float64"),
        ("Microseconds", "func() int64"),
        ("Milliseconds", "func() int64"),
        ("Minutes", "func() float64"),
        ("Nanoseconds", "func() int64"),
        ("Round", "func(time.Duration) time.Duration"),
        ("Seconds", "func() float64"),
        ("String", "func() string"),
        ("Truncate", "func(time.Duration) time.Duration"),
    ])
});

static STRING_METHOD: LazyLock<Methods> =
    LazyLock::new(|| Methods::new(&[("String", "func() string")]));

impl Named {
    /// Returns a `time.Duration`.
    pub(crate) fn duration(nanos: Nanos) -> Value {
        Value::object(Self {
            type_name: "time.Duration",
            kind: IntegerKind::Int64,
            number: nanos,
        })
    }

    fn month(month: u8) -> Value {
        Value::object(Self {
            type_name: "time.Month",
            kind: IntegerKind::Int,
            number: i64::from(month),
        })
    }

    fn weekday(day: usize) -> Value {
        Value::object(Self {
            type_name: "time.Weekday",
            kind: IntegerKind::Int,
            number: day as i64,
        })
    }

    fn is_duration(&self) -> bool {
        self.kind == IntegerKind::Int64
    }

    fn shown(&self) -> GoString {
        let named = |names: &[&str], at: i64| {
            let name = usize::try_from(at)
                .ok()
                .and_then(|at| names.get(at).copied());
            GoString::from(name.unwrap_or_default())
        };
        match self.type_name {
            "time.Month" => named(&MONTHS, self.number - 1),
            "time.Weekday" => named(&WEEKDAYS, self.number),
            _ => GoString::from(duration::format(self.number)),
        }
    }
}

impl GoObject for Named {
    fn type_name(&self) -> Cow<'static, str> {
        self.type_name.into()
    }

    fn kind(&self) -> GoKind {
        GoKind::Integer(self.kind)
    }

    fn as_any(&self) -> &dyn Any {
        self
    }

    fn method(&self, name: &str) -> Option<&Signature> {
        if self.is_duration() {
            DURATION_METHODS.get(name)
        } else {
            STRING_METHOD.get(name)
        }
    }

    fn call(&self, name: &str, _: &mut Context<'_>, args: &[Value]) -> FunctionResult {
        let nanos = self.number;
        let parts =
            |unit: Nanos| Value::Float((nanos / unit) as f64 + (nanos % unit) as f64 / unit as f64);
        Ok(match name {
            "String" => Value::String(self.shown()),
            "Hours" => parts(HOUR),
            "Minutes" => parts(MINUTE),
            "Seconds" => parts(SECOND),
            "Milliseconds" => Value::Int64(nanos / 1_000_000),
            "Microseconds" => Value::Int64(nanos / 1_000),
            "Nanoseconds" => Value::Int64(nanos),
            "Abs" => Self::duration(nanos.saturating_abs()),
            "Round" => Self::duration(duration::round(nanos, int(args, 0))),
            "Truncate" => {
                let unit = int(args, 0);
                let rest = if unit > 0 { nanos % unit } else { 0 };
                Self::duration(nanos - rest)
            }
            name => return Err(no_method(name)),
        })
    }

    fn text(&self) -> Option<GoString> {
        Some(self.shown())
    }

    fn underlying(&self) -> Option<Value> {
        Some(Value::integer(self.kind, self.number))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(time: &Time) -> String {
        String::from_utf8(layout::to_string(time)).unwrap()
    }

    #[test]
    fn months_that_are_too_short_go_on_in_the_next_one() {
        let leap = Time::from_unix(1_709_164_800, Zone::Utc);
        assert_eq!(shown(&leap), "2024-02-29 00:00:00 +0000 UTC");
        assert_eq!(
            shown(&add_date(&leap, [1, 0, 0])),
            "2025-03-01 00:00:00 +0000 UTC"
        );
        assert_eq!(
            shown(&add_date(&leap, [0, -2, 2])),
            "2023-12-31 00:00:00 +0000 UTC"
        );
        assert_eq!(
            shown(&add_date(&leap, [0, 12, -29])),
            "2025-01-31 00:00:00 +0000 UTC"
        );
    }
}
