//! Requests recorded on a real API server, one after the other: resulting objects and refusals.
//!
//! The whole object is compared, including field ownership, except for what only a server can know.

use std::collections::HashMap;

use cases::Score;
use lode_admit::{
    Kind, Status, create,
    decode::{self, FieldValidation},
    default, update, validate,
};
use lode_merge::{
    json::apply_merge_patch,
    strategic,
    write::{self, Endpoint, Request},
};
use lode_schema::{builtin, resources};
use serde_json::{Value, json};

use crate::defaults::{NOW, comparable, difference};

/// A write to an object or one of its subresources.
struct Step<'s> {
    recorded: &'s Value,
    kind: Kind,
    version: String,
    /// The object's path without its subresource; for a new one, that of its collection.
    path: String,
    namespace: Option<&'s str>,
    subresource: &'s str,
}

impl<'s> Step<'s> {
    fn read(recorded: &'s Value) -> Option<Self> {
        if !["POST", "PUT", "PATCH"].contains(&recorded["method"].as_str()?) {
            return None;
        }
        let path = recorded["pathSent"].as_str()?.split('?').next()?;
        let mut parts = path.trim_start_matches('/').split('/');
        let group = if parts.next()? == "apis" {
            parts.next()?
        } else {
            ""
        };
        let version = parts.next()?;
        let rest: Vec<&str> = parts.collect();
        let (namespace, rest) = match rest[..] {
            ["namespaces", namespace, of, ..] if of != "finalize" => (Some(namespace), &rest[2..]),
            _ => (None, &rest[..]),
        };
        let kind = Kind::builtin(resources().get(group, version, rest.first()?)?)?;
        let subresource = rest.get(2).copied().unwrap_or_default();
        let path = path
            .strip_suffix(&format!("/{subresource}"))
            .unwrap_or(path)
            .to_owned();
        Some(Self {
            recorded,
            version: kind.gvk.api_version(),
            kind,
            path,
            namespace,
            subresource,
        })
    }

    fn is(&self, method: &str) -> bool {
        self.recorded["method"] == method
    }

    fn is_apply(&self) -> bool {
        self.recorded["contentType"] == "application/apply-patch+yaml"
    }

    /// Returns field manager and time of the write; the manager is named, or derived from the user
    /// agent.
    fn request(&self) -> Request<'_> {
        let path = self.recorded["pathSent"].as_str().unwrap();
        let named = path
            .split(['?', '&'])
            .find_map(|part| part.strip_prefix("fieldManager="));
        let agent = self.recorded["headers"]["User-Agent"]
            .as_str()
            .and_then(|agent| agent.split('/').next());
        let entries = self.recorded["resp"]["metadata"]["managedFields"]
            .as_array()
            .into_iter()
            .flatten();
        let now = entries
            .filter_map(|entry| entry["time"].as_str())
            .max()
            .unwrap_or(NOW);
        Request {
            manager: named.or(agent).unwrap_or_default(),
            force: true,
            now,
        }
    }

    fn endpoint(&self) -> Endpoint<'_> {
        let to = Endpoint::new(
            &builtin().schema,
            self.kind.ty,
            &self.version,
            &self.kind.gvk.kind,
        );
        if self.subresource == "status" {
            to.status()
        } else {
            to
        }
    }

    fn body(&self) -> Option<&Value> {
        let sent = &self.recorded["bodySent"];
        Some(if sent.is_object() {
            sent
        } else {
            &self.recorded["body"]
        })
        .filter(|body| body.is_object())
    }

    /// Returns the object before defaults are set.
    fn written(&self, live: Option<&Value>) -> Option<Value> {
        let body = self.body()?;
        let mut new = match self.recorded["contentType"].as_str().unwrap_or_default() {
            _ if !self.is("PATCH") => body.clone(),
            "application/merge-patch+json" => {
                let mut new = live?.clone();
                apply_merge_patch(&mut new, body);
                new
            }
            "application/strategic-merge-patch+json" => {
                strategic::apply(live?, body, &builtin().schema, self.kind.ty).ok()?
            }
            _ if self.is_apply() => {
                write::apply(live, body, &self.endpoint(), self.request()).ok()?
            }
            _ => return None,
        };
        new["apiVersion"] = (&*self.version).into();
        new["kind"] = (&*self.kind.gvk.kind).into();
        if let Some(namespace) = self.namespace {
            new["metadata"]["namespace"] = namespace.into();
        }
        Some(new)
    }

    /// Returns the stored object, or why it was refused.
    fn result(&self, live: Option<&Value>) -> Option<Result<Value, Status>> {
        let mut new = self.written(live)?;
        new = decode::value(&self.kind, &new, FieldValidation::Ignore)
            .ok()?
            .object;
        if live.is_none() && !self.is_apply() {
            create::begin(&mut new);
        }
        default(&self.kind, &mut new);
        if !self.is_apply() {
            new = write::update(live, &new, &self.endpoint(), self.request());
        }
        self.warnings(live, &new);
        let errors = if let Some(live) = live {
            if new["metadata"]["resourceVersion"].is_null() {
                new["metadata"]["resourceVersion"] = live["metadata"]["resourceVersion"].clone();
            }
            update::prepare(&self.kind, self.subresource, live, &mut new);
            validate::update(&self.kind, self.subresource, live, &new)
        } else {
            let reply = &self.recorded["resp"]["metadata"];
            new["metadata"]["uid"] = reply["uid"].as_str().unwrap_or("u").into();
            if new["metadata"]["generateName"].is_string() {
                new["metadata"]["name"] = reply["name"].clone();
            }
            create::prepare(&self.kind, &mut new);
            validate::create(&self.kind, &new)
        };
        let name = new["metadata"]["name"].as_str().unwrap_or_default();
        Some(if errors.is_empty() {
            Ok(new.clone())
        } else {
            Err(Status::invalid(&self.kind, name, &errors))
        })
    }

    /// Compares warnings; those about unknown fields are not produced here.
    fn warnings(&self, live: Option<&Value>, new: &Value) {
        let headers = self.recorded["respHeaders"]["warning"]
            .as_array()
            .into_iter()
            .flatten();
        let text = |header: &Value| {
            header
                .as_str()?
                .strip_prefix("299 - \"")?
                .strip_suffix('"')
                .map(|text| text.replace("\\\"", "\""))
        };
        let expected: Vec<String> = headers
            .filter_map(text)
            .filter(|text| !text.starts_with("unknown field"))
            .collect();
        if self.recorded["status"]
            .as_u64()
            .is_some_and(|status| status < 300)
        {
            assert_eq!(
                validate::warnings(&self.kind, live, new),
                expected,
                "{} {}",
                self.recorded["scenario"],
                self.recorded["step"]
            );
        }
    }

    /// Stores the server's result for the next request.
    fn keep(self, live: &mut HashMap<String, Value>) {
        let reply = &self.recorded["resp"];
        let dry = self.recorded["pathSent"]
            .as_str()
            .unwrap()
            .contains("dryRun");
        if let Some(name) = reply["metadata"]["name"].as_str().filter(|_| !dry) {
            let path = if self.is("POST") {
                format!("{}/{name}", self.path)
            } else {
                self.path
            };
            live.insert(path, reply.clone());
        }
    }
}

/// Returns kubectl's requests in the format of the other files.
fn as_requests(recorded: &Value) -> Value {
    let headers = &recorded["reqHeaders"];
    json!({
        "scenario": recorded["cmd"], "step": recorded["seq"], "method": recorded["method"],
        "pathSent": recorded["path"], "body": recorded["reqBody"], "contentType": headers["content-type"],
        "headers": {"User-Agent": headers["user-agent"]}, "status": recorded["status"],
        "respHeaders": recorded["respHeaders"], "resp": recorded["respBody"],
    })
}

#[test]
fn what_is_written_over_http_becomes_what_it_did_on_the_server() {
    let mut stored = Score::new("requests: objects", 145);
    let mut refused = Score::new("requests: refusals to the letter", 20);
    for file in ["http_core", "http_crd_rbac_misc", "http_list_watch_delete"] {
        let steps = cases::lines(&format!("apiserver/{file}.jsonl"));
        replay(&steps, &mut stored, &mut refused);
    }
    let of_kubectl = cases::lines("apiserver/kubectl.jsonl");
    let steps: Vec<Value> = of_kubectl.iter().map(as_requests).collect();
    replay(&steps, &mut stored, &mut refused);
    stored.finish();
    refused.finish();
}

#[test]
fn our_own_requests_end_as_on_the_server() {
    let mut stored = Score::of_all("own requests: objects", 15);
    let mut refused = Score::of_all("own requests: refusals to the letter", 8);
    replay(&cases::own_requests(), &mut stored, &mut refused);
    stored.finish();
    refused.finish();
}

/// Does the steps of a file again, each on what the server had after the ones before.
fn replay(steps: &[Value], stored: &mut Score, refused: &mut Score) {
    let mut live: HashMap<String, Value> = HashMap::new();
    for recorded in steps {
        let Some(step) = Step::read(recorded) else {
            continue;
        };
        let reply = &recorded["resp"];
        let found = step.result(live.get(&step.path));
        let shown = format!("{} {}", recorded["scenario"], recorded["step"]);
        let message = reply["message"].as_str().unwrap_or_default();

        if reply["reason"] == "Invalid" && message.starts_with(&*step.kind.gvk.kind) {
            let found = found.and_then(Result::err).map(|status| status.message);
            refused.check(&shown, &found.as_deref(), &Some(message));
        } else if reply["kind"] == *step.kind.gvk.kind && reply["metadata"]["uid"].is_string() {
            if let Some(found) = found {
                let (expected, found) = (comparable(reply), found.as_ref().map(comparable));
                stored.add(found.as_ref() == Ok(&expected), || match &found {
                    Ok(found) => format!("{shown}: {}", difference(found, &expected)),
                    Err(status) => format!("{shown}: {status}"),
                });
            }
            step.keep(&mut live);
        }
    }
}
