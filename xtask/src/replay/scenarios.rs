//! Replays the scenarios of plain requests, each step with the values captured by earlier ones.

use std::collections::HashMap;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::{Value, json};

use super::lines::lines;
use super::report::Report;
use super::same::{Difference, Same};
use super::server::{Answer, Call, Server, Who};
use super::streams::{meanwhile, without_bookmarks};
use super::target::Running;

/// The recordings in their original order: later ones list what earlier ones left.
const FILES: [&str; 4] = [
    "http_core",
    "http_list_watch_delete",
    "http_crd_rbac_misc",
    "http_compaction",
];
/// Headers that are compared.
const HEADERS: [&str; 3] = ["content-type", "warning", "retry-after"];
/// A namespace that recordings expect to exist.
const NAMESPACE: &str = "cr";
/// Attempts of a read, because controllers inside the server take a moment.
const TRIES: usize = 3;
const TRY_EVERY: Duration = Duration::from_millis(400);
/// The recorded step before which the real server's store was compacted.
const COMPACTED: (&str, u64) = ("compaction-410", 15);

/// One run.
struct Replay<'r> {
    server: &'r Server,
    etcd_port: Option<u16>,
    captured: HashMap<String, String>,
    same: Same,
}

/// Replays all scenarios whose names contain `only`.
pub(super) fn replay(
    corpus: &Path,
    running: &Running,
    only: &str,
    report: &mut Report,
) -> Result<()> {
    let etcd_port = running.etcd_port;
    let mut replay = Replay {
        server: &running.server,
        etcd_port,
        captured: HashMap::new(),
        same: Same::default(),
    };
    let namespace =
        json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}});
    let create =
        Call::new("POST", "/api/v1/namespaces").body("application/json", namespace.to_string());
    for file in FILES {
        if file == "http_crd_rbac_misc" {
            // Earlier, it would appear in recorded lists.
            running
                .server
                .call(&create)
                .context("make the namespace that recordings take for granted")?;
        }
        for step in lines(&corpus.join(format!("{file}.jsonl")))? {
            let scenario = step["scenario"].as_str().unwrap_or_default();
            if scenario.contains(only) {
                let what = ["step", "method", "path", "note"]
                    .map(|field| shown(&step[field]))
                    .join(" ");
                let differences = replay
                    .step(&step)
                    .unwrap_or_else(|error| vec![failed(&error)]);
                report.add(scenario, what.trim_end(), &differences);
            }
        }
    }
    Ok(())
}

impl Replay<'_> {
    /// Sends one request and returns where the answer differs.
    fn step(&mut self, step: &Value) -> Result<Vec<Difference>> {
        if (step["scenario"].as_str(), step["step"].as_u64())
            == (Some(COMPACTED.0), Some(COMPACTED.1))
        {
            self.compact()?;
        }
        let call = self.call(step);
        let is_read = call.method == "GET" && !is_watch(&call.path);
        let mut tries = if is_read { TRIES } else { 1 };
        loop {
            let answer = self.send(&call, step)?;
            let mut same = self.same.clone();
            let differences = compare(&mut same, step, &answer)?;
            tries -= 1;
            if differences.is_empty() || tries == 0 {
                self.same = same;
                self.capture(step, &answer);
                return Ok(differences);
            }
            std::thread::sleep(TRY_EVERY);
        }
    }

    fn send(&self, call: &Call, step: &Value) -> Result<Answer> {
        let stream = self.server.open(call)?;
        if is_watch(&call.path) {
            meanwhile(self.server, step["note"].as_str().unwrap_or_default())?;
        }
        stream.read()
    }

    fn call(&mut self, step: &Value) -> Call {
        let text = |field: &str| step[field].as_str();
        let path = self.filled(text("path").unwrap_or_default());
        let mut call = Call::new(text("method").unwrap_or_default(), path);
        call = call.header("Accept", text("accept").unwrap_or("application/json"));
        for (name, value) in step["headers"].as_object().into_iter().flatten() {
            call = call.header(name, value.as_str().unwrap_or_default());
        }
        let body = match &step["body"] {
            Value::Null => None,
            Value::String(text) => Some(self.filled(text)),
            body => Some(self.filled(&body.to_string())),
        };
        if let Some(content_type) = text("contentType") {
            call = call.header("Content-Type", content_type);
        }
        if let Some(body) = body {
            self.same.note_sent(&body);
            call.body = Some(body.into_bytes());
        }
        call.who = match step.get("token") {
            None => Who::Admin,
            Some(Value::String(token)) => Who::Token(self.filled(token)),
            Some(_) => Who::Anonymous,
        };
        call
    }

    /// Replaces `${…}` by captured values.
    fn filled(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for (name, value) in &self.captured {
            text = text.replace(&format!("${{{name}}}"), value);
        }
        text
    }

    fn capture(&mut self, step: &Value, answer: &Answer) {
        let body = answer.json().unwrap_or_default();
        for (name, path) in step["capture"].as_object().into_iter().flatten() {
            let keys = path.as_str().unwrap_or_default().split('.');
            let found = keys.fold(&body, |value, key| &value[key]);
            if let Some(found) = found.as_str() {
                self.captured.insert(name.clone(), found.to_owned());
            }
        }
    }

    /// Compacts the store of a real server; other servers drop events by their own rules.
    fn compact(&self) -> Result<()> {
        let (Some(port), Some(last)) = (self.etcd_port, self.captured.get("last")) else {
            return Ok(());
        };
        crate::cluster::compact(port, last)
    }
}

fn compare(same: &mut Same, step: &Value, answer: &Answer) -> Result<Vec<Difference>> {
    let mut differences = Vec::new();
    if step["status"] != answer.status {
        differences.push(Difference::of("status", &step["status"], answer.status));
    }
    for name in HEADERS {
        let expected = match &step["respHeaders"][name] {
            Value::Array(values) => values.iter().map(shown).collect(),
            Value::Null => Vec::new(),
            value => vec![shown(value)],
        };
        let found = answer.headers.get(name).cloned().unwrap_or_default();
        if expected != found {
            differences.push(Difference::of(
                name,
                expected.join(" | "),
                found.join(" | "),
            ));
        }
    }
    let (expected, found) = bodies(step, answer)?;
    differences.extend(same.compare(&expected, &found));
    Ok(differences)
}

/// Returns both bodies, in the form of the recording, without what the step does not test.
fn bodies(step: &Value, answer: &Answer) -> Result<(Value, Value)> {
    let expected = &step["resp"];
    let path = step["path"].as_str().unwrap_or_default();
    if path == "/readyz?verbose" {
        // Each server has its own checks.
        let last = |text: &str| Value::from(text.lines().last().unwrap_or_default());
        return Ok((
            last(expected["__text"].as_str().unwrap_or_default()),
            last(&answer.text()),
        ));
    }
    if expected.get("__text").is_some() {
        return Ok((expected["__text"].clone(), answer.text().into()));
    }
    if let Some(events) = expected["__stream"].as_array() {
        let (expected, found) = (
            without_bookmarks(events.clone()),
            without_bookmarks(answer.values()?),
        );
        return Ok((expected.into(), found.into()));
    }
    let found = answer.json().unwrap_or_else(|| answer.text().into());
    if has_system_objects(expected) {
        return Ok((outline(expected), outline(&found)));
    }
    if step["note"] == "column definitions" {
        return Ok(columns(expected, &found));
    }
    Ok((expected.clone(), found))
}

/// Returns whether a list contains objects of the system namespaces, which depend on a server's
/// setup.
fn has_system_objects(list: &Value) -> bool {
    let mut items = list["items"].as_array().into_iter().flatten();
    items.any(|item| {
        item["metadata"]["namespace"]
            .as_str()
            .is_some_and(|namespace| namespace.starts_with("kube-"))
    })
}

/// Returns a list without its objects.
fn outline(list: &Value) -> Value {
    let items = list["items"].as_array().map(Vec::len);
    json!({"kind": list["kind"], "apiVersion": list["apiVersion"], "items": items, "more": list["metadata"]["continue"].is_string()})
}

/// Returns the columns of two tables, and the cells of rows that both have: the first rows may
/// include objects of others.
pub(super) fn columns(expected: &Value, found: &Value) -> (Value, Value) {
    let name = |row: &Value| {
        (
            row["object"]["metadata"]["namespace"].clone(),
            row["object"]["metadata"]["name"].clone(),
        )
    };
    let rows = |of: &Value, other: &Value| -> Vec<Value> {
        let others: Vec<_> = other["rows"]
            .as_array()
            .into_iter()
            .flatten()
            .map(name)
            .collect();
        let rows = of["rows"].as_array().into_iter().flatten();
        rows.filter(|row| others.contains(&name(row)))
            .map(|row| row["cells"].clone())
            .collect()
    };
    let table = |of: &Value, other: &Value| json!({"kind": of["kind"], "columnDefinitions": of["columnDefinitions"], "cells": rows(of, other)});
    (table(expected, found), table(found, expected))
}

fn is_watch(path: &str) -> bool {
    path.contains("watch=1") || path.contains("/v1/watch/")
}

fn failed(error: &anyhow::Error) -> Difference {
    Difference::of("request", "an answer", format!("{error:#}"))
}

fn shown(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_compared_by_the_rows_that_both_have() {
        let row = |name: &str, cell: &str| json!({"cells": [cell], "object": {"metadata": {"name": name}}});
        let table =
            |rows: Vec<Value>| json!({"kind": "Table", "columnDefinitions": [], "rows": rows});
        let (left, right) = columns(
            &table(vec![row("a", "1"), row("b", "2")]),
            &table(vec![row("b", "2"), row("c", "3")]),
        );
        assert_eq!(left, right);
        assert_eq!(left["cells"], json!([["2"]]));
    }

    #[test]
    fn a_watch_is_known_by_its_path() {
        assert!(
            is_watch("/api/v1/pods?watch=1&timeoutSeconds=2")
                && is_watch("/api/v1/watch/namespaces/a/pods")
        );
        assert!(!is_watch("/api/v1/pods"));
    }
}
