//! Custom resources, from their definition to its deletion.

use hyper::Method;
use serde_json::{Value, json};

use crate::client::{Client, is_true};

const DEFINITIONS: &str = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
const WIDGETS: &str = "/apis/example.com/v1/namespaces/default/widgets";

fn definition() -> Value {
    let spec = json!({"type": "object", "properties": {
        "size": {"type": "integer", "minimum": 1, "default": 3}, "most": {"type": "integer"}},
        "x-kubernetes-validations": [{"rule": "!has(self.most) || self.size <= self.most", "message": "size over most"}]});
    let schema = json!({"type": "object", "properties": {"spec": spec, "status": {"type": "object",
        "x-kubernetes-preserve-unknown-fields": true}}});
    json!({"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": "widgets.example.com"},
        "spec": {"group": "example.com", "scope": "Namespaced",
            "names": {"plural": "widgets", "singular": "widget", "kind": "Widget", "listKind": "WidgetList"},
            "versions": [{"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": schema},
                "subresources": {"status": {}}}]}})
}

fn widget(name: &str, spec: &Value) -> Value {
    json!({"apiVersion": "example.com/v1", "kind": "Widget", "metadata": {"name": name}, "spec": spec})
}

#[tokio::test]
async fn custom_resources_are_served_held_against_their_definition_and_go_with_it() {
    let client = Client::start().await;
    client.create(DEFINITIONS, &definition()).await;
    let path = format!("{DEFINITIONS}/widgets.example.com");
    client
        .wait(&path, |definition| is_true(definition, "Established"))
        .await;
    client
        .wait(WIDGETS, |list| list["kind"] == "WidgetList")
        .await;

    let created = client
        .create(WIDGETS, &widget("a", &json!({"unknown": 1})))
        .await;
    assert_eq!(
        created["spec"],
        json!({"size": 3}),
        "what is not declared goes, what is not said is filled in"
    );
    let refused = async |spec: &Value| {
        let (code, answer) = client
            .send(
                Method::POST,
                WIDGETS,
                "application/json",
                &widget("b", spec),
            )
            .await;
        (code, answer["message"].as_str().unwrap().to_owned())
    };
    let (code, message) = refused(&json!({"size": 0})).await;
    assert_eq!(code, 422);
    assert!(
        message.contains("spec.size in body should be greater than or equal to 1"),
        "{message}"
    );
    let (code, message) = refused(&json!({"size": 3, "most": 2})).await;
    assert!(
        code == 422 && message.contains("size over most"),
        "{message}"
    );

    client
        .patch(
            &format!("{WIDGETS}/a/status"),
            &json!({"status": {"ready": true}, "spec": {"size": 9}}),
        )
        .await;
    let found = client.get(&format!("{WIDGETS}/a")).await;
    assert_eq!(
        (&found["status"]["ready"], &found["spec"]["size"]),
        (&json!(true), &json!(3))
    );
    assert_eq!(
        found["metadata"]["generation"], 1,
        "a status is no new generation"
    );

    client.delete(&path, "Background").await;
    client
        .wait(&path, |definition| definition["code"] == 404)
        .await;
    let (code, _) = client.raw(Method::GET, WIDGETS, &[], &Value::Null).await;
    assert_eq!(code, 404);
}

#[tokio::test]
async fn what_one_version_declares_is_neither_stored_nor_shown_in_another_that_does_not() {
    let client = Client::start().await;
    let version = |name: &str, storage: bool, field: &str| {
        let spec = json!({"type": "object", "properties": {"name": {"type": "string"}, field: {"type": "string"}}});
        let schema = json!({"type": "object", "properties": {"spec": spec}});
        json!({"name": name, "served": true, "storage": storage, "schema": {"openAPIV3Schema": schema}})
    };
    let mut two = definition();
    two["spec"]["versions"] = json!([version("v1", false, "old"), version("v2", true, "new")]);
    client.create(DEFINITIONS, &two).await;
    client
        .wait(&WIDGETS.replace("v1", "v2"), |list| {
            list["kind"] == "WidgetList"
        })
        .await;
    let old = client
        .create(WIDGETS, &widget("a", &json!({"name": "a", "old": "x"})))
        .await;
    assert_eq!(
        old["spec"],
        json!({"name": "a"}),
        "it is stored as version 2 has it"
    );
    let mut new = widget("b", &json!({"name": "b", "new": "x"}));
    new["apiVersion"] = json!("example.com/v2");
    client.create(&WIDGETS.replace("v1", "v2"), &new).await;
    let shown = async |path: &str| client.get(&format!("{path}/b")).await["spec"].clone();
    assert_eq!(shown(WIDGETS).await, json!({"name": "b"}));
    assert_eq!(
        shown(&WIDGETS.replace("v1", "v2")).await,
        json!({"name": "b", "new": "x"})
    );
}
