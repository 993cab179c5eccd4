//! The values of a release: those of `valuesFrom` in order, then those of the specification (spec A11).

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use lode_api::helm_release::{Spec, ValuesReference};
use lode_chart::LIMITS;
use lode_chart::values::{self, set};
use lode_object::Value;
use lode_stdx::budget::Budget;
use serde_json::Map;

/// Bytes of all that `valuesFrom` reads.
pub const VALUES_MAX: usize = 16 << 20;
/// Shorter texts are in every other sentence: blanking them would hide nothing.
const SECRET_MIN: usize = 4;

/// The values of a release.
#[derive(Default, Clone)]
pub struct ReleaseValues {
    /// The values.
    pub table: Map<String, Value>,
    /// Texts that came from Secrets, which are never shown; the longest first.
    pub secrets: Vec<String>,
}

/// Why a release has no values. No text contains a value.
#[derive(Debug, thiserror::Error)]
pub enum ValuesError {
    /// A reference in `valuesFrom`.
    #[error(
        "could not resolve {kind} chart values reference '{namespace}/{name}' with key '{key}': {why}"
    )]
    Unresolved {
        /// Kind of the object.
        kind: String,
        /// Namespace of the release and of the object.
        namespace: String,
        /// Name of the object.
        name: String,
        /// Key in the object.
        key: String,
        /// The reason.
        why: String,
    },
    /// The values in the specification.
    #[error("spec.values: {0}")]
    Own(String),
}

impl ValuesError {
    /// Says why a reference leads to nothing.
    #[must_use]
    pub fn unresolved(reference: &ValuesReference, namespace: &str, why: &str) -> Self {
        Self::Unresolved {
            kind: reference.kind.to_string(),
            namespace: namespace.to_owned(),
            name: reference.name.to_string(),
            key: reference.key().to_owned(),
            why: why.to_owned(),
        }
    }

    /// Says that all references together lead to too much.
    #[must_use]
    pub fn too_much(reference: &ValuesReference, namespace: &str) -> Self {
        let why = format!("valuesFrom reads more than {VALUES_MAX} bytes, the limit");
        Self::unresolved(reference, namespace, &why)
    }
}

/// Returns the values of a release, with objects that are at hand instead of those of a cluster.
///
/// # Errors
/// As in a cluster.
pub fn values_among(
    spec: &Spec,
    namespace: &str,
    objects: &[Value],
) -> Result<ReleaseValues, ValuesError> {
    let of = |_: usize, reference: &ValuesReference| {
        objects.iter().find(|object| {
            let text = |pointer| lode_object::json::text(object, pointer);
            let its = text("/metadata/namespace");
            text("/kind") == &*reference.kind
                && text("/metadata/name") == &*reference.name
                && (its.is_empty() || its == namespace)
        })
    };
    merged_values(spec, namespace, of, &Budget::new(LIMITS))
}

/// Returns the values of a release; `of` returns the object of a reference, which has a number.
///
/// # Errors
/// A referenced object or key is missing and not optional, or contains no values.
pub fn merged_values<'o>(
    spec: &Spec,
    namespace: &str,
    of: impl Fn(usize, &ValuesReference) -> Option<&'o Value>,
    budget: &Budget,
) -> Result<ReleaseValues, ValuesError> {
    let mut table = Map::new();
    let mut secrets = BTreeSet::new();
    let mut left = VALUES_MAX;
    for (at, reference) in spec.values_from.iter().enumerate() {
        let failed = |why: String| ValuesError::unresolved(reference, namespace, &why);
        let Some(text) = content(of(at, reference), reference).map_err(failed)? else {
            continue;
        };
        left = left
            .checked_sub(text.len())
            .ok_or_else(|| ValuesError::too_much(reference, namespace))?;

        let mut own = Map::new();
        let into = if reference.kind.as_ref() == "Secret" {
            &mut own
        } else {
            &mut table
        };
        add(reference, &text, into, budget).map_err(failed)?;
        if !own.is_empty() {
            note_texts(&Value::Object(own.clone()), &mut secrets);
            // A path may name a place in a list that is there already, so it is followed again from there.
            add(reference, &text, &mut table, budget).map_err(failed)?;
        }
    }

    if let Some(own) = &spec.values {
        let own = values::read(own.text().as_bytes(), budget);
        let own = own.map_err(|error| ValuesError::Own(error.to_string()))?;
        values::merge(&mut table, own);
    }
    let mut secrets: Vec<String> = secrets.into_iter().collect();
    // A longer text may contain a shorter one.
    secrets.sort_by_key(|text| std::cmp::Reverse(text.len()));
    Ok(ReleaseValues { table, secrets })
}

/// Returns what a reference leads to; nothing if it may be missing and is.
fn content(object: Option<&Value>, reference: &ValuesReference) -> Result<Option<String>, String> {
    let is_optional = reference.optional.unwrap_or_default();
    let Some(object) = object else {
        let plural = match &*reference.kind {
            "Secret" => "secrets",
            _ => "configmaps",
        };
        let why = format!("{plural} \"{}\" not found", reference.name);
        return if is_optional { Ok(None) } else { Err(why) };
    };
    let key = reference.key();
    let data = object.get("data").and_then(|data| data.get(key));
    let Some(text) = data.and_then(Value::as_str) else {
        let why = format!("missing key '{key}'");
        return if is_optional { Ok(None) } else { Err(why) };
    };
    if &*reference.kind != "Secret" {
        return Ok(Some(text.to_owned()));
    }
    let bytes = STANDARD.decode(text).ok();
    let text = bytes.and_then(|bytes| String::from_utf8(bytes).ok());
    text.map(Some)
        .ok_or_else(|| format!("key '{key}' is no text"))
}

/// Adds what a reference leads to.
fn add(
    reference: &ValuesReference,
    text: &str,
    table: &mut Map<String, Value>,
    budget: &Budget,
) -> Result<(), String> {
    let path = reference.target_path.as_deref().unwrap_or_default();
    if path.is_empty() {
        let found = values::read(text.as_bytes(), budget);
        values::merge(table, found.map_err(|error| error.to_string())?);
        return Ok(());
    }

    let quoted = ['\'', '"']
        .into_iter()
        .find(|quote| text.len() > 1 && text.starts_with(*quote) && text.ends_with(*quote));
    let line = |value: &str| format!("{path}={value}");
    let set = match quoted {
        _ if reference.literal.unwrap_or_default() => set::literal(&line(text), table, budget),
        Some(quote) => set::texts(&line(text.trim_matches(quote)), table, budget),
        None => set::typed(&line(text), table, budget),
    };
    set.map_err(|error| error.to_string())
}

/// Notes all texts of a value that came from a Secret.
fn note_texts(value: &Value, into: &mut BTreeSet<String>) {
    match value {
        Value::String(text) if text.trim().len() >= SECRET_MIN => {
            into.insert(text.trim().to_owned());
        }
        Value::Number(number) if number.to_string().len() >= SECRET_MIN => {
            into.insert(number.to_string());
        }
        Value::Array(items) => items.iter().for_each(|item| note_texts(item, into)),
        Value::Object(table) => table.values().for_each(|value| note_texts(value, into)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn spec(from: &Value, values: &Value) -> Spec {
        let spec = json!({"interval": "1m", "valuesFrom": from, "values": values});
        serde_json::from_value(spec).unwrap()
    }

    fn objects() -> Vec<Value> {
        let secret = STANDARD.encode("db: {password: hunter2, user: app}\nsize: 3\n");
        vec![
            json!({"kind": "ConfigMap", "metadata": {"name": "base"},
                "data": {"values.yaml": "a: 1\ndb: {user: x, port: 1}\n", "one": "5", "text": "'5'"}}),
            json!({"kind": "Secret", "metadata": {"name": "vault"}, "data": {"values.yaml": secret}}),
        ]
    }

    fn of(from: &Value, values: &Value) -> Result<ReleaseValues, ValuesError> {
        values_among(&spec(from, values), "team", &objects())
    }

    #[test]
    fn later_references_win_and_the_specification_wins_over_all() {
        let from =
            json!([{"kind": "ConfigMap", "name": "base"}, {"kind": "Secret", "name": "vault"}]);
        let found = of(&from, &json!({"size": 4})).unwrap();
        let table = serde_json::to_value(&found.table).unwrap();
        let db = json!({"user": "app", "port": 1.0, "password": "hunter2"});
        assert_eq!(table["db"], db);
        assert_eq!(table["size"], 4.0);
        assert_eq!(found.secrets, ["hunter2"]);
    }

    #[test]
    fn a_target_path_sets_one_value() {
        let at = |key: &str, literal: bool| {
            json!([{"kind": "ConfigMap", "name": "base", "valuesKey": key, "targetPath": "x.y",
                "literal": literal}])
        };
        let y = |from: &Value| of(from, &json!(null)).unwrap().table["x"]["y"].clone();
        assert_eq!(y(&at("one", false)), 5);
        assert_eq!(y(&at("text", false)), "5");
        assert_eq!(y(&at("text", true)), "'5'");
    }

    #[test]
    fn what_is_missing_is_named_unless_it_is_optional() {
        let from = |optional: bool| {
            json!([{"kind": "Secret", "name": "none", "optional": optional},
                {"kind": "ConfigMap", "name": "base", "valuesKey": "none", "optional": optional}])
        };
        assert!(of(&from(true), &json!(null)).unwrap().table.is_empty());
        let error = of(&from(false), &json!(null)).err().unwrap();
        let want = "could not resolve Secret chart values reference 'team/none' with key \
            'values.yaml': secrets \"none\" not found";
        assert_eq!(error.to_string(), want);
    }
}
