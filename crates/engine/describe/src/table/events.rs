//! Cells of events, in the core form and in that of their own group.

use lode_object::json::{at, text};
use serde_json::Value;

use super::cell::Cells;
use crate::age;

pub(super) const CELLS: Cells = &[
    ("event_first_seen", |event, now| {
        age::since(first_seen(event), now).into()
    }),
    ("event_last_seen", |event, now| {
        age::since(last_seen(event), now).into()
    }),
    ("event_object", |event, _| object(event).into()),
    ("event_source", |event, _| source(event).into()),
    ("event_message", |event, _| {
        either(event, "/message", "/note").trim().into()
    }),
    ("event_count", |event, _| count(event).into()),
];

fn first_seen(event: &Value) -> Option<&str> {
    time(event, "/firstTimestamp")
        .or_else(|| time(event, "/deprecatedFirstTimestamp"))
        .or_else(|| time(event, "/eventTime"))
}

fn last_seen(event: &Value) -> Option<&str> {
    if !event["series"].is_null() {
        return time(event, "/series/lastObservedTime");
    }
    time(event, "/lastTimestamp")
        .or_else(|| time(event, "/deprecatedLastTimestamp"))
        .or_else(|| first_seen(event))
}

fn count(event: &Value) -> i64 {
    let number = |pointer: &str| at(event, pointer).as_i64();
    if !event["series"].is_null() {
        return number("/series/count").unwrap_or_default();
    }
    number("/count")
        .or_else(|| number("/deprecatedCount"))
        .filter(|count| *count != 0)
        .unwrap_or(1)
}

fn object(event: &Value) -> String {
    let kind = either(event, "/involvedObject/kind", "/regarding/kind").to_lowercase();
    match either(event, "/involvedObject/name", "/regarding/name") {
        "" => kind,
        name => format!("{kind}/{name}"),
    }
}

fn source(event: &Value) -> String {
    let or = |first: &'static str, second: &'static str, third: &'static str| match either(
        event, first, second,
    ) {
        "" => text(event, third),
        found => found,
    };
    let component = match or(
        "/source/component",
        "/deprecatedSource/component",
        "/reportingComponent",
    ) {
        "" => text(event, "/reportingController"),
        found => found,
    };

    match or(
        "/source/host",
        "/deprecatedSource/host",
        "/reportingInstance",
    ) {
        "" => component.to_owned(),
        host => format!("{component}, {host}"),
    }
}

fn either<'v>(event: &'v Value, core: &str, own: &str) -> &'v str {
    match text(event, core) {
        "" => text(event, own),
        found => found,
    }
}

fn time<'v>(event: &'v Value, pointer: &str) -> Option<&'v str> {
    at(event, pointer).as_str()
}
