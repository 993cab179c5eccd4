//! Labels and annotations that have a meaning: [`TABLE`] lists them with their effect; [`says`]
//! looks a value up.
//!
//! Most are Flux's; ours begin with `lodestone.dev/`. Additions to Flux's contract for objects of
//! Flux's kinds are annotations or conditions, never fields of a status.

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
/// `enabled`: deleted and recreated if an immutable field changes.
pub const FORCE: &str = "kustomize.toolkit.fluxcd.io/force";
/// `disabled`: no variables are substituted in it.
pub const SUBSTITUTE: &str = "kustomize.toolkit.fluxcd.io/substitute";
/// `disabled`: an encrypted Secret is applied as it is.
pub const DECRYPT: &str = "kustomize.toolkit.fluxcd.io/decrypt";
/// Name of the `HelmRelease`, on every object of a release.
pub const RELEASE_OWNER_NAME: &str = "helm.toolkit.fluxcd.io/name";
/// Namespace of the `HelmRelease`, on every object of a release.
pub const RELEASE_OWNER_NAMESPACE: &str = "helm.toolkit.fluxcd.io/namespace";
/// `disabled`: a live edit of a release's object is neither reported nor undone.
pub const DRIFT_DETECTION: &str = "helm.toolkit.fluxcd.io/driftDetection";
/// Any change requests a reconcile.
pub const REQUESTED_AT: &str = "reconcile.fluxcd.io/requestedAt";
/// The value of [`REQUESTED_AT`] once more: a release is made whatever its state is.
pub const FORCE_AT: &str = "reconcile.fluxcd.io/forceAt";
/// The value of [`REQUESTED_AT`] once more: failures of a release are forgotten.
pub const RESET_AT: &str = "reconcile.fluxcd.io/resetAt";
/// `Enabled` on a `ConfigMap` or Secret: a change is picked up at once by the objects that use it.
pub const WATCH: &str = "reconcile.fluxcd.io/watch";
/// `correct` (default) or `warn`: what happens to a live edit.
pub const DRIFT: &str = "lodestone.dev/drift";
/// `never`: an object that ended or was removed is recreated only for a new revision.
pub const RERUN: &str = "lodestone.dev/rerun";
/// Prefix of annotations whose values are added to every event of their object.
pub const EVENT_PREFIX: &str = "event.toolkit.fluxcd.io/";
/// The finalizer of all toolkit kinds.
pub const FINALIZER: &str = "finalizers.fluxcd.io";

/// A label or annotation with a meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Meaning {
    /// The key or prefix.
    pub key: &'static str,
    /// The values that have a meaning; empty if any value has.
    pub values: &'static [&'static str],
    /// On which objects, and where it is read from.
    pub place: &'static str,
    /// What it does.
    pub effect: &'static str,
}

/// All labels and annotations that Lodestone reads or sets. `docs/spec/annotations.md` documents
/// them for users.
pub const TABLE: &[Meaning] = &[
    Meaning {
        key: DRIFT,
        values: &["warn", "correct"],
        place: "a Kustomization (annotation); an applied object, in Git or live (label or annotation)",
        effect: "`warn`: a live edit is only reported; `correct`, the default: it is undone",
    },
    Meaning {
        key: RERUN,
        values: &["never"],
        place: "an applied object, in Git (label or annotation)",
        effect: "if it ended or was removed, it is recreated only for a new revision",
    },
    Meaning {
        key: REQUESTED_AT,
        values: &[],
        place: "GitRepository, Kustomization (annotation)",
        effect: "a new value requests a reconcile; it is copied to `status.lastHandledReconcileAt` when that is done",
    },
    Meaning {
        key: WATCH,
        values: &["Enabled"],
        place: "a ConfigMap or Secret that variables come from (label)",
        effect: "a change starts a reconcile of the Kustomizations that use it at once",
    },
    Meaning {
        key: EVENT_PREFIX,
        values: &[],
        place: "GitRepository, Kustomization (annotation)",
        effect: "prefix: key and value are added to the metadata of every event of the object",
    },
    Meaning {
        key: RECONCILE,
        values: &["disabled"],
        place: "an applied object, in Git or live (label or annotation)",
        effect: "it is neither applied nor deleted",
    },
    Meaning {
        key: PRUNE,
        values: &["disabled"],
        place: "an applied object, live (label or annotation)",
        effect: "it is never deleted",
    },
    Meaning {
        key: SSA,
        values: &["Override", "Merge", "IfNotPresent", "Ignore"],
        place: "an applied object, in Git; `Merge` and `Ignore` live too (label or annotation)",
        effect: "`Override`, the default: fields that kubectl set are taken over; `Merge`: they are kept; `IfNotPresent`: \
                 it is created and never changed; `Ignore`: it is neither applied nor deleted",
    },
    Meaning {
        key: FORCE,
        values: &["enabled"],
        place: "an applied object, in Git or live (label or annotation)",
        effect: "it is deleted and recreated if an immutable field changes",
    },
    Meaning {
        key: SUBSTITUTE,
        values: &["disabled"],
        place: "an object of a build (label or annotation)",
        effect: "no variables are substituted in it; the definitions that `lode install` applies have it",
    },
    Meaning {
        key: DECRYPT,
        values: &["disabled"],
        place: "an encrypted Secret, in Git (label or annotation)",
        effect: "it is applied as it is; without it, it is refused",
    },
    Meaning {
        key: DRIFT_DETECTION,
        values: &["disabled"],
        place: "an object of a release (label or annotation)",
        effect: "a live edit of it is neither reported nor undone",
    },
    Meaning {
        key: FORCE_AT,
        values: &[],
        place: "HelmRelease (annotation)",
        effect: "a new value that `reconcile.fluxcd.io/requestedAt` has too: an upgrade is made once, whatever the state is",
    },
    Meaning {
        key: RESET_AT,
        values: &[],
        place: "HelmRelease (annotation)",
        effect: "a new value that `reconcile.fluxcd.io/requestedAt` has too: counted failures are forgotten once",
    },
    Meaning {
        key: RELEASE_OWNER_NAME,
        values: &[],
        place: "every object of a release (label)",
        effect: "set: the name of its HelmRelease",
    },
    Meaning {
        key: RELEASE_OWNER_NAMESPACE,
        values: &[],
        place: "every object of a release (label)",
        effect: "set: the namespace of its HelmRelease",
    },
    Meaning {
        key: OWNER_NAME,
        values: &[],
        place: "every applied object (label)",
        effect: "set: the name of its Kustomization. An object without both owner labels is not pruned",
    },
    Meaning {
        key: OWNER_NAMESPACE,
        values: &[],
        place: "every applied object (label)",
        effect: "set: the namespace of its Kustomization",
    },
];

/// Returns whether label or annotation `key` has `value`, ignoring case (`AnyInMetadata` of
/// fluxcd/pkg ssa/utils).
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

    /// The page for users.
    const PAGE: &str = include_str!("../../../../docs/spec/annotations.md");

    #[test]
    fn the_page_and_the_table_agree() {
        let line = |meaning: &Meaning| {
            let Meaning {
                key,
                values,
                place,
                effect,
            } = meaning;
            let values: Vec<String> = values.iter().map(|value| format!("`{value}`")).collect();
            let values = match values.as_slice() {
                [] => "any".to_owned(),
                values => values.join(", "),
            };
            format!("| `{key}` | {values} | {place} | {effect} |")
        };
        let table: Vec<String> = TABLE.iter().map(line).collect();
        let page: Vec<&str> = PAGE
            .lines()
            .filter(|line| line.starts_with("| `"))
            .collect();
        assert_eq!(page, table, "expected:\n{}", table.join("\n"));
    }

    #[test]
    fn every_key_has_a_meaning() {
        let source = include_str!("meta.rs")
            .split("#[cfg(test)]")
            .next()
            .unwrap();
        let mut keys = 0;
        for line in source.lines().filter(|line| line.starts_with("pub const ")) {
            let Some((name, rest)) = line.split_once(": &str = \"") else {
                continue;
            };
            let key = rest.trim_end_matches("\";");
            let is_known = TABLE.iter().any(|meaning| meaning.key == key);
            assert_eq!(is_known, key != FINALIZER, "{name}");
            keys += 1;
        }
        assert_eq!(keys, TABLE.len() + 1);
    }

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
