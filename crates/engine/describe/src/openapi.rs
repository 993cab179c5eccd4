//! Published schemas (`/openapi/v3`): an index, and a document for every group and version.
//!
//! A document contains every type that its paths use, and its paths contain what clients look for:
//! the kind of an operation, its body, and its parameters. Built-in types have no descriptions,
//! custom ones do. Left out: paths of the deprecated form of watches, and connections to pods,
//! services and nodes.

mod action;
mod custom;
mod paths;
mod published;
mod reference;
mod types;

use std::fmt::Write;

use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

pub use published::Published;

/// Returns the index of documents: their paths (see [`place`]) and digests (see [`digest`]).
#[must_use]
pub fn index<'d>(documents: impl IntoIterator<Item = (&'d str, &'d str)>) -> Value {
    let entry = |(place, digest): (&str, &str)| {
        (
            place.to_owned(),
            json!({"serverRelativeURL": format!("/openapi/v3/{place}?hash={digest}")}),
        )
    };
    json!({"paths": documents.into_iter().map(entry).collect::<Map<_, _>>()})
}

/// Returns the path of the document of a group and version: `api/v1`, `apis/apps/v1`.
#[must_use]
pub fn place(group: &str, version: &str) -> String {
    if group.is_empty() {
        format!("api/{version}")
    } else {
        format!("apis/{group}/{version}")
    }
}

/// Returns a digest that identifies a document.
#[must_use]
pub fn digest(document: &[u8]) -> String {
    Sha256::digest(document)
        .iter()
        .fold(String::new(), |mut out, byte| {
            let _ = write!(out, "{byte:02X}");
            out
        })
}

/// Returns the document of a group and version, given all its resources.
#[must_use]
pub fn document(group: &str, version: &str, resources: &[Published<'_>]) -> Value {
    let mut paths = Map::new();
    let root = format!("/{}/", place(group, version));
    paths.insert(root.clone(), paths::root(group, version));
    let mut own = Map::new();
    for published in resources {
        if let Some(schema) = published.schema {
            own.extend(custom::types(published.resource, schema));
        }
        paths.extend(paths::of(&root, published));
    }
    let schemas = types::reachable(&paths, own, group, version);
    json!({
        "openapi": "3.0.0",
        "info": {"title": "Kubernetes", "version": "unversioned"},
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {"BearerToken": {
                "description": "Bearer Token authentication", "in": "header", "name": "authorization", "type": "apiKey",
            }},
        },
    })
}

/// Returns a document about discovery only: `apis`, `version`.
#[must_use]
pub fn bare(place: &str) -> Value {
    let path = if place == "version" {
        "/version/".to_owned()
    } else {
        format!("/{place}/")
    };
    json!({
        "openapi": "3.0.0",
        "info": {"title": "Kubernetes", "version": "unversioned"},
        "paths": {path: {"get": {"responses": {"200": {"description": "OK"}, "401": {"description": "Unauthorized"}}}}},
        "components": {},
    })
}
