//! Sets and typed values, compared with the reference implementation's own cases.

use cases::{Score, lines};
use lode_merge::{
    filter::PathPattern,
    set::{Element, Set},
    typed::{Duplicates, Typed, reconcile},
};
use lode_schema::{Schema, TypeRef, plain};
use serde_json::{Value, json};

/// Returns the schema and type of a case; without one, the case applies to any object.
fn schema(case: &Value, key: &str) -> (Schema, TypeRef) {
    let Some(document) = case.get(key).filter(|schema| schema.is_object()) else {
        return (Schema::default(), TypeRef::DEDUCED);
    };
    let schema = plain::read(document).unwrap();
    let ty = schema.named(case["type"].as_str().unwrap()).unwrap();
    (schema, ty)
}

fn set(value: &Value) -> Set<'_> {
    Set::read(value).unwrap()
}

/// Null also represents an object without fields.
fn same_value(a: &Value, b: &Value) -> bool {
    Typed::new(a, &Schema::default(), TypeRef::ANY).equals(b)
}

#[test]
fn path_elements_have_one_spelling() {
    let mut score = Score::new("path elements", 67);
    for case in lines("smd/pe_roundtrip.jsonl")
        .iter()
        .chain(&lines("smd/pe_lenient.jsonl"))
    {
        let text = case["s"].as_str().unwrap();
        let normal = case["normal"].as_str().unwrap_or(text);
        let element = Element::parse(text).unwrap().unwrap();
        let mut written = String::new();
        element.write(&mut written);
        // The reference shows the fields of a map in any order.
        let letters = |text: &str| {
            let mut letters: Vec<_> = text.chars().collect();
            letters.sort_unstable();
            letters
        };
        let shown = case["display"]
            .as_str()
            .is_none_or(|shown| letters(shown) == letters(&element.to_string()));
        score.add(written == normal && shown, || {
            format!("{text}: {written} {element}")
        });
    }
    for case in lines("smd/pe_errors.jsonl") {
        let text = case["s"].as_str().unwrap();
        score.add(Element::parse(text).is_err(), || format!("{text} is read"));
    }
    score.finish();
}

#[test]
fn sets_are_written_as_the_server_stores_them() {
    let mut score = Score::new("set spellings", 24);
    let normal = |file: &str, key: &str| {
        lines(file)
            .into_iter()
            .map(|case| (case["json"].clone(), case[key].clone()))
            .collect::<Vec<_>>()
    };
    let cases = [
        normal("smd/set_golden.jsonl", "json"),
        normal("smd/set_nonnormal.jsonl", "normal"),
        normal("smd/set_ok.jsonl", "none"),
    ];
    for (text, expected) in cases.concat() {
        let value: Value = serde_json::from_str(text.as_str().unwrap()).unwrap();
        let written = set(&value).to_json();
        let expected = expected
            .as_str()
            .map_or_else(|| set(&value).to_value().to_string(), str::to_owned);
        score.add(written == expected, || format!("{text}: {written}"));
    }
    score.finish();
}

#[test]
fn sets_are_computed_with() {
    let mut score = Score::new("set operations", 18);
    for case in lines("smd/set_difference.jsonl") {
        let (mut plain, mut below) = (set(&case["a"]), set(&case["a"]));
        plain.subtract(&set(&case["b"]));
        below.subtract_below(&set(&case["b"]));
        let right = plain == set(&case["difference"]) && below == set(&case["recursiveDifference"]);
        score.add(right, || {
            format!("{}: {} {}", case["name"], plain.to_json(), below.to_json())
        });
    }
    for case in lines("smd/set_leaves.jsonl") {
        score.add(set(&case["in"]).leaves() == set(&case["out"]), || {
            case["name"].to_string()
        });
    }
    // The schemas of these cases are not recorded with them.
    let nested = plain::read(&json!({"types": [{"name": "type", "map": {"elementType": {"namedType": "type"}, "fields": [
        {"name": "keyAStr", "type": {"scalar": "string"}}, {"name": "keyBInt", "type": {"scalar": "numeric"}},
        {"name": "named", "type": {"namedType": "type"}}, {"name": "a", "type": {"namedType": "type"}},
        {"name": "values", "type": {"list": {"elementRelationship": "associative", "keys": ["keyAStr", "keyBInt"], "elementType": {"namedType": "type"}}}},
        {"name": "list", "type": {"list": {"elementRelationship": "associative", "keys": ["keyAStr", "keyBInt"], "elementType": {"namedType": "type"}}}},
        {"name": "value", "type": {"scalar": "numeric"}}]}}]}))
    .unwrap();
    for case in lines("smd/set_ensure_named.jsonl") {
        let mut named = set(&case["before"]);
        named.ensure_named(&nested, nested.named("type"));
        score.add(named == set(&case["after"]), || {
            format!("{}: {}", case["value"], named.to_json())
        });
    }
    score.finish();
}

#[test]
fn patterns_let_through_what_begins_as_they_do() {
    let mut score = Score::new("set filters", 10);
    for case in lines("smd/set_filter.jsonl") {
        let input = set(&case["in"]);
        let mut filtered = input.clone();
        lode_merge::filter::Filter::Only(pattern(case["name"].as_str().unwrap()))
            .apply(&mut filtered);
        score.add(filtered == set(&case["out"]), || {
            format!("{}: {}", case["name"], filtered.to_json())
        });
    }
    score.finish();
}

/// The patterns of the cases are recorded only as addresses; these are derived from their names.
fn pattern(name: &str) -> PathPattern<'static> {
    let at = |text: &'static str| (text != "*").then(|| Element::parse(text).unwrap().unwrap());
    let prefix = |path: &[&'static str]| {
        PathPattern::prefix(&path.iter().map(|text| at(text)).collect::<Vec<_>>())
    };
    match name {
        "filter listMap key" => prefix(&[
            "f:spec",
            "f:listMap",
            r#"k:{"key1":"value1","key2":"value2"}"#,
        ]),
        "filter value" => prefix(&["f:spec", "f:set", r#"v:"v1""#]),
        "filter by index" => prefix(&["f:spec", "f:list", "i:1", "f:value"]),
        "multiple index matchers" => prefix(&["f:spec", "f:list", "i:0", "f:value"])
            .or(prefix(&["f:spec", "f:list", "i:1", "f:value"])),
        "multiple field matchers" => prefix(&["f:spec", "f:f1"]).or(prefix(&["f:spec", "f:f3"])),
        "wildcard takes precedence" => prefix(&["f:spec", "f:list", "i:1", "f:f2"])
            .or(prefix(&["f:spec", "f:list", "*", "f:f1"])),
        _ => prefix(&["f:spec", "f:containers", "*", "f:resources"]),
    }
}

#[test]
fn what_fits_is_told_from_what_does_not() {
    let mut score = Score::new("validate", 81);
    for case in lines("smd/typed_validate.jsonl") {
        let (schema, ty) = schema(&case, "schema");
        let groups = [
            ("valid", true, true),
            ("invalid", false, false),
            ("validOnlyWithDuplicatesAllowed", false, true),
        ];
        for (group, strict, lenient) in groups {
            for value in case[group].as_array().unwrap() {
                let typed = Typed::new(value, &schema, ty);
                let fits = |duplicates| typed.validate(duplicates).is_ok();
                let right =
                    fits(Duplicates::Refused) == strict && fits(Duplicates::Allowed) == lenient;
                score.add(right, || {
                    format!(
                        "{} {group} {value}: {:?}",
                        case["name"],
                        typed.validate(Duplicates::Refused)
                    )
                });
            }
        }
    }
    score.finish();
}

#[test]
fn values_know_what_they_own() {
    let mut score = Score::new("to set", 50);
    for case in lines("smd/typed_toset.jsonl")
        .iter()
        .chain(&lines("smd/typed_deduced_toset.jsonl"))
    {
        let (schema, ty) = schema(case, "schema");
        let found = Typed::new(&case["object"], &schema, ty);
        score.add(found.field_set() == set(&case["set"]), || {
            format!("{}: {}", case, found.field_set().to_json())
        });
    }
    score.finish();
}

#[test]
fn values_are_compared() {
    let mut score = Score::new("compare", 115);
    for case in lines("smd/typed_compare.jsonl")
        .iter()
        .chain(&lines("smd/typed_deduced_compare.jsonl"))
    {
        let (schema, ty) = schema(case, "schema");
        let (old, new) = (
            Typed::new(&case["lhs"], &schema, ty),
            Typed::new(&case["rhs"], &schema, ty),
        );
        let found = old.compare(&new);
        let right = found.added == set(&case["added"])
            && found.modified == set(&case["modified"])
            && found.removed == set(&case["removed"]);
        score.add(right, || {
            format!("{} {} {} {found:?}", case["name"], case["lhs"], case["rhs"])
        });
    }
    score.finish();
}

#[test]
fn values_are_merged() {
    let mut score = Score::new("merge", 96);
    for case in lines("smd/typed_merge.jsonl")
        .iter()
        .chain(&lines("smd/typed_deduced_merge.jsonl"))
    {
        let (schema, ty) = schema(case, "schema");
        let (live, config) = (
            Typed::new(&case["lhs"], &schema, ty),
            Typed::new(&case["rhs"], &schema, ty),
        );
        let merged = live.merge(&config);
        let right = merged
            .as_ref()
            .is_ok_and(|merged| same_value(merged, &case["out"]));
        score.add(right, || {
            format!(
                "{} {} {}: {merged:?}",
                case["name"], case["lhs"], case["rhs"]
            )
        });
    }
    score.finish();
}

#[test]
fn fields_are_removed_and_extracted() {
    let mut score = Score::new("remove and extract", 81);
    for case in lines("smd/typed_remove.jsonl") {
        let (schema, ty) = schema(&case, "schema");
        let (typed, fields) = (Typed::new(&case["object"], &schema, ty), set(&case["set"]));
        let (removed, extracted) = (typed.remove(&fields), typed.extract(&fields));
        // Results that the reference's own validation would refuse are not recorded.
        let as_recorded = |found, key: &str| {
            case.get(key)
                .is_none_or(|expected| same_value(found, expected))
        };
        let right =
            as_recorded(&removed, "removeOutput") && as_recorded(&extracted, "extractOutput");
        score.add(right, || {
            format!(
                "{} {} {}: {removed} {extracted}",
                case["name"], case["object"], case["set"]
            )
        });
    }
    for case in lines("smd/typed_extract_with_keys.jsonl") {
        let (schema, ty) = schema(&case, "schema");
        let extracted =
            Typed::new(&case["object"], &schema, ty).extract_with_keys(&set(&case["set"]));
        score.add(same_value(&extracted, &case["out"]), || {
            format!("{case}: {extracted}")
        });
    }
    for case in lines("smd/typed_reversible_extract.jsonl") {
        let (schema, ty) = schema(&case, "schema");
        let (object, part) = (
            Typed::new(&case["object"], &schema, ty),
            Typed::new(&case["pso"], &schema, ty),
        );
        let merged = object.with(object.merge(&part).unwrap());
        let extracted = merged.extract(&part.field_set().leaves());
        score.add(same_value(&extracted, &case["pso"]), || {
            format!("{} {}: {extracted}", case["name"], case["pso"])
        });
    }
    score.finish();
}

#[test]
fn sets_follow_their_types() {
    let mut score = Score::new("reconcile", 7);
    for case in lines("smd/typed_reconcile_schema.jsonl") {
        let (schema, ty) = schema(&case, "newSchema");
        let mut fields = set(&case["oldFields"]);
        reconcile(&mut fields, &schema, ty);
        let expected = if case["fixedFields"].is_null() {
            &case["oldFields"]
        } else {
            &case["fixedFields"]
        };
        score.add(fields == set(expected), || {
            format!("{}: {}", case["name"], fields.to_json())
        });
    }
    score.finish();
}
