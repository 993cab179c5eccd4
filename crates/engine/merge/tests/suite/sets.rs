//! Field sets of the reference implementation's own tests.

use lode_merge::fields::{self, union};
use serde_json::{Value, json};

fn lines(name: &str) -> Vec<Value> {
    cases::lines(&format!("smd/{name}"))
}

fn parsed(case: &Value, field: &str) -> Result<Value, String> {
    let value: Value =
        serde_json::from_str(case[field].as_str().unwrap()).map_err(|e| e.to_string())?;
    union(&value, &json!({})).map_err(|e| e.to_string())
}

#[test]
fn sets_are_read_into_one_spelling() {
    let (mut read, mut total) = (0, 0);
    for (file, normal) in [
        ("set_golden.jsonl", "json"),
        ("set_nonnormal.jsonl", "normal"),
        ("set_ok.jsonl", "json"),
    ] {
        for case in lines(file) {
            let expected = parsed(&case, normal);
            assert!(expected.is_ok(), "{file} {case}");
            if file != "set_ok.jsonl" {
                let text = case[normal].as_str().unwrap();
                assert_eq!(
                    expected,
                    Ok(serde_json::from_str(text).unwrap()),
                    "{file}: one spelling"
                );
            }
            assert_eq!(parsed(&case, "json"), expected, "{file} {case}");
            (read, total) = (read + 1, total + 1);
        }
    }
    println!("sets: {read} of {total} read");
}

#[test]
fn what_is_no_set_is_refused() {
    let cases = lines("set_errors.jsonl");
    let refused: Vec<_> = cases
        .iter()
        .filter(|case| parsed(case, "json").is_err())
        .collect();
    println!("bad sets: {} of {} refused", refused.len(), cases.len());
    for case in cases.iter().filter(|case| parsed(case, "json").is_ok()) {
        println!("  read though bad: {case}");
    }
    assert_eq!(refused.len(), cases.len());
}

#[test]
fn a_set_and_what_it_lacks_of_another_are_their_union() {
    for case in lines("set_difference.jsonl") {
        let (a, b) = (&case["a"], &case["b"]);
        assert_eq!(
            union(&case["difference"], b),
            union(a, b),
            "{}",
            case["name"]
        );
        assert_eq!(union(a, b), union(b, a));
        assert_eq!(union(a, a), union(a, &Value::Null));
    }
    for case in lines("set_leaves.jsonl") {
        assert_eq!(
            union(&case["in"], &case["out"]),
            union(&case["in"], &json!({})),
            "{}",
            case["name"]
        );
    }
}

#[test]
fn path_elements_are_read() {
    let (mut good, mut total) = (0, 0);
    for (file, fails) in [("pe_roundtrip.jsonl", false), ("pe_errors.jsonl", true)] {
        for case in lines(file) {
            let text = case["s"].as_str().unwrap();
            total += 1;
            let as_expected = fields::element(text).is_err() == fails;
            good += usize::from(as_expected);
            if !as_expected {
                println!("  {file}: {case}");
            }
        }
    }
    println!("path elements: {good} of {total}");
    assert_eq!(good, total);
}
