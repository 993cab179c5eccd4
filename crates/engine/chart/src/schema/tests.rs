//! Schemas and values, and what Helm says about them.

use std::fmt::Write as _;

use lode_stdx::budget::Limits;
use serde_json::json;

use super::*;
use crate::chart::Chart;
use crate::file::ChartFile;
use crate::prepare;

const LIMITS: Limits = Limits {
    bytes: 64 << 20,
    nodes: 200_000,
    steps: 2_000_000,
};

fn chart(schema: &str) -> Chart {
    let files = vec![
        ChartFile::new("Chart.yaml", b"apiVersion: v2\nname: web\nversion: 1.0.0\n"),
        ChartFile::new("values.schema.json", schema.as_bytes()),
        ChartFile::new(
            "charts/db/Chart.yaml",
            b"apiVersion: v2\nname: db\nversion: 1.0.0\n",
        ),
        ChartFile::new(
            "charts/db/values.schema.json",
            b"{\"required\": [\"host\", \"port\"]}",
        ),
        ChartFile::new("charts/db/values.yaml", b"host: a\nport: 1\n"),
    ];
    Chart::from_files(files, &Budget::unlimited()).unwrap()
}

fn outcome(schema: &str, values: &Value) -> Result<(), prepare::PrepareError> {
    let budget = Budget::new(LIMITS);
    let values = values.as_object().unwrap();
    let chart = chart(schema);
    let prepared = chart.prepare(values, &budget)?;
    prepared.check_schemas(&SchemaDocuments::new(), &budget)
}

fn violations(schema: &Value, values: &Value) -> (String, String) {
    match outcome(&schema.to_string(), values).unwrap_err() {
        prepare::PrepareError::Schema(SchemaError::Violated(violations)) => {
            (violations.with_values().to_owned(), violations.to_string())
        }
        other => panic!("{other}"),
    }
}

/// Returns Helm's lines about one chart.
fn lines(schema: &Value, values: &Value) -> String {
    let (full, _) = violations(schema, values);
    let lines = full.strip_prefix(&format!("{TITLE}\nweb:\n")).unwrap();
    lines.strip_suffix('\n').unwrap().to_owned()
}

#[test]
fn values_that_meet_their_schema_pass() {
    let schema = json!({
        "type": "object", "required": ["replicas"],
        "properties": {"replicas": {"type": "integer", "minimum": 1}, "name": {"$ref": "#/$defs/name"}},
        "$defs": {"name": {"type": "string", "pattern": "^[a-z]+$"}},
    });
    let values = json!({"replicas": 2.0, "name": "web"});
    assert_eq!(outcome(&schema.to_string(), &values), Ok(()));
}

#[test]
fn messages_are_helms() {
    let schema = json!({
        "required": ["a", "b"], "additionalProperties": false,
        "properties": {
            "db": {}, "global": {}, "c": {"type": ["string", "null"]}, "d": {"enum": ["x", 1, true]}, "e": {"minimum": 5},
            "f": {"pattern": "^x"}, "g": {"minLength": 1500}, "h": {"$ref": "#/$defs/h"}, "i": {"anyOf": [{"type": "string"}, {"const": 1}]},
        },
        "$defs": {"h": {"type": "object"}},
    });
    for (values, want) in [
        (
            json!({"a.b": 1}),
            "- at '': missing properties 'a', 'b'\n- at '': additional properties 'a.b' not allowed",
        ),
        (
            json!({"c": 1}),
            "- at '/c': got number, want null or string",
        ),
        (
            json!({"d": "z"}),
            "- at '/d': value must be one of 'x', 1, true",
        ),
        (json!({"e": 4.5}), "- at '/e': minimum: got 4.5, want 5"),
        (
            json!({"f": "y"}),
            "- at '/f': 'y' does not match pattern '^x'",
        ),
        (json!({"g": "y"}), "- at '/g': minLength: got 1, want 1,500"),
        (json!({"h": []}), "- at '/h': got array, want object"),
        (
            json!({"i": 2}),
            "- at '/i': 'anyOf' failed\n  - at '/i': got number, want string\n  - at '/i': value must be 1",
        ),
    ] {
        let mut schema = schema.clone();
        if values.get("a.b").is_none() {
            schema["required"] = json!([]);
        }
        assert_eq!(lines(&schema, &values), want);
    }
}

#[test]
fn subcharts_have_schemas_too() {
    let schema = json!({"properties": {"a": {"type": "string"}}});
    let (full, _) = violations(&schema, &json!({"a": 1, "db": {"port": null}}));
    let want = format!(
        "{TITLE}\nweb:\n- at '/a': got number, want string\ndb:\n- at '': missing property 'port'\n"
    );
    assert_eq!(full, want);
}

#[test]
fn values_are_shown_on_request_only() {
    let schema = json!({"properties": {
        "a": {"pattern": "^x"}, "b": {"maximum": 1}, "c": {"format": "ipv4"},
    }, "$schema": "http://json-schema.org/draft-07/schema#"});
    let (full, masked) = violations(&schema, &json!({"a": "secret", "b": 777, "c": "hidden"}));
    for secret in ["secret", "777", "hidden"] {
        assert!(
            full.contains(secret) && !masked.contains(secret),
            "{masked}"
        );
    }
}

#[test]
fn nothing_outside_of_the_chart_is_read() {
    for reference in [
        "https://host/x.json",
        "http://host/x.json",
        "file:///etc/passwd",
        "other.json",
    ] {
        let schema = json!({"properties": {"a": {"$ref": reference}}});
        let (full, _) = violations(&schema, &json!({}));
        assert!(full.contains("it is outside of the chart"), "{full}");
    }
    let schema = json!({"properties": {"a": {"$ref": "urn:example:any"}}});
    assert_eq!(outcome(&schema.to_string(), &json!({"a": 1})), Ok(()));
}

#[test]
fn documents_that_are_handed_in_are_used() {
    let chart = chart("{\"properties\": {\"a\": {\"$ref\": \"https://host/x.json#/$defs/y\"}}}");
    let document = json!({"$defs": {"y": {"type": "string"}}});
    let documents = SchemaDocuments::from([("https://host/x.json".to_owned(), document)]);
    let budget = Budget::new(LIMITS);
    for (value, is_right) in [(json!({"a": "b"}), true), (json!({"a": 1}), false)] {
        let values = value.as_object().unwrap();
        let prepared = chart.prepare(values, &budget).unwrap();
        assert_eq!(
            prepared.check_schemas(&documents, &budget).is_ok(),
            is_right
        );
    }
}

#[test]
fn a_schema_that_is_none_is_a_violation() {
    for schema in [
        "",
        "{",
        "[]",
        "{\"type\": 1}",
        "{\"$ref\": \"#/nowhere\"}",
        "{\"pattern\": \"(\"}",
    ] {
        let error = outcome(schema, &json!({})).unwrap_err().to_string();
        assert!(error.starts_with(TITLE), "{schema}: {error}");
    }
}

/// Each definition asks twice for the next one.
fn doubling(levels: usize) -> String {
    let mut schema = "{\"$defs\": {".to_owned();
    for level in 0..levels {
        let next = level + 1;
        write!(schema, "\"d{level}\": {{\"allOf\": [{{\"$ref\": \"#/$defs/d{next}\"}}, {{\"$ref\": \"#/$defs/d{next}\"}}]}},").unwrap();
    }
    write!(schema, "\"d{levels}\": {{}}}}, \"$ref\": \"#/$defs/d0\"}}").unwrap();
    schema
}

#[test]
fn schema_bombs_end_at_a_bound() {
    assert_eq!(outcome(&doubling(8), &json!({})), Ok(()));
    let error = outcome(&doubling(30), &json!({})).unwrap_err().to_string();
    assert!(
        error.ends_with("needs more than 2000000 steps, the limit"),
        "{error}"
    );

    let mut chain = "{\"$defs\": {".to_owned();
    for level in 0..5_000 {
        write!(
            chain,
            "\"d{level}\": {{\"$ref\": \"#/$defs/d{}\"}},",
            level + 1
        )
        .unwrap();
    }
    chain += "\"d5000\": {}}, \"$ref\": \"#/$defs/d0\"}";
    let error = outcome(&chain, &json!({})).unwrap_err().to_string();
    assert!(
        error.contains("checks are nested deeper than 128"),
        "{error}"
    );

    let deep = "{\"not\": ".repeat(100) + "{}" + &"}".repeat(100);
    let error = outcome(&deep, &json!({})).unwrap_err().to_string();
    assert!(
        error.contains("the schema is nested deeper than 64"),
        "{error}"
    );

    let patterns: Vec<Value> = (0..200)
        .map(|number| json!({"pattern": format!("\\w{{{}}}", 900 + number)}))
        .collect();
    let error = outcome(&json!({"anyOf": patterns}).to_string(), &json!({}))
        .unwrap_err()
        .to_string();
    assert!(
        error.ends_with("bytes, the limit") || error.contains("a pattern needs more than"),
        "{error}"
    );

    let many: Vec<Value> = vec![json!({}); 100_000];
    let error = outcome(&json!({"anyOf": many}).to_string(), &json!({}))
        .unwrap_err()
        .to_string();
    assert!(error.ends_with("bytes, the limit"), "{error}");
}

#[test]
fn schemas_that_refer_to_themselves_are_checked() {
    let schema = json!({
        "$ref": "#/$defs/tree",
        "$defs": {"tree": {"type": "object", "additionalProperties": {"$ref": "#/$defs/tree"}}},
    });
    let values = json!({"a": {"b": {"c": {}}}, "db": {"host": {}, "port": {}}});
    assert_eq!(outcome(&schema.to_string(), &values), Ok(()));
    let circle = json!({"$defs": {"a": {"$ref": "#/$defs/a"}}, "$ref": "#/$defs/a"});
    assert!(lines(&circle, &json!({})).contains("causing reference cycle"));
}
