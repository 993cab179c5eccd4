//! Jobs and cron jobs.

use serde_json::{Value, json};

use super::{At, Errors, meta, pod, workload};
use crate::strategy::{equal, put};

pub(super) fn job(job: &At<'_, '_>, errors: &mut Errors) {
    let spec = job.child("spec");
    generated(job, &spec, errors);
    selecting(&spec, errors);
}

fn selecting(spec: &At<'_, '_>, errors: &mut Errors) {
    job_spec(spec, errors);
    let selector = spec.child("selector");
    if selector.is_null() {
        errors.push(selector.required(""));
    }
    meta::selector(&selector, errors);
    workload::selected(spec, selector.value, errors);
}

/// A job without its own selector has generated labels in its template.
fn generated(job: &At<'_, '_>, spec: &At<'_, '_>, errors: &mut Errors) {
    if spec.child("manualSelector").is_true() || spec.child("selector").is_null() {
        return;
    }

    let metadata = job.child("metadata");
    let (name, uid) = (metadata.child("name"), metadata.child("uid"));
    let template = spec.child("template");
    let of_template = template.child("metadata");
    let labels = of_template.child("labels");
    let expected = [
        ("controller-uid", uid),
        ("job-name", name),
        (UID, uid),
        (NAME, name),
    ];
    for (label, value) in &expected {
        let found = labels.key(label);
        if found.is_null() {
            errors.push(found.required(&format!("must be '{}'", value.text())));
        } else if found.text() != value.text() {
            errors.push(found.invalid_as(labels.value, &format!("must be '{}'", value.text())));
        }
    }

    let selector = spec.child("selector");
    let all: serde_json::Map<_, _> = expected
        .iter()
        .map(|(label, value)| ((*label).to_owned(), value.value.clone()))
        .collect();
    if meta::matches(selector.value, &all.into()) == Some(false) {
        errors.push(selector.invalid("`selector` not auto-generated"));
    }
}

fn job_spec(spec: &At<'_, '_>, errors: &mut Errors) {
    for field in COUNTS {
        spec.child(field).at_least(0, errors);
    }

    let indexed = completion(spec, errors);
    for field in ["backoffLimitPerIndex", "maxFailedIndexes", "successPolicy"] {
        let field = spec.child(field);
        if !indexed && !field.is_null() {
            errors.push(field.invalid("requires indexed completion mode"));
        }
    }

    let template = spec.child("template");
    pod::template(&template, &[], errors);
    let of_pod = template.child("spec");
    let policy = of_pod.child("restartPolicy");
    match policy.text() {
        "" | "Always" => errors.push(policy.required("valid values: \"OnFailure\", \"Never\"")),
        "OnFailure" if !spec.child("podFailurePolicy").is_null() => {
            errors.push(
                policy.invalid("only \"Never\" is supported when podFailurePolicy is specified"),
            );
        }
        _ => policy.one_of(&["OnFailure", "Never"], errors),
    }
}

/// Validates the completion mode; returns whether it is indexed.
fn completion(spec: &At<'_, '_>, errors: &mut Errors) -> bool {
    let mode = spec.child("completionMode");
    if !mode.is_null() {
        mode.one_of(&["NonIndexed", "Indexed"], errors);
    }
    let indexed = mode.text() == "Indexed";
    if indexed && spec.child("completions").is_null() {
        errors.push(
            spec.child("completions")
                .required("when completion mode is Indexed"),
        );
    }
    indexed
}

/// Validates a change of a job, whose template is immutable.
pub(super) fn job_change(live: &At<'_, '_>, new: &At<'_, '_>, errors: &mut Errors) {
    let (live, new) = (live.child("spec"), new.child("spec"));
    // A server validates it twice.
    selecting(&new, errors);
    if new.child("completionMode").text() != "Indexed" {
        new.child("completions")
            .immutable(&live.child("completions"), errors);
    }
    new.child("selector")
        .immutable(&live.child("selector"), errors);
    let mut same = new.child("template").value.clone();
    if live.child("suspend").is_true() {
        with_directives(live.child("template").value, &mut same);
    }
    if !equal(Some(live.child("template").value), Some(&same)) {
        errors.push(new.child("template").invalid("field is immutable"));
    }
    for field in [
        "completionMode",
        "podFailurePolicy",
        "backoffLimitPerIndex",
        "managedBy",
        "successPolicy",
    ] {
        new.child(field).immutable(&live.child(field), errors);
    }
}

/// While a job is suspended, the scheduling of its pods may change.
fn with_directives(live: &Value, template: &mut Value) {
    for path in DIRECTIVES {
        let value = crate::strategy::at(live, path).cloned().unwrap_or_default();
        put(template, path, value);
    }
}

pub(super) fn cron_job(job: &At<'_, '_>, errors: &mut Errors) {
    let spec = job.child("spec");
    let schedule = spec.child("schedule");
    if schedule.is_empty() {
        errors.push(schedule.required(""));
    } else if schedule.text().contains("TZ") {
        errors.push(
            schedule.invalid("cannot use TZ or CRON_TZ in schedule, use timeZone field instead"),
        );
    } else if let Err(wrong) = parse(schedule.text()) {
        errors.push(schedule.invalid(&wrong));
    }

    zone(&spec.child("timeZone"), errors);
    spec.child("startingDeadlineSeconds").at_least(0, errors);
    spec.child("concurrencyPolicy")
        .need_one_of(&["Allow", "Forbid", "Replace"], errors);
    let template = spec.child("jobTemplate");
    let of_job = template.child("spec");
    job_spec(&of_job, errors);
    if !of_job.child("selector").is_null() {
        errors.push(
            of_job
                .child("selector")
                .invalid("`selector` will be auto-generated"),
        );
    }

    if of_job.child("manualSelector").is_true() {
        errors.push(
            of_job
                .child("manualSelector")
                .unsupported(&["nil", "false"]),
        );
    }

    spec.child("successfulJobsHistoryLimit").at_least(0, errors);
    spec.child("failedJobsHistoryLimit").at_least(0, errors);
}

fn zone(zone: &At<'_, '_>, errors: &mut Errors) {
    let name = zone.text();
    if zone.is_null() || name.eq_ignore_ascii_case("UTC") {
        return;
    }
    if name.is_empty() {
        errors.push(zone.invalid("timeZone must be nil or non-empty string"));
    } else if name.eq_ignore_ascii_case("Local") {
        let why =
            "timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones";
        errors.push(zone.invalid(why));
    } else if !ZONES.lines().any(|known| known == name) {
        errors.push(zone.invalid(&format!("unknown time zone {name}")));
    }
}

/// Job names consist of the cron job's name and a time.
pub(super) fn cron_job_new(job: &At<'_, '_>, errors: &mut Errors) {
    let metadata = job.child("metadata");
    let name = metadata.child("name");
    if name.text().len() > CRON_NAME_MAX {
        errors.push(name.invalid("must be no more than 52 characters"));
    }
}

/// Parses a schedule as `cron` does, with its error messages.
fn parse(schedule: &str) -> Result<(), String> {
    if let Some(descriptor) = schedule.strip_prefix('@') {
        let known = [
            "yearly", "annually", "monthly", "weekly", "daily", "midnight", "hourly",
        ]
        .contains(&descriptor);
        let every = descriptor
            .strip_prefix("every ")
            .is_some_and(|every| !every.is_empty());
        return if known || every {
            Ok(())
        } else {
            Err(format!("unrecognized descriptor: {schedule}"))
        };
    }

    let fields: Vec<&str> = schedule.split_whitespace().collect();
    if fields.len() != FIELDS.len() {
        return Err(format!(
            "expected exactly 5 fields, found {}: [{}]",
            fields.len(),
            fields.join(" ")
        ));
    }

    fields
        .iter()
        .zip(FIELDS)
        .try_for_each(|(field, bounds)| field.split(',').try_for_each(|range| bounds.check(range)))
}

/// The allowed values of a part of a schedule.
struct Bounds {
    min: u32,
    max: u32,
    names: &'static [&'static str],
}

impl Bounds {
    /// Checks `*`, `3`, `1-5`, each optionally with a step.
    fn check(&self, text: &str) -> Result<(), String> {
        let (range, step) = text
            .split_once('/')
            .map_or((text, None), |(range, step)| (range, Some(step)));
        if step.is_some_and(|step| step.contains('/')) {
            return Err(format!("too many slashes: {text}"));
        }

        let parts: Vec<&str> = range.split('-').collect();
        let (first, last) = match parts[..] {
            ["*" | "?"] => (self.min, self.max),
            [only] => {
                let only = self.number(only)?;
                (only, if step.is_some() { self.max } else { only })
            }
            [first, last] => (self.number(first)?, self.number(last)?),
            _ => return Err(format!("too many hyphens: {text}")),
        };
        let step = step.map_or(Ok(1), number)?;
        if first < self.min {
            return Err(format!(
                "beginning of range ({first}) below minimum ({}): {text}",
                self.min
            ));
        }
        if last > self.max {
            return Err(format!(
                "end of range ({last}) above maximum ({}): {text}",
                self.max
            ));
        }
        if first > last {
            return Err(format!(
                "beginning of range ({first}) beyond end of range ({last}): {text}"
            ));
        }

        if step == 0 {
            Err(format!("step of range should be a positive number: {text}"))
        } else {
            Ok(())
        }
    }

    fn number(&self, text: &str) -> Result<u32, String> {
        match self
            .names
            .iter()
            .position(|name| name.eq_ignore_ascii_case(text))
        {
            Some(at) => Ok(self.min + at as u32),
            None => number(text),
        }
    }
}

fn number(text: &str) -> Result<u32, String> {
    let syntax = || {
        format!(
            "failed to parse int from {text}: strconv.Atoi: parsing {}: invalid syntax",
            json!(text)
        )
    };
    text.parse().map_err(|_| syntax())
}

const FIELDS: [Bounds; 5] = [
    Bounds {
        min: 0,
        max: 59,
        names: &[],
    },
    Bounds {
        min: 0,
        max: 23,
        names: &[],
    },
    Bounds {
        min: 1,
        max: 31,
        names: &[],
    },
    Bounds {
        min: 1,
        max: 12,
        names: &[
            "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
        ],
    },
    Bounds {
        min: 0,
        max: 6,
        names: &["sun", "mon", "tue", "wed", "thu", "fri", "sat"],
    },
];
const COUNTS: [&str; 7] = [
    "parallelism",
    "completions",
    "activeDeadlineSeconds",
    "backoffLimit",
    "ttlSecondsAfterFinished",
    "backoffLimitPerIndex",
    "maxFailedIndexes",
];
const DIRECTIVES: [&str; 6] = [
    "metadata.annotations",
    "metadata.labels",
    "spec.affinity",
    "spec.nodeSelector",
    "spec.schedulingGates",
    "spec.tolerations",
];
/// Names of time zones, one per line (IANA time zone database, 2025).
const ZONES: &str = include_str!("zones.txt");
const UID: &str = "batch.kubernetes.io/controller-uid";
const NAME: &str = "batch.kubernetes.io/job-name";
const CRON_NAME_MAX: usize = 52;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_zone_is_known_or_refused() {
        for (name, wrong) in [
            ("Europe/Berlin", 0),
            ("UTC", 0),
            ("Etc/GMT+5", 0),
            ("Nowhere/Land", 1),
            ("Local", 1),
        ] {
            let (job, mut errors) = (json!({"timeZone": name}), Vec::new());
            zone(&At::root(&job).child("timeZone"), &mut errors);
            assert_eq!(errors.len(), wrong, "{name}: {errors:?}");
        }
    }

    #[test]
    fn schedules_are_read_as_cron_reads_them() {
        for right in [
            "* * * * *",
            "*/5 0-6 1,15 jan-MAR sun",
            "@daily",
            "@every 1h",
            "0 0 ? * 1-5/2",
        ] {
            assert_eq!(parse(right), Ok(()), "{right}");
        }
        for (wrong, why) in [
            ("x", "expected exactly 5 fields, found 1: [x]"),
            ("60 * * * *", "end of range (60) above maximum (59): 60"),
            ("* * 0 * *", "beginning of range (0) below minimum (1): 0"),
            (
                "5-1 * * * *",
                "beginning of range (5) beyond end of range (1): 5-1",
            ),
            (
                "*/0 * * * *",
                "step of range should be a positive number: */0",
            ),
            ("1/2/3 * * * *", "too many slashes: 1/2/3"),
            ("@never", "unrecognized descriptor: @never"),
            (
                "a * * * *",
                "failed to parse int from a: strconv.Atoi: parsing \"a\": invalid syntax",
            ),
        ] {
            assert_eq!(parse(wrong), Err(why.to_owned()));
        }
    }
}
