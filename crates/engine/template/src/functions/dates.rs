//! Dates and durations. The clock is that of the environment, and the local time zone is UTC.

use crate::context::Context;
use crate::error::TemplateError;
use crate::function::TemplateFunction;
use crate::functions::args::{FunctionResult, any, text, written};
use crate::functions::moment::Moment;
use crate::go::duration::{self, DAY, HOUR, MINUTE, Nanos, SECOND};
use crate::go::number::parse_clamped;
use crate::go::time::{Time, Zone};
use crate::go::{layout, parse_time};
use crate::value::{IntegerKind, Value};

const IN_ZONE: &str = "func(string, interface {}, string) string";
const MODIFY: &str = "func(string, time.Time) time.Time";
const MUST_MODIFY: &str = "func(string, time.Time) (time.Time, error)";

/// The functions of this file.
pub(crate) const TABLE: &[TemplateFunction] = &[
    TemplateFunction::new("now", "func() time.Time", |context, _| {
        Ok(Moment::value(now(context)))
    }),
    TemplateFunction::new(
        "date",
        "func(string, interface {}) string",
        |context, args| formatted(context, text(args, 0), any(args, 1), b"Local"),
    ),
    TemplateFunction::new("dateInZone", IN_ZONE, date_in_zone),
    TemplateFunction::new("date_in_zone", IN_ZONE, date_in_zone),
    TemplateFunction::new("htmlDate", "func(interface {}) string", |context, args| {
        formatted(context, b"2006-01-02", any(args, 0), b"Local")
    }),
    TemplateFunction::new(
        "htmlDateInZone",
        "func(interface {}, string) string",
        |context, args| formatted(context, b"2006-01-02", any(args, 0), text(args, 1)),
    ),
    TemplateFunction::new("dateModify", MODIFY, date_modify),
    TemplateFunction::new("date_modify", MODIFY, date_modify),
    TemplateFunction::new("mustDateModify", MUST_MODIFY, must_date_modify),
    TemplateFunction::new("must_date_modify", MUST_MODIFY, must_date_modify),
    TemplateFunction::new("toDate", "func(string, string) time.Time", |_, args| {
        let time = parse_time::parse(text(args, 0), text(args, 1), &LOCAL);
        Ok(Moment::value(time.unwrap_or_else(|_| Time::zero())))
    }),
    TemplateFunction::new(
        "mustToDate",
        "func(string, string) (time.Time, error)",
        |_, args| {
            let time = parse_time::parse(text(args, 0), text(args, 1), &LOCAL);
            time.map(Moment::value).map_err(TemplateError::new)
        },
    ),
    TemplateFunction::new("unixEpoch", "func(time.Time) string", |_, args| {
        let time = any(args, 0).as_object::<Moment>().map(Moment::time);
        Ok(time.map_or(0, |time| time.seconds).to_string().into())
    }),
    TemplateFunction::new("ago", "func(interface {}) string", |context, args| {
        let now = now(context);
        let then = match any(args, 0) {
            Value::Int(seconds) | Value::Int64(seconds) => Time::from_unix(*seconds, LOCAL),
            value => time_of(value).unwrap_or_else(|| now.clone()),
        };
        let passed = duration::round(now.since(&then), SECOND);
        Ok(duration::format(passed).into())
    }),
    TemplateFunction::new("duration", "func(interface {}) string", |_, args| {
        let seconds = match any(args, 0) {
            Value::String(text) => parse_clamped(text),
            Value::Int64(seconds) => *seconds,
            _ => 0,
        };
        Ok(duration::format(seconds.wrapping_mul(SECOND)).into())
    }),
    TemplateFunction::new(
        "durationRound",
        "func(interface {}) string",
        |context, args| Ok(duration_round(context, any(args, 0)).into()),
    ),
];

/// The time zone of the operator.
const LOCAL: Zone = Zone::Utc;

/// Returns the time of the environment.
pub(crate) fn now(context: &Context<'_>) -> Time {
    let environment = context.environment();
    if let Some(used) = environment.used_time {
        used.set(true);
    }
    let now = environment.now;
    // The time since 1970 counts down before it, the nanoseconds of a time never do.
    Time::from_unix(now.as_second(), LOCAL).plus(i64::from(now.subsec_nanosecond()))
}

fn time_of(value: &Value) -> Option<Time> {
    if let Some(moment) = value.as_object::<Moment>() {
        return Some(moment.time().clone());
    }
    let Value::Object(object) = value else {
        return None;
    };
    let target = object.target()?;
    target
        .as_object::<Moment>()
        .map(|moment| moment.time().clone())
}

/// Writes a time, or seconds since 1970; anything else is the current time.
fn formatted(context: &Context<'_>, layout: &[u8], value: &Value, zone: &[u8]) -> FunctionResult {
    let time = match value {
        Value::Int(seconds) | Value::Int64(seconds) => Time::from_unix(*seconds, LOCAL),
        Value::Sized(number) if number.kind == IntegerKind::Int32 => {
            Time::from_unix(number.bits, LOCAL)
        }
        value => time_of(value).unwrap_or_else(|| now(context)),
    };
    let zone = Zone::named(zone, &LOCAL).unwrap_or(Zone::Utc);
    // Every byte of a layout becomes at most nine, as in `September`.
    context.bytes(layout.len())?;
    context.steps(1 + layout.len() / 8)?;
    written(context, &layout::format(&time.shown_in(zone), layout))
}

fn date_in_zone(context: &mut Context<'_>, args: &[Value]) -> FunctionResult {
    formatted(context, text(args, 0), any(args, 1), text(args, 2))
}

fn must_date_modify(_: &mut Context<'_>, args: &[Value]) -> FunctionResult {
    let time = time_of(any(args, 1)).unwrap_or_else(Time::zero);
    let change = duration::parse(text(args, 0)).map_err(TemplateError::new)?;
    Ok(Moment::value(time.plus(change)))
}

fn date_modify(context: &mut Context<'_>, args: &[Value]) -> FunctionResult {
    must_date_modify(context, args).or_else(|_| Ok(any(args, 1).clone()))
}

/// Writes a duration in its largest unit, rounded down.
fn duration_round(context: &Context<'_>, value: &Value) -> String {
    let nanos: Nanos = match value {
        Value::String(text) => duration::parse(text).unwrap_or_default(),
        Value::Int64(nanos) => *nanos,
        value => match time_of(value) {
            Some(time) => now(context).since(&time),
            None => 0,
        },
    };
    for (unit, name) in [
        (365 * DAY, "y"),
        (30 * DAY, "mo"),
        (DAY, "d"),
        (HOUR, "h"),
        (MINUTE, "m"),
        (SECOND, "s"),
    ] {
        if nanos.unsigned_abs() > unit.unsigned_abs() {
            return format!("{}{name}", nanos.unsigned_abs() / unit.unsigned_abs());
        }
    }
    "0s".to_owned()
}
