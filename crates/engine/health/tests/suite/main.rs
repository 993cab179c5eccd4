//! The recorded cases of kstatus and of real custom resources, in one binary.

#![expect(
    clippy::print_stdout,
    reason = "a failing case fails the test, and figures are printed"
)]

use std::{
    fs::File,
    io::{BufRead, BufReader},
};

use flate2::read::GzDecoder;
use lode_health::{compute, kstatus};
use serde_json::Value;

/// A time after all cases were recorded.
const NOW: i64 = 4_000_000_000;

/// Returns the folder of recorded cases, or says that it is absent.
fn corpus() -> Option<std::path::PathBuf> {
    let folder =
        std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../../shared/corpus/health");
    if !folder.is_dir() {
        println!("no recorded cases at {}: nothing checked", folder.display());
        return None;
    }
    Some(folder)
}

#[test]
fn every_recorded_object_has_its_status() {
    let Some(folder) = corpus() else { return };
    let text = std::fs::read_to_string(folder.join("compute.jsonl")).unwrap();
    let cases: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let mut wrong = Vec::new();
    for case in &cases {
        let found = kstatus(&case["object"], NOW);
        let is_job = case["object"]["kind"] == "Job";
        assert!(
            is_job || found == compute(&case["object"], NOW),
            "only Jobs are read in another way"
        );
        let reason = case["conditions"][0]["reason"].as_str().unwrap_or_default();
        let expected = (
            case["status"].as_str().unwrap(),
            reason,
            case["message"].as_str().unwrap(),
        );
        if (found.status.as_str(), &*found.reason, &*found.message) != expected {
            wrong.push(format!(
                "{}: {found:?}, expected {expected:?}",
                case["name"]
            ));
        }
    }
    println!("kstatus: {} of {}", cases.len() - wrong.len(), cases.len());
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn real_custom_resources_are_read_without_a_fault() {
    let Some(folder) = corpus() else { return };
    let file = File::open(folder.join("argo_lua_health.jsonl.gz")).unwrap();
    let (mut read, mut total) = (0, 0);
    for line in BufReader::new(GzDecoder::new(file)).lines() {
        let case: Value = serde_json::from_str(&line.unwrap()).unwrap();
        let Some(object) = case
            .as_object()
            .and_then(|case| case.values().find(|value| value["kind"].is_string()))
        else {
            continue;
        };
        total += 1;
        read += usize::from(compute(object, NOW).status != lode_health::Status::Unknown);
    }
    println!("custom resources: {read} of {total} read");
    assert!(total == 0 || read * 100 >= total * 95);
}
