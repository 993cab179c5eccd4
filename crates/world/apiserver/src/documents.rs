//! Documents about the API: groups, versions and resources, health, version.

mod published;

use std::collections::HashMap;

use bytes::Bytes;
use lode_stdx::Lock;
use serde_json::{Value, json};

use crate::served::Registry;
use crate::store::Store;
use crate::wire::answer::ApiAnswer;
use crate::wire::negotiate::Output;
use lode_describe::discovery::Aggregated;

/// Builds documents about one registry and caches the expensive ones.
#[derive(Default)]
pub(crate) struct Documents {
    aggregated: Lock<HashMap<(bool, bool), KeptDocument>>,
    /// By path; the index has the empty path.
    schemas: Lock<HashMap<Box<str>, KeptDocument>>,
}

#[derive(Clone)]
struct KeptDocument {
    text: Bytes,
    etag: String,
}

impl Documents {
    /// Answers `/api`.
    pub(crate) fn core(&self, registry: &Registry, accept: &str, address: &str) -> ApiAnswer {
        self.told(registry, accept, true)
            .unwrap_or_else(|| ok(&registry.catalogue().core(address)))
    }

    /// Answers `/apis`.
    pub(crate) fn groups(&self, registry: &Registry, accept: &str) -> ApiAnswer {
        self.told(registry, accept, false)
            .unwrap_or_else(|| ok(&registry.catalogue().groups()))
    }

    /// Answers with aggregated discovery, if the client asks for it.
    fn told(&self, registry: &Registry, accept: &str, core: bool) -> Option<ApiAnswer> {
        let asks = |version: &str| {
            accept.split(',').any(|clause| {
                clause.contains("as=APIGroupDiscoveryList") && clause.contains(version)
            })
        };
        let (form, content_type) = if asks("v=v2;") || asks("v=v2") && !asks("v=v2beta1") {
            (Aggregated::V2, V2)
        } else if asks("v=v2beta1") {
            (Aggregated::V2Beta1, V2_BETA1)
        } else {
            return None;
        };
        let mut aggregated = self.aggregated.lock();
        let kept = aggregated.entry((core, form == Aggregated::V2));
        let kept =
            kept.or_insert_with(|| KeptDocument::new(&registry.catalogue().aggregated(core, form)));
        Some(kept.answer(content_type))
    }

    /// Answers `/openapi/v3` and what is below it.
    pub(crate) fn schemas(
        &self,
        store: &Store,
        registry: &Registry,
        place: &str,
    ) -> Option<ApiAnswer> {
        let kept = self.schemas.lock().get(place).cloned();
        if let Some(kept) = kept {
            return Some(kept.answer(JSON));
        }
        let document = match place {
            "" => published::index(store, registry),
            place => published::document(store, registry, place)?,
        };
        let kept = KeptDocument::new(&document);
        let answer = kept.answer(JSON);
        self.schemas.lock().insert(place.into(), kept);
        Some(answer)
    }

    /// Answers paths that are about neither objects nor groups.
    pub(crate) fn other(path: &str, verbose: bool, accept: &str) -> Option<ApiAnswer> {
        let path = path.trim_end_matches('/');
        match path {
            "/version" => return Some(ok(&version())),
            "/openapi/v2" => return Some(old_schemas(accept)),
            _ => {}
        }
        let probe = path
            .strip_suffix("/ping")
            .unwrap_or(path)
            .strip_prefix('/')?;
        if !matches!(probe, "healthz" | "livez" | "readyz") {
            return None;
        }
        let text = if verbose {
            format!("[+]ping ok\n{probe} check passed\n")
        } else {
            "ok".to_owned()
        };
        Some(ApiAnswer::text(200, text))
    }
}

/// Answers with an empty `OpenAPI` v2 document: clients that still ask for it, as kubectl does for
/// a `List`, then leave validation to the server.
fn old_schemas(accept: &str) -> ApiAnswer {
    if !accept.contains("proto-openapi.spec.v2") {
        return ok(
            &json!({"swagger": "2.0", "info": {"title": TITLE, "version": VERSION}, "paths": {}}),
        );
    }
    // A message of gnostic's `openapi.v2.Document`: field 1 is `swagger`, 2 `info`, 8 `paths`.
    let field = |number: u8, bytes: &[u8]| [&[number << 3 | 2, bytes.len() as u8], bytes].concat();
    let info = [field(1, TITLE.as_bytes()), field(2, VERSION.as_bytes())].concat();
    let document = [field(1, b"2.0"), field(2, &info), field(8, b"")].concat();
    ApiAnswer::parts(
        200,
        "application/com.github.proto-openapi.spec.v2.v1.0+protobuf",
        [document.into()],
    )
}

impl KeptDocument {
    fn new(document: &Value) -> Self {
        let text = document.to_string();
        let digest = lode_stdx::Digest::of(text.as_bytes()).to_string();
        Self {
            etag: digest.trim_start_matches("sha256:").to_uppercase(),
            text: text.into(),
        }
    }

    fn answer(&self, content_type: &'static str) -> ApiAnswer {
        let mut answer = ApiAnswer::parts(200, content_type, [self.text.clone()]);
        answer.etag = Some(self.etag.clone());
        answer
    }
}

/// Answers `/apis/GROUP`.
pub(crate) fn group(registry: &Registry, group: &str) -> Option<ApiAnswer> {
    registry
        .catalogue()
        .group(group)
        .map(|document| ok(&document))
}

/// Answers `/api/VERSION` and `/apis/GROUP/VERSION`.
pub(crate) fn resources(registry: &Registry, group: &str, version: &str) -> Option<ApiAnswer> {
    registry
        .catalogue()
        .resources(group, version)
        .map(|document| ok(&document))
}

fn version() -> Value {
    json!({
        "major": "1", "minor": "36", "emulationMajor": "1", "emulationMinor": "36", "minCompatibilityMajor": "1",
        "minCompatibilityMinor": "35", "gitVersion": VERSION, "gitCommit": "", "gitTreeState": "",
        "buildDate": "1970-01-01T00:00:00Z", "goVersion": "", "compiler": "", "platform": "linux/amd64",
    })
}

fn ok(value: &Value) -> ApiAnswer {
    ApiAnswer::value(200, value, Output::JSON)
}

const TITLE: &str = "Kubernetes";
/// The version of Kubernetes that this server answers as.
const VERSION: &str = "v1.36.4";
const JSON: &str = "application/json";
const V2: &str = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";
const V2_BETA1: &str = "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList";
