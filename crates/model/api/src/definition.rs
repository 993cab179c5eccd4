//! The `CustomResourceDefinition` of a kind, generated from its type.
//!
//! Input: the [`Kind`] of a spec. Output: the object that `lode install` applies, as JSON.
//!
//! Left out: conversion between versions, because each kind is served in one.

use serde_json::{Value, json};

use crate::names::Column;
use crate::resource::Kind;
use crate::schema::Field;

/// The Flux distribution whose contract the definitions implement; `flux check` reads it from them.
pub const FLUX_VERSION: &str = "v2.9.4";

/// Returns the definition of one kind.
#[must_use]
pub fn of<S: Kind>() -> Value {
    let names = S::NAMES;
    json!({
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {
            "name": names.definition_name(),
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
                "singular": names.singular,
                "shortNames": names.short,
                "categories": names.categories,
            },
            "scope": names.scope.as_str(),
            "versions": [version::<S>()],
        },
    })
}

/// Returns the only served version of a kind.
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
    // Until a controller has reconciled the object, no generation counts as observed.
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
