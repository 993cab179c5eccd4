//! Decoded bodies and patched objects, compared with a real API server.

use cases::{Score, lines};
use lode_admit::{
    Kind,
    custom::Definition,
    decode::{self, FieldValidation, Media},
    protobuf::Envelope,
};
use lode_schema::resources;
use serde_json::{Value, json, value::RawValue};

/// Returns the built-in kind of an object.
fn kind_of(object: &Value) -> Option<Kind> {
    let api_version = object["apiVersion"].as_str()?;
    let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
    Kind::builtin(resources().of_kind(group, version, object["kind"].as_str()?)?)
}

fn kind(api_version: &str, kind: &str) -> Kind {
    kind_of(&json!({"apiVersion": api_version, "kind": kind})).unwrap()
}

/// The relevant parts of a recorded case.
#[derive(serde::Deserialize)]
struct Case<'c> {
    #[serde(borrow, rename = "case")]
    name: &'c RawValue,
    status: u16,
    #[serde(borrow)]
    result: &'c RawValue,
}

#[test]
fn what_a_real_server_has_stored_is_read_as_it_is() {
    let Some(text) = cases::text("apiserver/ssa_corpus.jsonl.gz") else {
        return;
    };
    let mut score = Score::of_all("stored objects that are read as they are", 4_000);
    for line in text.lines() {
        let case: Case<'_> = serde_json::from_str(line).unwrap();
        let stored: Value = serde_json::from_str(case.result.get()).unwrap();
        let Some(kind) = kind_of(&stored).filter(|_| case.status == 200 || case.status == 201)
        else {
            continue;
        };
        let from_value = decode::value(&kind, &stored, FieldValidation::Strict);
        let from_text = decode::body(
            &kind,
            Media::Json,
            case.result.get().as_bytes(),
            FieldValidation::Strict,
        );
        let is_right = matches!(
            (&from_value, &from_text),
            (Ok(value), Ok(text))
                if value.object == stored && text == value && value.warnings.is_empty()
        );
        score.add(is_right, || {
            let differing = from_value.map(|value| differing(&value.object, &stored));
            format!("{}: {differing:?}", case.name)
        });
    }
    score.finish();
}

fn differing(ours: &Value, theirs: &Value) -> Vec<String> {
    let keys = theirs.as_object().into_iter().flatten().map(|(key, _)| key);
    keys.filter(|key| ours.get(*key) != theirs.get(*key))
        .map(|key| format!("{key}: {}", ours[key]))
        .collect()
}

#[test]
fn bodies_are_taken_and_refused_as_by_a_real_server() {
    let mut score = Score::of_all("bodies", 1);
    for file in ["http_core", "http_crd_rbac_misc", "http_list_watch_delete"] {
        for step in lines(&format!("apiserver/{file}.jsonl")) {
            let Some((kind, media, bytes, validation)) = request(&step) else {
                continue;
            };
            let ours = decode::body(&kind, media, &bytes, validation);
            let difference = agrees(&step, ours);
            score.add(difference.is_none(), || {
                let (scenario, number) = (&step["scenario"], &step["step"]);
                format!("{scenario} {number}: {}", difference.unwrap_or_default())
            });
        }
    }
    score.finish();
}

/// Returns the body of a recorded step that writes an object of a built-in kind.
fn request(step: &Value) -> Option<(Kind, Media, Vec<u8>, FieldValidation)> {
    let (method, sent) = (step["method"].as_str()?, step["pathSent"].as_str()?);
    if !matches!(method, "POST" | "PUT") || step["body"].is_null() {
        return None;
    }
    let (path, query) = sent.split_once('?').unwrap_or((sent, ""));
    let mut words = path.trim_start_matches('/').split('/');
    let (group, version) = match words.next()? {
        "api" => ("", words.next()?),
        _ => (words.next()?, words.next()?),
    };
    let mut rest: Vec<_> = words.collect();
    if let ["namespaces", _, _, ..] = rest[..] {
        rest.drain(..2);
    }
    let ([plural] | [plural, _]) = rest[..] else {
        return None;
    };
    let kind = Kind::builtin(resources().get(group, version, plural)?)?;
    let bytes = match &step["body"] {
        Value::String(text) => text.clone().into_bytes(),
        other => serde_json::to_vec(other).unwrap(),
    };
    let validation = match query
        .split('&')
        .find_map(|pair| pair.strip_prefix("fieldValidation="))
    {
        Some("Strict") => FieldValidation::Strict,
        Some("Ignore") => FieldValidation::Ignore,
        Some("Warn") | None => FieldValidation::Warn,
        Some(_) => return None,
    };
    Some((
        kind,
        Media::of(step["contentType"].as_str()?)?,
        bytes,
        validation,
    ))
}

/// Returns how an answer differs; other causes than the body are ignored.
fn agrees(step: &Value, ours: Result<decode::Decoded, lode_admit::Status>) -> Option<String> {
    let message = step["resp"]["message"].as_str().unwrap_or_default();
    let blamed = step["status"] == 400
        && [
            "cannot be handled as",
            "is unrecognized",
            "does not match the expected API version",
        ]
        .iter()
        .any(|words| message.contains(words));
    let warnings = step["respHeaders"]["warning"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str);
    let warned: Vec<_> = warnings
        .filter(|text| text.contains("unknown field") || text.contains("duplicate field"))
        .collect();
    match ours {
        Err(status) if blamed && status.message == message && status.code == 400 => None,
        Err(status) => Some(format!("{} not {message}", status.message)),
        Ok(_) if blamed => Some(format!("taken, not {message}")),
        Ok(decoded) => {
            let ours: Vec<_> = decoded
                .warnings
                .iter()
                .map(|text| format!("299 - {text:?}"))
                .collect();
            (ours != warned).then(|| format!("{ours:?} not {warned:?}"))
        }
    }
}

#[test]
fn typed_clients_send_what_a_real_server_takes() {
    let mut score = Score::of_all("protobuf bodies of kubectl", 1);
    for request in lines("apiserver/kubectl.jsonl") {
        if request["reqHeaders"]["content-type"] != "application/vnd.kubernetes.protobuf" {
            continue;
        }
        let bytes = request["reqBody"].as_str().unwrap().as_bytes();
        let named = Envelope::open(bytes).unwrap();
        let Some(kind) = kind_of(&json!({"apiVersion": named.api_version, "kind": named.kind}))
        else {
            continue;
        };
        let object = decode::body(&kind, Media::Protobuf, bytes, FieldValidation::Strict)
            .unwrap()
            .object;
        let name = object["metadata"]["name"].as_str().unwrap_or_default();
        let is_named = request["cmd"].as_str().unwrap().contains(name);
        score.add(request["status"] == 201 && is_named, || {
            format!("{}: {object}", request["cmd"])
        });
    }
    score.finish();
}

#[test]
fn a_patch_that_makes_an_unknown_field_is_refused_under_strict_validation() {
    let patched =
        json!({"apiVersion": "v1", "kind": "ConfigMap", "bogus": 1, "metadata": {"name": "a"}});
    let kind = kind("v1", "ConfigMap");
    let status = decode::value(&kind, &patched, FieldValidation::Strict).unwrap_err();
    let start =
        " \"\" is invalid: patch: Invalid value: \"{\\\"apiVersion\\\":\\\"v1\\\",\\\"bogus\\\":1,";
    assert_eq!((status.code, status.reason), (422, "Invalid"));
    assert!(status.message.starts_with(start), "{}", status.message);
    assert!(
        status
            .message
            .ends_with("}\": strict decoding error: unknown field \"bogus\""),
        "{}",
        status.message
    );
    let decoded = decode::value(&kind, &patched, FieldValidation::Warn).unwrap();
    assert_eq!(decoded.warnings, ["unknown field \"bogus\""]);
    assert_eq!(
        decoded.object,
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}})
    );
}

fn decoded(text: &str) -> Value {
    let kind = kind_of(&serde_json::from_str(text).unwrap()).unwrap();
    decode::body(&kind, Media::Json, text.as_bytes(), FieldValidation::Strict)
        .unwrap()
        .object
}

#[test]
fn nulls_and_empty_fields_go_and_what_go_always_writes_is_there() {
    let text = r#"{"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "a", "labels": {}, "annotations": null,
        "creationTimestamp": null}, "spec": {"replicas": 0, "paused": false, "selector": null, "template": {"spec": {
        "containers": [null, {"name": "c", "image": "", "stdin": false, "env": [{"name": "A", "value": ""}]}]}}}}"#;
    let expected = json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "a"}, "status": {},
        "spec": {"replicas": 0, "selector": null, "strategy": {}, "template": {"metadata": {}, "spec": {"containers": [
            {"name": "", "resources": {}}, {"name": "c", "resources": {}, "env": [{"name": "A"}]}]}}}});
    assert_eq!(decoded(text), expected);
}

#[test]
fn quantities_numbers_times_and_bytes_get_their_stored_form() {
    let text = r#"{"apiVersion": "v1", "kind": "Pod", "metadata": {"creationTimestamp": "2020-01-01T02:00:00.5+02:00"},
        "spec": {"containers": [{"name": "c", "resources": {"limits": {"cpu": "1000m", "memory": 1024, "x": null}},
        "livenessProbe": {"httpGet": {"port": "http"}, "tcpSocket": {"port": 80}}}]}}"#;
    let object = decoded(text);
    assert_eq!(
        object["metadata"],
        json!({"creationTimestamp": "2020-01-01T00:00:00Z"})
    );
    let container = &object["spec"]["containers"][0];
    assert_eq!(
        container["resources"],
        json!({"limits": {"cpu": "1", "memory": "1024", "x": "0"}})
    );
    assert_eq!(
        container["livenessProbe"],
        json!({"httpGet": {"port": "http"}, "tcpSocket": {"port": 80}})
    );
    let secret = decoded(
        "{\"apiVersion\": \"v1\", \"kind\": \"Secret\", \"data\": {\"a\": \"Zm9v\\nYg==\", \"b\": null}}",
    );
    assert_eq!(secret["data"], json!({"a": "Zm9vYg==", "b": null}));
}

#[test]
fn unknown_and_duplicate_fields_are_named_in_the_order_they_come() {
    let text = r#"{"kind": "Pod", "spec": {"z": 1, "containers": [{"name": "a", "name": "b", "y": {}}, {"x": 1}],
        "volumes": [{"name": "v", "hostPath": {"path": "/", "w": 1}}]}, "metadata": {"labels": {"a": "1", "a": "2"}}}"#;
    let decoded = decode::body(
        &kind("v1", "Pod"),
        Media::Json,
        text.as_bytes(),
        FieldValidation::Warn,
    )
    .unwrap();
    let expected = [
        "unknown field \"spec.z\"",
        "duplicate field \"spec.containers[0].name\"",
        "unknown field \"spec.containers[0].y\"",
        "unknown field \"spec.containers[1].x\"",
        "unknown field \"spec.volumes[0].hostPath.w\"",
        "duplicate field \"metadata.labels.a\"",
    ];
    assert_eq!(decoded.warnings, expected);
    assert_eq!(decoded.object["spec"]["containers"][0]["name"], "b");
    let ignored = decode::body(
        &kind("v1", "Pod"),
        Media::Json,
        text.as_bytes(),
        FieldValidation::Ignore,
    )
    .unwrap();
    assert_eq!(
        (ignored.object, ignored.warnings.len()),
        (decoded.object, 0)
    );
}

#[test]
fn a_field_that_stands_twice_is_read_over_the_first() {
    let text = r#"{"metadata": {"name": "a", "labels": {"x": "1", "y": "2"}}, "metadata": {"labels": {"y": "3"}, "name": null},
        "spec": {"containers": [{"name": "c", "image": "i"}, {"name": "d"}], "containers": [{"image": "j"}],
        "nodeName": "n", "nodeName": "", "volumes": [{"name": "v"}], "volumes": null}}"#;
    let decoded = decode::body(
        &kind("v1", "Pod"),
        Media::Json,
        text.as_bytes(),
        FieldValidation::Ignore,
    )
    .unwrap();
    assert_eq!(
        decoded.object["metadata"],
        json!({"name": "a", "labels": {"x": "1", "y": "3"}})
    );
    assert_eq!(
        decoded.object["spec"],
        json!({"containers": [{"name": "c", "image": "j", "resources": {}}]})
    );
}

fn refusal(api_version: &str, name: &str, media: Media, text: &str) -> String {
    decode::body(
        &kind(api_version, name),
        media,
        text.as_bytes(),
        FieldValidation::Strict,
    )
    .unwrap_err()
    .message
}

#[test]
fn what_does_not_fit_its_type_is_told_as_go_does() {
    let pod = |text: &str| {
        let message = refusal("v1", "Pod", Media::Json, text);
        message
            .strip_prefix("Pod in version \"v1\" cannot be handled as a Pod: ")
            .unwrap_or(&message)
            .to_owned()
    };
    for (text, message) in [
        (
            r#"{"spec": 1}"#,
            "json: cannot unmarshal number into Go struct field Pod.spec of type v1.PodSpec",
        ),
        (
            r#"{"spec": {"containers": {}}}"#,
            "json: cannot unmarshal object into Go struct field PodSpec.spec.containers of type []v1.Container",
        ),
        (
            r#"{"spec": {"volumes": [{"hostPath": {"path": 1}}]}}"#,
            "json: cannot unmarshal number into Go struct field HostPathVolumeSource.spec.volumes.VolumeSource.hostPath.path of type string",
        ),
        (
            r#"{"spec": {"containers": [{"ports": [{"containerPort": 1.5}]}]}}"#,
            "json: cannot unmarshal number 1.5 into Go struct field ContainerPort.spec.containers.ports.containerPort of type int32",
        ),
        (
            r#"{"spec": {"containers": [{"resources": {"limits": {"cpu": "x"}}}], "hostNetwork": "yes"}}"#,
            "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'",
        ),
        (
            r#"{"metadata": {"creationTimestamp": 5}}"#,
            "json: cannot unmarshal number into Go struct field ObjectMeta.metadata.creationTimestamp of type string",
        ),
    ] {
        assert_eq!(pod(text), message);
    }
}

fn widget() -> Kind {
    let version = json!({"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": {"type": "object"}}});
    let definition = json!({"metadata": {"name": "widgets.example.com"}, "spec": {"group": "example.com",
        "scope": "Namespaced", "names": {"plural": "widgets", "kind": "Widget"}, "versions": [version]}});
    Definition::read(&definition)
        .unwrap()
        .kinds()
        .next()
        .unwrap()
}

#[test]
fn of_a_custom_kind_only_metadata_has_a_type() {
    let text = r#"{"apiVersion": "example.com/v1", "kind": "Widget", "spec": {"a": null, "b": 1.0, "b": [{"c": 1, "c": 2}]},
        "metadata": {"name": "w", "creationTimestamp": null, "foo": 1, "labels": {}}, "x": {}}"#;
    let decoded = decode::body(
        &widget(),
        Media::Json,
        text.as_bytes(),
        FieldValidation::Warn,
    )
    .unwrap();
    let expected = json!({"apiVersion": "example.com/v1", "kind": "Widget", "metadata": {"name": "w"}, "x": {},
        "spec": {"a": null, "b": [{"c": 2}]}});
    assert_eq!(decoded.object, expected);
    let found = [
        "duplicate field \"spec.b\"",
        "duplicate field \"spec.b[0].c\"",
        "unknown field \"metadata.foo\"",
    ];
    assert_eq!(decoded.warnings, found);
}

#[test]
fn a_custom_object_must_say_what_it_is() {
    let refused = |text: &str| {
        let decoded = decode::body(
            &widget(),
            Media::Json,
            text.as_bytes(),
            FieldValidation::Warn,
        );
        let status = decoded.unwrap_err();
        (status.code, status.message)
    };
    let (code, message) = refused(r#"{"apiVersion": "example.com/v1"}"#);
    assert!(
        code == 400 && message.contains("Object 'Kind' is missing in '{"),
        "{message}"
    );
    let other = refused(r#"{"apiVersion": "example.com/v2", "kind": "Widget"}"#);
    let expected = "the API version in the data (example.com/v2) does not match the expected API version (example.com/v1)";
    assert_eq!(other, (400, expected.to_owned()));
    let (code, message) = refused(r#"{"apiVersion": "example.com/v1", "kind": "Gadget"}"#);
    assert!(
        code == 422 && message.ends_with("kind: Invalid value: \"Gadget\": must be Widget"),
        "{message}"
    );
    let (code, message) = refused(
        r#"{"apiVersion": "example.com/v1", "kind": "Widget", "metadata": {"labels": {"a": 1}}}"#,
    );
    let ending =
        "json: cannot unmarshal number into Go struct field ObjectMeta.labels of type string";
    assert!(code == 400 && message.ends_with(ending), "{message}");
}

#[test]
fn every_kind_that_is_served_can_be_read() {
    let mut count = 0;
    for resource in resources() {
        let below = resource
            .subresources
            .iter()
            .filter(|below| !below.kind.ends_with("Options"));
        let kinds = below
            .filter_map(Kind::of_subresource)
            .chain(Kind::builtin(resource));
        for kind in kinds {
            let decoded = decode::body(&kind, Media::Json, b"{}", FieldValidation::Strict).unwrap();
            assert_eq!(decoded.object["kind"], *kind.gvk.kind);
            count += 1;
        }
    }
    assert!(count > 100, "{count}");
}

#[test]
fn options_of_a_deletion_may_be_of_any_group() {
    let json = |text: &str| {
        decode::delete_options(Media::Json, text.as_bytes()).map_err(|status| status.message)
    };
    assert_eq!(json(""), Ok(json!(null)));
    let text = r#"{"apiVersion": "apps/v1", "kind": "DeleteOptions", "gracePeriodSeconds": 0, "dryRun": [], "x": 1}"#;
    let expected =
        json!({"apiVersion": "apps/v1", "kind": "DeleteOptions", "gracePeriodSeconds": 0});
    assert_eq!(json(text), Ok(expected));
    assert_eq!(
        json(r#"{"kind": "Pod"}"#).unwrap_err(),
        "decoded object cannot be converted to DeleteOptions"
    );
    let mismatch = "json: cannot unmarshal number into Go struct field DeleteOptions.propagationPolicy of type v1.DeletionPropagation";
    assert_eq!(json(r#"{"propagationPolicy": 5}"#).unwrap_err(), mismatch);
}

#[test]
fn a_media_type_may_have_parameters() {
    assert_eq!(
        Media::of("application/json; charset=utf-8"),
        Some(Media::Json)
    );
    assert_eq!(
        (Media::of(""), Media::of("application/yaml")),
        (Some(Media::Json), Some(Media::Yaml))
    );
    assert_eq!(Media::of("text/plain"), None);
}

#[test]
fn yaml_is_read_as_its_json_and_its_duplicates_are_found() {
    let kind = kind("v1", "ConfigMap");
    let text = "data:\n  a: b\n  a: c\nmetadata: {name: x}\n";
    let decoded = decode::body(&kind, Media::Yaml, text.as_bytes(), FieldValidation::Warn).unwrap();
    assert_eq!(decoded.object["data"], json!({"a": "c"}));
    assert_eq!(
        decoded.warnings,
        ["yaml: unmarshal errors:\n  line 3: key \"a\" already set in map"]
    );
    let message = refusal("v1", "ConfigMap", Media::Yaml, "a: [b");
    assert!(
        message.starts_with(
            "the object provided is unrecognized (must be of type ConfigMap): yaml: line 1"
        ),
        "{message}"
    );
}

#[test]
fn a_text_has_a_fault_where_and_only_where_it_is_no_json() {
    let text = r#"{"a":[1,-2.5e+3,"x\u00e9\n",true,null,{"b":{}}],"c":false, "d":[]}"#.as_bytes();
    for at in 0..text.len() {
        for byte in b"{}[]\":,0-.e\\nt\x01" {
            let mut changed = text.to_vec();
            changed[at] = *byte;
            for text in [&changed[..], &text[..at]] {
                let is_json = serde_json::from_slice::<serde::de::IgnoredAny>(text).is_ok();
                assert_eq!(
                    decode::syntax_error(text).is_none(),
                    is_json,
                    "{}",
                    text.escape_ascii()
                );
            }
        }
    }
}

#[test]
fn what_is_nested_without_end_or_too_long_is_refused() {
    let deep = format!("{{\"spec\": {}", "[".repeat(100_000));
    assert!(refusal("v1", "Pod", Media::Json, &deep).contains("unexpected end of JSON input"));
    let closed = format!("{{\"data\": {}{}}}", "[".repeat(1_000), "]".repeat(1_000));
    assert!(
        refusal("apps/v1", "ControllerRevision", Media::Json, &closed).contains("recursion limit")
    );
    let long = " ".repeat(decode::BODY_MAX + 1);
    let status = decode::body(
        &kind("v1", "Pod"),
        Media::Json,
        long.as_bytes(),
        FieldValidation::Warn,
    )
    .unwrap_err();
    assert_eq!(status.code, 413);
    let many = format!(
        "{{\"spec\": {{\"containers\": [{}{{}}]}}}}",
        "{},".repeat(300_000)
    );
    assert!(refusal("v1", "Pod", Media::Json, &many).contains("exceeded max depth"));
}
