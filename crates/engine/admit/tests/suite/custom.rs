//! Custom resources: pruning, defaults and validation; by hand, and compared with a real API
//! server.

use std::{
    collections::HashMap,
    sync::{Arc, LazyLock},
};

use cases::Score;
use lode_admit::{
    FieldError,
    custom::{self, Definition, Type},
};
use lode_merge::write::{self, Endpoint, Request};
use serde_json::{Value, json};

/// Returns the type of a schema, as the only version of a definition.
pub(crate) fn typed(schema: &Value) -> Arc<Type> {
    let definition = json!({"spec": {
        "group": "example.com", "scope": "Namespaced", "names": {"plural": "widgets", "kind": "Widget"},
        "versions": [{"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": schema}}],
    }});
    Arc::clone(&Definition::read(&definition).unwrap().versions[0].ty)
}

/// Returns the type of objects whose `spec` has a schema.
fn with_spec(spec: &Value) -> Arc<Type> {
    typed(&json!({"type": "object", "properties": {"spec": spec}}))
}

fn said(errors: &[FieldError]) -> Vec<String> {
    errors.iter().map(ToString::to_string).collect()
}

#[test]
fn a_definition_says_how_objects_are_named_and_shown() {
    let definition = json!({"spec": {
        "group": "example.com", "scope": "Cluster",
        "names": {"plural": "widgets", "singular": "widget", "kind": "Widget", "listKind": "WidgetList",
            "shortNames": ["wd"], "categories": ["all"]},
        "versions": [
            {"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": {"type": "object"}},
                "subresources": {"status": {}, "scale": {"specReplicasPath": ".spec.n", "statusReplicasPath": ".status.n"}},
                "selectableFields": [{"jsonPath": ".spec.color"}],
                "additionalPrinterColumns": [{"name": "Color", "type": "string", "jsonPath": ".spec.color", "priority": 1}]},
            {"name": "v1beta1", "served": true, "storage": false, "deprecated": true,
                "schema": {"openAPIV3Schema": {"type": "object"}}},
            {"name": "v1alpha1", "served": false, "storage": false, "schema": {"openAPIV3Schema": {"type": "object"}}},
        ],
    }});
    let definition = Definition::read(&definition).unwrap();
    assert_eq!(definition.storage().unwrap().name, "v1".into());
    let kinds: Vec<_> = definition.kinds().collect();
    assert_eq!(
        kinds
            .iter()
            .map(|kind| &*kind.gvk.version)
            .collect::<Vec<_>>(),
        ["v1", "v1beta1"]
    );
    assert!(kinds[0].status && !kinds[1].status && !kinds[0].namespaced);
    assert_eq!(definition.names.to_value()["shortNames"], json!(["wd"]));
    let (new, old) = (&definition.versions[0].ty, &definition.versions[1].ty);
    assert_eq!(
        (
            &*new.columns[0].name,
            new.columns[0].priority,
            &*new.selectable[0]
        ),
        ("Color", 1, ".spec.color")
    );
    assert_eq!(&*new.scale.as_ref().unwrap().spec_replicas, ".spec.n");
    assert_eq!(
        (&*old.columns[0].name, new.deprecation.as_deref()),
        ("Age", None)
    );
    assert_eq!(
        old.deprecation.as_deref(),
        Some("example.com/v1beta1 Widget is deprecated")
    );
}

#[test]
fn what_is_not_declared_goes_and_is_told() {
    let ty = with_spec(&json!({"type": "object", "properties": {
        "known": {"type": "string"},
        "open": {"type": "object", "x-kubernetes-preserve-unknown-fields": true, "properties": {"in": {"type": "object"}}},
        "map": {"type": "object", "additionalProperties": {"type": "object", "properties": {"a": {"type": "integer"}}}},
        "list": {"type": "array", "items": {"type": "object", "properties": {"a": {"type": "integer"}}}},
        "pod": {"type": "object", "x-kubernetes-embedded-resource": true, "x-kubernetes-preserve-unknown-fields": true},
    }}));
    let mut object = json!({"apiVersion": "a/v1", "kind": "K", "metadata": {"name": "n", "odd": 1}, "extra": 1, "spec": {
        "known": "x", "unknown": 1, "open": {"any": {"thing": 1}, "in": {"gone": 1}},
        "map": {"k": {"a": 1, "b": 2}}, "list": [{"a": 1}, {"b": 1}],
        "pod": {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p", "odd": 1}, "spec": {"x": 1}},
    }});
    let gone = custom::prune(&ty, &mut object);
    assert_eq!(
        gone,
        [
            "extra",
            "metadata.odd",
            "spec.list[1].b",
            "spec.map.k.b",
            "spec.open.in.gone",
            "spec.pod.metadata.odd",
            "spec.unknown"
        ]
    );
    assert_eq!(
        object["spec"]["open"],
        json!({"any": {"thing": 1}, "in": {}})
    );
    assert_eq!(object["spec"]["pod"]["spec"], json!({"x": 1}));
}

#[test]
fn defaults_are_filled_where_nothing_is_said() {
    let ty = with_spec(&json!({"type": "object", "default": {}, "properties": {
        "size": {"type": "integer", "default": 1},
        "note": {"type": "string", "nullable": true, "default": "x"},
        "plain": {"type": "string"},
        "list": {"type": "array", "items": {"type": "object", "properties": {"a": {"type": "string", "default": "d"}}}},
    }}));
    let filled = |mut object: Value| {
        custom::default(&ty, &mut object);
        object
    };
    assert_eq!(filled(json!({})), json!({"spec": {"size": 1, "note": "x"}}));
    assert_eq!(
        filled(
            json!({"spec": {"size": null, "note": null, "plain": null, "list": [{}, {"a": "b"}]}})
        ),
        json!({"spec": {"size": 1, "note": null, "list": [{"a": "d"}, {"a": "b"}]}})
    );
}

#[test]
fn what_is_wrong_is_said_in_the_words_of_the_server() {
    for (schema, value, expected) in [
        (
            json!({"type": "integer", "minimum": 1}),
            json!(0),
            "spec: Invalid value: 0: spec in body should be greater than or equal to 1",
        ),
        (
            json!({"type": "number", "maximum": 1e6, "exclusiveMaximum": true}),
            json!(2_000_000.5),
            "spec: Invalid value: 2000000.5: spec in body should be less than 1e+06",
        ),
        (
            json!({"type": "integer", "multipleOf": 3}),
            json!(4),
            "spec: Invalid value: 4: spec in body should be a multiple of 3",
        ),
        (
            json!({"type": "integer"}),
            json!("x"),
            "spec: Invalid value: \"string\": spec in body must be of type integer: \"string\"",
        ),
        (
            json!({"type": "string"}),
            json!(null),
            "spec: Invalid value: \"null\": spec in body must be of type string: \"null\"",
        ),
        (
            json!({"x-kubernetes-int-or-string": true}),
            json!(true),
            "spec: Invalid value: \"boolean\": spec in body must be of type integer,string: \"boolean\"",
        ),
        (
            json!({"type": "string", "enum": ["a", "b"]}),
            json!("c"),
            "spec: Unsupported value: \"c\": supported values: \"a\", \"b\"",
        ),
        (
            json!({"type": "string", "pattern": "^a+$"}),
            json!("b"),
            "spec: Invalid value: \"b\": spec in body should match '^a+$'",
        ),
        (
            json!({"type": "string", "maxLength": 2}),
            json!("äöü"),
            "spec: Too long: may not be more than 2 bytes",
        ),
        (
            json!({"type": "string", "minLength": 2}),
            json!("a"),
            "spec: Invalid value: \"a\": spec in body should be at least 2 chars long",
        ),
        (
            json!({"type": "string", "format": "date-time"}),
            json!("today"),
            "spec: Invalid value: \"today\": spec in body must be of type date-time: \"today\"",
        ),
        (
            json!({"type": "array", "items": {"type": "string"}, "maxItems": 1}),
            json!(["a", "b"]),
            "spec: Too many: 2: must have at most 1 items",
        ),
        (
            json!({"type": "array", "items": {"type": "string"}, "minItems": 1}),
            json!([]),
            "spec: Invalid value: 0: spec in body should have at least 1 items",
        ),
        (
            json!({"type": "object", "minProperties": 1}),
            json!({}),
            "spec: Invalid value: 0: spec in body should have at least 1 properties",
        ),
        (
            json!({"type": "object", "required": ["a"], "properties": {"a": {"type": "string"}}}),
            json!({}),
            "spec.a: Required value",
        ),
        (
            json!({"type": "array", "x-kubernetes-list-type": "set", "items": {"type": "string"}}),
            json!(["a", "b", "a"]),
            "spec[2]: Duplicate value: \"a\"",
        ),
        (
            json!({"type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["n"], "items": {"type": "object", "properties": {"n": {"type": "string"}}}}),
            json!([{"n": "a"}, {"n": "a"}]),
            "spec[1]: Duplicate value: {\"n\":\"a\"}",
        ),
        (
            json!({"type": "object", "not": {"required": ["a"]}}),
            json!({"a": 1}),
            "<nil>: Invalid value: \"\": \"spec\" must not validate the schema (not)",
        ),
    ] {
        let errors = custom::validate(&with_spec(&schema), None, &json!({"spec": value}));
        assert_eq!(said(&errors), [expected], "{schema}");
    }
}

#[test]
fn what_fits_is_let_through() {
    for (schema, value) in [
        (json!({"type": "integer"}), json!(2.0)),
        (json!({"type": "number"}), json!(2)),
        (json!({"type": "string", "nullable": true}), json!(null)),
        (json!({"x-kubernetes-int-or-string": true}), json!("50%")),
        (
            json!({"x-kubernetes-preserve-unknown-fields": true}),
            json!([1, "a"]),
        ),
        (json!({"type": "integer", "enum": [1, 2]}), json!(2)),
        (
            json!({"anyOf": [{"type": "integer"}, {"type": "string"}], "x-kubernetes-int-or-string": true}),
            json!(1),
        ),
        (
            json!({"type": "string", "format": "int32"}),
            json!("anything"),
        ),
    ] {
        let errors = custom::validate(&with_spec(&schema), None, &json!({"spec": value}));
        assert_eq!(said(&errors), Vec::<String>::new(), "{schema}");
    }
}

#[test]
fn of_alternatives_the_nearest_tells_what_is_missing() {
    let ty = with_spec(
        &json!({"type": "object", "properties": {"exact": {"type": "string"}, "prefix": {"type": "string"}},
        "oneOf": [{"required": ["exact"]}, {"required": ["prefix"]}]}),
    );
    let errors = custom::validate(&ty, None, &json!({"spec": {}}));
    assert_eq!(
        said(&errors),
        [
            "<nil>: Invalid value: \"\": \"spec\" must validate one and only one schema (oneOf). Found none valid",
            "spec.exact: Required value"
        ]
    );
    assert_eq!(
        custom::validate(&ty, None, &json!({"spec": {"exact": "a", "prefix": "b"}})).len(),
        1
    );
    assert!(custom::validate(&ty, None, &json!({"spec": {"exact": "a"}})).is_empty());
}

#[test]
fn what_was_wrong_before_and_did_not_change_is_let_be() {
    let ty = with_spec(&json!({"type": "object", "properties": {
        "a": {"type": "integer", "maximum": 1}, "b": {"type": "integer", "maximum": 1}}}));
    let (old, new) = (
        json!({"spec": {"a": 5, "b": 0}}),
        json!({"spec": {"a": 5, "b": 7}}),
    );
    let errors = custom::validate(&ty, Some(&old), &new);
    assert_eq!(
        said(&errors),
        ["spec.b: Invalid value: 7: spec.b in body should be less than or equal to 1"]
    );
}

#[test]
fn an_embedded_resource_says_what_it_is() {
    let ty = with_spec(
        &json!({"type": "object", "x-kubernetes-embedded-resource": true,
        "x-kubernetes-preserve-unknown-fields": true}),
    );
    let errors = custom::validate(&ty, None, &json!({"spec": {"kind": "Not one"}}));
    assert_eq!(
        said(&errors)[0],
        "spec.apiVersion: Required value: must not be empty"
    );
    assert!(
        said(&errors)[1].starts_with("spec.kind: Invalid value: \"Not one\": may have mixed case")
    );
}

/// Every recorded server-side apply.
pub(crate) static ROWS: LazyLock<Vec<Value>> =
    LazyLock::new(|| cases::lines("apiserver/ssa_corpus.jsonl.gz"));

/// Types by API version and kind, of definitions that are rows.
static TYPES: LazyLock<HashMap<(String, String), Arc<Type>>> = LazyLock::new(|| {
    let mut types = HashMap::new();
    for row in ROWS
        .iter()
        .filter(|row| row["result"]["kind"] == "CustomResourceDefinition")
    {
        let definition = Definition::read(&row["result"]).unwrap();
        for version in &definition.versions {
            let api_version = format!("{}/{}", definition.group, version.name);
            types.insert(
                (api_version, definition.names.kind.to_string()),
                Arc::clone(&version.ty),
            );
        }
    }
    types
});

fn of_row(row: &Value) -> Option<(&'static Type, Endpoint<'static>)> {
    let text = |key: &str| Some(row["desired"][key].as_str()?.to_owned());
    let ((version, kind), ty) = TYPES.get_key_value(&(text("apiVersion")?, text("kind")?))?;
    Some((ty, Endpoint::new(&ty.schema, ty.ty, version, kind)))
}

/// Does to an apply what the server does, as far as this crate implements it.
fn applied(row: &Value, ty: &Type, to: &Endpoint<'_>) -> Value {
    let live = Some(&row["live"]).filter(|live| live.is_object());
    let request = Request {
        manager: "flux",
        force: true,
        now: "2027-01-01T00:00:00Z",
    };
    let mut object = write::apply(live, &row["desired"], to, request).unwrap();
    custom::prune(ty, &mut object);
    custom::default(ty, &mut object);
    object
}

#[test]
fn applied_objects_are_those_of_the_server() {
    let mut score = Score::new("custom resources: applied objects", OBJECTS_FLOOR);
    for row in ROWS
        .iter()
        .filter(|row| row["status"] == 200 || row["status"] == 201)
    {
        let Some((ty, to)) = of_row(row) else {
            continue;
        };
        let found = content(&applied(row, ty, &to));
        let name = format!("{} {}", row["case"], row["src"]);
        score.check(&name, &found, &content(&row["result"]));
    }
    score.finish();
}

#[test]
fn what_the_server_refused_is_refused_for_the_same_reasons() {
    let mut score = Score::new("custom resources: verdicts and messages", VERDICTS_FLOOR);
    for row in ROWS.iter() {
        let Some((ty, to)) = of_row(row) else {
            continue;
        };
        if row["status"] != 422 && row["status"] != 200 && row["status"] != 201 {
            continue;
        }
        let old = Some(&row["live"]).filter(|live| live.is_object());
        let found = custom::validate(ty, old, &applied(row, ty, &to));
        let mut found: Vec<String> = found
            .iter()
            .map(|error| format!("{}: {}", error.field, error.message))
            .collect();
        found.sort();
        let causes = row["result"]["details"]["causes"]
            .as_array()
            .into_iter()
            .flatten();
        let mut expected: Vec<String> = causes
            .map(|cause| {
                format!(
                    "{}: {}",
                    cause["field"].as_str().unwrap(),
                    cause["message"].as_str().unwrap()
                )
            })
            .collect();
        expected.sort();
        let name = format!("{} {}", row["case"], row["src"]);
        score.check(&name, &found, &expected);
    }
    score.finish();
}

/// Returns an object without what only a server can know.
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

const OBJECTS_FLOOR: usize = 421;
const VERDICTS_FLOOR: usize = 444;
