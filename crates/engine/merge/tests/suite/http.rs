//! Writes recorded on a real API server, request by request: creates, updates, patches and applies
//! by several managers, with conflicts and refusals.
//!
//! Everything else the server stored (defaults, allocated values) is taken from its response.
//! Compared are `metadata.managedFields`, with the presence of times, and the code, reason, message
//! and causes of refusals. Mismatches are fields that the server added to an object after it had
//! determined ownership (addresses, finalizers, fields set by admission).

use std::collections::HashMap;

use cases::{Score, lines};
use lode_merge::write::{self, Endpoint, Refusal, Request};
use lode_schema::builtin;
use serde_json::{Value, json};

const NOW: &str = "2027-01-01T00:00:00Z";

#[test]
fn every_recorded_write_leaves_the_recorded_owners() {
    let mut score = Score::new("recorded writes", 111);
    for file in ["http_core", "http_crd_rbac_misc", "http_list_watch_delete"] {
        replay(&mut score, &lines(&format!("apiserver/{file}.jsonl")));
    }
    score.finish();
}

#[test]
fn our_own_writes_leave_the_recorded_owners() {
    let mut score = Score::of_all("own writes", 15);
    replay(&mut score, &cases::own_requests());
    score.finish();
}

/// Does the steps of a file again, each on what the server had after the ones before.
fn replay(score: &mut Score, steps: &[Value]) {
    let mut live: HashMap<String, Value> = HashMap::new();
    for step in steps {
        let step = Step { step };
        let path = step.path();
        if let Some((found, expected)) = step.replay(live.get(&path)) {
            let (scenario, number) = (&step.step["scenario"], &step.step["step"]);
            score.add(found == expected, || {
                format!("{scenario} {number}: {}", difference(&found, &expected))
            });
        }
        step.keep(path, &mut live);
    }
}

struct Step<'s> {
    step: &'s Value,
}

impl Step<'_> {
    fn text(&self, key: &str) -> &str {
        self.step[key].as_str().unwrap_or_default()
    }

    fn answer(&self) -> &Value {
        &self.step["resp"]
    }

    /// Returns the path of the object, without its subresource.
    fn path(&self) -> String {
        let path = self.text("pathSent").split('?').next().unwrap_or_default();
        let path = path.strip_suffix("/status").unwrap_or(path);
        match (
            self.text("method"),
            self.answer()["metadata"]["name"].as_str(),
        ) {
            ("POST", Some(name)) => format!("{path}/{name}"),
            _ => path.to_owned(),
        }
    }

    fn query(&self, name: &str) -> Option<&str> {
        let query = self.text("pathSent").split_once('?')?.1;
        query.split('&').find_map(|pair| {
            pair.split_once('=')
                .filter(|(key, _)| *key == name)
                .map(|(_, value)| value)
        })
    }

    fn is_apply(&self) -> bool {
        self.text("contentType") == "application/apply-patch+yaml"
    }

    fn body(&self) -> &Value {
        if self.step["bodySent"].is_null() {
            &self.step["body"]
        } else {
            &self.step["bodySent"]
        }
    }

    /// Returns the result here and the recorded one; `None` for a request that is not a write, or
    /// was refused for other reasons.
    fn replay(&self, live: Option<&Value>) -> Option<(Value, Value)> {
        let status = self.step["status"].as_u64()?;
        let written = matches!(self.text("method"), "POST" | "PUT" | "PATCH") && status < 300;
        let refused =
            self.is_apply() && [400, 409, 500].contains(&status) && self.is_about_fields();
        let about = if written { self.answer() } else { live? };
        let (version, kind) = (about["apiVersion"].as_str()?, about["kind"].as_str()?);
        let ty = builtin().kinds.get(version, kind)?;
        let path = self.text("pathSent").split('?').next()?;
        // Neither scales nor tokens are objects of their own.
        if !written && !refused
            || !about["metadata"]["uid"].is_string()
            || path.ends_with("/token")
            || path.ends_with("/scale")
        {
            return None;
        }
        let mut to = Endpoint::new(&builtin().schema, ty, version, kind);
        if path.ends_with("/status") {
            to = to.status();
        }
        let agent = self.step["headers"]["User-Agent"]
            .as_str()
            .and_then(|agent| agent.split('/').next());
        let manager = self.query("fieldManager").or(agent).unwrap_or_default();
        let times = about["metadata"]["managedFields"]
            .as_array()
            .into_iter()
            .flatten();
        let now = times
            .filter_map(|entry| entry["time"].as_str())
            .max()
            .unwrap_or(NOW);
        let request = Request {
            manager,
            force: self.query("force") == Some("true"),
            now,
        };
        if self.is_apply() {
            let found = write::apply(live, self.body(), &to, request);
            return Some((
                found.map_or_else(|refusal| shown(&refusal), |found| owners(&found)),
                self.recorded(),
            ));
        }
        let found = write::update(live, &self.as_sent(), &to, request);
        Some((owners(&found), self.recorded()))
    }

    fn is_about_fields(&self) -> bool {
        let message = self.answer()["message"].as_str().unwrap_or_default();
        let starts = [
            "Apply failed",
            "failed to create typed",
            "metadata.managedFields",
            "invalid object type",
        ];
        starts.iter().any(|start| message.starts_with(start))
    }

    fn recorded(&self) -> Value {
        let answer = self.answer();
        if answer["kind"] != "Status" {
            return owners(answer);
        }
        let reason = answer["reason"].as_str().unwrap_or_default();
        let causes = by_field(list(&answer["details"]["causes"]));
        json!({"code": answer["code"], "reason": reason, "message": answer["message"],
            "causes": causes})
    }

    /// Returns the stored object with the owners that the client sent.
    fn as_sent(&self) -> Value {
        let mut object = self.answer().clone();
        let sent = match self.body() {
            Value::Array(patch) => patch
                .iter()
                .find(|op| op["path"] == "/metadata/managedFields")
                .map(|op| &op["value"]),
            body => body["metadata"].get("managedFields"),
        };
        match sent {
            Some(sent) => object["metadata"]["managedFields"] = sent.clone(),
            None => drop(
                object["metadata"]
                    .as_object_mut()
                    .unwrap()
                    .remove("managedFields"),
            ),
        }
        object
    }

    fn keep(&self, path: String, live: &mut HashMap<String, Value>) {
        let stored = self.query("dryRun").is_none()
            && self.step["status"]
                .as_u64()
                .is_some_and(|status| status < 300);
        if stored && self.text("method") == "DELETE" {
            live.remove(&path);
        } else if stored && self.answer()["metadata"]["uid"].is_string() {
            live.insert(path, self.answer().clone());
        }
    }
}

/// Returns the entries; for times only whether there is one.
fn owners(object: &Value) -> Value {
    let mut entries = object["metadata"]["managedFields"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    for entry in &mut entries {
        entry["time"] = entry["time"].is_string().into();
    }
    Value::Array(entries)
}

fn shown(refusal: &Refusal) -> Value {
    let cause = |cause: &write::RefusalCause| json!({"reason": cause.reason, "message": cause.message, "field": cause.field});
    let causes = by_field(refusal.causes.iter().map(cause).collect());
    json!({"code": refusal.code, "reason": refusal.reason, "message": refusal.message, "causes": causes})
}

/// The reference lists causes in any order.
fn by_field(mut causes: Vec<Value>) -> Vec<Value> {
    causes.sort_by_key(|cause| cause["field"].to_string());
    causes
}

/// Shows the differences, by path if a set differs.
fn difference(found: &Value, expected: &Value) -> String {
    if let ([found], [expected]) = (&*list(found), &*list(expected)) {
        let read = |entry| lode_merge::set::Set::read(entry).unwrap();
        let (mut more, mut less) = (read(&found["fieldsV1"]), read(&expected["fieldsV1"]));
        more.subtract(&read(&expected["fieldsV1"]));
        less.subtract(&read(&found["fieldsV1"]));
        return format!("more {} less {}", more.to_json(), less.to_json());
    }
    format!("{found} not {expected}")
}

fn list(value: &Value) -> Vec<Value> {
    value.as_array().cloned().unwrap_or_default()
}
