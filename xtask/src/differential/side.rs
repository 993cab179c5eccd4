//! [`Side`]: one of the two servers, with the uids and resource versions it chose, which later
//! operations refer to.

use std::collections::HashMap;

use anyhow::Result;
use serde_json::Value;

use super::kinds::merge;
use super::operation::{Body, Operation, SentVersion};
use crate::replay::{Answer, Call, Server};

/// A server during one sequence.
pub(super) struct Side<'s> {
    server: &'s Server,
    objects: HashMap<String, Known>,
    /// Resource version of the first list.
    start: String,
    /// The continue token of the last list.
    rest: String,
}

/// An object as last seen.
struct Known {
    last: Value,
    first_version: String,
}

/// A resource version that no object has.
const NO_VERSION: &str = "1";
/// A uid that no object has.
const NO_UID: &str = "00000000-0000-0000-0000-000000000000";

impl<'s> Side<'s> {
    pub(super) fn new(server: &'s Server) -> Self {
        Self {
            server,
            objects: HashMap::new(),
            start: String::new(),
            rest: String::new(),
        }
    }

    /// Performs an operation, with the placeholders filled by this server's values.
    pub(super) fn perform(&mut self, operation: &Operation) -> Result<Answer> {
        let mut call = Call::new(
            &operation.call.method,
            self.filled(&operation.call.path, operation),
        );
        call.headers.clone_from(&operation.call.headers);
        match &operation.body {
            Body::None => {}
            Body::Text { content_type, text } => {
                call = call.body(content_type, self.filled(text, operation));
            }
            Body::Edited {
                patch,
                version,
                otherwise,
            } => {
                let edited = self
                    .edited(operation, patch, *version)
                    .unwrap_or_else(|| otherwise.clone());
                call = call.body("application/json", edited.to_string());
            }
        }
        let answer = self.server.call(&call)?;
        self.learn(operation, &answer);
        Ok(answer)
    }

    fn learn(&mut self, operation: &Operation, answer: &Answer) {
        let Some(body) = answer.json().filter(|_| answer.status < 300) else {
            return;
        };
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        if body.get("items").is_some() || body.get("rows").is_some() {
            self.rest = text(&body["metadata"]["continue"]);
            if self.start.is_empty() {
                self.start = text(&body["metadata"]["resourceVersion"]);
            }
            return;
        }
        let is_stored =
            !operation.call.path.contains("dryRun") && body["metadata"]["uid"].is_string();
        if !is_stored || operation.about.is_empty() || body["kind"] == "Scale" {
            return;
        }
        let version = text(&body["metadata"]["resourceVersion"]);
        let known = self.objects.entry(operation.about.clone());
        known
            .or_insert_with(|| Known {
                last: Value::Null,
                first_version: version,
            })
            .last = body;
    }

    /// Returns the object as this server last returned it, with an edit.
    fn edited(&self, operation: &Operation, patch: &Value, version: SentVersion) -> Option<Value> {
        let known = self.objects.get(&operation.about)?;
        let mut object = known.last.clone();
        merge(&mut object, patch);
        let metadata = object["metadata"].as_object_mut()?;
        match version {
            SentVersion::Last => {}
            SentVersion::None => drop(metadata.remove("resourceVersion")),
            SentVersion::First => drop(metadata.insert(
                "resourceVersion".to_owned(),
                known.first_version.clone().into(),
            )),
        }
        Some(object)
    }

    fn filled(&self, text: &str, operation: &Operation) -> String {
        let field = |path: &str, field: &str, otherwise: &str| {
            let known = self
                .objects
                .get(path)
                .and_then(|known| known.last["metadata"][field].as_str());
            known.unwrap_or(otherwise).to_owned()
        };
        let first = self
            .objects
            .get(&operation.about)
            .map_or(NO_VERSION, |known| known.first_version.as_str());
        text.replace("${uid}", &field(&operation.about, "uid", NO_UID))
            .replace(
                "${version}",
                &field(&operation.about, "resourceVersion", NO_VERSION),
            )
            .replace("${first}", first)
            .replace("${other}", &field(&operation.other, "uid", NO_UID))
            .replace(
                "${start}",
                if self.start.is_empty() {
                    NO_VERSION
                } else {
                    &self.start
                },
            )
            .replace("${rest}", &self.rest)
    }
}
