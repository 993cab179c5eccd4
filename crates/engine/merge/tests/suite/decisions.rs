//! Applies that changed nothing on a real API server: how many are proven no-ops, and that no other
//! apply is.

use std::collections::BTreeMap;

use lode_merge::{Decision, decide};
use serde_json::Value;

use crate::ssa::{ROWS, endpoint};

/// Fewest no-ops that must be proven, and the number of no-ops.
const PROVEN_MIN: usize = 2556;

#[test]
fn no_ops_are_proven_and_nothing_else_is_taken_for_one() {
    let (mut proven, mut total, mut wrong) = (0, 0, Vec::new());
    let mut missed = BTreeMap::<String, usize>::new();
    let mut untyped = (0, 0);
    for row in ROWS.iter().filter(|row| row["live"].is_object()) {
        let to = endpoint(&row["desired"]);
        let schema = to.as_ref().map(|to| (to.schema, to.ty));
        let decision = decide(&row["live"], &row["desired"], "flux", schema);
        let is_no_op = row["changed"] == false;
        if is_no_op {
            total += 1;
            proven += usize::from(decision == Decision::NoOp);
            untyped.1 += usize::from(schema.is_none());
            untyped.0 += usize::from(schema.is_none() && decision == Decision::NoOp);
            if decision != Decision::NoOp {
                *missed
                    .entry(format!("{decision:?} {}", row["desired"]["kind"]))
                    .or_default() += 1;
                println!("  {decision:?} {} {}", row["case"], row["src"]);
            }
        } else if decision == Decision::NoOp && meant(&row["live"]) != meant(&row["result"]) {
            wrong.push(format!("{} {} {}", row["case"], row["src"], row["status"]));
        }
    }
    println!(
        "no-ops: {proven} of {total} proven ({} of {} without a type), {} wrong",
        untyped.0,
        untyped.1,
        wrong.len()
    );
    println!("missed: {missed:?}");
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(
        total == 0 || proven >= PROVEN_MIN,
        "{proven} is below {PROVEN_MIN}"
    );
}

/// Returns an object without its status and that part of its ownership, without times and resource
/// version: a server can write a status at any moment, including between an apply and the read
/// before it.
fn meant(object: &Value) -> Value {
    let mut object = object.clone();
    let Some(map) = object.as_object_mut() else {
        return object;
    };
    map.remove("status");
    let Some(metadata) = map.get_mut("metadata").and_then(Value::as_object_mut) else {
        return object;
    };
    metadata.remove("resourceVersion");
    if let Some(entries) = metadata
        .get_mut("managedFields")
        .and_then(Value::as_array_mut)
    {
        entries.retain(|entry| entry["subresource"] != "status");
        for entry in entries {
            entry.as_object_mut().unwrap().remove("time");
        }
    }
    object
}
