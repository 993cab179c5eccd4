//! Server-side applies recorded on a real API server, repeated by this engine.
//!
//! Compared are the resulting ownership (`metadata.managedFields`: managers, operations, versions,
//! subresources, sets and their order; no times), and that every value the engine produces is also
//! in the server's object. Everything else the server adds, above all defaults, is outside this
//! crate.

use std::{
    collections::{BTreeMap, HashMap},
    sync::LazyLock,
};

use cases::Score;
use lode_merge::{
    diff,
    write::{self, Endpoint, Request},
};
use lode_schema::{Schema, TypeRef, builtin, structural};
use serde_json::{Value, json};

/// Read once, for all tests.
pub(crate) static ROWS: LazyLock<Vec<Value>> =
    LazyLock::new(|| cases::lines("apiserver/ssa_corpus.jsonl.gz"));

/// Types of custom resources whose definition is one of the rows, by API version and kind.
static CUSTOM: LazyLock<HashMap<(String, String), (Schema, TypeRef)>> = LazyLock::new(custom);

fn custom() -> HashMap<(String, String), (Schema, TypeRef)> {
    let mut types = HashMap::new();
    for row in ROWS
        .iter()
        .filter(|row| row["desired"]["kind"] == "CustomResourceDefinition" && row["status"] != 422)
    {
        let spec = &row["desired"]["spec"];
        for version in spec["versions"].as_array().into_iter().flatten() {
            let Ok((schema, ty)) =
                structural::read(&version["schema"]["openAPIV3Schema"], &builtin().schema)
            else {
                continue;
            };
            let api_version = format!("{}/{}", text(&spec["group"]), text(&version["name"]));
            types.insert(
                (api_version, text(&spec["names"]["kind"]).to_owned()),
                (schema, ty),
            );
        }
    }
    types
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// Returns the endpoint for a row's object; `None` if its type is not available.
pub(crate) fn endpoint(desired: &Value) -> Option<Endpoint<'_>> {
    let (version, kind) = (text(&desired["apiVersion"]), text(&desired["kind"]));
    if let Some(ty) = builtin().kinds.get(version, kind) {
        return Some(Endpoint::new(&builtin().schema, ty, version, kind));
    }
    let (schema, ty) = CUSTOM.get(&(version.to_owned(), kind.to_owned()))?;
    Some(Endpoint::new(schema, *ty, version, kind))
}

/// Later than all rows.
const NOW: &str = "2027-01-01T00:00:00Z";

fn apply(row: &Value, to: &Endpoint<'_>) -> Result<Value, write::Refusal> {
    let live = Some(&row["live"]).filter(|live| live.is_object());
    write::apply(
        live,
        &row["desired"],
        to,
        Request {
            manager: "flux",
            force: true,
            now: NOW,
        },
    )
}

#[test]
fn whoever_owned_what_on_the_server_owns_it_here() {
    let mut score = Score::new("server-side applies: managedFields", 5224);
    let (mut objects, mut exact, mut unknown) = (0, 0, BTreeMap::<String, usize>::new());
    let mut differing = BTreeMap::<String, usize>::new();
    for row in ROWS
        .iter()
        .filter(|row| row["status"] == 200 || row["status"] == 201)
    {
        let Some(to) = endpoint(&row["desired"]) else {
            *unknown
                .entry(format!(
                    "{} {}",
                    row["desired"]["apiVersion"], row["desired"]["kind"]
                ))
                .or_default() += 1;
            continue;
        };
        let found = apply(row, &to);
        let right = found
            .as_ref()
            .is_ok_and(|found| entries(found) == entries(&row["result"]));
        score.add(right, || match &found {
            Ok(found) => format!(
                "{} {}: {}",
                row["case"],
                row["src"],
                difference(found, &row["result"])
            ),
            Err(refusal) => format!("{} {}: {refusal}", row["case"], row["src"]),
        });
        let Ok(found) = found else { continue };
        let differences = diff::against_desired(&content(&found), &row["result"]);
        objects += usize::from(differences.is_empty());
        exact += usize::from(content(&found) == content(&row["result"]));
        for difference in differences.iter().take(1) {
            *differing.entry(difference.path.to_string()).or_default() += 1;
        }
    }
    println!(
        "objects: all the engine says is so on the server in {objects}, {exact} are the same to the letter"
    );
    println!("objects that differ, by their first field: {differing:?}");
    println!("types not at hand: {unknown:?}");
    score.finish();
}

#[test]
fn what_the_server_refused_for_its_type_is_refused_in_its_words() {
    let mut score = Score::new("server-side applies: refused for their type", 18);
    for row in ROWS.iter().filter(|row| row["status"] == 500) {
        let Some(to) = endpoint(&row["desired"]) else {
            continue;
        };
        let found = apply(row, &to)
            .err()
            .map(|refusal| (refusal.code, refusal.message));
        let expected = Some((500, text(&row["result"]["message"]).to_owned()));
        score.add(found == expected, || {
            format!("{}: {found:?} not {expected:?}", row["src"])
        });
    }
    score.finish();
}

/// Returns the entries without their times.
fn entries(object: &Value) -> Vec<Value> {
    let mut entries = object["metadata"]["managedFields"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    for entry in &mut entries {
        entry.as_object_mut().unwrap().remove("time");
    }
    entries
}

/// Returns an object without values that only a server can know.
fn content(object: &Value) -> Value {
    let mut object = object.clone();
    object.as_object_mut().unwrap().remove("status");
    if let Some(metadata) = object["metadata"].as_object_mut() {
        for field in [
            "managedFields",
            "resourceVersion",
            "uid",
            "generation",
            "creationTimestamp",
        ] {
            metadata.remove(field);
        }
    }
    object
}

fn difference(found: &Value, expected: &Value) -> Value {
    let (found, expected) = (entries(found), entries(expected));
    let only = |a: &[Value], b: &[Value]| {
        a.iter()
            .filter(|entry| !b.contains(entry))
            .cloned()
            .collect::<Vec<_>>()
    };
    json!({"found": only(&found, &expected), "expected": only(&expected, &found)})
}
