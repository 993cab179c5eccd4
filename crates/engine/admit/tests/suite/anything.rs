//! Any object is either valid or refused: nothing here may panic.

use lode_admit::{Kind, create, default, update, validate};
use serde_json::{Value, json};

use crate::strategies::kind;

/// Values that are unexpected for most fields.
fn strange() -> Vec<Value> {
    vec![
        json!(null),
        json!(-1),
        json!("x"),
        json!([]),
        json!([null]),
        json!({}),
        json!([{"name": 1}]),
        json!(true),
    ]
}

#[test]
fn an_object_with_anything_in_it_is_right_or_refused() {
    let (strange, mut looked, mut errors) = (strange(), 0, 0);
    for step in cases::lines("apiserver/http_crd_rbac_misc.jsonl") {
        if step["scenario"] != "defaulting-min-objects" {
            continue;
        }
        let whole = if step["status"] == 201 {
            &step["resp"]
        } else {
            &step["body"]
        };
        let kind = kind(
            whole["apiVersion"].as_str().unwrap(),
            whole["kind"].as_str().unwrap(),
        )
        .unwrap();
        for place in places(whole) {
            let mut object = whole.clone();
            *object.pointer_mut(&place).unwrap() = strange[looked % strange.len()].clone();
            errors += everything(&kind, whole, &object);
            looked += 1;
        }
    }
    println!("objects with something strange in them: {looked}; errors found: {errors}");
    assert!(looked == 0 || errors > looked);
}

/// Applies every step to an object. Returns the number of errors.
fn everything(kind: &Kind, whole: &Value, object: &Value) -> usize {
    let mut new = object.clone();
    create::begin(&mut new);
    default(kind, &mut new);
    create::prepare(kind, &mut new);
    let mut errors = validate::create(kind, &new).len();
    for (live, new, subresource) in [
        (whole, object, ""),
        (object, whole, ""),
        (whole, object, "status"),
    ] {
        let mut new = new.clone();
        update::prepare(kind, subresource, live, &mut new);
        errors += validate::update(kind, subresource, live, &new).len();
    }
    errors
}

/// Returns the pointer to every value in a value.
fn places(value: &Value) -> Vec<String> {
    let below: Vec<(String, &Value)> = match value {
        Value::Object(map) => map
            .iter()
            .map(|(key, value)| (key.replace('~', "~0").replace('/', "~1"), value))
            .collect(),
        Value::Array(items) => items
            .iter()
            .enumerate()
            .map(|(at, value)| (at.to_string(), value))
            .collect(),
        _ => Vec::new(),
    };
    let deeper = below.iter().flat_map(|(step, value)| {
        places(value)
            .into_iter()
            .map(move |rest| format!("/{step}{rest}"))
    });
    std::iter::once(String::new()).chain(deeper).collect()
}
