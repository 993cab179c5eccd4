//! Labels and annotations that have a meaning (spec A1), and how a value is looked up.

use crate::Object;

/// Owner's name, on every applied object.
pub const OWNER_NAME: &str = "kustomize.toolkit.fluxcd.io/name";
/// Owner's namespace, on every applied object.
pub const OWNER_NAMESPACE: &str = "kustomize.toolkit.fluxcd.io/namespace";
/// `disabled`: neither applied nor pruned.
pub const RECONCILE: &str = "kustomize.toolkit.fluxcd.io/reconcile";
/// `disabled`: never pruned.
pub const PRUNE: &str = "kustomize.toolkit.fluxcd.io/prune";
/// `Merge`, `IfNotPresent`, `Ignore` or `Override` (default): how it is applied.
pub const SSA: &str = "kustomize.toolkit.fluxcd.io/ssa";
/// `enabled`: deleted and created again where a field cannot be changed.
pub const FORCE: &str = "kustomize.toolkit.fluxcd.io/force";
/// `disabled`: no variables are replaced in it.
pub const SUBSTITUTE: &str = "kustomize.toolkit.fluxcd.io/substitute";
/// `disabled`: an encrypted Secret is applied as it is.
pub const DECRYPT: &str = "kustomize.toolkit.fluxcd.io/decrypt";
/// Any change asks for a reconcile.
pub const REQUESTED_AT: &str = "reconcile.fluxcd.io/requestedAt";
/// `Enabled` on a `ConfigMap` or Secret: its users follow its changes at once.
pub const WATCH: &str = "reconcile.fluxcd.io/watch";
/// `correct` (default) or `warn`: what becomes of a live edit.
pub const DRIFT: &str = "lodestone.dev/drift";
/// `never`: what ended or was removed is created again only for another revision.
pub const RERUN: &str = "lodestone.dev/rerun";
/// The finalizer of all toolkit kinds.
pub const FINALIZER: &str = "finalizers.fluxcd.io";

/// Tells whether label or annotation `key` has `value`, letter case aside (`AnyInMetadata` of fluxcd/pkg ssa/utils).
#[must_use]
pub fn says(object: &Object, key: &str, value: &str) -> bool {
    [object.label(key), object.annotation(key)]
        .into_iter()
        .flatten()
        .any(|found| found.eq_ignore_ascii_case(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_counts_as_much_as_an_annotation() {
        let object = |field: &str| {
            Object::parse(serde_json::json!({
                "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", field: {SSA: "ignore"}},
            }))
            .unwrap()
        };
        assert!(
            says(&object("labels"), SSA, "Ignore") && says(&object("annotations"), SSA, "Ignore")
        );
        assert!(!says(&object("labels"), SSA, "Merge"));
    }
}
