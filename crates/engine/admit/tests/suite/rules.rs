//! Rules in CEL: recorded ones, and the behaviour of changes, optional values and messages.

use std::collections::BTreeMap;

use cases::Score;
use lode_admit::custom;
use serde_json::{Value, json};

use crate::custom::typed;

fn said(schema: &Value, old: Option<&Value>, new: &Value) -> Vec<String> {
    custom::validate(&typed(schema), old, new)
        .iter()
        .map(ToString::to_string)
        .collect()
}

/// Returns whether a recorded case ends as recorded; costs are not compared.
fn is_right(case: &Value, found: &[String]) -> bool {
    match &case["errors"] {
        Value::Array(errors) if case["table"] == "ratchet" => {
            let mut expected: Vec<String> = errors
                .iter()
                .map(|e| e.as_str().unwrap().replace("root.", ""))
                .collect();
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
    let mut score = Score::new("rules", RULES_FLOOR);
    let mut sections = BTreeMap::<String, (usize, usize)>::new();
    for case in cases::lines("cel/k8s_crd_cel.jsonl") {
        let mut schema = case["schema"].clone();
        if let Some(rule) = case["rule"].as_str().filter(|_| case["table"] == "expr") {
            schema["x-kubernetes-validations"] = json!([{"rule": rule}]);
        }
        let old = Some(&case["oldObj"]).filter(|old| !old.is_null());
        let found = said(&schema, old, &case["obj"]);
        let is_right = is_right(&case, &found);
        let section = sections
            .entry(case["name"].as_str().unwrap().to_owned())
            .or_default();
        *section = (section.0 + usize::from(is_right), section.1 + 1);
        score.add(is_right, || {
            format!(
                "{}: {} {found:?} not {} {}",
                case["name"], case["rule"], case["error"], case["errors"]
            )
        });
    }
    for (name, (right, total)) in sections.iter().filter(|(_, (right, total))| right < total) {
        println!("  {name}: {right} of {total}");
    }
    score.finish();
}

#[test]
fn a_rule_that_is_broken_is_told_with_its_message() {
    let ty = |rule: Value| {
        json!({"type": "object", "properties": {"spec": {"type": "object", "properties": {
            "min": {"type": "integer"}, "max": {"type": "integer"}, "in": {"type": "string"}},
            "x-kubernetes-validations": [rule]}}})
    };
    let object = json!({"spec": {"min": 3, "max": 2, "in": "x"}});
    for (rule, expected) in [
        (
            json!({"rule": "self.min <= self.max"}),
            "spec: Invalid value: failed rule: self.min <= self.max",
        ),
        (
            json!({"rule": "self.min <= self.max", "message": "out of order"}),
            "spec: Invalid value: out of order",
        ),
        (
            json!({"rule": "self.min <= self.max", "message": "m", "messageExpression": "'%d is over %d'.format([self.min, self.max])"}),
            "spec: Invalid value: 3 is over 2",
        ),
        (
            json!({"rule": "self.min <= self.max", "message": "m", "messageExpression": "''"}),
            "spec: Invalid value: m",
        ),
        (
            json!({"rule": "self.min <= self.max", "reason": "FieldValueForbidden", "message": "m", "fieldPath": ".min"}),
            "spec.min: Forbidden: m",
        ),
        (
            json!({"rule": "self.__in__ == 'y'"}),
            "spec: Invalid value: failed rule: self.__in__ == 'y'",
        ),
        (
            json!({"rule": "self.other > 1"}),
            "spec: Invalid value: 'there is no field \"other\"' evaluating rule: self.other > 1",
        ),
        (
            json!({"rule": "oops"}),
            "spec: Invalid value: rule compile error: compilation failed: undeclared reference to 'oops'",
        ),
    ] {
        assert_eq!(said(&ty(rule.clone()), None, &object), [expected], "{rule}");
    }
    assert!(said(&ty(json!({"rule": "self.max <= self.min"})), None, &object).is_empty());
}

#[test]
fn a_rule_about_a_change_needs_something_older() {
    let ty = |optional: bool| {
        let rule = if optional {
            "!oldSelf.hasValue() || self == oldSelf.value()"
        } else {
            "self == oldSelf"
        };
        json!({"type": "object", "properties": {"spec": {"type": "object", "properties": {"a": {"type": "string",
            "x-kubernetes-validations": [{"rule": rule, "message": "immutable", "optionalOldSelf": optional}]}}}}})
    };
    let (one, two) = (json!({"spec": {"a": "1"}}), json!({"spec": {"a": "2"}}));
    for optional in [false, true] {
        assert!(said(&ty(optional), None, &one).is_empty());
        assert!(said(&ty(optional), Some(&one), &one).is_empty());
        assert_eq!(
            said(&ty(optional), Some(&one), &two),
            ["spec.a: Invalid value: \"2\": immutable"]
        );
        assert!(said(&ty(optional), Some(&json!({"spec": {}})), &two).is_empty());
    }
}

#[test]
fn what_did_not_change_is_not_asked_again() {
    let ty = json!({"type": "object", "properties": {"spec": {"type": "object", "properties": {
        "a": {"type": "integer", "x-kubernetes-validations": [{"rule": "self < 3"}]}, "b": {"type": "integer"}}}}});
    let old = json!({"spec": {"a": 5, "b": 1}});
    assert!(said(&ty, Some(&old), &json!({"spec": {"a": 5, "b": 2}})).is_empty());
    assert_eq!(
        said(&ty, Some(&old), &json!({"spec": {"a": 6, "b": 1}})).len(),
        1
    );
}

#[test]
fn items_of_a_list_are_known_by_their_keys() {
    let ty = json!({"type": "object", "properties": {"l": {"type": "array", "x-kubernetes-list-type": "map",
        "x-kubernetes-list-map-keys": ["n"], "items": {"type": "object", "properties": {
            "n": {"type": "string"}, "v": {"type": "integer", "maximum": 9,
                "x-kubernetes-validations": [{"rule": "self >= oldSelf"}]}}}}}});
    let list = |items: &[(&str, i64)]| {
        let items: Value = items.iter().map(|(n, v)| json!({"n": n, "v": v})).collect();
        json!({"l": items})
    };
    let old = list(&[("a", 1), ("b", 20)]);
    assert!(said(&ty, Some(&old), &list(&[("b", 20), ("a", 2)])).is_empty());
    assert_eq!(
        said(&ty, Some(&old), &list(&[("b", 20), ("a", 0)])),
        ["l[1].v: Invalid value: 0: failed rule: self >= oldSelf"]
    );
    let many: Vec<(String, i64)> = (0..20_000).map(|n| (n.to_string(), 1)).collect();
    let many: Vec<(&str, i64)> = many.iter().map(|(n, v)| (n.as_str(), *v)).collect();
    let mut changed = list(&many);
    changed["l"][19_999]["v"] = json!(0);
    assert_eq!(said(&ty, Some(&list(&many)), &changed).len(), 1);
}

#[test]
fn rules_wait_until_the_object_is_valid() {
    let ty = json!({"type": "object", "required": ["spec"], "x-kubernetes-validations": [{"rule": "self.spec.a > 1"}],
        "properties": {"spec": {"type": "object", "properties": {"a": {"type": "integer"}}}}});
    let found = said(&ty, None, &json!({}));
    assert_eq!(found[0], "spec: Required value");
    assert!(
        found[1].starts_with("<nil>: Invalid value: null: some validation rules were not checked"),
        "{found:?}"
    );
}

#[test]
fn rules_see_values_as_their_types() {
    let ty = |rule: &str| {
        json!({"type": "object", "x-kubernetes-validations": [{"rule": rule}], "properties": {"spec": {"type": "object",
            "properties": {
                "at": {"type": "string", "format": "date-time"}, "for": {"type": "string", "format": "duration"},
                "data": {"type": "string", "format": "byte"}, "n": {"type": "number"},
                "port": {"x-kubernetes-int-or-string": true}, "open": {"type": "object", "x-kubernetes-preserve-unknown-fields": true},
                "labels": {"type": "object", "additionalProperties": {"type": "string"}}}}}})
    };
    let object = json!({"metadata": {"name": "w", "labels": {"a": "b"}}, "spec": {
        "at": "2026-01-02T03:04:05Z", "for": "1h", "data": "aGk=", "n": 1, "port": "http", "open": {"x": 1},
        "labels": {"a-b": "c", "in": "d"}}});
    for rule in [
        "self.spec.at < timestamp('2027-01-01T00:00:00Z') && self.spec.__for__ == duration('60m')",
        "size(self.spec.data) == 2 && self.spec.n + 0.5 == 1.5",
        "type(self.spec.port) == string && self.spec.labels['a-b'] == 'c' && 'in' in self.spec.labels",
        "self.metadata.name == 'w' && !has(self.metadata.labels) && !has(self.spec.open.x)",
        "self.spec.labels.all(k, v, k != v) && quantity('1Ki').isGreaterThan(quantity('1k'))",
        "isURL('https://a.example') && url('https://a.example:8/x').getPort() == '8' && isIP('10.0.0.1')",
        "cidr('10.0.0.0/8').containsIP('10.1.2.3') && semver('1.2.3').major() == 1",
        "!format.dns1123Label().validate('a-b').hasValue() && 'a1'.matches('^[a-z][0-9]$')",
    ] {
        assert_eq!(
            said(&ty(rule), None, &object),
            Vec::<String>::new(),
            "{rule}"
        );
    }
}

/// The others are type errors found before an object exists, sums of lists that are merged, and
/// cost.
const RULES_FLOOR: usize = 659;
