//! Masking of Secrets before anything is compared or shown.
//!
//! Values become `***`. If two objects are compared, a value that differs becomes `*** (before)` on
//! one side and `*** (after)` on the other, so that equal values still look equal and different
//! ones different; nothing else about the value (length, hash) is revealed.

use serde_json::Value;

/// Masks the values of a Secret; any other object stays unchanged.
pub fn mask(object: &mut Value) {
    if !is_secret(object) {
        return;
    }
    for pointer in MAPS {
        match object.pointer_mut(pointer) {
            Some(Value::Object(map)) => map.values_mut().for_each(|value| *value = SAME.into()),
            Some(other) if !other.is_null() => *other = SAME.into(),
            _ => {}
        }
    }
    if let Some(applied) = object.pointer_mut(LAST_APPLIED) {
        *applied = SAME.into();
    }
}

/// Masks two objects before a comparison, if either is a Secret.
pub fn mask_pair(before: &mut Value, after: &mut Value) {
    if !is_secret(before) && !is_secret(after) {
        return;
    }
    for pointer in MAPS {
        match (before.pointer_mut(pointer), after.pointer_mut(pointer)) {
            (Some(Value::Object(before)), Some(Value::Object(after))) => {
                for (key, value) in before.iter_mut() {
                    both(Some(value), after.get_mut(key));
                }
                after.values_mut().for_each(|value| both(None, Some(value)));
            }
            (before, after) => whole(before, after),
        }
    }
    both(
        before.pointer_mut(LAST_APPLIED),
        after.pointer_mut(LAST_APPLIED),
    );
}

/// Returns whether an object's values are secret. The group is ignored: a Secret of another group
/// is no less secret.
#[must_use]
pub fn is_secret(object: &Value) -> bool {
    object.get("kind").and_then(Value::as_str) == Some("Secret")
}

/// Masks if one side or both have no map: keys stay if there are any.
fn whole(before: Option<&mut Value>, after: Option<&mut Value>) {
    for side in [before, after].into_iter().flatten() {
        match side {
            Value::Object(map) => map.values_mut().for_each(|value| *value = SAME.into()),
            Value::Null => {}
            other => *other = SAME.into(),
        }
    }
}

/// Masks one value on both sides; a side that was already masked stays unchanged.
fn both(before: Option<&mut Value>, after: Option<&mut Value>) {
    match (before, after) {
        (Some(before), Some(after)) if before == after => {
            (*before, *after) = (SAME.into(), SAME.into());
        }
        (Some(before), Some(after)) => (*before, *after) = (BEFORE.into(), AFTER.into()),
        (Some(one), None) | (None, Some(one)) if one != AFTER => *one = SAME.into(),
        _ => {}
    }
}

/// Replaces a value that is the same on both sides, or present on only one.
pub const SAME: &str = "***";
/// Replaces a value that differs, on the first side.
pub const BEFORE: &str = "*** (before)";
/// Replaces a value that differs, on the second side.
pub const AFTER: &str = "*** (after)";
const MAPS: [&str; 2] = ["/data", "/stringData"];
const LAST_APPLIED: &str =
    "/metadata/annotations/kubectl.kubernetes.io~1last-applied-configuration";

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn equal_looks_equal_and_different_looks_different() {
        let secret =
            |data: Value| json!({"kind": "Secret", "data": data, "stringData": {"s": "clear"}});
        let mut before = secret(json!({"a": "1", "b": "2", "gone": "3"}));
        let mut after = secret(json!({"a": "1", "b": "x", "new": "4"}));
        mask_pair(&mut before, &mut after);
        assert_eq!(
            before["data"],
            json!({"a": SAME, "b": BEFORE, "gone": SAME})
        );
        assert_eq!(after["data"], json!({"a": SAME, "b": AFTER, "new": SAME}));
        assert_eq!(after["stringData"], json!({"s": SAME}));
    }

    #[test]
    fn nothing_of_a_secret_is_left_whatever_its_shape() {
        let shapes = [
            json!({"k": "hush"}),
            json!("hush"),
            json!(["hush"]),
            json!({"k": {"deep": "hush"}}),
            Value::Null,
        ];
        let secret = |data: &Value| {
            json!({"kind": "Secret", "data": data, "stringData": data, "metadata": {"annotations": {
                "kubectl.kubernetes.io/last-applied-configuration": "{\"data\":\"hush\"}"}}})
        };
        for (first, second) in shapes
            .iter()
            .flat_map(|a| shapes.iter().map(move |b| (a, b)))
        {
            let (mut one, mut before, mut after) = (secret(first), secret(first), secret(second));
            mask(&mut one);
            mask_pair(&mut before, &mut after);
            for masked in [one, before, after] {
                assert!(!masked.to_string().contains("hush"), "{masked}");
            }
        }
    }

    #[test]
    fn other_kinds_are_not_masked() {
        let mut map = json!({"kind": "ConfigMap", "data": {"a": "1"}});
        mask(&mut map);
        assert_eq!(map["data"]["a"], "1");
    }
}
