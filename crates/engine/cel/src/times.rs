//! Times and durations: conversions, and their parts in a time zone.

use std::sync::Arc;

use chrono::{DateTime, Datelike as _, FixedOffset, Timelike as _};
use kube_cel::cel::{
    Context, ExecutionError, Value, extractors::Arguments, extractors::This, functions,
    objects::ResolveResult,
};

/// Registers the functions.
pub(crate) fn register(context: &mut Context<'_>) {
    context.add_function("timestamp", timestamp);
    context.add_function("duration", duration);
    let parts: [(&str, TimePart); 6] = [
        ("getFullYear", |time| time.year().into()),
        ("getMonth", |time| time.month0().into()),
        ("getDayOfYear", |time| time.ordinal0().into()),
        ("getDayOfMonth", |time| time.day0().into()),
        ("getDate", |time| time.day().into()),
        ("getDayOfWeek", |time| {
            time.weekday().num_days_from_sunday().into()
        }),
    ];
    for (name, part) in parts {
        context.add_function(
            name,
            move |This(this): This<Value>, Arguments(args): Arguments| match this {
                Value::Timestamp(time) => Ok(Value::Int(part(&placed(&time, &args)?))),
                _ => Err(ExecutionError::NoSuchOverload),
            },
        );
    }
    let clock: [(&str, TimePart, Count); 4] = [
        (
            "getHours",
            |time| time.hour().into(),
            chrono::Duration::num_hours,
        ),
        (
            "getMinutes",
            |time| time.minute().into(),
            chrono::Duration::num_minutes,
        ),
        (
            "getSeconds",
            |time| time.second().into(),
            chrono::Duration::num_seconds,
        ),
        (
            "getMilliseconds",
            |time| i64::from(time.nanosecond() / 1_000_000),
            |span| i64::from(span.subsec_millis()),
        ),
    ];
    for (name, part, count) in clock {
        context.add_function(
            name,
            move |This(this): This<Value>, Arguments(args): Arguments| match this {
                Value::Timestamp(time) => Ok(Value::Int(part(&placed(&time, &args)?))),
                Value::Duration(span) if args.is_empty() => Ok(Value::Int(count(&span))),
                _ => Err(ExecutionError::NoSuchOverload),
            },
        );
    }
}

/// A part of a time.
type TimePart = fn(&DateTime<FixedOffset>) -> i64;
/// A unit count of a duration.
type Count = fn(&chrono::Duration) -> i64;

/// Returns a time as text (RFC 3339), without trailing zeros in the fraction.
pub(crate) fn to_text(time: &DateTime<FixedOffset>) -> String {
    let mut fraction = format!("{:09}", time.nanosecond() % NANOS);
    fraction.truncate(fraction.trim_end_matches('0').len());
    let point = if fraction.is_empty() { "" } else { "." };
    let zone = match time.offset().local_minus_utc() {
        0 => "Z".to_owned(),
        _ => time.format("%:z").to_string(),
    };
    format!(
        "{}{point}{fraction}{zone}",
        time.format("%Y-%m-%dT%H:%M:%S")
    )
}

/// Returns a duration as text: seconds.
pub(crate) fn span_to_text(span: &chrono::Duration) -> String {
    let nanos = span
        .num_nanoseconds()
        .map_or(span.num_seconds() as f64, |nanos| {
            nanos as f64 / f64::from(NANOS)
        });
    format!("{nanos}s")
}

fn timestamp(This(this): This<Value>) -> ResolveResult {
    let time = match this {
        Value::Timestamp(_) => return Ok(this),
        Value::Int(seconds) => DateTime::from_timestamp(seconds, 0).map(|time| time.fixed_offset()),
        Value::String(text) => match functions::time::timestamp(text)? {
            Value::Timestamp(time) => Some(time),
            _ => None,
        },
        _ => return Err(ExecutionError::NoSuchOverload),
    };
    let within = time.filter(|time| (SECONDS_MIN..=SECONDS_MAX).contains(&time.timestamp()));
    within
        .map(Value::Timestamp)
        .ok_or_else(|| ExecutionError::function_error("timestamp", "out of range"))
}

fn duration(This(this): This<Value>) -> ResolveResult {
    match this {
        Value::Duration(_) => Ok(this),
        Value::String(text) if &**text == "0" => Ok(Value::Duration(chrono::Duration::zero())),
        Value::String(text) => functions::time::duration(text),
        _ => Err(ExecutionError::NoSuchOverload),
    }
}

/// Returns a time in a zone: `UTC`, or an offset in hours and minutes. Names of places are not
/// supported.
fn placed(
    time: &DateTime<FixedOffset>,
    args: &[Value],
) -> Result<DateTime<FixedOffset>, ExecutionError> {
    let zone: &str = match args {
        [] => "UTC",
        [Value::String(zone)] => zone,
        _ => return Err(ExecutionError::NoSuchOverload),
    };
    let offset = if zone == "UTC" {
        Some(0)
    } else {
        offset_seconds(zone)
    };
    let offset = offset.and_then(FixedOffset::east_opt);
    let offset =
        offset.ok_or_else(|| ExecutionError::function_error("timezone", "is not known"))?;
    Ok(time.with_timezone(&offset))
}

fn offset_seconds(zone: &str) -> Option<i32> {
    let (sign, clock) = match zone.strip_prefix('-') {
        Some(clock) => (-1, clock),
        None => (1, zone.strip_prefix('+').unwrap_or(zone)),
    };
    let (hours, minutes) = clock.split_once(':')?;
    let number = |text: &str| {
        text.parse::<i32>()
            .ok()
            .filter(|number| (0..60).contains(number))
    };
    Some(sign * (number(hours)? * 3600 + number(minutes)? * 60))
}

/// Converts a time, duration, boolean, number or bytes to text.
pub(crate) fn string(This(this): This<Value>) -> ResolveResult {
    let text = match this {
        Value::String(_) => return Ok(this),
        Value::Bool(truth) => truth.to_string(),
        Value::Int(int) => int.to_string(),
        Value::UInt(uint) => uint.to_string(),
        Value::Float(float) => float.to_string(),
        Value::Bytes(bytes) => String::from_utf8(bytes.to_vec())
            .map_err(|_| ExecutionError::function_error("string", "the bytes are no text"))?,
        Value::Timestamp(time) => to_text(&time),
        Value::Duration(span) => span_to_text(&span),
        _ => return Err(ExecutionError::NoSuchOverload),
    };
    Ok(Value::String(Arc::new(text)))
}

const NANOS: u32 = 1_000_000_000;
/// The years 1 to 9999.
const SECONDS_MIN: i64 = -62_135_596_800;
const SECONDS_MAX: i64 = 253_402_300_799;
