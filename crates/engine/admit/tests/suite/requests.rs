//! Requests recorded on a real API server, one after the other: what becomes of the objects, and what is refused.
//!
//! Compared is the whole object but for who owns what (`engine/merge`) and for what only a server can know.

use std::collections::HashMap;

use lode_admit::{Kind, Status, create, default, update, validate};
use lode_merge::{
    json, strategic,
    write::{self, Endpoint, Request},
};
use lode_schema::{builtin, resources};
use serde_json::Value;

use crate::{
    Score,
    defaults::{comparable, difference},
};

/// A write to an object, or to a part of one.
struct Step<'s> {
    step: &'s Value,
    kind: Kind,
    /// The object's path, without its subresource; of a new one that of its collection.
    path: String,
    namespace: Option<&'s str>,
    subresource: &'s str,
}

impl<'s> Step<'s> {
    fn read(step: &'s Value) -> Option<Self> {
        if !["POST", "PUT", "PATCH"].contains(&step["method"].as_str()?) {
            return None;
        }
        let path = step["pathSent"].as_str()?.split('?').next()?;
        let mut parts = path.trim_start_matches('/').split('/');
        let group = if parts.next()? == "apis" { parts.next()? } else { "" };
        let version = parts.next()?;
        let rest: Vec<&str> = parts.collect();
        let (namespace, rest) = match rest[..] {
            ["namespaces", namespace, _, ..] if rest.len() > 2 && rest[2] != "finalize" => {
                (Some(namespace), &rest[2..])
            }
            _ => (None, &rest[..]),
        };
        let resource = resources().get(group, version, rest.first()?)?;
        let subresource = rest.get(2).copied().unwrap_or_default();
        let path = path.strip_suffix(&format!("/{subresource}")).unwrap_or(path).to_owned();
        Some(Self { step, kind: Kind::builtin(resource)?, path, namespace, subresource })
    }

    fn is(&self, method: &str) -> bool {
        self.step["method"] == method
    }

    fn manager(&self) -> &str {
        let path = self.step["pathSent"].as_str().unwrap();
        path.split(['?', '&']).find_map(|part| part.strip_prefix("fieldManager=")).unwrap_or_default()
    }

    fn body(&self) -> Option<&Value> {
        let sent = &self.step["bodySent"];
        Some(if sent.is_object() { sent } else { &self.step["body"] }).filter(|body| body.is_object())
    }

    /// Returns the object before it gets its defaults.
    fn written(&self, live: Option<&Value>) -> Option<Value> {
        let body = self.body()?;
        let mut new = match self.step["contentType"].as_str().unwrap_or_default() {
            _ if !self.is("PATCH") => body.clone(),
            "application/merge-patch+json" => {
                let mut new = live?.clone();
                json::apply_merge_patch(&mut new, body);
                new
            }
            "application/strategic-merge-patch+json" => {
                strategic::apply(live?, body, &builtin().schema, self.kind.ty).ok()?
            }
            "application/apply-patch+yaml" => {
                let version = self.kind.gvk.api_version();
                let to = Endpoint::new(&builtin().schema, self.kind.ty, &version, &self.kind.gvk.kind);
                write::apply(
                    live,
                    body,
                    &to,
                    Request { manager: self.manager(), force: true, now: "2027-01-01T00:00:00Z" },
                )
                .ok()?
            }
            _ => return None,
        };
        new["apiVersion"] = self.kind.gvk.api_version().into();
        new["kind"] = (&*self.kind.gvk.kind).into();
        if let Some(namespace) = self.namespace {
            new["metadata"]["namespace"] = namespace.into();
        }
        Some(new)
    }

    /// Returns the object that is stored, or why it is not.
    fn result(&self, live: Option<&Value>) -> Option<Result<Value, Status>> {
        let mut new = self.written(live)?;
        default(&self.kind, &mut new);
        let errors = if let Some(live) = live {
            if new["metadata"]["resourceVersion"].is_null() {
                new["metadata"]["resourceVersion"] = live["metadata"]["resourceVersion"].clone();
            }
            update::prepare(&self.kind, self.subresource, live, &mut new);
            validate::update(&self.kind, self.subresource, live, &new)
        } else {
            new["metadata"]["uid"] = self.step["resp"]["metadata"]["uid"].as_str().unwrap_or("u").into();
            if new["metadata"]["generateName"].is_string() {
                new["metadata"]["name"] = self.step["resp"]["metadata"]["name"].clone();
            }
            create::prepare(&self.kind, &mut new);
            validate::create(&self.kind, &new)
        };
        let name = new["metadata"]["name"].as_str().unwrap_or_default();
        Some(if errors.is_empty() { Ok(new.clone()) } else { Err(Status::invalid(&self.kind, name, &errors)) })
    }
}

#[test]
fn what_is_written_over_http_becomes_what_it_did_on_the_server() {
    let (mut stored, mut refused) =
        (Score::new("requests: objects", 106), Score::new("requests: refusals to the letter", 20));
    for file in ["http_core", "http_crd_rbac_misc", "http_list_watch_delete"] {
        let mut live: HashMap<String, Value> = HashMap::new();
        for recorded in crate::lines(&format!("apiserver/{file}.jsonl")) {
            let Some(step) = Step::read(&recorded) else { continue };
            let reply = &recorded["resp"];
            let found = step.result(live.get(&step.path));
            let shown = format!("{} {}", recorded["scenario"], recorded["step"]);
            if reply["reason"] == "Invalid" && reply["message"].as_str().unwrap().starts_with(&*step.kind.gvk.kind) {
                let message = found.and_then(Result::err).map(|status| status.message);
                let right = message.as_deref() == reply["message"].as_str();
                refused.add(right, || format!("{shown}: {message:?} not {}", reply["message"]));
            } else if reply["kind"] == *step.kind.gvk.kind && reply["metadata"]["uid"].is_string() {
                if let Some(found) = found {
                    let mut expected = comparable(reply);
                    expected["metadata"].as_object_mut().unwrap().remove("managedFields");
                    let object = found.map(|found| {
                        let mut found = comparable(&found);
                        found["metadata"].as_object_mut().unwrap().remove("managedFields");
                        found
                    });
                    stored.add(object.as_ref() == Ok(&expected), || match &object {
                        Ok(object) => format!("{shown}: {}", difference(object, &expected)),
                        Err(status) => format!("{shown}: {status}"),
                    });
                }
                let dry = recorded["pathSent"].as_str().unwrap().contains("dryRun");
                let name = reply["metadata"]["name"].as_str().unwrap();
                let path = if step.is("POST") { format!("{}/{name}", step.path) } else { step.path };
                if !dry {
                    live.insert(path, reply.clone());
                }
            }
        }
    }
    stored.finish();
    refused.finish();
}
