//! Paths of names in objects (`spec.template.metadata`), and the semantic equality of values.

use serde_json::{Map, Value};

/// Returns what is at a path.
pub(crate) fn at<'v>(value: &'v Value, path: &str) -> Option<&'v Value> {
    path.split('.')
        .try_fold(value, |value, name| value.get(name))
}

/// Returns the text at a path; empty if there is none.
pub(crate) fn text<'v>(value: &'v Value, path: &str) -> &'v str {
    at(value, path).and_then(Value::as_str).unwrap_or_default()
}

/// Sets the value at a path, creating objects on the way; anything else on the way is replaced.
pub(crate) fn put(value: &mut Value, path: &str, new: Value) {
    let (way, last) = path.rsplit_once('.').unwrap_or(("", path));
    object_at(value, way).insert(last.to_owned(), new);
}

/// Returns the object at a path, created if absent; at an empty path, the value itself.
pub(crate) fn object_at<'v>(value: &'v mut Value, path: &str) -> &'v mut Map<String, Value> {
    let names = path.split('.').filter(|name| !name.is_empty());
    names.fold(object(value), |object, name| {
        self::object(object.entry(name).or_insert(Value::Null))
    })
}

/// Returns the objects in the list at a path.
pub(crate) fn items_at<'v>(
    value: &'v mut Value,
    path: &str,
) -> impl Iterator<Item = &'v mut Map<String, Value>> + use<'v> {
    let list = path
        .split('.')
        .try_fold(value, |value, name| value.get_mut(name));
    list.and_then(Value::as_array_mut)
        .into_iter()
        .flatten()
        .filter_map(Value::as_object_mut)
}

/// Removes and returns the value at a path.
pub(crate) fn remove(value: &mut Value, path: &str) -> Option<Value> {
    let (way, last) = path.rsplit_once('.').unwrap_or(("", path));
    let mut names = way.split('.').filter(|name| !name.is_empty());
    let parent = names.try_fold(value, |value, name| value.get_mut(name))?;
    parent.as_object_mut()?.remove(last)
}

/// Returns a value as an object, replacing anything else by an empty one.
pub(crate) fn object(value: &mut Value) -> &mut Map<String, Value> {
    if !value.is_object() {
        *value = Value::Object(Map::new());
    }
    value.as_object_mut().expect("it was made an object")
}

/// Returns whether two values are equal, where null, an empty list and absence are the same
/// (`equality.Semantic`).
pub(crate) fn equal(a: Option<&Value>, b: Option<&Value>) -> bool {
    match (a.filter(|a| !is_nothing(a)), b.filter(|b| !is_nothing(b))) {
        (None, None) => true,
        (Some(Value::Object(a)), Some(Value::Object(b))) => {
            a.iter().all(|(key, value)| equal(Some(value), b.get(key)))
                && b.iter()
                    .all(|(key, value)| a.contains_key(key) || is_nothing(value))
        }
        (Some(Value::Array(a)), Some(Value::Array(b))) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| equal(Some(a), Some(b)))
        }
        (Some(Value::Number(a)), Some(Value::Number(b))) => a == b || a.as_f64() == b.as_f64(),
        (a, b) => a == b,
    }
}

fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(items) => items.is_empty(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn nothing_null_and_an_empty_list_are_the_same() {
        let same = |a: Value, b: Value| equal(Some(&a), Some(&b));
        assert!(same(json!({"a": null, "b": [], "c": 1}), json!({"c": 1.0})));
        assert!(
            !same(json!({"a": {}}), json!({})),
            "a pointer to an empty struct is not nil"
        );
        assert!(!same(json!([1]), json!([1, 2])));
    }

    #[test]
    fn what_is_put_can_be_taken_out() {
        let mut value = json!({"a": 1});
        put(&mut value, "a.b.c", json!(2));
        assert_eq!(value, json!({"a": {"b": {"c": 2}}}));
        assert_eq!(remove(&mut value, "a.b.c"), Some(json!(2)));
        assert_eq!(remove(&mut value, "x.y"), None);
        assert_eq!(remove(&mut value, "a"), Some(json!({"b": {}})));
        assert_eq!(text(&value, "a.b"), "");
    }
}
