//! Cells of workloads.

use jiff::Timestamp;
use lode_object::json::{at, list, text};
use serde_json::Value;

use super::cell::{Cells, NONE, number, selector};
use crate::age;

pub(super) const CELLS: Cells = &[
    ("deployment_selector", |deployment, _| {
        selector(at(deployment, "/spec/selector")).into()
    }),
    ("controller", |revision, _| controller(revision).into()),
    ("cron_job_suspend", |cron_job, _| {
        match at(cron_job, "/spec/suspend").as_bool() {
            Some(true) => "True".into(),
            Some(false) => "False".into(),
            None => "<unset>".into(),
        }
    }),
    ("job_status", |job, _| job_status(job).into()),
    ("job_completions", |job, _| job_completions(job).into()),
    ("job_duration", |job, now| job_duration(job, now).into()),
];

/// Returns the controller of an object, as `kind.group/name`.
fn controller(object: &Value) -> String {
    let owners = list(object, "/metadata/ownerReferences");
    let Some(owner) = owners.iter().find(|owner| owner["controller"] == true) else {
        return NONE.to_owned();
    };
    let (kind, name) = (text(owner, "/kind").to_lowercase(), text(owner, "/name"));
    match text(owner, "/apiVersion").split_once('/') {
        Some((group, _)) => format!("{kind}.{}/{name}", group.to_lowercase()),
        None => format!("{kind}/{name}"),
    }
}

fn job_status(job: &Value) -> &'static str {
    let has = |kind: &str| {
        let found = list(job, "/status/conditions")
            .iter()
            .find(|condition| condition["type"] == kind);
        found.is_some_and(|condition| condition["status"] == "True")
    };
    let deleted = !at(job, "/metadata/deletionTimestamp").is_null();
    let states = [
        ("Complete", has("Complete")),
        ("Failed", has("Failed")),
        ("Terminating", deleted),
        ("Suspended", has("Suspended")),
        ("FailureTarget", has("FailureTarget")),
        ("SuccessCriteriaMet", has("SuccessCriteriaMet")),
    ];
    states
        .into_iter()
        .find(|state| state.1)
        .map_or("Running", |state| state.0)
}

fn job_completions(job: &Value) -> String {
    let succeeded = number(job, "/status/succeeded");
    match (
        at(job, "/spec/completions").as_i64(),
        number(job, "/spec/parallelism"),
    ) {
        (Some(completions), _) => format!("{succeeded}/{completions}"),
        (None, parallelism) if parallelism > 1 => format!("{succeeded}/1 of {parallelism}"),
        _ => format!("{succeeded}/1"),
    }
}

fn job_duration(job: &Value, now: Timestamp) -> String {
    let time = |pointer: &str| {
        at(job, pointer)
            .as_str()
            .and_then(|time| time.parse::<Timestamp>().ok())
    };
    let Some(start) = time("/status/startTime") else {
        return String::new();
    };
    age::human(age::seconds(
        start,
        time("/status/completionTime").unwrap_or(now),
    ))
}
