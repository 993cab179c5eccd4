//! Recordings of Flux's own controllers: the digest of the rendered text, and which builds fail.

use std::collections::BTreeMap;

use cases::Score;
use lode_render::{LIMITS, render};
use lode_stdx::budget::Budget;
use lode_tree::Tree;
use lode_yaml::{Dialect, Reader};
use serde_json::Value;

use crate::costs::alone;
use crate::support;

#[test]
fn digests_and_failures_are_those_of_flux() {
    let _alone = alone();
    let Some(scenarios) = cases::json("flux/kustomization.json") else {
        return;
    };
    let mut score = Score::of_all("digests and failed builds", RECORDS_MIN);
    for scenario in scenarios.as_array().unwrap() {
        replay(scenario, &mut score);
    }
    score.finish();
}

/// Measured; may only rise.
const RECORDS_MIN: usize = 1;

/// The state of a scenario: files of the repository and specs of its Kustomizations.
fn replay(scenario: &Value, score: &mut Score) {
    let name = scenario["name"].as_str().unwrap();
    let namespace = format!("s-{name}");
    // A suspended Kustomization stays at an earlier state.
    let mut commits: Vec<BTreeMap<String, String>> = Vec::new();
    let mut specs: BTreeMap<String, Value> = BTreeMap::new();
    let mut records = scenario["expected"].as_array().unwrap().iter();
    for step in scenario["steps"].as_array().unwrap() {
        if step["push"].is_object() {
            commits.push(pushed(
                commits.last().cloned().unwrap_or_default(),
                &step["push"],
                &namespace,
            ));
        }
        let applied = step["apply"]
            .as_str()
            .unwrap_or_default()
            .replace("${NS}", &namespace);
        for document in Reader::new(applied.as_bytes(), Dialect::V2) {
            let object = document.unwrap().value;
            if object["kind"] == "Kustomization" {
                specs.insert(
                    object["metadata"]["name"].as_str().unwrap().to_owned(),
                    object["spec"].clone(),
                );
            }
        }
        if step["record"].is_string() {
            let record = records.next().unwrap();
            for (kustomization, spec) in &specs {
                let status = &record["flux"][format!("Kustomization/{kustomization}")]["status"];
                compare(
                    &format!("{name}/{kustomization}"),
                    status,
                    (spec, &commits),
                    score,
                );
            }
        }
    }
}

fn pushed(
    mut files: BTreeMap<String, String>,
    push: &Value,
    namespace: &str,
) -> BTreeMap<String, String> {
    for (path, content) in push["files"].as_object().into_iter().flatten() {
        match content.as_str() {
            Some(content) => files.insert(path.clone(), content.replace("${NS}", namespace)),
            None => files.remove(path),
        };
    }
    for path in push["remove"].as_array().into_iter().flatten() {
        files.remove(path.as_str().unwrap());
    }
    files
}

fn compare(
    name: &str,
    status: &Value,
    (spec, commits): (&Value, &[BTreeMap<String, String>]),
    score: &mut Score,
) {
    let failed = status["conditions"]
        .as_array()
        .into_iter()
        .flatten()
        .any(|condition| {
            condition["type"] == "Ready"
                && matches!(condition["reason"].as_str(), Some("BuildFailed"))
        });
    let digests: Vec<&str> = status["history"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|entry| entry["digest"].as_str())
        .collect();
    if (!failed && digests.is_empty()) || !spec["postBuild"]["substituteFrom"].is_null() {
        return;
    }
    let plan = support::plan(spec);
    let is_recorded = |files| {
        let rendered = render(&Tree::from_iter(files), &plan, &Budget::new(LIMITS));
        rendered.is_ok_and(|rendered| {
            digests.contains(&format!("sha256:{}", rendered.text_digest).as_str())
        })
    };
    let last = Tree::from_iter(commits.last().unwrap());
    let outcome = render(&last, &plan, &Budget::new(LIMITS));
    let is_right = match &outcome {
        Err(_) => failed,
        Ok(_) => !failed && commits.iter().any(is_recorded),
    };
    score.add(is_right, || match outcome {
        Ok(_) => format!("{name}: another digest, or builds where Flux fails"),
        Err(error) => format!("{name}: {error}"),
    });
}
