//! `CustomResourceDefinition`s, made from the types.
//!
//! Input: the [`Kind`] of a spec. Output: the object that `lode install` applies, as JSON.
//!
//! Left out: conversion between versions, for each kind is served in one.

use serde_json::{Value, json};

use crate::resource::Kind;
use crate::schema::Field;
use crate::{git_repository, kustomization};

/// The distribution of Flux whose contract the definitions hold; `flux check` reads it from them.
pub const FLUX_VERSION: &str = "v2.9.4";

/// The names of a kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Names {
    /// API group.
    pub group: &'static str,
    /// API version within the group.
    pub version: &'static str,
    /// Kind.
    pub kind: &'static str,
    /// Name in URLs.
    pub plural: &'static str,
    /// Short names for `kubectl`.
    pub short: &'static [&'static str],
    /// Groups of kinds that `kubectl get` lists together.
    pub categories: &'static [&'static str],
    /// The controller of Flux that this kind belongs to.
    pub component: &'static str,
}

/// A column of `kubectl get`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Column {
    /// Head of the column.
    pub name: &'static str,
    /// Type of the values: `string` or `date`.
    pub kind: &'static str,
    /// Path of the value in the object.
    pub path: &'static str,
}

/// The age of the object.
pub(crate) const AGE: Column = Column {
    name: "Age",
    kind: "date",
    path: ".metadata.creationTimestamp",
};
/// Whether the object is ready.
pub(crate) const READY: Column = Column {
    name: "Ready",
    kind: "string",
    path: ".status.conditions[?(@.type==\"Ready\")].status",
};
/// Why it is or is not.
pub(crate) const STATUS: Column = Column {
    name: "Status",
    kind: "string",
    path: ".status.conditions[?(@.type==\"Ready\")].message",
};

/// Returns the definitions of all kinds.
#[must_use]
pub fn all() -> Vec<Value> {
    vec![of::<git_repository::Spec>(), of::<kustomization::Spec>()]
}

/// Returns the definition of one kind.
#[must_use]
pub fn of<S: Kind>() -> Value {
    let names = S::NAMES;
    json!({
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {
            "name": format!("{}.{}", names.plural, names.group),
            "annotations": {"kustomize.toolkit.fluxcd.io/substitute": "disabled"},
            "labels": {
                "app.kubernetes.io/component": names.component,
                "app.kubernetes.io/instance": "flux-system",
                "app.kubernetes.io/part-of": "flux",
                "app.kubernetes.io/version": FLUX_VERSION,
            },
        },
        "spec": {
            "group": names.group,
            "names": {
                "kind": names.kind,
                "listKind": format!("{}List", names.kind),
                "plural": names.plural,
                "singular": names.kind.to_lowercase(),
                "shortNames": names.short,
                "categories": names.categories,
            },
            "scope": "Namespaced",
            "versions": [version::<S>()],
        },
    })
}

impl Names {
    /// Returns `group/version`.
    #[must_use]
    pub fn api_version(&self) -> String {
        format!("{}/{}", self.group, self.version)
    }
}

/// Returns the one served version of a kind.
fn version<S: Kind>() -> Value {
    let columns = S::COLUMNS
        .iter()
        .map(|Column { name, kind, path }| json!({"name": name, "type": kind, "jsonPath": path}));
    json!({
        "name": S::NAMES.version,
        "served": true,
        "storage": true,
        "additionalPrinterColumns": columns.collect::<Vec<_>>(),
        "subresources": {"status": {}},
        "schema": {"openAPIV3Schema": root::<S>()},
    })
}

/// Returns the schema of the whole object.
fn root<S: Kind>() -> Value {
    let mut status = S::Status::schema();
    // Until a controller has looked at the object, no generation counts as observed.
    status["default"] = json!({"observedGeneration": -1});
    json!({
        "type": "object",
        "description": format!("The API of {}.", S::NAMES.plural),
        "properties": {
            "apiVersion": {"type": "string", "description": "API group and version of the object."},
            "kind": {"type": "string", "description": "Kind of the object."},
            "metadata": {"type": "object"},
            "spec": S::schema(),
            "status": status,
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_is_described_in_one_sentence() {
        let mut fields = 0;
        for definition in all() {
            let root = definition
                .pointer("/spec/versions/0/schema/openAPIV3Schema/properties")
                .unwrap();
            check(&root["spec"], "spec", &mut fields);
            check(&root["status"], "status", &mut fields);
        }
        println!("{fields} fields described");
    }

    fn check(schema: &Value, path: &str, fields: &mut usize) {
        let Some(properties) = schema["properties"].as_object() else {
            return;
        };
        for (name, field) in properties {
            let path = format!("{path}.{name}");
            let about = field["description"].as_str().unwrap_or_default();
            assert!(
                about.ends_with('.') && about.len() < 120,
                "{path}: {about:?}"
            );
            *fields += 1;
            check(field, &path, fields);
            check(&field["items"], &path, fields);
        }
    }
}
