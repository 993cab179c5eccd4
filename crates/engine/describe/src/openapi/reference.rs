//! How a document names types and kinds.

use serde_json::{Value, json};

/// Returns a reference to a type.
pub(super) fn reference(name: &str) -> Value {
    json!({"$ref": format!("{REFERENCE}{name}")})
}

/// Returns the name of a type that all groups share.
pub(super) fn meta(kind: &str) -> String {
    format!("io.k8s.apimachinery.pkg.apis.meta.v1.{kind}")
}

/// The prefix of references.
pub(super) const REFERENCE: &str = "#/components/schemas/";

/// The key under which a type or an operation lists its kinds.
pub(super) const KINDS: &str = "x-kubernetes-group-version-kind";
