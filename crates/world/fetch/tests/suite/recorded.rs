//! Indexes as Flux stored them: the same text in, the same bytes out.

use std::io::Read as _;

use lode_fetch::{IndexLimits, convert};
use lode_stdx::Digest;
use lode_stdx::budget::Budget;
use serde_json::Value;

/// Time of all that was recorded.
const DAY: &str = "2026-01-02T03:04:05Z";

#[test]
fn an_index_is_stored_as_flux_stored_it() {
    let Some(scenarios) = cases::json("flux/sources.json") else {
        return;
    };
    let scenario = scenarios.as_array().unwrap().iter();
    let mut scenario = scenario.filter(|it| it["name"] == "src-chart-new-version");
    let records = &scenario.next().unwrap()["expected"];
    let mut score = cases::Score::of_all("indexes as Flux stored them", 4);
    let mut entries = Vec::new();
    for (at, version) in ["1.0.0", "1.1.0"].into_iter().enumerate() {
        let artifact = |object: &str| records[at]["flux"][object]["status"]["artifact"].clone();
        let (chart, index) = (artifact("HelmChart/app"), artifact("HelmRepository/charts"));
        let digest = chart["digest"]
            .as_str()
            .unwrap()
            .trim_start_matches("sha256:");
        entries.push(entry(version, digest));
        let text = text(&entries);

        let folder = std::env::temp_dir();
        let read = convert(
            text.as_bytes(),
            &folder,
            &IndexLimits::default(),
            &Budget::unlimited(),
        );
        let (_, mut file) = read.unwrap();
        let mut json = Vec::new();
        file.read_to_end(&mut json).unwrap();
        let revision = Value::from(Digest::of(text.as_bytes()).to_string());
        score.check(
            &format!("revision with {version}"),
            &revision,
            &index["revision"],
        );
        let stored = Value::from(Digest::of(&json).to_string());
        score.check(&format!("digest with {version}"), &stored, &index["digest"]);
    }
    score.finish();
}

/// Returns an entry as the recording's repository wrote it.
fn entry(version: &str, digest: &str) -> String {
    let fields = [
        "    \"apiVersion\": \"v2\"".to_owned(),
        "    \"name\": \"app\"".to_owned(),
        format!("    \"version\": \"{version}\""),
        format!("    \"created\": \"{DAY}\""),
        format!("    \"digest\": \"{digest}\""),
        format!("    \"urls\": [\n     \"app-{version}.tgz\"\n    ]"),
    ];
    format!("   {{\n{}\n   }}", fields.join(",\n"))
}

fn text(entries: &[String]) -> String {
    let entries = entries.join(",\n");
    format!(
        "{{\n \"apiVersion\": \"v1\",\n \"entries\": {{\n  \"app\": [\n{entries}\n  ]\n }},\n \"generated\": \"{DAY}\"\n}}"
    )
}
