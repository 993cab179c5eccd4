//! Published schemas: the index and the documents, built on demand.
//!
//! A document takes milliseconds to build and is rarely read, so it is built on demand and cached.
//! The hash in the index covers everything that the document is made of.

use std::collections::{BTreeMap, BTreeSet};

use lode_stdx::Digest;
use serde_json::Value;

use crate::served::{Registry, Served};
use crate::store::Store;
use crate::store::key::Key;
use lode_describe::openapi::{self, Published};

/// Returns the index of the documents.
pub(crate) fn index(store: &Store, registry: &Registry) -> Value {
    let documents: Vec<(String, String)> = versions(registry)
        .into_iter()
        .map(|((group, version), served)| {
            (
                openapi::place(group, version),
                digest(store, group, version, &served),
            )
        })
        .collect();
    let groups = groups(registry).into_iter().map(|place| {
        let digest = Digest::of(place.as_bytes())
            .to_string()
            .trim_start_matches("sha256:")
            .to_uppercase();
        (place, digest)
    });
    let all: Vec<_> = documents.into_iter().chain(groups).collect();
    openapi::index(all.iter().map(|(place, digest)| (&**place, &**digest)))
}

/// Returns the paths of documents that describe discovery rather than objects.
fn groups(registry: &Registry) -> BTreeSet<String> {
    let groups = registry
        .iter()
        .filter(|served| !served.resource.group.is_empty());
    let groups = groups.map(|served| format!("apis/{}", served.resource.group));
    ["api", "apis", "version"]
        .map(str::to_owned)
        .into_iter()
        .chain(groups)
        .collect()
}

/// Returns the document of a path, such as `apis/apps/v1`; nothing if nothing is served there.
pub(crate) fn document(store: &Store, registry: &Registry, place: &str) -> Option<Value> {
    let found = versions(registry)
        .into_iter()
        .find(|((group, version), _)| openapi::place(group, version) == place);
    let Some(((group, version), served)) = found else {
        return groups(registry)
            .contains(place)
            .then(|| openapi::bare(place));
    };
    let schemas: Vec<Option<Value>> = served.iter().map(|served| schema(store, served)).collect();
    let pairs = served.iter().zip(&schemas);
    let published: Vec<Published<'_>> = pairs
        .map(|(served, schema)| Published {
            resource: &served.resource,
            schema: schema.as_ref(),
        })
        .collect();
    Some(openapi::document(group, version, &published))
}

type KindsByVersion<'r> = BTreeMap<(&'r str, &'r str), Vec<&'r Served>>;

fn versions(registry: &Registry) -> KindsByVersion<'_> {
    let mut versions = KindsByVersion::new();
    for served in registry.iter() {
        versions
            .entry((&served.resource.group, &served.resource.version))
            .or_default()
            .push(served);
    }
    versions
}

fn digest(store: &Store, group: &str, version: &str, served: &[&Served]) -> String {
    let mut text = format!("{}/{group}/{version}", env!("CARGO_PKG_VERSION"));
    for served in served {
        text.push_str(&served.resource.plural);
        if let Some(schema) = schema(store, served) {
            text.push_str(&schema.to_string());
        }
    }
    Digest::of(text.as_bytes())
        .to_string()
        .trim_start_matches("sha256:")
        .to_uppercase()
}

/// Returns the schema of the objects of this version from their definition.
fn schema(store: &Store, served: &Served) -> Option<Value> {
    if !served.is_custom() {
        return None;
    }
    let definitions = store.resource("customresourcedefinitions.apiextensions.k8s.io");
    let stored = definitions.get(&Key::new("", served.objects.name()))?;
    let mut definition = stored.value();
    let versions = definition.pointer_mut("/spec/versions")?.as_array_mut()?;
    let version = versions
        .iter_mut()
        .find(|version| version["name"] == *served.resource.version)?;
    Some(version.pointer_mut("/schema/openAPIV3Schema")?.take())
}
