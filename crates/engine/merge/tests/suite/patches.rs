//! Strategic merge patches, against the reference implementation's own cases.

use lode_merge::strategic::{self, Error};
use lode_schema::{Builder, Kinds, Schema, TypeRef, openapi};
use serde_json::Value;

use crate::{Score, corpus, lines};

fn schema() -> Option<Schema> {
    let text = std::fs::read_to_string(corpus()?.join("strategicpatch/swagger-merge-item-v3.json")).unwrap();
    let document: Value = serde_json::from_str(&text).unwrap();
    let mut builder = Builder::default();
    openapi::read(&document["components"]["schemas"], &mut builder, &mut Kinds::default()).unwrap();
    Some(builder.finish())
}

type Made = Result<Value, Error>;

/// What a case expects of one operation.
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
        let (original, modified, current) = (&case["original"], &case["modified"], &case["current"]);
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
                let after = if case["twoWayResult"].is_null() { modified } else { &case["twoWayResult"] };
                check(&apply(original, &case["twoWay"]), after, "apply two-way", &mut misses);
                let three_way = strategic::three_way(original, modified, current, (&schema, ty));
                check(&three_way, &case["threeWay"], "three-way", &mut misses);
                check(&apply(current, &case["threeWay"]), &case["result"], "apply three-way", &mut misses);
            }
        }
        score.add(misses.is_empty(), || format!("{} {}: {misses:?}", case["table"], case["description"]));
    }
    score.finish();
}
