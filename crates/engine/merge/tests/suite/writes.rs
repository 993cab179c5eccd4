//! Applies and updates of several managers, as short sequences.

use std::borrow::Cow;

use lode_merge::{
    typed::Typed,
    updater::{Convert, ConvertError, Versions},
    write::{self, Endpoint, Refusal, Request, Scaled},
};
use lode_schema::builtin;
use serde_json::{Value, json};

/// A `ConfigMap` or `Deployment` that is written to once per second.
struct Story {
    live: Option<Value>,
    second: u32,
}

fn endpoint(object: &Value) -> Endpoint<'_> {
    let text = |key: &str| object[key].as_str().unwrap();
    let ty = builtin()
        .kinds
        .get(text("apiVersion"), text("kind"))
        .unwrap();
    Endpoint::new(&builtin().schema, ty, text("apiVersion"), text("kind"))
}

impl Story {
    fn new() -> Self {
        Self {
            live: None,
            second: 0,
        }
    }

    /// Returns the time of the next write.
    fn now(&mut self) -> String {
        self.second += 1;
        format!("2026-01-01T00:00:{:02}Z", self.second)
    }

    fn apply(&mut self, manager: &str, object: &Value, force: bool) -> Result<&Value, Refusal> {
        let now = self.now();
        let request = Request {
            manager,
            force,
            now: &now,
        };
        let live = write::apply(self.live.as_ref(), object, &endpoint(object), request)?;
        Ok(self.live.insert(live))
    }

    fn update(&mut self, manager: &str, object: &Value) -> &Value {
        let now = self.now();
        let request = Request {
            manager,
            force: false,
            now: &now,
        };
        let mut live = write::update(self.live.as_ref(), object, &endpoint(object), request);
        live["metadata"]["uid"] = "u".into();
        self.live.insert(live)
    }

    /// Returns manager, operation, second of the last change and fields of every entry.
    fn owners(&self) -> Vec<String> {
        let entries = self.live.as_ref().unwrap()["metadata"]["managedFields"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        let text = |entry: &Value, key: &str| entry[key].as_str().unwrap_or("-").to_owned();
        let second = |entry: &Value| {
            text(entry, "time")
                .trim_end_matches('Z')
                .rsplit(':')
                .next()
                .unwrap()
                .to_owned()
        };
        let shown = |entry: &Value| {
            format!(
                "{} {} {} {}",
                text(entry, "manager"),
                text(entry, "operation"),
                second(entry),
                entry["fieldsV1"]
            )
        };
        entries.iter().map(shown).collect()
    }

    fn data(&self) -> &Value {
        &self.live.as_ref().unwrap()["data"]
    }
}

fn config(data: &Value) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", "namespace": "n"}, "data": data})
}

#[test]
fn what_is_not_applied_any_more_goes_unless_somebody_else_owns_it() {
    let mut story = Story::new();
    story
        .apply("one", &config(&json!({"a": "1", "b": "1"})), false)
        .unwrap();
    story
        .apply("two", &config(&json!({"b": "1"})), false)
        .unwrap();
    assert_eq!(
        story.owners(),
        [
            r#"two Apply - {"f:data":{"f:b":{}}}"#,
            r#"one Apply 01 {"f:data":{"f:a":{},"f:b":{}}}"#,
        ]
    );
    story.apply("one", &config(&json!({})), false).unwrap();
    assert_eq!(story.data(), &json!({"b": "1"}));
    story
        .apply("two", &config(&json!({"c": "1"})), false)
        .unwrap();
    assert_eq!(story.data(), &json!({"c": "1"}));
}

#[test]
fn an_apply_that_changes_nothing_keeps_its_time() {
    let mut story = Story::new();
    story
        .apply("one", &config(&json!({"a": "1"})), false)
        .unwrap();
    let before = story.live.clone();
    story
        .apply("one", &config(&json!({"a": "1"})), false)
        .unwrap();
    assert_eq!(story.live, before);
}

#[test]
fn a_field_of_somebody_else_is_taken_by_force_only() {
    let mut story = Story::new();
    story.update("kubectl-edit", &config(&json!({"a": "1", "b": "1"})));
    let refusal = story
        .apply("one", &config(&json!({"a": "2"})), false)
        .unwrap_err();
    assert_eq!((refusal.code, refusal.reason), (409, "Conflict"));
    assert_eq!(
        refusal.message,
        "Apply failed with 1 conflict: conflict with \"kubectl-edit\" using v1: .data.a"
    );
    assert_eq!(
        (&*refusal.causes[0].field, refusal.causes[0].reason),
        (".data.a", "FieldManagerConflict")
    );
    let refusal = story
        .apply("one", &config(&json!({"a": "2", "b": "2"})), false)
        .unwrap_err();
    let message = "Apply failed with 2 conflicts: conflicts with \"kubectl-edit\" using v1:\n- .data.a\n- .data.b";
    assert_eq!(refusal.message, message);
    story
        .apply("one", &config(&json!({"a": "2"})), true)
        .unwrap();
    assert_eq!(
        story.owners(),
        [
            r#"one Apply 04 {"f:data":{"f:a":{}}}"#,
            r#"kubectl-edit Update 01 {"f:data":{".":{},"f:b":{}}}"#,
        ]
    );
}

#[test]
fn an_update_takes_what_it_changes_and_its_own_entry_grows() {
    let mut story = Story::new();
    story.update("one", &config(&json!({"a": "1", "b": "1"})));
    story.update("two", &config(&json!({"a": "2", "b": "1"})));
    story.update("one", &config(&json!({"a": "2", "b": "1", "c": "1"})));
    assert_eq!(
        story.owners(),
        [
            r#"two Update 02 {"f:data":{"f:a":{}}}"#,
            r#"one Update 03 {"f:data":{".":{},"f:b":{},"f:c":{}}}"#,
        ]
    );
    story.update("two", &config(&json!({"b": "1"})));
    assert_eq!(
        story.owners(),
        [r#"one Update 03 {"f:data":{".":{},"f:b":{}}}"#],
        "nobody owns what is gone"
    );
}

#[test]
fn what_was_there_before_the_first_apply_is_kept_apart() {
    let mut live = config(&json!({"a": "1"}));
    live["metadata"]["uid"] = "u".into();
    let mut story = Story {
        live: Some(live),
        second: 0,
    };
    story
        .apply("one", &config(&json!({"b": "1"})), false)
        .unwrap();
    assert_eq!(
        story.owners(),
        [
            r#"one Apply 01 {"f:data":{"f:b":{}}}"#,
            r#"before-first-apply Update 01 {"f:data":{".":{},"f:a":{}}}"#,
        ]
    );
}

#[test]
fn an_update_of_what_nobody_owns_is_not_recorded() {
    let mut live = config(&json!({"a": "1"}));
    live["metadata"]["uid"] = "u".into();
    let mut story = Story {
        live: Some(live),
        second: 0,
    };
    story.update("one", &config(&json!({"a": "2"})));
    assert_eq!(story.owners(), Vec::<String>::new());
}

#[test]
fn a_client_may_say_who_owns_what() {
    let mut story = Story::new();
    story
        .apply("one", &config(&json!({"a": "1"})), false)
        .unwrap();
    let mut renamed = story.live.clone().unwrap();
    renamed["metadata"]["managedFields"][0]["manager"] = "two".into();
    story.update("three", &renamed);
    assert_eq!(story.owners(), [r#"two Apply 01 {"f:data":{"f:a":{}}}"#]);
    for reset in [json!([]), json!([{}])] {
        let mut object = renamed.clone();
        object["metadata"]["managedFields"] = reset;
        assert_eq!(
            write::update(
                story.live.as_ref(),
                &object,
                &endpoint(&object),
                request("x")
            )["metadata"]
                .get("managedFields"),
            None
        );
    }
    let mut unreadable = renamed.clone();
    unreadable["metadata"]["managedFields"][0]["fieldsType"] = "FieldsV2".into();
    story.update("three", &unreadable);
    assert_eq!(
        story.owners(),
        [r#"two Apply 01 {"f:data":{"f:a":{}}}"#],
        "those of the live object count"
    );
}

fn request(manager: &str) -> Request<'_> {
    Request {
        manager,
        force: false,
        now: "2026-02-01T00:00:00Z",
    }
}

#[test]
fn an_apply_may_not_say_who_owns_what() {
    let mut object = config(&json!({}));
    object["metadata"]["managedFields"] = json!([]);
    let refusal = write::apply(None, &object, &endpoint(&object), request("one")).unwrap_err();
    assert_eq!(
        (refusal.code, &*refusal.message),
        (400, "metadata.managedFields must be nil")
    );
    let secret = json!({"apiVersion": "v1", "kind": "Secret"});
    let refusal = write::apply(
        None,
        &secret,
        &endpoint(&config(&json!({}))),
        request("one"),
    )
    .unwrap_err();
    assert_eq!(
        (refusal.code, &*refusal.message),
        (400, "invalid object type: /v1, Kind=Secret")
    );
}

#[test]
fn a_status_is_owned_through_its_endpoint_only() {
    let object = |replicas: u32, ready: u32| {
        json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "a", "uid": "u"},
            "spec": {"replicas": replicas, "selector": {"matchLabels": {"a": "b"}}}, "status": {"readyReplicas": ready}})
    };
    let mut story = Story::new();
    story.apply("one", &object(1, 1), false).unwrap();
    assert_eq!(
        story.owners(),
        [r#"one Apply 01 {"f:spec":{"f:replicas":{},"f:selector":{}}}"#]
    );
    let new = object(3, 2);
    let to = endpoint(&new).status();
    let live = write::update(story.live.as_ref(), &new, &to, request("kubelet"));
    let status = &live["metadata"]["managedFields"][1];
    assert_eq!(
        (&status["subresource"], &status["fieldsV1"]),
        (
            &json!("status"),
            &json!({"f:status": {"f:readyReplicas": {}}})
        )
    );
}

#[test]
fn the_oldest_updaters_are_folded() {
    let mut story = Story::new();
    let mut data = serde_json::Map::new();
    for manager in 0..13 {
        data.insert(format!("k{manager:02}"), "1".into());
        story.update(
            &format!("m{manager:02}"),
            &config(&Value::Object(data.clone())),
        );
    }
    let owners = story.owners();
    assert_eq!(owners.len(), 10, "{owners:#?}");
    let ancient = r#"ancient-changes Update 04 {"f:data":{".":{},"f:k00":{},"f:k01":{},"f:k02":{},"f:k03":{}}}"#;
    assert_eq!(owners[0], ancient);
}

#[test]
fn kubectl_takes_over_what_it_applied_before_in_another_way() {
    let annotation = "kubectl.kubernetes.io/last-applied-configuration";
    let mut before = config(&json!({"a": "1", "b": "1"}));
    before["metadata"]["annotations"] =
        json!({annotation: config(&json!({"a": "1", "b": "1"})).to_string()});
    let mut story = Story::new();
    story.update("kubectl-client-side-apply", &before);
    let mut edited = before.clone();
    edited["data"]["b"] = "2".into();
    story.update("editor", &edited);
    let refusal = story
        .apply("kubectl", &config(&json!({"a": "3", "b": "3"})), false)
        .unwrap_err();
    assert_eq!(
        refusal.message,
        "Apply failed with 1 conflict: conflict with \"editor\" using v1: .data.b"
    );
    let live = story
        .apply("kubectl", &config(&json!({"a": "3"})), false)
        .unwrap();
    let applied: Value = serde_json::from_str(
        live["metadata"]["annotations"][annotation]
            .as_str()
            .unwrap(),
    )
    .unwrap();
    assert_eq!(applied, config(&json!({"a": "3"})));
}

#[test]
fn times_come_back_where_nothing_else_changed() {
    let mut story = Story::new();
    story
        .apply("one", &config(&json!({"a": "1"})), false)
        .unwrap();
    let live = story.live.clone().unwrap();
    let mut later = live.clone();
    later["metadata"]["managedFields"][0]["time"] = "2027-01-01T00:00:00Z".into();
    let mut kept = later.clone();
    write::keep_times(&live, &mut kept);
    assert_eq!(kept, live);
    later["data"]["a"] = "2".into();
    let mut changed = later.clone();
    write::keep_times(&live, &mut changed);
    assert_eq!(changed, later);
}

/// `v2` uses another name for the field `data`; `v3` no longer exists.
struct Renamed;

impl Convert for Renamed {
    fn convert<'a>(
        &'a self,
        object: &'a Typed<'_>,
        version: &str,
    ) -> Result<Typed<'a>, ConvertError> {
        match version {
            "v1" => Ok(object.borrowed()),
            "v2" => {
                let mut value: Value = (*object.value).clone();
                if let Some(data) = value.as_object_mut().unwrap().remove("data") {
                    value["binaryData"] = data;
                }
                Ok(Typed {
                    value: Cow::Owned(value),
                    schema: object.schema,
                    ty: object.ty,
                })
            }
            _ => Err(ConvertError::Missing),
        }
    }
}

#[test]
fn fields_of_another_version_are_taken_too_and_those_of_a_gone_one_forgotten() {
    let entry = |manager: &str, version: &str, fields: Value| json!({"manager": manager, "operation": "Update", "apiVersion": version, "fieldsType": "FieldsV1", "fieldsV1": fields});
    let mut live = config(&json!({"a": "1"}));
    live["metadata"]["managedFields"] = json!([
        entry("old", "v2", json!({"f:binaryData": {"f:a": {}}})),
        entry("gone", "v3", json!({"f:other": {}})),
    ]);
    let object = config(&json!({"a": "2"}));
    let to = Endpoint {
        converter: Some(&Renamed),
        ..endpoint(&object)
    };
    let refusal = write::apply(Some(&live), &object, &to, request("one")).unwrap_err();
    assert_eq!(
        refusal.message,
        "Apply failed with 1 conflict: conflict with \"old\" using v2: .binaryData.a"
    );
    let forced = write::apply(
        Some(&live),
        &object,
        &to,
        Request {
            force: true,
            ..request("one")
        },
    )
    .unwrap();
    let managers: Vec<_> = forced["metadata"]["managedFields"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| &entry["manager"])
        .collect();
    assert_eq!(managers, ["one"]);
}

#[test]
fn who_scales_an_object_owns_its_replicas() {
    let scaled = Scaled {
        api_version: "apps/v1",
        replicas: &[("apps/v1", &["spec", "replicas"])],
    };
    let deployment = json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "a"}, "spec": {"replicas": 1, "paused": true}});
    let mut story = Story::new();
    story.apply("one", &deployment, false).unwrap();
    let before = story.live.clone().unwrap();
    let scale = |replicas: u32| json!({"apiVersion": "autoscaling/v1", "kind": "Scale", "metadata": {"uid": "u"}, "spec": {"replicas": replicas}});
    let mut live_scale = scale(1);
    scaled.owners_of_scale(&before, &mut live_scale).unwrap();
    let entry = &live_scale["metadata"]["managedFields"][0];
    assert_eq!(
        (&entry["manager"], &entry["apiVersion"]),
        (&json!("one"), &json!("autoscaling/v1"))
    );

    let new = scale(5);
    let to = Endpoint {
        subresource: "scale",
        ..endpoint(&new)
    };
    let refusal = write::apply(Some(&live_scale), &new, &to, request("hpa")).unwrap_err();
    assert_eq!(
        refusal.message,
        "Apply failed with 1 conflict: conflict with \"one\": .spec.replicas"
    );
    let forced = write::apply(
        Some(&live_scale),
        &new,
        &to,
        Request {
            force: true,
            ..request("hpa")
        },
    )
    .unwrap();
    let mut after = before.clone();
    after["spec"]["replicas"] = 5.into();
    scaled
        .owners_of_parent(&before, &forced, &mut after)
        .unwrap();
    let owners = Story {
        live: Some(after),
        second: 0,
    }
    .owners();
    assert_eq!(
        owners,
        [
            r#"hpa Apply - {"f:spec":{"f:replicas":{}}}"#,
            r#"one Apply 01 {"f:spec":{"f:paused":{}}}"#
        ]
    );

    let mut gone = before.clone();
    gone["metadata"]["managedFields"][0]["apiVersion"] = "apps/v1beta1".into();
    scaled
        .owners_of_parent(&gone, &scale(1), &mut gone.clone())
        .unwrap();
    gone["metadata"]["managedFields"][0]["operation"] = "Odd".into();
    assert_eq!(
        scaled
            .owners_of_scale(&gone, &mut scale(1))
            .unwrap_err()
            .code,
        500
    );
}

#[test]
fn versions_of_the_same_shape_share_their_owners() {
    let schema = &builtin().schema;
    let ty = builtin().kinds.get("v1", "ConfigMap").unwrap();
    let versions = [("x.io/v1", schema, ty), ("x.io/v2", schema, ty)];
    let converter = Versions(&versions);
    let object = |version: &str, data: Value| {
        let mut object = config(&data);
        object["apiVersion"] = version.into();
        object
    };
    let to = |version: &'static str| Endpoint {
        converter: Some(&converter),
        ..Endpoint::new(schema, ty, version, "ConfigMap")
    };
    let first = write::apply(
        None,
        &object("x.io/v1", json!({"a": "1", "b": "1"})),
        &to("x.io/v1"),
        request("one"),
    )
    .unwrap();
    let second = object("x.io/v2", json!({"a": "2"}));
    let refusal = write::apply(Some(&first), &second, &to("x.io/v2"), request("two")).unwrap_err();
    assert_eq!(
        refusal.message,
        "Apply failed with 1 conflict: conflict with \"one\": .data.a"
    );
    let live = write::apply(Some(&first), &second, &to("x.io/v2"), request("one")).unwrap();
    assert_eq!(
        (
            &live["data"],
            &live["metadata"]["managedFields"][0]["apiVersion"]
        ),
        (&json!({"a": "2"}), &json!("x.io/v2"))
    );
    let alone = Endpoint::new(schema, ty, "x.io/v2", "ConfigMap");
    let live = write::apply(Some(&first), &second, &alone, request("two")).unwrap();
    assert_eq!(
        live["metadata"]["managedFields"].as_array().map(Vec::len),
        Some(1),
        "a version that is gone owns nothing"
    );
}
