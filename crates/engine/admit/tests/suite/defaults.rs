//! Defaults, compared with objects from a real API server.

use std::{collections::HashMap, sync::LazyLock};

use cases::Score;
use lode_admit::{
    FieldError, Kind, create,
    decode::{self, FieldValidation},
    default, update, validate,
};
use lode_merge::{
    diff,
    write::{self, Endpoint, Request},
};
use lode_schema::builtin;
use serde_json::{Map, Value};

use crate::strategies::kind;

/// Server-side applies of built-in kinds recorded on a real API server; read once for all tests.
pub(crate) static ROWS: LazyLock<Vec<(Kind, Value)>> = LazyLock::new(rows);

fn rows() -> Vec<(Kind, Value)> {
    let mut rows: Vec<_> = cases::lines("apiserver/ssa_corpus.jsonl.gz")
        .into_iter()
        .filter_map(|row| Some((kind_of(&row["desired"])?, row)))
        .collect();
    let mut seen = HashMap::new();
    for (_, row) in &mut rows {
        freshen(row, &mut seen);
    }
    rows
}

/// After a refusal some rows show an older object than an earlier row did, and a recreated object
/// (201) had none before; the last one shown is what the server had.
fn freshen(row: &mut Value, seen: &mut HashMap<String, Value>) {
    let desired = &row["desired"];
    let id = format!(
        "{} {} {}",
        desired["kind"], desired["metadata"]["namespace"], desired["metadata"]["name"]
    );
    let version = |object: &Value| {
        object["metadata"]["resourceVersion"]
            .as_str()?
            .parse::<u64>()
            .ok()
    };
    if row["status"] == 201 {
        row["live"] = Value::Null;
    } else if let Some(last) = seen.get(&id)
        && version(last) > version(&row["live"])
    {
        row["live"] = last.clone();
    }
    for shown in [&row["live"], &row["result"]] {
        if version(shown) > seen.get(&id).and_then(version) {
            seen.insert(id.clone(), shown.clone());
        }
    }
}

fn kind_of(object: &Value) -> Option<Kind> {
    kind(object["apiVersion"].as_str()?, object["kind"].as_str()?)
}

/// Later than all rows.
pub(crate) const NOW: &str = "2027-01-01T00:00:00Z";

/// Does to a row's object what a server does before validation.
pub(crate) fn apply(kind: &Kind, row: &Value) -> Result<Value, write::Refusal> {
    let live = Some(&row["live"]).filter(|live| live.is_object());
    let version = kind.gvk.api_version();
    let to = Endpoint::new(&builtin().schema, kind.ty, &version, &kind.gvk.kind);
    let mut object = write::apply(
        live,
        &row["desired"],
        &to,
        Request {
            manager: "flux",
            force: true,
            now: NOW,
        },
    )?;
    object = decode::value(kind, &object, FieldValidation::Ignore)
        .unwrap()
        .object;
    default(kind, &mut object);
    if let Some(live) = live {
        update::prepare(kind, "", live, &mut object);
        write::keep_times(live, &mut object);
    } else {
        object["metadata"]["uid"] = row["result"]["metadata"]["uid"]
            .as_str()
            .unwrap_or("u")
            .into();
        create::prepare(kind, &mut object);
    }
    Ok(object)
}

/// Returns the errors of a row's resulting object.
pub(crate) fn wrong(kind: &Kind, row: &Value, object: &Value) -> Vec<FieldError> {
    match &row["live"] {
        live @ Value::Object(_) => validate::update(kind, "", live, object),
        _ => validate::create(kind, object),
    }
}

#[test]
fn what_is_applied_is_accepted_and_becomes_what_it_did_on_the_server() {
    let mut accepted = Score::new("applies that are accepted", 4798);
    let mut score = Score::new("server-side applies: whole objects", 4788);
    for (kind, row) in ROWS
        .iter()
        .filter(|(_, row)| row["status"] == 200 || row["status"] == 201)
    {
        let found = apply(kind, row);
        let expected = comparable(&row["result"]);
        let errors = found
            .as_ref()
            .map(|found| wrong(kind, row, found))
            .unwrap_or_default();
        let place = || format!("{} {} {}", row["case"], kind.gvk.kind, row["src"]);
        accepted.add(found.is_ok() && errors.is_empty(), || {
            format!("{}: {errors:?}", place())
        });
        let right = found
            .as_ref()
            .is_ok_and(|found| comparable(found) == expected);
        score.add(right, || match &found {
            Ok(found) => format!("{}: {}", place(), difference(&comparable(found), &expected)),
            Err(refusal) => format!("{}: {refusal}", place()),
        });
    }
    accepted.finish();
    score.finish();
}

#[test]
fn the_smallest_objects_are_completed_as_on_the_server() {
    let mut score = Score::new("defaults of the smallest objects", 39);
    for step in cases::lines("apiserver/http_crd_rbac_misc.jsonl") {
        if step["scenario"] != "defaulting-min-objects" || step["status"] != 201 {
            continue;
        }
        let kind = kind_of(&step["body"]).unwrap();
        let mut object = decode::value(&kind, &step["body"], FieldValidation::Ignore)
            .unwrap()
            .object;
        for field in ["uid", "namespace"] {
            if let Some(value) = step["resp"]["metadata"].get(field) {
                object["metadata"][field] = value.clone();
            }
        }
        default(&kind, &mut object);
        create::prepare(&kind, &mut object);
        let (found, mut expected) = (comparable(&object), comparable(&step["resp"]));
        expected["metadata"]
            .as_object_mut()
            .unwrap()
            .remove("managedFields");
        score.add(found == expected, || {
            format!("{}: {}", kind.gvk.kind, difference(&found, &expected))
        });
    }
    score.finish();
}

/// Returns an object without what only a server can know.
pub(crate) fn comparable(object: &Value) -> Value {
    let mut object = object.clone();
    if let Some(metadata) = object["metadata"].as_object_mut() {
        for field in ["resourceVersion", "uid", "creationTimestamp"] {
            metadata.remove(field);
        }
        for entry in metadata
            .get_mut("managedFields")
            .and_then(Value::as_array_mut)
            .into_iter()
            .flatten()
        {
            entry.as_object_mut().unwrap().remove("time");
        }
    }
    if object["kind"] == "Service" {
        allocated(object["spec"].as_object_mut().unwrap());
    }
    if object["kind"] == "PersistentVolume" {
        object["status"]
            .as_object_mut()
            .map(|status| status.remove("lastPhaseTransitionTime"));
    }
    object
}

/// Removes what a server allocates.
fn allocated(spec: &mut Map<String, Value>) {
    if spec.get("clusterIP").is_none_or(|ip| ip != "None") {
        spec.remove("clusterIP");
    }
    for field in [
        "clusterIPs",
        "ipFamilies",
        "ipFamilyPolicy",
        "healthCheckNodePort",
    ] {
        spec.remove(field);
    }
    for port in spec
        .get_mut("ports")
        .and_then(Value::as_array_mut)
        .into_iter()
        .flatten()
    {
        port.as_object_mut().unwrap().remove("nodePort");
    }
}

pub(crate) fn difference(found: &Value, expected: &Value) -> String {
    let differences = diff::between(found, expected);
    let shown = |of: &diff::Difference| {
        let text = |value: &Option<Value>| value.as_ref().map(Value::to_string).unwrap_or_default();
        format!("{}: {} not {}", of.path, text(&of.desired), text(&of.live))
    };
    if differences.is_empty() {
        return format!("{found} not {expected}");
    }
    differences.iter().map(shown).collect::<Vec<_>>().join("; ")
}
