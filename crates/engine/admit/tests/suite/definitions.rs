//! Definitions of custom resources: their validation, and the acceptance of their names.

use lode_admit::{
    FieldError,
    custom::{Names, accept, prepare_definition, validate_definition},
};
use lode_merge::write::{self, Endpoint, Request};
use lode_schema::builtin;
use serde_json::{Value, json};

use crate::custom::ROWS;

fn definition(schema: &Value) -> Value {
    let mut definition = json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": "widgets.example.com"},
        "spec": {
            "group": "example.com", "scope": "Namespaced", "names": {"plural": "widgets", "kind": "Widget"},
            "versions": [{"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": schema}}],
        },
    });
    prepare_definition(None, &mut definition);
    definition
}

fn said(errors: &[FieldError]) -> Vec<String> {
    errors.iter().map(ToString::to_string).collect()
}

/// Checks the errors of a schema of `spec`, without the path to it.
fn check(spec: &Value, expected: &[&str]) {
    let schema = json!({"type": "object", "properties": {"spec": spec}});
    let errors = validate_definition(None, &definition(&schema));
    let at = "spec.validation.openAPIV3Schema.properties[spec].";
    let found: Vec<String> = said(&errors)
        .iter()
        .map(|text| text.replacen(at, "", 1))
        .collect();
    assert_eq!(found, expected, "{spec}");
}

#[test]
fn the_server_fills_in_names_conversion_and_status() {
    let definition = definition(&json!({"type": "object"}));
    assert!(validate_definition(None, &definition).is_empty());
    assert_eq!(definition["spec"]["names"]["singular"], "widget");
    assert_eq!(definition["spec"]["names"]["listKind"], "WidgetList");
    assert_eq!(
        definition["spec"]["conversion"],
        json!({"strategy": "None"})
    );
    assert_eq!(definition["status"]["storedVersions"], json!(["v1"]));
}

#[test]
fn a_new_storage_version_is_remembered_beside_the_old_one() {
    let old = definition(&json!({"type": "object"}));
    let mut new = old.clone();
    new["status"] = json!({"storedVersions": ["forged"]});
    let mut next = new["spec"]["versions"][0].clone();
    next["name"] = json!("v2");
    new["spec"]["versions"][0]["storage"] = json!(false);
    new["spec"]["versions"].as_array_mut().unwrap().push(next);
    prepare_definition(Some(&old), &mut new);
    assert_eq!(new["status"]["storedVersions"], json!(["v1", "v2"]));
    assert!(validate_definition(Some(&old), &new).is_empty());
    new["spec"]["versions"].as_array_mut().unwrap().remove(0);
    let errors = said(&validate_definition(Some(&old), &new));
    assert!(errors[0].starts_with(
        "status.storedVersions[0]: Invalid value: \"v1\": missing from spec.versions"
    ));
}

#[test]
fn an_empty_definition_is_told_all_it_lacks() {
    let mut empty = json!({"metadata": {"name": "widgets.example.com"}, "spec": {"names": {}}});
    prepare_definition(None, &mut empty);
    assert_eq!(
        said(&validate_definition(None, &empty)),
        [
            "metadata.name: Invalid value: \"widgets.example.com\": must be spec.names.plural+\".\"+spec.group",
            "spec.group: Required value",
            "spec.scope: Required value",
            "spec.versions: Invalid value: null: must have exactly one version marked as storage version",
            "spec.names.plural: Required value",
            "spec.names.singular: Required value",
            "spec.names.kind: Required value",
            "spec.names.listKind: Required value",
            "status.storedVersions: Invalid value: null: must have at least one stored version",
        ]
    );
}

#[test]
fn a_schema_tells_the_shape_of_objects() {
    check(
        &json!({}),
        &["type: Required value: must not be empty for specified object fields"],
    );
    check(
        &json!({"type": "array"}),
        &["items: Required value: must be specified"],
    );
    check(
        &json!({"type": "array", "items": {}}),
        &["items.type: Required value: must not be empty for specified array items"],
    );
    check(
        &json!({"type": "text"}),
        &[
            "type: Unsupported value: \"text\": supported values: \"array\", \"boolean\", \"integer\", \"number\", \"object\", \"string\"",
        ],
    );
    check(
        &json!({"type": "object", "anyOf": [{"properties": {"a": {"minLength": 1}}}]}),
        &[
            "properties[a]: Required value: because it is defined in spec.validation.openAPIV3Schema.properties[spec].anyOf[0].properties[a]",
        ],
    );
    check(
        &json!({"type": "string", "allOf": [{"type": "string"}]}),
        &["allOf[0].type: Forbidden: must be empty to be structural"],
    );
    check(
        &json!({"x-kubernetes-int-or-string": true, "anyOf": [{"type": "integer"}, {"type": "string"}]}),
        &[],
    );
    check(
        &json!({"type": "string", "pattern": "("}),
        &[
            "pattern: Invalid value: \"(\": must be a valid regular expression, but isn't: error: unclosed group",
        ],
    );
    check(
        &json!({"type": "object", "additionalProperties": {"type": "string"}, "properties": {"a": {"type": "string"}}}),
        &[
            "additionalProperties: Forbidden: additionalProperties and properties are mutual exclusive",
        ],
    );
}

#[test]
fn lists_that_are_merged_have_keys() {
    let list = |keys: Value, item: Value| {
        json!({"type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": keys,
            "items": {"type": "object", "properties": {"n": item}}})
    };
    check(
        &list(json!(["n"]), json!({"type": "string"})),
        &[
            "items.properties[n].default: Required value: this property is in x-kubernetes-list-map-keys, so it must have a default or be a required property",
        ],
    );
    check(
        &list(json!(["n"]), json!({"type": "string", "default": "x"})),
        &[],
    );
    check(
        &list(json!(["m"]), json!({"type": "string"})),
        &[
            "x-kubernetes-list-map-keys: Invalid value: [\"m\"]: entries must all be names of item properties",
        ],
    );
    check(
        &json!({"type": "string", "x-kubernetes-list-type": "set"}),
        &["type: Invalid value: \"string\": must be array if x-kubernetes-list-type is specified"],
    );
}

#[test]
fn defaults_are_values_the_schema_allows() {
    check(
        &json!({"type": "integer", "minimum": 2, "default": 1}),
        &["default: Invalid value: 1:  in body should be greater than or equal to 2"],
    );
    check(
        &json!({"type": "object", "default": {"b": 1}, "properties": {"a": {"type": "string"}}}),
        &["default: Invalid value: {\"b\":1}: must not have unknown fields"],
    );
}

#[test]
fn metadata_can_only_be_narrowed_in_its_name() {
    let errors = validate_definition(
        None,
        &definition(&json!({"type": "object", "properties": {
            "metadata": {"type": "object", "properties": {"labels": {"type": "object"}}}}})),
    );
    assert!(
        said(&errors)[0].contains("must not specify anything other than name and generateName"),
        "{errors:?}"
    );
}

#[test]
fn endpoints_and_columns_point_to_what_is_there() {
    let schema = json!({"type": "object", "properties": {"spec": {"type": "object", "properties": {
        "color": {"type": "string"}, "parts": {"type": "object"}}}}});
    let check = |key: &str, value: Value, expected: &[&str]| {
        let mut definition = definition(&schema);
        definition["spec"]["versions"][0][key] = value;
        assert_eq!(
            said(&validate_definition(None, &definition)),
            expected,
            "{key}"
        );
    };
    check(
        "selectableFields",
        json!([{"jsonPath": ".spec.color"}]),
        &[],
    );
    check(
        "selectableFields",
        json!([{"jsonPath": ".spec.size"}]),
        &[
            "spec.selectableFields[0].jsonPath: Invalid value: \".spec.size\": must point to a field in the schema",
        ],
    );
    check(
        "selectableFields",
        json!([{"jsonPath": ".spec.color"}, {"jsonPath": ".spec.color"}]),
        &["spec.selectableFields[1].jsonPath: Duplicate value: \".spec.color\""],
    );
    check(
        "subresources",
        json!({"scale": {"specReplicasPath": ".status.n", "statusReplicasPath": ".status.n"}}),
        &[
            "spec.subresources.scale.specReplicasPath: Invalid value: \".status.n\": should be a json path under .spec",
        ],
    );
    check(
        "additionalPrinterColumns",
        json!([{"name": "A", "type": "text", "jsonPath": ".a"}, {"name": "B", "type": "date"}]),
        &[
            "spec.additionalPrinterColumns[0].type: Invalid value: \"text\": must be one of boolean,date,integer,number,string",
            "spec.additionalPrinterColumns[1].JSONPath: Required value",
        ],
    );
}

#[test]
fn a_status_of_its_own_leaves_no_alternatives_at_the_root() {
    let mut definition = definition(&json!({"type": "object", "anyOf": [{"required": ["spec"]}]}));
    assert!(validate_definition(None, &definition).is_empty());
    definition["spec"]["versions"][0]["subresources"] = json!({"status": {}});
    let errors = said(&validate_definition(None, &definition));
    assert!(
        errors[0].contains("only [Description Type Format")
            && errors[0].contains("XPreserveUnknownFields XValidations]"),
        "{errors:?}"
    );
}

#[test]
fn rules_are_compiled_when_a_definition_is_admitted() {
    check(
        &json!({"type": "string", "x-kubernetes-validations": [{"rule": "self =="}]}),
        &[
            "x-kubernetes-validations[0].rule: Invalid value: \"self ==\": compilation failed: line 1, column 8: the expression ends too early",
        ],
    );
    check(
        &json!({"type": "string", "x-kubernetes-validations": [{"rule": "self == other", "reason": "Bad"}]}),
        &[
            "x-kubernetes-validations[0].reason: Unsupported value: \"Bad\": supported values: \"FieldValueDuplicate\", \"FieldValueForbidden\", \"FieldValueInvalid\", \"FieldValueRequired\"",
            "x-kubernetes-validations[0].rule: Invalid value: \"self == other\": compilation failed: undeclared reference to 'other'",
        ],
    );
    check(
        &json!({"type": "array", "items": {"type": "string", "x-kubernetes-validations": [{"rule": "self == oldSelf"}]}}),
        &[
            "items.x-kubernetes-validations[0].rule: Invalid value: \"self == oldSelf\": oldSelf cannot be used on the uncorrelatable portion of the schema within spec.validation.openAPIV3Schema.properties[spec]",
        ],
    );
}

#[test]
fn what_was_wrong_with_a_schema_before_is_let_be() {
    let old = definition(&json!({"type": "object", "properties": {"a": {}}}));
    let new = definition(&json!({"type": "object", "properties": {"a": {}, "b": {}}}));
    assert_eq!(validate_definition(None, &new).len(), 2);
    assert_eq!(validate_definition(Some(&old), &new).len(), 1);
}

#[test]
fn a_group_of_kubernetes_itself_needs_an_approval() {
    let mut definition = definition(&json!({"type": "object"}));
    definition["spec"]["group"] = json!("example.k8s.io");
    definition["metadata"]["name"] = json!("widgets.example.k8s.io");
    let errors = said(&validate_definition(None, &definition));
    assert!(
        errors[0].starts_with("metadata.annotations[api-approved.kubernetes.io]: Required value"),
        "{errors:?}"
    );
    definition["metadata"]["annotations"] =
        json!({"api-approved.kubernetes.io": "https://example.com/1"});
    assert!(validate_definition(None, &definition).is_empty());
    let status = accept(&definition, &[], "2026-01-01T00:00:00Z");
    assert_eq!(
        status["conditions"][0]["message"],
        "approved in https://example.com/1"
    );
}

#[test]
fn the_first_to_ask_has_a_name() {
    let mut definition = definition(&json!({"type": "object"}));
    let other = Names {
        plural: "gadgets".into(),
        short_names: ["widget".into()].into(),
        ..Names::default()
    };
    let status = accept(&definition, &[other], "2026-01-01T00:00:00Z");
    let conditions = status["conditions"].as_array().unwrap();
    assert_eq!(
        (&conditions[0]["status"], &conditions[0]["reason"]),
        (&json!("False"), &json!("SingularConflict"))
    );
    assert_eq!(conditions[0]["message"], "\"widget\" is already in use");
    assert_eq!(
        (&conditions[1]["status"], &conditions[1]["reason"]),
        (&json!("False"), &json!("NotAccepted"))
    );
    assert_eq!(
        status["acceptedNames"],
        json!({"plural": "widgets", "kind": "Widget", "listKind": "WidgetList"})
    );
    definition["status"] = status;
    let status = accept(&definition, &[], "2026-01-02T00:00:00Z");
    assert_eq!(
        status["conditions"][1]["lastTransitionTime"],
        "2026-01-02T00:00:00Z"
    );
    definition["status"] = status.clone();
    assert_eq!(
        accept(&definition, &[], "2026-01-03T00:00:00Z"),
        status,
        "nothing new is no change"
    );
}

/// Does to an apply of a definition what the server does.
fn applied(row: &Value) -> (Option<&Value>, Value) {
    let old = Some(&row["live"]).filter(|live| live.is_object());
    let ty = builtin()
        .kinds
        .get("apiextensions.k8s.io/v1", "CustomResourceDefinition")
        .unwrap();
    let to = Endpoint::new(
        &builtin().schema,
        ty,
        "apiextensions.k8s.io/v1",
        "CustomResourceDefinition",
    );
    let request = Request {
        manager: "flux",
        force: true,
        now: "2027-01-01T00:00:00Z",
    };
    let mut new = write::apply(old, &row["desired"], &to, request).unwrap();
    prepare_definition(old, &mut new);
    (old, new)
}

#[test]
fn recorded_definitions_are_filled_in_accepted_and_refused_as_on_the_server() {
    let (mut right, mut total, mut misses) = (0, 0, Vec::new());
    for row in ROWS
        .iter()
        .filter(|row| row["desired"]["kind"] == "CustomResourceDefinition")
    {
        let (old, new) = applied(row);
        let mut found: Vec<String> = said(&validate_definition(old, &new));
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
        found.sort();
        expected.sort();
        total += 1;
        let accepted = row["status"] != 422;
        let same = !accepted
            || (new["spec"] == row["result"]["spec"] && new["status"] == row["result"]["status"]);
        if found == expected && same {
            right += 1;
        } else {
            misses.push(format!(
                "{} {found:?} not {expected:?}, same: {same}",
                row["src"]
            ));
        }
        let conditions = row["result"]["status"]["conditions"].as_array();
        // Some were read between the acceptance of their names and the start of serving.
        let done = |conditions: &&Vec<Value>| {
            conditions
                .iter()
                .any(|c| c["reason"] == "InitialNamesAccepted")
        };
        if let Some(conditions) = conditions.filter(done) {
            let now = conditions[0]["lastTransitionTime"].as_str().unwrap();
            let mut fresh = row["result"].clone();
            fresh["status"]["conditions"] = Value::Null;
            let status = accept(&fresh, &[], now);
            assert_eq!(
                status["acceptedNames"], row["result"]["status"]["acceptedNames"],
                "{}",
                row["src"]
            );
            let all = |conditions: &Value| {
                let mut all: Vec<String> = conditions
                    .as_array()
                    .unwrap()
                    .iter()
                    .map(|c| format!("{} {} {}", c["type"], c["reason"], c["message"]))
                    .collect();
                all.sort();
                all
            };
            assert_eq!(
                all(&status["conditions"]),
                all(&row["result"]["status"]["conditions"]),
                "{}",
                row["src"]
            );
        }
    }
    println!("definitions: {right} of {total} as on the server");
    misses
        .iter()
        .take(8)
        .for_each(|miss| println!("  {}", miss.chars().take(800).collect::<String>()));
    assert!(
        total == 0 || right >= DEFINITIONS_FLOOR,
        "{right} of {total}"
    );
}

/// The others differ in what decoding drops (`format: ""`, `anyOf: null`), or changed between the
/// read and the apply.
const DEFINITIONS_FLOOR: usize = 181;
