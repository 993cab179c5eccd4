//! What is served beside objects: which groups, versions and resources there are, health, the version.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use serde_json::{Value, json};

use crate::answer::Answer;
use crate::discovery::Aggregated;
use crate::negotiate::Output;
use crate::served::Registry;

/// Makes documents, and keeps those that cost.
#[derive(Default)]
pub(crate) struct Documents {
    aggregated: Mutex<HashMap<(bool, bool), Kept>>,
}

#[derive(Clone)]
struct Kept {
    text: Bytes,
    etag: String,
}

impl Documents {
    /// Forgets what was made of another registry.
    pub(crate) fn forget(&self) {
        self.aggregated.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// Answers `/api`.
    pub(crate) fn core(&self, registry: &Registry, accept: &str, address: &str) -> Answer {
        self.told(registry, accept, true).unwrap_or_else(|| ok(&registry.catalogue().core(address)))
    }

    /// Answers `/apis`.
    pub(crate) fn groups(&self, registry: &Registry, accept: &str) -> Answer {
        self.told(registry, accept, false).unwrap_or_else(|| ok(&registry.catalogue().groups()))
    }

    /// Answers with everything at once, if the client asks for that.
    fn told(&self, registry: &Registry, accept: &str, core: bool) -> Option<Answer> {
        let asks = |version: &str| {
            accept.split(',').any(|clause| clause.contains("as=APIGroupDiscoveryList") && clause.contains(version))
        };
        let (form, content_type) = if asks("v=v2;") || asks("v=v2") && !asks("v=v2beta1") {
            (Aggregated::V2, V2)
        } else if asks("v=v2beta1") {
            (Aggregated::V2Beta1, V2_BETA1)
        } else {
            return None;
        };
        let mut aggregated = self.aggregated.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = aggregated.entry((core, form == Aggregated::V2)).or_insert_with(|| {
            let text = registry.catalogue().aggregated(core, form).to_string();
            let etag = lode_stdx::Digest::of(text.as_bytes()).to_string();
            Kept { etag: etag.trim_start_matches("sha256:").to_uppercase(), text: text.into() }
        });
        let mut answer = Answer::parts(200, content_type, [kept.text.clone()]);
        answer.etag = Some(kept.etag.clone());
        Some(answer)
    }

    /// Answers what is served at a path that is about neither objects nor groups.
    pub(crate) fn other(path: &str) -> Option<Answer> {
        let (path, probe) = (path.trim_end_matches('/'), |path: &str| matches!(path, "/healthz" | "/livez" | "/readyz"));
        match path {
            "/version" => Some(ok(&version())),
            _ if probe(path) || path.strip_suffix("/ping").is_some_and(probe) => Some(Answer::text(200, "ok")),
            _ => None,
        }
    }
}

/// Answers `/apis/GROUP`.
pub(crate) fn group(registry: &Registry, group: &str) -> Option<Answer> {
    registry.catalogue().group(group).map(|document| ok(&document))
}

/// Answers `/api/VERSION` and `/apis/GROUP/VERSION`.
pub(crate) fn resources(registry: &Registry, group: &str, version: &str) -> Option<Answer> {
    registry.catalogue().resources(group, version).map(|document| ok(&document))
}

fn version() -> Value {
    json!({
        "major": "1", "minor": "36", "emulationMajor": "1", "emulationMinor": "36", "minCompatibilityMajor": "1",
        "minCompatibilityMinor": "35", "gitVersion": "v1.36.4", "gitCommit": "", "gitTreeState": "",
        "buildDate": "1970-01-01T00:00:00Z", "goVersion": "", "compiler": "", "platform": "linux/amd64",
    })
}

fn ok(value: &Value) -> Answer {
    Answer::value(200, value, Output::JSON)
}

const V2: &str = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";
const V2_BETA1: &str = "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList";
