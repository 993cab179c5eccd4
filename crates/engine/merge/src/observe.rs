//! [`observe`]: what is remembered of a live object.
//!
//! Runs for every watch event, so it walks the object once per digest and copies nothing but the uid and the resource
//! version.

use serde_json::Value;

use crate::{cleanup, digest, digest::Digest, fields};
use lode_object::meta;

/// What is remembered of a live object: some 100 bytes instead of the object.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Observed {
    /// Tells one object from a later one of the same name.
    pub uid: Box<str>,
    /// The version seen, for writes that must not meet a newer one.
    pub resource_version: Box<str>,
    /// Generation of the specification, 0 where the kind has none.
    pub generation: i64,
    /// A deletion was asked for.
    pub deleting: bool,
    /// Digest of what we own by applying, `None` when we have applied nothing.
    pub own: Option<Digest>,
    /// Digest of what counts as drift.
    pub content: Digest,
    /// What else decides how the object is treated.
    pub flags: Flags,
}

/// Facts of a live object that decide how it is treated.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Flags(u8);

/// Reads a live object; `manager` is our field manager, `overrides` the managers to fold into it.
#[must_use]
pub fn observe(live: &Value, manager: &str, overrides: &[String]) -> Observed {
    let metadata = live.get("metadata").unwrap_or(&Value::Null);
    let text = |key: &str| metadata.get(key).and_then(Value::as_str).unwrap_or_default().into();
    let entries: Vec<_> = fields::entries(live).collect();
    let mut flags = metadata_flags(metadata);
    let rules = cleanup::Rules { ours: manager, overrides };
    flags.set(Flags::NEEDS_CLEANUP, cleanup::is_marked(metadata) || entries.iter().any(|entry| rules.folds(entry)));
    flags.set(Flags::JOB_WITH_TTL, is_job_with_ttl(live));
    Observed {
        uid: text("uid"),
        resource_version: text("resourceVersion"),
        generation: metadata.get("generation").and_then(Value::as_i64).unwrap_or_default(),
        deleting: metadata.get("deletionTimestamp").is_some_and(|time| !time.is_null()),
        own: digest::own_digest_of(live, &entries, manager),
        content: digest::content_digest(live),
        flags,
    }
}

impl Flags {
    /// `reconcile: disabled`: neither applied nor pruned.
    pub const RECONCILE_DISABLED: Self = Self(1);
    /// `ssa: Ignore`: not applied.
    pub const SSA_IGNORE: Self = Self(1 << 1);
    /// `prune: disabled`: never deleted.
    pub const PRUNE_DISABLED: Self = Self(1 << 2);
    /// `force: enabled`: deleted and created again where a field cannot be changed.
    pub const FORCE_ENABLED: Self = Self(1 << 3);
    /// `ssa: Merge`: managers are not cleaned up, whatever [`Flags::NEEDS_CLEANUP`] says.
    pub const SSA_MERGE: Self = Self(1 << 4);
    /// Managers, annotations or labels are left from a time before us.
    pub const NEEDS_CLEANUP: Self = Self(1 << 5);
    /// `lodestone.dev/drift: warn`: a live edit is told, not undone.
    pub const DRIFT_WARN: Self = Self(1 << 6);
    /// A Job that goes by itself when it is done: its absence is success.
    pub const JOB_WITH_TTL: Self = Self(1 << 7);

    /// Tells whether all of `flags` are set.
    #[must_use]
    pub fn contains(self, flags: Self) -> bool {
        self.0 & flags.0 == flags.0
    }

    /// Returns the flags as bits, for a store.
    #[must_use]
    pub fn bits(self) -> u8 {
        self.0
    }

    /// Takes flags back from a store.
    #[must_use]
    pub fn from_bits(bits: u8) -> Self {
        Self(bits)
    }

    fn set(&mut self, flag: Self, on: bool) {
        if on {
            self.0 |= flag.0;
        }
    }
}

/// Reads the labels and annotations that have a meaning; letter case of their values is all one.
fn metadata_flags(metadata: &Value) -> Flags {
    let mut flags = Flags::default();
    let maps = ["labels", "annotations"].into_iter().filter_map(|field| metadata.get(field)?.as_object());
    for (key, value) in maps.flatten() {
        if !key.starts_with(FLUX) && key != meta::DRIFT {
            continue;
        }
        for (flag, name, word) in WORDS {
            flags.set(flag, key == name && value.as_str().is_some_and(|value| value.eq_ignore_ascii_case(word)));
        }
    }
    flags
}

fn is_job_with_ttl(live: &Value) -> bool {
    let is = |key: &str, of: &str| live.get(key).and_then(Value::as_str).is_some_and(|found| found.starts_with(of));
    is("kind", "Job")
        && is("apiVersion", "batch/")
        && live.get("spec").and_then(|spec| spec.get("ttlSecondsAfterFinished")).is_some_and(|ttl| !ttl.is_null())
}

/// What every key but [`meta::DRIFT`] starts with.
const FLUX: &str = "kustomize.toolkit.fluxcd.io/";
const WORDS: [(Flags, &str, &str); 6] = [
    (Flags::RECONCILE_DISABLED, meta::RECONCILE, "disabled"),
    (Flags::SSA_IGNORE, meta::SSA, "Ignore"),
    (Flags::PRUNE_DISABLED, meta::PRUNE, "disabled"),
    (Flags::FORCE_ENABLED, meta::FORCE, "enabled"),
    (Flags::SSA_MERGE, meta::SSA, "Merge"),
    (Flags::DRIFT_WARN, meta::DRIFT, "warn"),
];

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn flags(live: &Value) -> Flags {
        observe(live, "lode", &["argocd".to_owned()]).flags
    }

    #[test]
    fn labels_and_annotations_set_flags_whatever_their_case() {
        for (flag, key, word) in WORDS {
            for field in ["labels", "annotations"] {
                for word in [word.to_owned(), word.to_uppercase()] {
                    assert_eq!(flags(&json!({"metadata": {field: {key: word}}})), flag, "{key}");
                }
                assert_eq!(flags(&json!({"metadata": {field: {key: "else"}}})), Flags::default(), "{key}");
            }
        }
    }

    #[test]
    fn managers_and_marks_from_before_need_a_cleanup() {
        let managed = |manager: &str, operation: &str, subresource: &str| {
            let entry = json!({"manager": manager, "operation": operation, "subresource": subresource, "fieldsV1": {}});
            flags(&json!({"metadata": {"managedFields": [entry]}})).contains(Flags::NEEDS_CLEANUP)
        };
        assert!(
            managed("kubectl-edit", "Update", "") && managed("argocd", "Apply", "") && managed("lode", "Update", "")
        );
        assert!(!managed("kubectl-edit", "Update", "scale") && !managed("lode", "Apply", ""));
        let marked = json!({"metadata": {"annotations": {"kubectl.kubernetes.io/last-applied-configuration": "{}"}}});
        assert_eq!(flags(&marked), Flags::NEEDS_CLEANUP);
    }

    #[test]
    fn what_identifies_the_object_is_kept() {
        let job = json!({"apiVersion": "batch/v1", "kind": "Job", "spec": {"ttlSecondsAfterFinished": 0}, "metadata": {
            "uid": "u", "resourceVersion": "7", "generation": 3, "deletionTimestamp": "2026-01-01T00:00:00Z"}});
        let seen = observe(&job, "lode", &[]);
        assert_eq!((&*seen.uid, &*seen.resource_version, seen.generation, seen.deleting), ("u", "7", 3, true));
        assert_eq!((seen.own, seen.flags), (None, Flags::JOB_WITH_TTL));
        assert_eq!(Flags::from_bits(seen.flags.bits()), seen.flags);
    }
}
