//! Moves fields owned by older managers to our own (spec A7).
//!
//! A former owner keeps a field alive after it was removed from Git, so the fields of `kubectl`, of
//! an older writer of ours or of a named manager are moved into our own entry, and the marks such
//! tools leave on an object are removed. Input: a live object. Output: a JSON patch guarded by its
//! resource version. Left out: whether the object opts out of the cleanup (`ssa: Merge`, see
//! [`Flags`](crate::Flags)).

use serde_json::{Map, Value, json};

use crate::fields::{self, ManagerEntry, Operation};

/// Returns whether [`patch`] would change the object.
#[must_use]
pub fn is_needed(live: &Value, ours: &str, overrides: &[String]) -> bool {
    let rules = CleanupRules { ours, overrides };
    is_marked(live.get("metadata").unwrap_or(&Value::Null))
        || fields::entries(live).any(|entry| rules.folds(&entry))
}

/// Returns the JSON patch that removes old marks and moves the fields of old managers into `ours`;
/// `None` if there is nothing to do.
///
/// An unreadable field set stays unchanged, together with its manager.
#[must_use]
pub fn patch(live: &Value, ours: &str, overrides: &[String]) -> Option<Vec<Value>> {
    let metadata = live.get("metadata")?;
    let mut patch: Vec<_> = marks(metadata)
        .map(|(field, key)| json!({"op": "remove", "path": format!("/metadata/{field}/{}", key.replace('/', "~1"))}))
        .collect();
    if let Some(entries) = folded(live, &CleanupRules { ours, overrides }) {
        patch.push(json!({"op": "replace", "path": "/metadata/managedFields", "value": entries}));
    }
    if patch.is_empty() {
        return None;
    }
    if let Some(version) = metadata.get("resourceVersion") {
        patch.push(json!({"op": "replace", "path": "/metadata/resourceVersion", "value": version}));
    }
    Some(patch)
}

/// Which managers are folded into which.
#[derive(Clone, Copy)]
pub(crate) struct CleanupRules<'r> {
    pub(crate) ours: &'r str,
    pub(crate) overrides: &'r [String],
}

impl CleanupRules<'_> {
    /// Returns whether an entry's fields should become ours. Names given by the user must match
    /// exactly, the others are prefixes.
    pub(crate) fn folds(&self, entry: &ManagerEntry<'_>) -> bool {
        if !entry.subresource.is_empty() {
            return false;
        }
        if entry.is_apply_of(self.ours) {
            return false;
        }
        let update = entry.operation == Operation::Update;
        entry.manager.starts_with("kubectl")
            || update
                && (entry.manager.starts_with("before-first-apply")
                    || entry.manager.starts_with(self.ours))
            || self.overrides.iter().any(|name| name == entry.manager)
    }
}

/// Removes the marks that [`patch`] would remove: an exported object contains them, and applying it
/// must not put back what was removed.
pub fn unmark(metadata: &mut Map<String, Value>) {
    for (field, key) in MARKS {
        if let Some(map) = metadata.get_mut(field).and_then(Value::as_object_mut) {
            map.remove(key);
        }
    }
}

/// Returns whether earlier tools left marks.
pub(crate) fn is_marked(metadata: &Value) -> bool {
    marks(metadata).next().is_some()
}

fn marks(metadata: &Value) -> impl Iterator<Item = (&'static str, &'static str)> {
    MARKS
        .into_iter()
        .filter(|(field, key)| metadata.get(field).and_then(|map| map.get(key)).is_some())
}

/// Returns the entries with every folded one merged into ours, which comes last; `None` if none is
/// folded.
fn folded(live: &Value, rules: &CleanupRules<'_>) -> Option<Vec<Value>> {
    let raw = fields::raw_entries(live);
    let is = |raw: &Value, test: &dyn Fn(&ManagerEntry<'_>) -> bool| {
        fields::entry(raw).is_some_and(|entry| test(&entry))
    };
    let mut own = raw
        .iter()
        .find(|raw| is(raw, &|entry| entry.is_apply_of(rules.ours)))
        .cloned();
    let mut kept = Vec::with_capacity(raw.len());
    let mut changed = false;
    for other in raw
        .iter()
        .filter(|raw| !is(raw, &|entry| entry.is_apply_of(rules.ours)))
    {
        if is(other, &|entry| rules.folds(entry)) && fold(&mut own, other, rules.ours).is_ok() {
            changed = true;
        } else {
            kept.push(other.clone());
        }
    }
    kept.extend(own);
    changed.then_some(kept)
}

/// Merges an entry with ours; if there is none, the first one becomes ours.
fn fold(own: &mut Option<Value>, other: &Value, ours: &str) -> Result<(), fields::Error> {
    let fields_of = |entry: &Value| entry.get("fieldsV1").cloned().unwrap_or_default();
    let mut entry = own
        .as_ref()
        .unwrap_or(other)
        .as_object()
        .cloned()
        .unwrap_or_else(Map::new);
    let before = own.as_ref().map(fields_of).unwrap_or_default();
    entry.insert(
        "fieldsV1".to_owned(),
        fields::union(&before, &fields_of(other))?,
    );
    entry.insert("manager".to_owned(), ours.into());
    entry.insert("operation".to_owned(), "Apply".into());
    *own = Some(Value::Object(entry));
    Ok(())
}

/// What older tools leave on an object: the part of the metadata and the key.
const MARKS: [(&str, &str); 4] = [
    (
        "annotations",
        "kubectl.kubernetes.io/last-applied-configuration",
    ),
    ("annotations", "kustomize.toolkit.fluxcd.io/checksum"),
    ("annotations", "fluxcd.io/sync-checksum"),
    ("labels", "fluxcd.io/sync-gc-mark"),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(manager: &str, operation: &str, fields: &Value) -> Value {
        json!({"manager": manager, "operation": operation, "apiVersion": "v1", "fieldsType": "FieldsV1", "fieldsV1": fields})
    }

    fn live(entries: &[Value]) -> Value {
        json!({"metadata": {"resourceVersion": "7", "managedFields": entries}})
    }

    #[test]
    fn old_managers_are_folded_into_ours() {
        let status = {
            let mut entry = entry("kubectl", "Update", &json!({"f:status": {}}));
            entry["subresource"] = "status".into();
            entry
        };
        let live = live(&[
            entry("kubectl-edit", "Update", &json!({"f:data": {"f:a": {}}})),
            entry("lode", "Apply", &json!({"f:data": {"f:b": {}}})),
            entry("hpa", "Update", &json!({"f:data": {"f:c": {}}})),
            entry("lode", "Update", &json!({"f:data": {".": {}}})),
            entry("argocd", "Apply", &json!({"f:data": {"f:d": {}}})),
            entry(
                "argocd-controller",
                "Update",
                &json!({"f:data": {"f:e": {}}}),
            ),
            status.clone(),
        ]);
        let patch = patch(&live, "lode", &["argocd".to_owned()]).unwrap();
        assert_eq!(patch.len(), 2);
        assert_eq!(
            patch[1],
            json!({"op": "replace", "path": "/metadata/resourceVersion", "value": "7"})
        );
        let expected = json!([
            entry("hpa", "Update", &json!({"f:data": {"f:c": {}}})),
            entry(
                "argocd-controller",
                "Update",
                &json!({"f:data": {"f:e": {}}})
            ),
            status,
            entry(
                "lode",
                "Apply",
                &json!({"f:data": {".": {}, "f:a": {}, "f:b": {}, "f:d": {}}})
            ),
        ]);
        assert_eq!(
            patch[0],
            json!({"op": "replace", "path": "/metadata/managedFields", "value": expected})
        );
    }

    #[test]
    fn the_first_one_becomes_ours_where_we_have_none() {
        let live = live(&[
            entry(
                "before-first-apply",
                "Update",
                &json!({"f:data": {"f:a": {}}}),
            ),
            entry(
                "kubectl-client-side-apply",
                "Update",
                &json!({"f:data": {"f:b": {}}}),
            ),
        ]);
        let patch = patch(&live, "lode", &[]).unwrap();
        assert_eq!(
            patch[0]["value"],
            json!([entry(
                "lode",
                "Apply",
                &json!({"f:data": {"f:a": {}, "f:b": {}}})
            )])
        );
    }

    #[test]
    fn marks_are_removed() {
        let live = json!({"metadata": {
            "annotations": {"kubectl.kubernetes.io/last-applied-configuration": "{}", "mine": "x"},
            "labels": {"fluxcd.io/sync-gc-mark": "sha"},
        }});
        let patch = patch(&live, "lode", &[]).unwrap();
        assert_eq!(
            patch,
            [
                json!({"op": "remove", "path": "/metadata/annotations/kubectl.kubernetes.io~1last-applied-configuration"}),
                json!({"op": "remove", "path": "/metadata/labels/fluxcd.io~1sync-gc-mark"}),
            ]
        );
    }

    #[test]
    fn a_clean_object_is_left_alone() {
        for entries in [
            vec![],
            vec![
                entry("lode", "Apply", &json!({})),
                entry("hpa", "Update", &json!({})),
            ],
        ] {
            let live = live(&entries);
            assert_eq!(patch(&live, "lode", &[]), None);
            assert!(!is_needed(&live, "lode", &[]));
        }
    }

    #[test]
    fn a_set_that_cannot_be_read_stays() {
        let broken = entry("kubectl", "Update", &json!({"broken": {}}));
        assert_eq!(patch(&live(&[broken]), "lode", &[]), None);
    }
}
