//! [`observe`]: what is stored about a live object.
//!
//! It runs for every watch event, so it walks the object once per digest and copies only the uid
//! and the resource version.

use serde_json::Value;

use crate::{cleanup, digest, digest::Digest, fields};
use lode_object::meta;

/// What is stored about a live object: about 100 bytes instead of the object.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Observed {
    /// Distinguishes an object from a later one with the same name.
    pub uid: Box<str>,
    /// The version seen, for writes that must not overwrite a newer one.
    pub resource_version: Box<str>,
    /// Generation of the specification; 0 if the kind has none.
    pub generation: i64,
    /// Whether deletion was requested.
    pub deleting: bool,
    /// Digest of the fields we own by applying; `None` if we have applied nothing.
    pub own: Option<Digest>,
    /// Digest of everything that counts as drift.
    pub content: Digest,
    /// Further facts that decide how the object is treated.
    pub flags: Flags,
}

/// Facts about a live object that decide how it is treated.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Flags(u16);

/// A field manager, and which fields of a live object count as its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldManager {
    /// Its name.
    pub name: String,
    /// Which fields are its own.
    pub own: OwnFields,
}

/// Which fields of a live object are a manager's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OwnFields {
    /// Those that it applied. Fields of `kubectl` and of these managers are to be folded into them.
    Applied {
        /// The further managers.
        overrides: Vec<String>,
    },
    /// Those that it wrote in any way. Nothing is to be folded into them.
    Written,
}

impl FieldManager {
    /// Reads a live object.
    #[must_use]
    pub fn observe(&self, live: &Value) -> Observed {
        match &self.own {
            OwnFields::Applied { overrides } => observe(live, &self.name, overrides),
            OwnFields::Written => observe_written(live, &self.name),
        }
    }
}

/// Reads a live object; `manager` is our field manager, `overrides` the managers to fold into it.
#[must_use]
pub fn observe(live: &Value, manager: &str, overrides: &[String]) -> Observed {
    let metadata = live.get("metadata").unwrap_or(&Value::Null);
    let entries: Vec<_> = fields::entries(live).collect();
    let mut flags = metadata_flags(metadata);
    let rules = cleanup::CleanupRules {
        ours: manager,
        overrides,
    };
    flags.set(
        Flags::NEEDS_CLEANUP,
        cleanup::is_marked(metadata) || entries.iter().any(|entry| rules.folds(entry)),
    );
    let own = digest::own_digest_of(live, &entries, manager);
    observed(live, own, flags)
}

/// Reads a live object of which everything is ours that `manager` wrote, in whatever way.
fn observe_written(live: &Value, manager: &str) -> Observed {
    let metadata = live.get("metadata").unwrap_or(&Value::Null);
    let entries: Vec<_> = fields::entries(live).collect();
    let mut flags = Flags::default();
    flags.set(Flags::DRIFT_IGNORED, is_drift_ignored(metadata));
    let own = digest::written_digest_of(live, &entries, manager);
    observed(live, own, flags)
}

fn observed(live: &Value, own: Option<Digest>, mut flags: Flags) -> Observed {
    let metadata = live.get("metadata").unwrap_or(&Value::Null);
    let text = |key: &str| {
        metadata
            .get(key)
            .and_then(Value::as_str)
            .unwrap_or_default()
            .into()
    };
    let end = End::of(live);
    flags.set(Flags::ENDS, end != End::Stays);
    flags.set(Flags::ENDED, end == End::Ended);
    Observed {
        uid: text("uid"),
        resource_version: text("resourceVersion"),
        generation: metadata
            .get("generation")
            .and_then(Value::as_i64)
            .unwrap_or_default(),
        deleting: metadata
            .get("deletionTimestamp")
            .is_some_and(|time| !time.is_null()),
        own,
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
    /// `force: enabled`: deleted and created again if a field cannot be changed.
    pub const FORCE_ENABLED: Self = Self(1 << 3);
    /// `ssa: Merge`: managers are not cleaned up, whatever [`Flags::NEEDS_CLEANUP`] says.
    pub const SSA_MERGE: Self = Self(1 << 4);
    /// Managers, annotations or labels remain from other tools.
    pub const NEEDS_CLEANUP: Self = Self(1 << 5);
    /// `lodestone.dev/drift: warn`: a live edit is reported, not undone.
    pub const DRIFT_WARN: Self = Self(1 << 6);
    /// It disappears by itself when it is finished: its absence is not drift.
    pub const ENDS: Self = Self(1 << 7);
    /// It is finished and may disappear at any moment.
    pub const ENDED: Self = Self(1 << 8);
    /// `driftDetection: disabled`: a live edit is neither reported nor undone.
    pub const DRIFT_IGNORED: Self = Self(1 << 9);

    /// Returns whether all of `flags` are set.
    #[must_use]
    pub fn contains(self, flags: Self) -> bool {
        self.0 & flags.0 == flags.0
    }

    /// Returns the flags as bits, for a store.
    #[must_use]
    pub fn bits(self) -> u16 {
        self.0
    }

    /// Restores flags from a store.
    #[must_use]
    pub fn from_bits(bits: u16) -> Self {
        Self(bits)
    }

    /// Clears flags.
    pub fn clear(&mut self, flags: Self) {
        self.0 &= !flags.0;
    }

    fn set(&mut self, flag: Self, on: bool) {
        if on {
            self.0 |= flag.0;
        }
    }
}

/// Reads the labels and annotations that have a meaning; their values are not case-sensitive.
fn metadata_flags(metadata: &Value) -> Flags {
    let mut flags = Flags::default();
    let maps = ["labels", "annotations"]
        .into_iter()
        .filter_map(|field| metadata.get(field)?.as_object());
    for (key, value) in maps.flatten() {
        if !key.starts_with(FLUX) && key != meta::DRIFT {
            continue;
        }
        for (flag, name, word) in WORDS {
            flags.set(
                flag,
                key == name
                    && value
                        .as_str()
                        .is_some_and(|value| value.eq_ignore_ascii_case(word)),
            );
        }
    }
    flags
}

/// Returns whether live edits of a release's object are nobody's concern.
fn is_drift_ignored(metadata: &Value) -> bool {
    ["labels", "annotations"].into_iter().any(|field| {
        let value = metadata
            .get(field)
            .and_then(|map| map.get(meta::DRIFT_DETECTION)?.as_str());
        value.is_some_and(|value| value.eq_ignore_ascii_case("disabled"))
    })
}

/// Whether an object disappears by itself.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    /// It stays until it is deleted.
    Stays,
    /// It disappears when it is finished, and is not yet.
    Runs,
    /// It is finished.
    Ended,
}

impl End {
    fn of(live: &Value) -> Self {
        let text = |key: &str| live.get(key).and_then(Value::as_str).unwrap_or_default();
        let spec = |key: &str| {
            live.get("spec")
                .and_then(|spec| spec.get(key))
                .filter(|value| !value.is_null())
        };
        let group = text("apiVersion")
            .split_once('/')
            .map_or("", |(group, _)| group);
        let by_done = |done: bool| if done { Self::Ended } else { Self::Runs };
        match (group, text("kind")) {
            // Its owner may be deleted at any moment, which deletes it too.
            _ if has_owner(live) => Self::Ended,
            ("batch", "Job") if spec("ttlSecondsAfterFinished").is_some() => {
                by_done(is_finished(live))
            }
            ("", "Pod") if spec("restartPolicy").is_some_and(|policy| policy != "Always") => {
                by_done(is_finished(live))
            }
            // Signed or not, the cluster keeps requests only for hours.
            ("certificates.k8s.io", "CertificateSigningRequest") => Self::Ended,
            // A bootstrap token with an expiration.
            ("", "Secret") if text("type") == "bootstrap.kubernetes.io/token" => {
                let expires = live
                    .get("data")
                    .is_some_and(|data| data.get("expiration").is_some());
                if expires { Self::Ended } else { Self::Stays }
            }
            _ => Self::Stays,
        }
    }
}

fn has_owner(live: &Value) -> bool {
    let owners = live
        .get("metadata")
        .and_then(|metadata| metadata.get("ownerReferences")?.as_array());
    owners.is_some_and(|owners| !owners.is_empty())
}

/// A Job that has completed or failed, or a Pod that has.
fn is_finished(live: &Value) -> bool {
    let Some(status) = live.get("status") else {
        return false;
    };
    let phase = status.get("phase").and_then(Value::as_str);
    let conditions = status
        .get("conditions")
        .and_then(Value::as_array)
        .into_iter()
        .flatten();
    let finished = |condition: &Value| {
        condition["status"] == "True"
            && (condition["type"] == "Complete" || condition["type"] == "Failed")
    };
    matches!(phase, Some("Succeeded" | "Failed")) || conditions.into_iter().any(finished)
}

/// The prefix of every key except [`meta::DRIFT`].
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
                    assert_eq!(
                        flags(&json!({"metadata": {field: {key: word}}})),
                        flag,
                        "{key}"
                    );
                }
                assert_eq!(
                    flags(&json!({"metadata": {field: {key: "else"}}})),
                    Flags::default(),
                    "{key}"
                );
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
            managed("kubectl-edit", "Update", "")
                && managed("argocd", "Apply", "")
                && managed("lode", "Update", "")
        );
        assert!(!managed("kubectl-edit", "Update", "scale") && !managed("lode", "Apply", ""));
        let marked = json!({"metadata": {"annotations": {"kubectl.kubernetes.io/last-applied-configuration": "{}"}}});
        assert_eq!(flags(&marked), Flags::NEEDS_CLEANUP);
    }

    #[test]
    fn what_goes_by_itself_is_known_and_when_it_is_done() {
        let ends = |live: &Value| {
            let flags = flags(live);
            (flags.contains(Flags::ENDS), flags.contains(Flags::ENDED))
        };
        let job = |spec: Value, status: Value| json!({"apiVersion": "batch/v1", "kind": "Job", "spec": spec, "status": status});
        let done = json!({"conditions": [{"type": "Complete", "status": "True"}]});
        let ttl = json!({"ttlSecondsAfterFinished": 0});
        assert_eq!(ends(&job(ttl.clone(), json!({}))), (true, false));
        assert_eq!(ends(&job(ttl, done.clone())), (true, true));
        assert_eq!(
            ends(&job(json!({}), done)),
            (false, false),
            "a Job without a time stays"
        );
        let pod = |policy: &str, phase: &str| json!({"apiVersion": "v1", "kind": "Pod", "spec": {"restartPolicy": policy}, "status": {"phase": phase}});
        assert_eq!(ends(&pod("Never", "Running")), (true, false));
        assert_eq!(ends(&pod("OnFailure", "Succeeded")), (true, true));
        assert_eq!(ends(&pod("Always", "Failed")), (false, false));
        let owned = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"ownerReferences": [{"uid": "u"}]}});
        assert_eq!(ends(&owned), (true, true));
    }

    /// A map that `lode` has created, then somebody edited, then `lode` patched.
    fn written(entries: &Value, color: &str) -> Value {
        json!({"apiVersion": "v1", "kind": "ConfigMap", "data": {"color": color, "size": "1"},
            "metadata": {"managedFields": entries}})
    }

    #[test]
    fn what_was_written_in_any_way_is_ours_where_that_is_said() {
        let manager = FieldManager {
            name: "lode".to_owned(),
            own: OwnFields::Written,
        };
        let entry = |manager: &str, operation: &str, fields: Value| json!({"manager": manager, "operation": operation, "apiVersion": "v1", "fieldsV1": {"f:data": fields}});
        let own = |entries: Value, color: &str| manager.observe(&written(&entries, color)).own;
        let applied = json!([entry("lode", "Apply", json!({"f:color": {}, "f:size": {}}))]);
        let applied = own(applied, "blue");

        let edited = json!([
            entry("lode", "Apply", json!({"f:size": {}})),
            entry("kubectl-edit", "Update", json!({"f:color": {}})),
        ]);
        assert_ne!(own(edited, "red"), applied);
        let patched = json!([
            entry("lode", "Apply", json!({"f:size": {}})),
            entry("lode", "Update", json!({"f:color": {}})),
        ]);
        assert_eq!(own(patched.clone(), "blue"), applied);
        assert_ne!(own(patched, "red"), applied);
        assert_eq!(own(json!([]), "blue"), None);
    }

    #[test]
    fn a_writer_takes_nothing_over_and_heeds_its_own_annotation_alone() {
        let manager = FieldManager {
            name: "lode".to_owned(),
            own: OwnFields::Written,
        };
        let note = |key: &str, value: &str| {
            let entry = json!({"manager": "kubectl-edit", "operation": "Update", "fieldsV1": {}});
            let metadata = json!({"managedFields": [entry], "annotations": {key: value}});
            manager.observe(&json!({"metadata": metadata})).flags
        };
        assert_eq!(note(meta::RECONCILE, "disabled"), Flags::default());
        assert_eq!(
            note(meta::DRIFT_DETECTION, "Disabled"),
            Flags::DRIFT_IGNORED
        );
        assert_eq!(note(meta::DRIFT_DETECTION, "enabled"), Flags::default());
    }

    #[test]
    fn what_identifies_the_object_is_kept() {
        let job = json!({"apiVersion": "batch/v1", "kind": "Job", "spec": {"ttlSecondsAfterFinished": 0}, "metadata": {
            "uid": "u", "resourceVersion": "7", "generation": 3, "deletionTimestamp": "2026-01-01T00:00:00Z"}});
        let seen = observe(&job, "lode", &[]);
        assert_eq!(
            (
                &*seen.uid,
                &*seen.resource_version,
                seen.generation,
                seen.deleting
            ),
            ("u", "7", 3, true)
        );
        assert_eq!((seen.own, seen.flags), (None, Flags::ENDS));
        assert_eq!(Flags::from_bits(seen.flags.bits()), seen.flags);
    }
}
