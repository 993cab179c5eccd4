//! The recorded cases of kstatus and of real custom resources, in one binary.

use cases::{Score, lines, own_health};
use lode_health::{compute, kstatus};
use serde_json::Value;

/// A time after all cases were recorded.
const NOW: i64 = 4_000_000_000;
/// Measured; may only rise.
const CUSTOM_FLOOR: usize = 790;

#[test]
fn every_recorded_object_has_its_status() {
    compare(Score::of_all("kstatus", 42), &lines("health/compute.jsonl"));
}

#[test]
fn our_own_objects_have_their_status() {
    compare(
        Score::of_all("kstatus of our own objects", 44),
        &own_health(),
    );
}

fn compare(mut score: Score, cases: &[Value]) {
    for case in cases {
        let found = kstatus(&case["object"], NOW);
        let is_job = case["object"]["kind"] == "Job";
        assert!(
            is_job || found == compute(&case["object"], NOW),
            "only Jobs are read in another way"
        );
        let reason = case["conditions"][0]["reason"].as_str().unwrap_or_default();
        let expected = (
            case["status"].as_str().unwrap_or_default(),
            reason,
            case["message"].as_str().unwrap_or_default(),
        );
        let shown = (found.status.as_str(), &*found.reason, &*found.message);
        score.check(&case["name"], &shown, &expected);
    }
    score.finish();
}

#[test]
fn real_custom_resources_are_read_without_a_fault() {
    let mut score = Score::new("custom resources that are read", CUSTOM_FLOOR);
    for case in lines("health/argo_lua_health.jsonl.gz") {
        let Some(object) = case
            .as_object()
            .and_then(|case| case.values().find(|value| value["kind"].is_string()))
        else {
            continue;
        };
        let is_read = compute(object, NOW).status != lode_health::Status::Unknown;
        score.add(is_read, || format!("{} is Unknown", object["kind"]));
    }
    score.finish();
}
