//! The annotation of a client-side apply: a server-side apply of the same tool may take over the
//! fields it lists, and keeps it up to date for a return to client-side apply.

use serde_json::Value;

use super::Endpoint;
use crate::{
    set::Set,
    typed::{Duplicates, Typed},
    updater::Conflict,
};

/// Returns the conflicts except those over fields that the same tool applied before and nobody
/// changed since.
pub(super) fn not_allowed<'a>(
    conflicts: Vec<Conflict<'a>>,
    live: &Typed<'_>,
    to: &Endpoint<'_>,
) -> Vec<Conflict<'a>> {
    let Some(applied) =
        annotation(&live.value).and_then(|text| serde_json::from_str::<Value>(text).ok())
    else {
        return conflicts;
    };

    let typed = Typed::new(&applied, to.schema, to.ty);
    let fits = |typed: &Typed<'_>| typed.validate(Duplicates::Refused).is_ok();
    if applied.get("apiVersion").and_then(Value::as_str) != Some(to.api_version)
        || !fits(&typed)
        || !fits(live)
    {
        return conflicts;
    }

    let changed = typed.compare(live);
    let mut allowed = typed.field_set();
    for set in [&changed.modified, &changed.added, &changed.removed] {
        allowed.subtract(set);
    }

    conflicts
        .into_iter()
        .filter_map(|conflict| without(conflict, &allowed))
        .collect()
}

fn without<'a>(mut conflict: Conflict<'a>, allowed: &Set<'_>) -> Option<Conflict<'a>> {
    conflict.fields.subtract(allowed);
    (!conflict.fields.is_empty()).then_some(conflict)
}

/// Writes the applied object into the annotation, if the object has it.
pub(super) fn refresh(object: &mut Value, patch: &Value) {
    if annotation(object).is_none_or(str::is_empty) {
        return;
    }
    let mut applied = patch.clone();
    if let Some(annotations) = annotations_mut(&mut applied) {
        annotations.remove(ANNOTATION);
    }
    if let Some(annotations) = annotations_mut(object) {
        annotations.insert(ANNOTATION.to_owned(), format!("{applied}\n").into());
    }
}

fn annotation(object: &Value) -> Option<&str> {
    object
        .get("metadata")?
        .get("annotations")?
        .get(ANNOTATION)?
        .as_str()
}

fn annotations_mut(object: &mut Value) -> Option<&mut serde_json::Map<String, Value>> {
    object
        .get_mut("metadata")?
        .get_mut("annotations")?
        .as_object_mut()
}

const ANNOTATION: &str = "kubectl.kubernetes.io/last-applied-configuration";
