//! What is proven to be a no-op, and what is not.

use lode_merge::{
    Decision, Reason, decide,
    write::{self, Endpoint, Request},
};
use lode_schema::{Schema, TypeRef, builtin};
use serde_json::{Value, json};

fn deployment() -> Value {
    json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "a", "labels": {"l": "1"}}, "spec": {
        "replicas": 1, "selector": {"matchLabels": {"a": "b"}}, "template": {"spec": {"containers": [{
            "name": "c", "image": "i:1", "resources": {"limits": {"cpu": "1000m"}}, "ports": [{"containerPort": 80}],
            "env": [{"name": "P", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}],
        }]}},
    }})
}

fn typed(object: &Value) -> (&'static Schema, TypeRef) {
    let text = |key: &str| object[key].as_str().unwrap();
    (
        &builtin().schema,
        builtin()
            .kinds
            .get(text("apiVersion"), text("kind"))
            .unwrap(),
    )
}

/// Returns an object without atomic values and without defaults in keys: one that can be decided
/// without the type.
fn plain() -> Value {
    let env = json!([{"name": "A", "value": "1"}, {"name": "B", "value": "2"}]);
    json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "a", "labels": {"l": "1"}}, "spec": {
        "replicas": 1, "template": {"spec": {"containers": [{"name": "c", "image": "i:1", "env": env, "args": ["a"]}]}}}})
}

/// Applies an object, and changes the live object as the server does.
fn live(desired: &Value, change: impl FnOnce(&mut Value)) -> Value {
    let (schema, ty) = typed(desired);
    let text = |key: &str| desired[key].as_str().unwrap();
    let to = Endpoint::new(schema, ty, text("apiVersion"), text("kind"));
    let request = Request {
        manager: "lode",
        force: false,
        now: "2026-01-01T00:00:00Z",
    };
    let mut live = write::apply(None, desired, &to, request).unwrap();
    change(&mut live);
    live
}

fn container(object: &mut Value) -> &mut Value {
    &mut object["spec"]["template"]["spec"]["containers"][0]
}

/// Decides with the type and without it.
fn both(live: &Value, desired: &Value) -> (Decision, Decision) {
    (
        decide(live, desired, "lode", Some(typed(desired))),
        decide(live, desired, "lode", None),
    )
}

#[test]
fn what_is_there_already_is_a_no_op() {
    let live_plain = live(&plain(), |_| {});
    assert_eq!(
        both(&live_plain, &plain()),
        (Decision::NoOp, Decision::NoOp)
    );
    let live = live(&deployment(), |_| {});
    assert_eq!(
        both(&live, &deployment()),
        (Decision::NoOp, Decision::Unknown(Reason::Untyped))
    );
}

#[test]
fn what_the_server_makes_of_values_is_known_with_the_type() {
    let live = live(&deployment(), |live| {
        live["metadata"]["labels"]["theirs"] = "2".into();
        live["spec"]["revisionHistoryLimit"] = 10.into();
        let container = container(live);
        container["resources"]["limits"]["cpu"] = "1".into();
        container["env"][0]["valueFrom"]["fieldRef"]["apiVersion"] = "v1".into();
        container["ports"][0]["protocol"] = "TCP".into();
        container["terminationMessagePath"] = "/dev/termination-log".into();
    });
    assert_eq!(
        both(&live, &deployment()),
        (Decision::NoOp, Decision::Unknown(Reason::Untyped))
    );
}

#[test]
fn a_value_that_differs_is_not() {
    let live = live(&plain(), |live| container(live)["image"] = "i:2".into());
    let differs = Decision::Unknown(Reason::Differs);
    assert_eq!(both(&live, &plain()), (differs, differs));
}

#[test]
fn another_field_or_one_less_is_a_change() {
    let live = live(&plain(), |_| {});
    let mut more = plain();
    more["spec"]["paused"] = false.into();
    let mut less = plain();
    less["spec"].as_object_mut().unwrap().remove("replicas");
    let mut item = plain();
    item["spec"]["template"]["spec"]["containers"]
        .as_array_mut()
        .unwrap()
        .push(json!({"name": "d"}));
    for desired in [more, less] {
        assert_eq!(
            both(&live, &desired),
            (Decision::Changed, Decision::Changed)
        );
    }
    assert_eq!(
        decide(&live, &item, "lode", Some(typed(&item))),
        Decision::Changed
    );
    assert_ne!(decide(&live, &item, "lode", None), Decision::NoOp);
}

#[test]
fn an_atomic_value_is_compared_whole() {
    let mut desired = deployment();
    container(&mut desired)["args"] = json!(["a", "b"]);
    let change = |args: Value| {
        let live = live(&desired, |live| container(live)["args"] = args);
        decide(&live, &desired, "lode", Some(typed(&desired)))
    };
    assert_eq!(change(json!(["a", "b"])), Decision::NoOp);
    for other in [
        json!(["b", "a"]),
        json!(["a", "b", "c"]),
        json!(["a"]),
        json!(null),
    ] {
        assert_eq!(change(other), Decision::Unknown(Reason::Differs));
    }
}

#[test]
fn merged_items_have_to_come_in_the_desired_order() {
    let desired = plain();
    let env = |env: Value| {
        let live = live(&desired, |live| container(live)["env"] = env);
        both(&live, &desired)
    };
    let (a, b, x) = (
        json!({"name": "A", "value": "1"}),
        json!({"name": "B", "value": "2"}),
        json!({"name": "X"}),
    );
    assert_eq!(
        env(json!([a, x, b])),
        (Decision::NoOp, Decision::NoOp),
        "what others put between does not matter"
    );
    assert_ne!(env(json!([b, a])).0, Decision::NoOp);
    assert_ne!(env(json!([b, a])).1, Decision::NoOp);
}

#[test]
fn whoever_applied_nothing_or_otherwise_is_not_known() {
    let live = live(&deployment(), |_| {});
    let decided = |live: &Value, manager: &str| {
        decide(live, &deployment(), manager, Some(typed(&deployment())))
    };
    assert_eq!(decided(&live, "other"), Decision::Changed);
    assert_eq!(
        decide(&live, &deployment(), "other", None),
        Decision::Unknown(Reason::NotApplied)
    );
    let with = |change: fn(&mut Value)| {
        let mut live = live.clone();
        change(&mut live);
        decided(&live, "lode")
    };
    let deleting =
        with(|live| live["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z".into());
    assert_eq!(deleting, Decision::Unknown(Reason::Deleting));
    let older =
        with(|live| live["metadata"]["managedFields"][0]["apiVersion"] = "apps/v1beta1".into());
    assert_eq!(older, Decision::Unknown(Reason::OtherVersion));
    let unreadable =
        with(|live| live["metadata"]["managedFields"][0]["fieldsV1"] = json!({"odd": {}}));
    assert_eq!(unreadable, Decision::Unknown(Reason::Unreadable));
    let mut unfit = deployment();
    unfit["spec"]["replica"] = 1.into();
    assert_eq!(
        decide(&live, &unfit, "lode", Some(typed(&unfit))),
        Decision::Unknown(Reason::Unfit)
    );
}

#[test]
fn a_name_alone_owns_nothing_however_often_it_is_applied() {
    let account = json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "a", "namespace": "n"}});
    let bare = live(&account, |_| {});
    assert_eq!(bare["metadata"].get("managedFields"), None);
    assert_eq!(
        decide(&bare, &account, "lode", Some(typed(&account))),
        Decision::NoOp
    );
    let labelled = live(&account, |live| {
        live["metadata"]["labels"] = json!({"a": "b"});
    });
    assert_eq!(
        decide(&labelled, &account, "lode", Some(typed(&account))),
        Decision::Changed,
        "the first apply records it"
    );
}

#[test]
fn without_a_type_nothing_is_said_of_a_map_that_was_recorded_empty() {
    let mut desired = deployment();
    desired["spec"]["template"]["spec"]["volumes"] = json!([{"name": "v", "emptyDir": {}}]);
    let live = live(&desired, |live| {
        live["spec"]["template"]["spec"]["volumes"][0]["emptyDir"]["medium"] = "Memory".into();
    });
    let volume = |object: &mut Value| {
        object["spec"]["template"]["spec"]["volumes"][0]["emptyDir"] = json!({"medium": "Memory"});
    };
    volume(&mut desired);
    assert_eq!(
        both(&live, &desired),
        (Decision::Changed, Decision::Unknown(Reason::Untyped))
    );
}
