//! Indexes of all forms, also those that are meant to cost a lot.

use std::io::Read as _;

use lode_stdx::budget;
use serde_json::{Value, json};

use super::*;

fn convert(text: &str) -> Result<(Index, String), IndexError> {
    within(text, &IndexLimits::default(), budget::Limits::UNLIMITED)
}

fn within(
    text: &str,
    limits: &IndexLimits,
    budget: budget::Limits,
) -> Result<(Index, String), IndexError> {
    let folder = tempfile::tempdir().unwrap();
    let budget = Budget::new(budget);
    let (index, mut file) = super::convert(text.as_bytes(), folder.path(), limits, &budget)?;
    let mut json = String::new();
    let size = file.size();
    file.read_to_string(&mut json).unwrap();
    assert_eq!(json.len() as u64, size);
    Ok((index, json))
}

fn index(text: &str) -> Index {
    convert(text).unwrap().0
}

fn error(text: &str) -> String {
    convert(text).unwrap_err().to_string()
}

/// Returns an index with versions of a chart.
fn versions(versions: &[&str]) -> String {
    let entries = versions.iter();
    let entries =
        entries.map(|version| format!("  - {{name: app, version: \"{version}\", urls: [x]}}\n"));
    format!(
        "apiVersion: v1\nentries:\n  app:\n{}",
        entries.collect::<String>()
    )
}

const EMPTY: &str = "apiVersion: v1\nentries: {}\n";

#[test]
fn the_file_has_the_layout_of_gos_json() {
    let (_, json) = convert(EMPTY).unwrap();
    let expected = "{\n  \"apiVersion\": \"v1\",\n  \"generated\": \"0001-01-01T00:00:00Z\",\n  \"entries\": {}\n}";
    assert_eq!(json, expected);

    let text = "apiVersion: v1\ngenerated: \"2026-01-02T03:04:05Z\"\nannotations: {b: \"1\", a: <x>}\nentries:\n  b: []\n  \
                a:\n  - {name: a, version: 1.0.0, maintainers: [{email: m, name: k}], urls: [u]}\n";
    let (_, json) = convert(text).unwrap();
    let expected = r#"{
  "apiVersion": "v1",
  "generated": "2026-01-02T03:04:05Z",
  "entries": {
    "a": [
      {
        "name": "a",
        "version": "1.0.0",
        "maintainers": [
          {
            "name": "k",
            "email": "m"
          }
        ],
        "apiVersion": "v1",
        "urls": [
          "u"
        ],
        "created": "0001-01-01T00:00:00Z"
      }
    ],
    "b": []
  },
  "annotations": {
    "a": "\u003cx\u003e",
    "b": "1"
  }
}"#;
    assert_eq!(json, expected);
}

#[test]
fn what_was_stored_reads_back() {
    for text in [
        EMPTY.to_owned(),
        versions(&["1.0.0", "v2.0.0", "1.0.0+a"]),
        "apiVersion: v1\nentries: {a: [], b: [{name: c, version: 1.0.0, digest: \"00\"}]}\n"
            .to_owned(),
    ] {
        let (index, json) = convert(&text).unwrap();
        let limits = IndexLimits::default();
        let again = Index::read(json.as_bytes(), &limits, &Budget::unlimited()).unwrap();
        assert_eq!(again, index, "{text}");
        assert_eq!(convert(&json).unwrap().1, json, "{text}");
    }
}

#[test]
fn an_index_in_json_is_the_same_as_one_in_yaml() {
    let yaml = versions(&["1.0.0", "1.1.0"]);
    let entry = |version: &str| json!({"name": "app", "version": version, "urls": ["x"]});
    let json = json!({"apiVersion": "v1", "entries": {"app": [entry("1.0.0"), entry("1.1.0")]}});
    assert_eq!(convert(&yaml).unwrap(), convert(&json.to_string()).unwrap());
    // A comment makes it YAML that begins like JSON.
    let (_, mixed) = convert(&format!("{json} # a comment")).unwrap();
    assert_eq!(mixed, convert(&yaml).unwrap().1);
}

#[test]
fn the_version_as_written_comes_before_the_newest_in_the_range() {
    let all = index(&versions(&[
        "1.0.0",
        "1.2.3",
        "1.3.0-rc.1",
        "v1.1.0",
        "2.0.0",
        "2.1.0-a",
    ]));
    for (range, expected) in [
        ("1.0.0", Ok("1.0.0")),
        ("1.1.0", Ok("v1.1.0")),
        ("v1.1.0", Ok("v1.1.0")),
        ("1.x", Ok("1.2.3")),
        (">=1.0.0 <1.3.0", Ok("1.2.3")),
        ("*", Ok("2.0.0")),
        ("", Ok("2.0.0")),
        (">=1.3.0-0 <2", Ok("1.3.0-rc.1")),
        ("2.1.0-a", Ok("2.1.0-a")),
        (
            ">=3",
            Err("no 'app' chart with version matching '>=3' found"),
        ),
        ("a.b", Err("improper constraint: \"a.b\"")),
    ] {
        let found = all.find("app", range).map(|found| found.version());
        let found = found.map_err(|error| error.to_string());
        assert_eq!(
            found.as_deref().map_err(|error| &**error),
            expected,
            "{range}"
        );
    }
    assert_eq!(all.find("other", "*").unwrap_err(), FindError::Name);
    let none = index("apiVersion: v1\nentries: {app: []}\n");
    assert_eq!(none.find("app", "*").unwrap_err(), FindError::Version);
}

#[test]
fn of_versions_that_differ_in_build_metadata_the_last_made_is_meant() {
    let entry = |build: &str, created: &str| {
        format!("  - {{name: app, version: 1.0.0+{build}, created: \"{created}\"}}\n")
    };
    let text = format!(
        "apiVersion: v1\nentries:\n  app:\n{}{}{}",
        entry("b", "2026-01-02T00:00:00Z"),
        entry("a", "2026-01-03T00:00:00Z"),
        entry("c", "2026-01-01T00:00:00Z")
    );
    let found = index(&text);
    assert_eq!(found.find("app", "1.0.0").unwrap().version(), "1.0.0+a");
    assert_eq!(found.find("app", "1.0.0+c").unwrap().version(), "1.0.0+c");
}

#[test]
fn what_is_no_index_says_why() {
    for (text, told) in [
        ("", "empty index.yaml file"),
        ("entries: {}\n", "no API version specified"),
        ("- 1\n", "error unmarshaling JSON: index: a table expected"),
        (
            "apiVersion: v1\nentries: []\n",
            "error unmarshaling JSON: entries: a table expected",
        ),
        (
            "apiVersion: v1\nentries: {a: 1}\n",
            "error unmarshaling JSON: a: a list expected",
        ),
        (
            "apiVersion: v1\nentries: {a: [{name: []}]}\n",
            "error unmarshaling JSON: a: name: a text expected",
        ),
        (
            "a: [\n",
            "error converting YAML to JSON: yaml: 2:1: a value was expected here",
        ),
    ] {
        assert_eq!(error(text), told, "{text}");
    }
}

#[test]
fn an_invalid_entry_leaves_the_others() {
    let text = "apiVersion: v1\nentries:\n  app:\n  - {name: app}\n  - null\n  - {name: app, version: 1.0.0}\n";
    let (index, json) = convert(text).unwrap();
    assert_eq!(index.len(), 1);
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["entries"]["app"].as_array().unwrap().len(), 1);
}

#[test]
fn an_index_that_is_meant_to_cost_a_lot_costs_its_bound() {
    let many: Vec<_> = (0..2000)
        .map(|n| format!("  - {{name: app, version: 1.0.{n}}}\n"))
        .collect();
    let many = many.concat();
    let text = format!("apiVersion: v1\nentries:\n  app:\n{many}");
    let small = IndexLimits {
        kept_bytes: 100_000,
        ..IndexLimits::default()
    };
    let refused = within(&text, &small, budget::Limits::UNLIMITED).unwrap_err();
    assert!(
        matches!(refused, IndexError::TooMany { limit: 100_000 }),
        "{refused}"
    );
    let short = IndexLimits {
        file_bytes: 10_000,
        ..IndexLimits::default()
    };
    let refused = within(&text, &short, budget::Limits::UNLIMITED).unwrap_err();
    assert!(matches!(refused, IndexError::TooLarge { .. }), "{refused}");
    let few = budget::Limits {
        nodes: 1000,
        ..budget::Limits::UNLIMITED
    };
    assert!(within(&text, &IndexLimits::default(), few).is_err());

    // Aliases that would be a thousand copies of a thousand copies.
    let row = format!("[{}]", "x,".repeat(1000));
    let copies = |anchor: &str| format!("[{}]", format!("*{anchor},").repeat(1000));
    let bomb = format!(
        "a: &a {row}\nb: &b {}\nc: {}\napiVersion: v1\n",
        copies("a"),
        copies("b")
    );
    let refused = error(&bomb);
    assert!(refused.contains("aliases"), "{refused}");
    let deep = format!("apiVersion: v1\nentries: {{a: [{}]}}\n", "[".repeat(1000));
    assert!(error(&deep).contains("nested deeper"));
    let deep = format!(
        "{{\"apiVersion\": \"v1\", \"entries\": {{\"a\": [{}",
        "[".repeat(100_000)
    );
    assert!(convert(&deep).is_err());
}

#[test]
fn little_is_kept_of_a_large_index() {
    let about = "x".repeat(2000);
    let entries: Vec<_> = (0..3000)
        .map(|n| format!("  - name: app\n    version: 1.0.{n}\n    description: {about}\n    urls:\n    - a\n"))
        .collect();
    let text = format!("apiVersion: v1\nentries:\n  app:\n{}", entries.concat());
    let (index, json) = convert(&text).unwrap();
    assert_eq!(index.len(), 3000);
    assert!(
        index.bytes() < 600_000,
        "{} of {}",
        index.bytes(),
        text.len()
    );
    assert!(json.len() > text.len());
    assert_eq!(index.find("app", "*").unwrap().version(), "1.0.2999");
}
