//! The language's own conformance cases and rules of real definitions, as far as JSON can express
//! them.

mod functions;

use std::collections::BTreeMap;

use cases::{Score, lines};
use lode_cel::{Expr, Limits};
use serde_json::{Map, Value, json};

/// Cases that were correct when this was written: may grow, must not shrink. The rest are gaps of
/// the library, printed by section.
const CONFORMANCE_FLOOR: usize = 844;
const RULES_FLOOR: usize = 538;
/// Files of cases about unsupported features: message types, extensions that Flux does not load.
const LEFT_OUT: [&str; 8] = [
    "proto2",
    "proto3",
    "proto2_ext",
    "enums",
    "wrappers",
    "block_ext",
    "network_ext",
    "dynamic",
];

/// Counts of one section: correct cases, and all.
#[derive(Default)]
struct Count(usize, usize);

#[test]
fn conformance_does_not_fall() {
    let mut sections: BTreeMap<String, Count> = BTreeMap::new();
    let mut score = Score::new("conformance, as far as JSON can say it", CONFORMANCE_FLOOR);
    for case in &lines("cel/celspec_simple.jsonl") {
        let Some(right) = check(case) else { continue };
        let name = format!(
            "{}/{}",
            case["file"].as_str().unwrap(),
            case["section"].as_str().unwrap()
        );
        let count = sections.entry(name.clone()).or_default();
        count.0 += usize::from(right);
        count.1 += 1;
        score.add(right, || {
            format!("{name} {}: {}", case["name"], case["expr"])
        });
    }
    for (name, count) in sections.iter().filter(|(_, count)| count.0 < count.1) {
        println!("  {name}: {} of {}", count.0, count.1);
    }
    score.finish();
}

/// Checks one case; `None` if it is about something that JSON cannot express.
fn check(case: &Value) -> Option<bool> {
    if LEFT_OUT.contains(&case["file"].as_str()?) || case["container"].is_string() {
        return None;
    }
    let mut vars = Map::new();
    for binding in many(&case["bindings"]) {
        vars.insert(
            binding["key"].as_str()?.to_owned(),
            json_of(&binding["value"]["value"])?,
        );
    }
    let vars: Vec<(&str, &Value)> = vars
        .iter()
        .map(|(key, value)| (key.as_str(), value))
        .collect();
    let text = case["expr"].as_str()?;
    if text.contains("TestAllTypes") || text.contains("google.protobuf") {
        return None;
    }
    let found = Expr::compile(text, Limits::default()).map(|expr| expr.eval(&vars));
    if case["eval_error"].is_object() {
        return Some(!matches!(found, Ok(Ok(_))));
    }
    let expected = json_of(&case["value"])?;
    Some(found.is_ok_and(|value| value.is_ok_and(|value| same(&value, &expected))))
}

/// Returns a recorded value as JSON; `None` if JSON cannot express it.
fn json_of(value: &Value) -> Option<Value> {
    let (sort, value) = value.as_object()?.iter().next()?;
    let literal = || value["__lit"].as_str();
    Some(match sort.as_str() {
        "int64_value" => json!(literal()?.parse::<i64>().ok()?),
        "uint64_value" => json!(literal()?.parse::<u64>().ok()?),
        "double_value" => Value::Number(serde_json::Number::from_f64(literal()?.parse().ok()?)?),
        "bool_value" | "string_value" => value.clone(),
        "null_value" => Value::Null,
        "list_value" => many(&value["values"])
            .map(json_of)
            .collect::<Option<Vec<_>>>()?
            .into(),
        "map_value" => {
            let entry = |entry: &Value| {
                Some((
                    json_of(&entry["key"])?.as_str()?.to_owned(),
                    json_of(&entry["value"])?,
                ))
            };
            many(&value["entries"])
                .map(entry)
                .collect::<Option<Map<_, _>>>()?
                .into()
        }
        _ => return None,
    })
}

/// Repeated fields are recorded as a list, or as a single entry.
fn many(value: &Value) -> impl Iterator<Item = &Value> {
    let (list, one) = match value {
        Value::Array(items) => (items.as_slice(), None),
        Value::Null => (&[][..], None),
        one => (&[][..], Some(one)),
    };
    list.iter().chain(one)
}

fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(x), Value::Number(y)) => x == y || x.as_f64() == y.as_f64(),
        (Value::Array(x), Value::Array(y)) => {
            x.len() == y.len() && x.iter().zip(y).all(|(x, y)| same(x, y))
        }
        _ => a == b,
    }
}

/// Rules of definitions, evaluated for real objects; those that need the schema's types or the old
/// object are not counted.
#[test]
fn rules_of_definitions_do_not_fall() {
    let mut score = Score::new("rules of definitions", RULES_FLOOR);
    for case in &lines("cel/k8s_crd_cel.jsonl") {
        let rule = case["rule"].as_str().unwrap_or_default();
        if case["expectSkipped"] == true
            || rule.is_empty()
            || rule.contains("oldSelf")
            || !case["valid"].is_boolean()
        {
            continue;
        }
        let found = Expr::compile(rule, Limits::default())
            .map(|expr| expr.eval_bool(&[("self", &case["obj"])]));
        let is_right = match (case["valid"].as_bool(), &found) {
            (Some(true), Ok(Ok(found))) => *found,
            (Some(false), Ok(Ok(found))) => !found,
            (Some(false), _) => true,
            _ => false,
        };
        score.add(is_right, || {
            format!(
                "{}: {rule}: {found:?}, valid {}",
                case["name"], case["valid"]
            )
        });
    }
    score.finish();
}
