//! Validation and its messages, compared with a real API server.

use std::collections::BTreeSet;

use cases::Score;
use lode_admit::{Kind, Status, default, update, validate};
use serde_json::{Value, json};

use crate::{
    defaults::{ROWS, apply, wrong},
    strategies::kind,
};

#[test]
fn what_the_server_refuses_is_refused_for_the_same_fields() {
    let mut score = Score::new("applies that are refused: fields and reasons", 715);
    let mut words = Score::new("applies that are refused: to the letter", 617);
    for (kind, row) in ROWS.iter().filter(|(_, row)| row["status"] == 422) {
        let found = apply(kind, row)
            .map(|object| wrong(kind, row, &object))
            .unwrap_or_default();
        let told: BTreeSet<(String, String)> = found
            .iter()
            .map(|error| (error.field.clone(), error.reason.as_str().to_owned()))
            .collect();
        let expected = causes(&row["result"]);
        score.add(told == expected, || {
            let more: Vec<_> = told.difference(&expected).collect();
            let less: Vec<_> = expected.difference(&told).collect();
            format!(
                "{} {} {}: more {more:?} less {less:?}",
                row["case"], kind.gvk.kind, row["src"]
            )
        });
        let name = row["desired"]["metadata"]["name"].as_str().unwrap();
        let message = Status::invalid(kind, name, &found).message;
        let right = row["result"]["message"] == message.as_str();
        words.add(right, || {
            format!("{}\n    {}", message, row["result"]["message"])
        });
    }
    score.finish();
    words.finish();
}

fn causes(status: &Value) -> BTreeSet<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let causes = status["details"]["causes"].as_array().into_iter().flatten();
    causes
        .map(|cause| (text(&cause["field"]), text(&cause["reason"])))
        .collect()
}

/// Returns the errors of a change after all steps.
fn change(kind: &Kind, live: &Value, new: &Value) -> Vec<String> {
    let mut object = new.clone();
    default(kind, &mut object);
    update::prepare(kind, "", live, &mut object);
    validate::update(kind, "", live, &object)
        .iter()
        .map(ToString::to_string)
        .collect()
}

#[test]
fn what_was_made_immutable_stays() {
    let maps = kind("v1", "ConfigMap").unwrap();
    let live =
        json!({"metadata": {"name": "a", "namespace": "b"}, "data": {"k": "v"}, "immutable": true});
    let new = json!({"metadata": {"name": "a", "namespace": "b"}, "data": {"k": "w"}});
    let frozen = "Forbidden: field is immutable when `immutable` is set";
    assert_eq!(
        change(&maps, &live, &new),
        [format!("immutable: {frozen}"), format!("data: {frozen}")]
    );
    let secrets = kind("v1", "Secret").unwrap();
    let live = json!({"metadata": {"name": "a", "namespace": "b"}, "type": "Opaque"});
    let new = json!({"metadata": {"name": "a", "namespace": "b"}, "type": "Other"});
    assert_eq!(
        change(&secrets, &live, &new),
        ["type: Invalid value: \"Other\": field is immutable"]
    );
}

#[test]
fn an_object_keeps_its_name_and_gets_no_new_finalizers_while_it_goes() {
    let maps = kind("v1", "ConfigMap").unwrap();
    let live = json!({"metadata": {"name": "a", "namespace": "b", "uid": "u", "deletionTimestamp": "t", "finalizers": ["x/a"]}});
    let new = json!({"metadata": {"name": "c", "namespace": "b", "finalizers": ["x/a", "x/b"]}});
    let found = change(&maps, &live, &new);
    assert_eq!(found[..2], found[2..], "a server finds them twice");
    assert_eq!(
        found[..2],
        [
            "metadata.finalizers: Forbidden: no new finalizers can be added if the object is being deleted, \
             found new finalizers []string{\"x/b\"}",
            "metadata.name: Invalid value: \"c\": field is immutable",
        ]
    );
}
