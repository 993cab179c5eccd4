//! JSON 6902 patches as kustomize applies them: RFC 6902, with negative list indices counting from the end.
//!
//! Messages name the operation and the path, never a value: it may be a secret.

use lode_object::{Map, Value};

/// Applies the operations in order; after an error the value is half changed.
pub(crate) fn apply(value: &mut Value, operations: &[Value]) -> Result<(), String> {
    operations.iter().try_for_each(|operation| {
        let text = |field: &str| operation.get(field).and_then(Value::as_str);
        let op = text("op").ok_or("an operation has no \"op\"")?;
        let path = text("path").ok_or_else(|| format!("{op}: \"path\" is missing"))?;
        one(value, operation, op, path).map_err(|cause| format!("{op} {path}: {cause}"))
    })
}

fn one(value: &mut Value, operation: &Value, op: &str, path: &str) -> Result<(), &'static str> {
    let from = || operation.get("from").and_then(Value::as_str).ok_or("\"from\" is missing");
    match op {
        "add" => add(value, path, operation.get("value").cloned().unwrap_or_default()),
        "remove" => remove(value, path).map(drop),
        "replace" => replace(value, path, operation.get("value").cloned().unwrap_or_default()),
        "move" => {
            let moved = remove(value, from()?)?;
            add(value, path, moved)
        }
        "copy" => {
            let copied = find(value, from()?)?.clone();
            add(value, path, copied)
        }
        "test" => {
            let wanted = operation.get("value").unwrap_or(&Value::Null);
            let holds = find(value, path).is_ok_and(|found| found == wanted)
                || (wanted.is_null() && find(value, path).is_err());
            if holds { Ok(()) } else { Err("the test does not hold") }
        }
        _ => Err("unknown operation"),
    }
}

fn add(value: &mut Value, path: &str, new: Value) -> Result<(), &'static str> {
    if path.is_empty() {
        *value = new;
        return Ok(());
    }
    // While kustomize builds, every object has annotations, so adding the first one needs no mapping.
    if path.starts_with("/metadata/annotations/")
        && let Some(metadata) = value.get_mut("metadata").and_then(Value::as_object_mut)
    {
        let annotations = metadata.entry("annotations").or_insert(Value::Null);
        if annotations.is_null() {
            *annotations = Value::Object(Map::new());
        }
    }
    let (parent, last) = parent(value, path)?;
    match parent {
        Value::Object(map) => {
            map.insert(last, new);
            Ok(())
        }
        Value::Array(items) if last == "-" => {
            items.push(new);
            Ok(())
        }
        Value::Array(items) => {
            let at = index(&last, items.len() + 1)?;
            items.insert(at, new);
            Ok(())
        }
        _ => Err("the place is neither a mapping nor a list"),
    }
}

/// A mapping need not have the key yet: the library kustomize uses does not look.
fn replace(value: &mut Value, path: &str, new: Value) -> Result<(), &'static str> {
    if let Ok((Value::Object(map), last)) = parent(value, path) {
        map.insert(last, new);
        return Ok(());
    }
    *find(value, path)? = new;
    Ok(())
}

fn remove(value: &mut Value, path: &str) -> Result<Value, &'static str> {
    let (parent, last) = parent(value, path)?;
    match parent {
        Value::Object(map) => map.remove(&last).ok_or(MISSING),
        Value::Array(items) => {
            let at = index(&last, items.len())?;
            Ok(items.remove(at))
        }
        _ => Err(MISSING),
    }
}

const MISSING: &str = "there is nothing at this path";

fn parent<'v>(value: &'v mut Value, path: &str) -> Result<(&'v mut Value, String), &'static str> {
    let (parent, last) = path.rsplit_once('/').ok_or("the path must start with /")?;
    Ok((find(value, parent)?, unescaped(last)))
}

fn find<'v>(value: &'v mut Value, path: &str) -> Result<&'v mut Value, &'static str> {
    if path.is_empty() {
        return Ok(value);
    }
    let path = path.strip_prefix('/').ok_or("the path must start with /")?;
    path.split('/').try_fold(value, |value, part| match value {
        Value::Object(map) => map.get_mut(&unescaped(part)).ok_or(MISSING),
        Value::Array(items) => {
            let at = index(part, items.len())?;
            items.get_mut(at).ok_or(MISSING)
        }
        _ => Err(MISSING),
    })
}

fn index(part: &str, len: usize) -> Result<usize, &'static str> {
    let index: i64 = part.parse().map_err(|_| "a list index must be a number")?;
    let at = if index < 0 { index + len as i64 } else { index };
    usize::try_from(at).ok().filter(|at| *at < len).ok_or("the list has no such index")
}

fn unescaped(part: &str) -> String {
    part.replace("~1", "/").replace("~0", "~")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn patched(mut value: Value, operations: &Value) -> Result<Value, String> {
        apply(&mut value, operations.as_array().unwrap()).map(|()| value)
    }

    #[test]
    fn operations_change_mappings_and_lists() {
        let value = json!({"a": {"b/c": [1, 2, 3]}});
        for (operations, want) in [
            (json!([{"op": "add", "path": "/a/b~1c/-", "value": 4}]), json!({"a": {"b/c": [1, 2, 3, 4]}})),
            (json!([{"op": "add", "path": "/a/b~1c/0", "value": 0}]), json!({"a": {"b/c": [0, 1, 2, 3]}})),
            (json!([{"op": "remove", "path": "/a/b~1c/-1"}]), json!({"a": {"b/c": [1, 2]}})),
            (json!([{"op": "move", "from": "/a/b~1c/0", "path": "/d"}]), json!({"a": {"b/c": [2, 3]}, "d": 1})),
            (json!([{"op": "test", "path": "/a/b~1c/0", "value": 1}]), value.clone()),
        ] {
            assert_eq!(patched(value.clone(), &operations), Ok(want));
        }
    }

    #[test]
    fn an_error_names_the_path_and_no_value() {
        let operations = json!([{"op": "replace", "path": "/data/token/0", "value": "hunter2"}]);
        let error = patched(json!({"data": {}}), &operations).unwrap_err();
        assert_eq!(error, "replace /data/token/0: there is nothing at this path");
    }
}
