//! Server-side applies recorded on a real API server: the live object before and after each.

use std::sync::LazyLock;

use lode_merge::{content_digest, content_equal, diff, observe, own_digest};
use serde_json::Value;

const MANAGER: &str = "flux";

/// Read once, for all tests.
static CASES: LazyLock<Vec<Value>> = LazyLock::new(|| {
    let mut cases = cases::lines("apiserver/ssa_corpus.jsonl.gz");
    cases.retain(|case| case["changed"].is_boolean() && case["live"].is_object());
    cases
});

#[test]
fn an_apply_that_changed_nothing_leaves_our_digest() {
    let (mut same, mut unchanged, mut differ, mut changed, mut owned) = (0, 0, 0, 0, 0);
    let mut bad = Vec::new();
    // If the uid differs, the object was deleted and created again before the apply.
    for case in CASES
        .iter()
        .filter(|case| uid(case, "live") == uid(case, "result"))
    {
        let (before, after) = (
            own_digest(&case["live"], MANAGER),
            own_digest(&case["result"], MANAGER),
        );
        if case["changed"] == false {
            unchanged += 1;
            same += usize::from(before == after);
            if before != after {
                bad.push(format!("{} {}", case["case"], case["src"]));
            }
        } else if case["fluxDrifted"] == true
            && content_equal(
                &without_owned(&case["live"]),
                &without_owned(&case["result"]),
            )
        {
            assert_eq!(
                before, after,
                "what the control plane owns counts in no digest: {}",
                case["src"]
            );
            owned += 1;
        } else if case["fluxDrifted"] == true {
            changed += 1;
            differ += usize::from(before != after);
            if before == after {
                bad.push(format!("{} {}", case["case"], case["src"]));
            }
        }
    }
    println!(
        "own digest: {same} of {unchanged} unchanged applies keep it, {differ} of {changed} drifts change it, {owned} are of the control plane's own fields"
    );
    assert!(bad.is_empty(), "{bad:#?}");
}

/// Leaves out the annotations that the volume controller owns, the only such fields in the recorded
/// drifts.
fn without_owned(object: &Value) -> Value {
    let mut object = object.clone();
    if let Some(annotations) = object
        .pointer_mut("/metadata/annotations")
        .and_then(Value::as_object_mut)
    {
        annotations.retain(|key, _| !key.starts_with("pv.kubernetes.io/"));
    }
    object
}

#[test]
fn content_differs_exactly_where_flux_saw_drift() {
    let (mut right, mut total, mut bad) = (0, 0, Vec::new());
    for case in CASES.iter() {
        let (live, result) = (&case["live"], &case["result"]);
        total += 1;
        assert_eq!(
            content_equal(live, result),
            content_digest(live) == content_digest(result)
        );
        if content_equal(live, result) == (case["fluxDrifted"] == false) {
            right += 1;
        } else {
            bad.push(format!("{} {}", case["case"], case["src"]));
        }
        assert_eq!(observe(live, MANAGER, &[]).content, content_digest(live));
    }
    println!("content digest: {right} of {total} decisions as Flux");
    assert!(bad.is_empty(), "{bad:#?}");
}

#[test]
fn every_drift_has_a_field_that_names_it() {
    let (mut named, mut total) = (0, 0);
    for case in CASES.iter().filter(|case| case["fluxDrifted"] == true) {
        total += 1;
        named += usize::from(!diff::between(&case["live"], &case["result"]).is_empty());
    }
    println!("differences: {named} of {total} drifts named");
    assert_eq!(named, total);
}

/// The others are Secrets whose `stringData` the server moves into `data`, and objects changed in
/// the meantime.
#[test]
fn what_was_just_applied_is_there() {
    let total = CASES.len();
    let equal = CASES
        .iter()
        .filter(|case| diff::against_desired(&case["desired"], &case["result"]).is_empty())
        .count();
    println!("against desired: {equal} of {total} applied objects show no difference");
    assert!(equal * 100 >= total * 99);
}

fn uid<'c>(case: &'c Value, side: &str) -> Option<&'c str> {
    case[side]["metadata"]["uid"].as_str()
}
