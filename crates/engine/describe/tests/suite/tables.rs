//! Tables, compared with a real API server.
//!
//! Rows only contain the metadata of their objects, so a row is compared if the whole object was
//! also recorded, in the same version; and always if its cells depend on nothing else. The time is
//! derived from the age.

use std::collections::HashMap;

use cases::{Score, lines};
use jiff::{Timestamp, ToSpan};
use lode_describe::table::{self, Columns, IncludeObject, Options, Version};
use serde_json::{Value, json};

fn options(now: Timestamp) -> Options {
    Options {
        now,
        include: IncludeObject::Metadata,
        definitions: true,
        version: Version::V1,
    }
}

#[test]
fn columns_are_those_of_a_real_server() {
    let Some(theirs) = cases::json("apiserver/table_columns.json") else {
        return;
    };
    let mut score = Score::of_all("columns of kinds", 61);
    for (resource, their) in theirs.as_object().unwrap() {
        let group = resource.rsplitn(3, '/').nth(2).unwrap_or_default();
        let columns = Columns::builtin(group, their["kind"].as_str().unwrap());
        let ours = table::of(columns, &json!({}), [], &options(Timestamp::UNIX_EPOCH));
        let bare = |columns: &Value| {
            let mut columns = columns.as_array().unwrap().clone();
            for column in &mut columns {
                column.as_object_mut().unwrap().remove("description");
            }
            columns
        };
        let (ours, theirs) = (bare(&ours["columnDefinitions"]), bare(&their["columns"]));
        score.check(resource, &ours, &theirs);
    }
    score.finish();
}

#[test]
fn rows_are_those_of_a_real_server() {
    let mut score = Score::of_all("rows of tables", 100);
    for (name, body) in [
        ("http_list_watch_delete.jsonl", "resp"),
        ("kubectl.jsonl", "respBody"),
    ] {
        let entries = lines(&format!("apiserver/{name}"));
        let whole = whole_objects(&entries, body);
        for table in entries.iter().flat_map(|entry| {
            tables(&entry[body])
                .into_iter()
                .map(move |table| (entry, table))
        }) {
            let (entry, table) = table;
            let path = entry["path"].as_str().unwrap();
            let columns = columns(path, &table);
            for row in table["rows"].as_array().into_iter().flatten() {
                let Some(object) = whole_of(row, &whole) else {
                    continue;
                };
                let mut ours = times(&object).map(|now| made(&columns, &object, now));
                let is_right = ours.any(|cells| cells == row["cells"]);
                score.add(is_right, || format!("{path}: {}", row["cells"]));
            }
        }
    }
    score.finish();
}

#[test]
fn whole_tables_are_those_of_a_real_server() {
    let entries = lines("apiserver/http_list_watch_delete.jsonl");
    let whole = whole_objects(&entries, "resp");
    let mut score = Score::of_all("whole answers", 7);
    for entry in &entries {
        let their = &entry["resp"];
        let accept = entry["accept"].as_str().unwrap_or_default();
        let version = if accept.contains("v1beta1") {
            Version::V1Beta1
        } else {
            Version::V1
        };
        let Some(path) = entry["path"]
            .as_str()
            .filter(|path| path.contains("/lw/configmaps"))
        else {
            continue;
        };
        let ours = match their["kind"].as_str() {
            Some("Table") => {
                let include = path
                    .split("includeObject=")
                    .nth(1)
                    .and_then(|rest| rest.split('&').next());
                let include = IncludeObject::parse(include.unwrap_or_default()).unwrap();
                let objects: Vec<&Value> = their["rows"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .map(|row| named(&row["cells"][0], &whole))
                    .collect();
                let now = "2026-11-20T20:25:53Z".parse().unwrap();
                table::of(
                    &columns(path, their),
                    &their["metadata"],
                    objects,
                    &Options {
                        now,
                        include,
                        definitions: true,
                        version,
                    },
                )
            }
            Some("PartialObjectMetadata") => {
                table::partial(named(&their["metadata"]["name"], &whole), version)
            }
            Some("PartialObjectMetadataList") => {
                let items = their["items"].as_array().unwrap().iter();
                table::partial_list(
                    &their["metadata"],
                    items.map(|item| named(&item["metadata"]["name"], &whole)),
                    version,
                )
            }
            _ => continue,
        };
        let name = format!("{path} {accept}");
        score.check(&name, &undescribed(&ours), &undescribed(their));
    }
    score.finish();
}

#[test]
fn a_custom_resource_shows_what_its_definition_says_and_else_its_age() {
    let object = json!({
        "metadata": {"name": "g1", "creationTimestamp": "2026-11-20T20:44:01Z"},
        "spec": {"color": "red", "size": 3},
        "status": {"conditions": [{"type": "Ready", "status": "True"}]},
    });
    let now = "2026-11-20T20:46:01Z".parse().unwrap();
    let shown = |columns: Value| {
        let table = table::of(
            &Columns::custom(&columns),
            &json!({}),
            [&object],
            &options(now),
        );
        (
            table["columnDefinitions"].clone(),
            table["rows"][0]["cells"].clone(),
        )
    };
    let (definitions, cells) = shown(json!([
        {"name": "Color", "type": "string", "jsonPath": ".spec.color"},
        {"name": "Size", "type": "integer", "jsonPath": ".spec.size", "priority": 1, "description": "How large."},
        {"name": "Ready", "type": "string", "jsonPath": ".status.conditions[?(@.type==\"Ready\")].status"},
        {"name": "Gone", "type": "string", "jsonPath": ".spec.gone"},
        {"name": "Odd", "type": "string", "jsonPath": ".spec["},
    ]));
    assert_eq!(cells, json!(["g1", "red", 3, "True", null, null]));
    assert_eq!(
        definitions[1]["description"],
        "Custom resource definition column (in JSONPath format): .spec.color"
    );
    let size = json!({"name": "Size", "type": "integer", "format": "", "description": "How large.", "priority": 1});
    assert_eq!(definitions[2], size);
    for none in [json!(null), json!([])] {
        let (definitions, cells) = shown(none);
        assert_eq!(
            (&definitions[1]["name"], &definitions[1]["type"]),
            (&json!("Age"), &json!("date"))
        );
        assert_eq!(cells, json!(["g1", "2m"]));
    }
}

#[test]
fn only_the_first_event_of_a_watch_describes_its_columns() {
    let object = json!({"metadata": {"name": "a", "resourceVersion": "7"}});
    let options = Options {
        definitions: false,
        include: IncludeObject::None,
        ..options(Timestamp::UNIX_EPOCH)
    };
    let table = table::of(
        Columns::builtin("", "ServiceAccount"),
        &object["metadata"],
        [&object],
        &options,
    );
    assert_eq!(
        table,
        json!({
            "kind": "Table", "apiVersion": "meta.k8s.io/v1", "metadata": {"resourceVersion": "7"},
            "columnDefinitions": null, "rows": [{"cells": ["a", "<unknown>"], "object": null}],
        })
    );
    assert_eq!(IncludeObject::parse("Bogus"), None);
}

fn undescribed(table: &Value) -> Value {
    let mut table = table.clone();
    for column in table["columnDefinitions"]
        .as_array_mut()
        .into_iter()
        .flatten()
    {
        column.as_object_mut().unwrap().remove("description");
    }
    table
}

/// Returns the tables of a body; a watch has one in every event, as text or as values.
fn tables(body: &Value) -> Vec<Value> {
    let events = |text: &str| {
        text.lines()
            .map(|line| serde_json::from_str::<Value>(line).unwrap_or_default())
            .collect()
    };
    let events: Vec<Value> = match body {
        Value::String(text) if text.starts_with("{\"type\"") => events(text),
        Value::Object(map) => map
            .get("__stream")
            .and_then(Value::as_array)
            .cloned()
            .unwrap_or_default(),
        _ => Vec::new(),
    };
    let inside = events.iter().map(|event| event["object"].clone());
    std::iter::once(body.clone())
        .chain(inside)
        .filter(|table| table["kind"] == "Table")
        .collect()
}

/// Returns every completely recorded object, by uid and version.
fn whole_objects(entries: &[Value], body: &str) -> HashMap<(Value, Value), Value> {
    let mut whole = HashMap::new();
    let mut add = |object: &Value| {
        let metadata = &object["metadata"];
        if metadata["uid"].is_string()
            && !object["kind"]
                .as_str()
                .unwrap_or_default()
                .starts_with("Partial")
        {
            whole.insert(
                (metadata["uid"].clone(), metadata["resourceVersion"].clone()),
                object.clone(),
            );
        }
    };
    for answer in entries.iter().map(|entry| &entry[body]) {
        add(answer);
        let kind = answer["kind"]
            .as_str()
            .unwrap_or_default()
            .trim_end_matches("List");
        for item in answer["items"].as_array().into_iter().flatten() {
            let mut item = item.clone();
            item["kind"] = json!(kind);
            item["apiVersion"] = answer["apiVersion"].clone();
            add(&item);
        }
        answer["__stream"]
            .as_array()
            .into_iter()
            .flatten()
            .for_each(|event| add(&event["object"]));
        answer["rows"]
            .as_array()
            .into_iter()
            .flatten()
            .for_each(|row| add(&row["object"]));
    }
    whole
}

/// Returns the whole object of a row, or its metadata if the row shows nothing else.
fn whole_of(row: &Value, whole: &HashMap<(Value, Value), Value>) -> Option<Value> {
    let metadata = &row["object"]["metadata"];
    let found = whole
        .get(&(metadata["uid"].clone(), metadata["resourceVersion"].clone()))
        .cloned();
    let plain = || {
        row["cells"].as_array().filter(|cells| {
            cells.len() == 2 && cells[1].as_str().is_some_and(|cell| cell.ends_with('Z'))
        })
    };
    found.or_else(|| plain().map(|_| row["object"].clone()))
}

fn named<'w>(name: &Value, whole: &'w HashMap<(Value, Value), Value>) -> &'w Value {
    let found = whole
        .values()
        .filter(|object| object["metadata"]["name"] == *name && object["data"].is_object());
    found
        .min_by_key(|object| object["metadata"]["resourceVersion"].to_string())
        .unwrap()
}

/// Returns the columns for a path; those of a custom resource come from the table itself.
fn columns(path: &str, table: &Value) -> Columns {
    let parts: Vec<&str> = path.trim_start_matches('/').split(['?', '/']).collect();
    let (group, version, rest) = if parts[0] == "api" {
        ("", parts[1], &parts[2..])
    } else {
        (parts[1], parts[2], &parts[3..])
    };
    let plural = if rest[0] == "namespaces" && rest.len() > 2 && !rest[2].contains('=') {
        rest[2]
    } else {
        rest[0]
    };
    if let Some(resource) = lode_schema::resources().get(group, version, plural) {
        return Columns::builtin(group, &resource.kind).clone();
    }
    let own = table["columnDefinitions"]
        .as_array()
        .unwrap()
        .iter()
        .skip(1)
        .map(|column| {
            let path = column["description"]
                .as_str()
                .unwrap()
                .rsplit(": ")
                .next()
                .unwrap();
            json!({"name": column["name"], "type": column["type"], "jsonPath": path})
        });
    Columns::custom(&own.collect())
}

/// Returns the times at which a row could have been created.
fn times(object: &Value) -> impl Iterator<Item = Timestamp> {
    let created: Timestamp = object["metadata"]["creationTimestamp"]
        .as_str()
        .unwrap()
        .parse()
        .unwrap();
    (0..600).map(move |seconds| created + seconds.seconds())
}

fn made(columns: &Columns, object: &Value, now: Timestamp) -> Value {
    table::of(columns, &json!({}), [object], &options(now))["rows"][0]["cells"].clone()
}
