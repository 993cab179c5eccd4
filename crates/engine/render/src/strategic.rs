//! Strategic merge as kustomize does it: mappings merge, lists merge by key where the kind's type says so.
//!
//! What a patch brings stands in front of what is there. Lists of kinds without a known type are replaced.

use lode_object::{Map, Value};

use crate::tables::{self, MergeField};

/// The directive inside mappings and lists.
const DIRECTIVE: &str = "$patch";

/// Merges a patch into a value of a type; `None` where the patch deletes it.
pub(crate) fn merge(value: Value, patch: &Value, of: Option<&'static str>) -> Result<Option<Value>, String> {
    merge_value(value, patch, of, "")
}

fn merge_value(value: Value, patch: &Value, of: Option<&'static str>, at: &str) -> Result<Option<Value>, String> {
    match (value, patch) {
        (_, Value::Null) => Ok(None),
        (Value::Object(map), Value::Object(patch)) => merge_map(map, patch, of, at),
        (Value::Null, Value::Object(patch)) => merge_map(Map::new(), patch, of, at),
        (Value::Object(_), _) => Err(format!("{at}: a mapping stands here, the patch has none")),
        (Value::Array(_), patch) if !patch.is_array() => Err(format!("{at}: a list stands here, the patch has none")),
        (value, Value::Object(_) | Value::Array(_)) if !value.is_null() && !value.is_array() => {
            Err(format!("{at}: a plain value stands here, the patch has none"))
        }
        (_, patch) => Ok(Some(patch.clone())),
    }
}

fn merge_map(
    mut map: Map<String, Value>,
    patch: &Map<String, Value>,
    of: Option<&'static str>,
    at: &str,
) -> Result<Option<Value>, String> {
    match patch.get(DIRECTIVE).and_then(Value::as_str) {
        Some("delete") => return Ok(None),
        Some("replace") => return Ok(Some(Value::Object(without_directive(patch)))),
        _ => {}
    }
    for (key, value) in map.iter_mut().filter(|(key, _)| !patch.contains_key(*key)) {
        drop_nulls_below(value, of.and_then(|of| tables::merge_field(of, key)));
    }
    for (key, patch) in patch.iter().filter(|(key, _)| *key != DIRECTIVE) {
        let field = of.and_then(|of| tables::merge_field(of, key));
        let inside = format!("{at}/{key}");
        let inner = field.and_then(|field| field.inner);
        let value = map.remove(key).unwrap_or_default();
        let merged = match (patch, field.and_then(|field| field.keys.as_deref())) {
            (Value::Array(patch), Some(keys)) if value.is_array() || value.is_null() => {
                let list = value.as_array().cloned().unwrap_or_default();
                merge_list(list, patch, &Items { keys, of: inner }, &inside)?
            }
            (patch, _) => merge_value(value, patch, inner, &inside)?,
        };
        if let Some(merged) = merged {
            map.insert(key.clone(), merged);
        }
    }
    Ok(Some(Value::Object(map)))
}

/// Where a patch says nothing about a mapping, its fields without a value vanish; those beside patched ones stay.
fn drop_nulls_below(value: &mut Value, field: Option<&'static MergeField>) {
    let inner = |key: &str| field.and_then(|field| field.inner).and_then(|of| tables::merge_field(of, key));
    match value {
        Value::Object(map) => {
            map.retain(|_, value| !value.is_null());
            map.iter_mut().for_each(|(key, value)| drop_nulls_below(value, inner(key)));
        }
        Value::Array(items) if field.is_some_and(|field| field.keys.is_some()) => {
            for item in items {
                drop_nulls_below(item, field);
            }
        }
        _ => {}
    }
}

/// How the entries of a list are told apart and merged.
struct Items<'k> {
    keys: &'k [&'static str],
    of: Option<&'static str>,
}

fn merge_list(mut list: Vec<Value>, patch: &[Value], items: &Items<'_>, at: &str) -> Result<Option<Value>, String> {
    let directive =
        patch.iter().find(|entry| is_bare_directive(entry)).and_then(|entry| entry.get(DIRECTIVE)?.as_str());
    let entries = || patch.iter().filter(|entry| !is_bare_directive(entry));
    match directive {
        Some("replace") => return Ok(Some(Value::Array(entries().cloned().collect()))),
        Some("delete") => return Ok(None),
        _ => {}
    }
    let is_used = |key: &&&str| list.iter().chain(patch).any(|entry| entry.get(**key).is_some());
    let keys: Vec<&str> = items.keys.iter().filter(is_used).copied().collect();
    let mut front = Vec::new();
    for entry in entries() {
        let found = list.iter().position(|known| same(known, entry, &keys));
        let known = found.map(|at| list.remove(at)).unwrap_or_default();
        if known.is_null() || entry.is_object() {
            front.extend(merge_value(known, entry, items.of, at)?);
        } else {
            front.push(known);
        }
    }
    front.append(&mut list);
    Ok(Some(Value::Array(front)))
}

/// Entries are the same if no key tells them apart; without keys, if they are equal.
fn same(a: &Value, b: &Value, keys: &[&str]) -> bool {
    if keys.is_empty() {
        return a == b;
    }
    let pairs = || keys.iter().map(|key| (a.get(key), b.get(key)));
    pairs().any(|(a, b)| a.is_some() && a == b) && pairs().all(|(a, b)| a.is_none() || b.is_none() || a == b)
}

fn is_bare_directive(entry: &Value) -> bool {
    entry.as_object().is_some_and(|map| map.len() == 1 && map.contains_key(DIRECTIVE))
}

fn without_directive(patch: &Map<String, Value>) -> Map<String, Value> {
    patch.iter().filter(|(key, _)| *key != DIRECTIVE).map(|(key, value)| (key.clone(), value.clone())).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn merged(value: Value, patch: &Value) -> Option<Value> {
        merge(value, patch, Some("PodSpec")).unwrap()
    }

    #[test]
    fn containers_merge_by_name_and_new_ones_come_first() {
        let value = json!({"containers": [{"name": "a", "image": "a:1"}, {"name": "b", "image": "b:1"}]});
        let patch = json!({"containers": [{"name": "c"}, {"name": "b", "image": "b:2"}]});
        let want = json!({"containers": [
            {"name": "c"}, {"name": "b", "image": "b:2"}, {"name": "a", "image": "a:1"},
        ]});
        assert_eq!(merged(value, &patch), Some(want));
    }

    #[test]
    fn directives_delete_and_replace() {
        let value = json!({"containers": [{"name": "a"}, {"name": "b"}], "x": {"y": 1, "z": 2}});
        for (patch, want) in [
            (
                json!({"containers": [{"name": "a", "$patch": "delete"}]}),
                json!({"containers": [{"name": "b"}], "x": {"y": 1, "z": 2}}),
            ),
            (
                json!({"containers": [{"$patch": "replace"}, {"name": "c"}], "x": {"$patch": "replace", "q": 1}}),
                json!({"containers": [{"name": "c"}], "x": {"q": 1}}),
            ),
            (json!({"x": {"y": null}}), json!({"containers": [{"name": "a"}, {"name": "b"}], "x": {"z": 2}})),
        ] {
            assert_eq!(merged(value.clone(), &patch), Some(want));
        }
        assert_eq!(merged(value, &json!({"$patch": "delete"})), None);
    }

    #[test]
    fn lists_of_unknown_types_are_replaced() {
        let patch = json!({"spec": {"items": [{"name": "b"}]}});
        let value = json!({"spec": {"items": [{"name": "a"}]}});
        assert_eq!(merge(value, &patch, None).unwrap(), Some(patch));
    }

    #[test]
    fn a_list_over_a_mapping_is_refused() {
        let cause = merge(json!({"x": {}}), &json!({"x": [1]}), None).unwrap_err();
        assert_eq!(cause, "/x: a mapping stands here, the patch has none");
    }
}
