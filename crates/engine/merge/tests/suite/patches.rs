//! Strategic merge patches, against the reference implementation's own cases.

use cases::{Score, lines};
use lode_merge::strategic::{self, Error};
use lode_schema::{Builder, Kinds, Schema, TypeRef, builtin, openapi};
use serde_json::{Value, json};

fn schema() -> Option<Schema> {
    let document = cases::json("strategicpatch/swagger-merge-item-v3.json")?;
    let mut builder = Builder::default();
    openapi::read(
        &document["components"]["schemas"],
        &mut builder,
        &mut Kinds::default(),
    )
    .unwrap();
    Some(builder.finish())
}

type Made = Result<Value, Error>;

/// Checks what a case expects of one operation.
fn check(found: &Made, expected: &Value, what: &str, misses: &mut Vec<String>) {
    match found {
        Ok(found) if same(found, expected) => {}
        other => misses.push(format!("{what}: {other:?} not {expected}")),
    }
}

fn same(a: &Value, b: &Value) -> bool {
    lode_merge::typed::Typed::new(a, &Schema::default(), TypeRef::ANY).equals(b)
}

#[test]
fn patches_are_made_and_applied_as_by_the_reference() {
    let Some(schema) = schema() else { return };
    let ty = schema.named("mergeItem").unwrap();
    let mut score = Score::new("strategic merge patches", 106);
    for case in lines("strategicpatch/cases.jsonl") {
        let mut misses = Vec::new();
        let (original, modified, current) =
            (&case["original"], &case["modified"], &case["current"]);
        let apply = |to: &Value, patch: &Value| strategic::apply(to, patch, &schema, ty);
        match case["table"].as_str().unwrap() {
            // A helper of the reference's own tests.
            "sort" => continue,
            "custom" | "customRaw" => {
                let expected = case["expectedError"].as_str().unwrap_or_default();
                match apply(original, &case["twoWay"]) {
                    Err(error) if !expected.is_empty() && error.to_string().contains(expected) => {}
                    found => check(&found, modified, "apply", &mut misses),
                }
            }
            _ => {
                let two_way = strategic::two_way(original, modified, &schema, ty);
                check(&two_way, &case["twoWay"], "two-way", &mut misses);
                let after = if case["twoWayResult"].is_null() {
                    modified
                } else {
                    &case["twoWayResult"]
                };
                check(
                    &apply(original, &case["twoWay"]),
                    after,
                    "apply two-way",
                    &mut misses,
                );
                let three_way = strategic::three_way(original, modified, current, (&schema, ty));
                check(&three_way, &case["threeWay"], "three-way", &mut misses);
                check(
                    &apply(current, &case["threeWay"]),
                    &case["result"],
                    "apply three-way",
                    &mut misses,
                );
            }
        }
        score.add(misses.is_empty(), || {
            format!("{} {}: {misses:?}", case["table"], case["description"])
        });
    }
    score.finish();
}

fn pod(containers: &Value) -> Value {
    json!({"apiVersion": "v1", "kind": "Pod", "spec": {"containers": containers}})
}

fn patched(original: &Value, patch: &Value) -> Made {
    let ty = builtin().kinds.get("v1", "Pod").unwrap();
    strategic::apply(original, patch, &builtin().schema, ty)
}

#[test]
fn built_in_types_say_which_lists_are_merged() {
    let original = json!({"spec": {
        "containers": [{"name": "a", "image": "a:1", "args": ["x"]}, {"name": "b"}],
        "tolerations": [{"key": "t"}],
    }});
    let patch = json!({"spec": {
        "containers": [{"name": "c"}, {"name": "a", "image": "a:2", "args": ["y"]}],
        "tolerations": [{"key": "u"}],
    }});
    let expected = json!({"spec": {
        "containers": [{"name": "c"}, {"name": "a", "image": "a:2", "args": ["y"]}, {"name": "b"}],
        "tolerations": [{"key": "u"}],
    }});
    assert_eq!(patched(&original, &patch), Ok(expected));
}

#[test]
fn a_two_way_patch_makes_the_one_of_the_other() {
    let ty = builtin().kinds.get("v1", "Pod").unwrap();
    let a = pod(
        &json!([{"name": "a", "image": "a:1"}, {"name": "b", "env": [{"name": "E", "value": "1"}]}]),
    );
    let b = pod(
        &json!([{"name": "b", "env": [{"name": "F"}]}, {"name": "a", "image": "a:1"}, {"name": "c"}]),
    );
    for (from, to) in [(&a, &b), (&b, &a), (&a, &a), (&json!({}), &a)] {
        let patch = strategic::two_way(from, to, &builtin().schema, ty).unwrap();
        assert_eq!(patched(from, &patch).as_ref(), Ok(to), "{patch}");
    }
    assert_eq!(
        strategic::two_way(&a, &a, &builtin().schema, ty),
        Ok(json!({}))
    );
}

#[test]
fn directives_replace_and_delete() {
    let original =
        pod(&json!([{"name": "a", "resources": {"limits": {"cpu": "1"}}}, {"name": "b"}]));
    let containers = |containers: Value| {
        patched(&original, &pod(&containers)).map(|made| made["spec"]["containers"].clone())
    };
    let (a, b) = (
        json!({"name": "a", "resources": {"limits": {"cpu": "1"}}}),
        json!({"name": "b"}),
    );
    assert_eq!(
        containers(json!([{"name": "b", "$patch": "delete"}])),
        Ok(json!([a]))
    );
    assert_eq!(
        containers(json!([{"name": "z", "$patch": "delete"}])),
        Ok(json!([a, b]))
    );
    assert_eq!(
        containers(json!([{"$patch": "replace"}, {"name": "c"}])),
        Ok(json!([{"name": "c"}]))
    );
    let replaced =
        containers(json!([{"name": "a", "resources": {"$patch": "replace", "requests": {}}}]));
    assert_eq!(
        replaced.map(|list| list[0]["resources"].clone()),
        Ok(json!({"requests": {}}))
    );
    let deleted = containers(json!([{"name": "a", "resources": {"$patch": "delete"}}]));
    assert_eq!(
        deleted.map(|list| list[0]["resources"].clone()),
        Ok(json!({}))
    );
    // As in the reference: new items in a list are used unchanged.
    let new = containers(
        json!([{"name": "c", "image": null, "env": [{"name": "E", "$patch": "delete"}]}]),
    );
    assert_eq!(
        new.map(|list| list[0].clone()),
        Ok(json!({"name": "c", "image": null, "env": [{"name": "E", "$patch": "delete"}]}))
    );
}

#[test]
fn patches_that_cannot_be_followed_are_refused() {
    let original = pod(&json!([{"name": "a"}]));
    let refused = |patch: Value| patched(&original, &patch).unwrap_err();
    assert_eq!(patched(&json!(1), &json!({})), Err(Error::NotAnObject));
    assert_eq!(
        refused(json!({"$patch": "odd"})),
        Error::Directive("$patch")
    );
    assert_eq!(
        refused(pod(&json!([{"name": "b", "$patch": "merge"}]))),
        Error::Directive("$patch")
    );
    assert_eq!(refused(pod(&json!([["a"]]))), Error::MixedList);
    assert_eq!(refused(pod(&json!(["a"]))), Error::MixedList);
    assert!(matches!(
        refused(pod(&json!([{"image": "i"}]))),
        Error::NoMergeKey { .. }
    ));
    assert_eq!(
        refused(json!({"$retainKeys": ["spec"], "metadata": {}})),
        Error::NotRetained
    );
    assert_eq!(
        refused(json!({"$retainKeys": 1})),
        Error::Directive("$retainKeys")
    );
    assert_eq!(
        refused(json!({"spec": {"$setElementOrder/containers": {}}})),
        Error::Directive("$setElementOrder/")
    );
    let lists = patched(&pod(&json!([["a"]])), &pod(&json!([["b"]])));
    assert_eq!(lists, Err(Error::ListOfLists));
    let order = json!({"$setElementOrder/containers": [{"name": "a"}, {"name": "b"}], "containers": [{"name": "b"}, {"name": "a"}]});
    assert_eq!(
        refused(json!({"spec": order})),
        Error::Order("containers".into())
    );
}
