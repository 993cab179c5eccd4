//! The stored result of a write, as a client sees it.

use hyper::Method;
use serde_json::{Value, json};

use crate::client::Client;

const MAPS: &str = "/api/v1/namespaces/default/configmaps";
const APPLY: &str = "application/apply-patch+yaml";

fn map(name: &str, data: &Value) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data})
}

#[tokio::test]
async fn an_apply_creates_whatever_revision_it_is_made_from_and_then_only_from_that() {
    let client = Client::start().await;
    let path = format!("{MAPS}/a?fieldManager=lode");
    let mut object = map("a", &json!({"k": "1"}));
    object["metadata"]["resourceVersion"] = "1".into();
    let (code, created) = client.send(Method::PATCH, &path, APPLY, &object).await;
    assert_eq!(code, 201, "{created}");
    let (code, refused) = client.send(Method::PATCH, &path, APPLY, &object).await;
    assert_eq!((code, &refused["reason"]), (409, &json!("Conflict")));
}

#[tokio::test]
async fn an_apply_takes_from_others_only_by_force() {
    let client = Client::start().await;
    let apply = async |manager: &str, force: bool| {
        let path = format!("{MAPS}/a?fieldManager={manager}&force={force}");
        client
            .send(
                Method::PATCH,
                &path,
                APPLY,
                &map("a", &json!({"k": manager})),
            )
            .await
    };
    assert_eq!(apply("one", false).await.0, 201);
    let (code, refused) = apply("two", false).await;
    assert_eq!(
        (code, &refused["details"]["causes"][0]["field"]),
        (409, &json!(".data.k"))
    );
    let (code, taken) = apply("two", true).await;
    assert_eq!((code, &taken["data"]["k"]), (200, &json!("two")));
    let managers: Vec<_> = taken["metadata"]["managedFields"]
        .as_array()
        .unwrap()
        .iter()
        .collect();
    assert_eq!(
        (managers.len(), &managers[0]["manager"]),
        (1, &json!("two"))
    );
}

#[tokio::test]
async fn nothing_is_written_where_nothing_changes() {
    let client = Client::start().await;
    let created = client.create(MAPS, &map("a", &json!({"k": "1"}))).await;
    let (_, again) = client
        .send(
            Method::PUT,
            &format!("{MAPS}/a"),
            "application/json",
            &map("a", &json!({"k": "1"})),
        )
        .await;
    assert_eq!(
        again["metadata"]["resourceVersion"],
        created["metadata"]["resourceVersion"]
    );
    client
        .patch(
            &format!("{MAPS}/a?dryRun=All"),
            &json!({"data": {"k": "2"}}),
        )
        .await;
    assert_eq!(client.get(&format!("{MAPS}/a")).await, again);
}

#[tokio::test]
async fn an_owner_in_the_foreground_waits_for_its_dependents() {
    let client = Client::start().await;
    let owner = client.create(MAPS, &map("owner", &json!({}))).await;
    let mut dependent = map("dependent", &json!({}));
    dependent["metadata"]["finalizers"] = json!(["example.com/hold"]);
    dependent["metadata"]["ownerReferences"] = json!([{"apiVersion": "v1", "kind": "ConfigMap", "name": "owner",
        "uid": owner["metadata"]["uid"], "blockOwnerDeletion": true}]);
    client.create(MAPS, &dependent).await;
    client.delete(&format!("{MAPS}/owner"), "Foreground").await;
    let going = |object: &Value| object["metadata"]["deletionTimestamp"].is_string();
    client.wait(&format!("{MAPS}/dependent"), going).await;
    assert_eq!(
        client.get(&format!("{MAPS}/owner")).await["metadata"]["finalizers"],
        json!(["foregroundDeletion"])
    );
    client
        .patch(
            &format!("{MAPS}/dependent"),
            &json!({"metadata": {"finalizers": null}}),
        )
        .await;
    client
        .wait(&format!("{MAPS}/owner"), |owner| owner["code"] == 404)
        .await;
}

#[tokio::test]
async fn one_write_after_another_loses_nothing() {
    let client = Client::start().await;
    client.create(MAPS, &map("a", &json!({}))).await;
    let path = format!("{MAPS}/a");
    let patches: Vec<_> = (0..20)
        .map(|number| json!({"data": {format!("k{number}"): "v"}}))
        .collect();
    for patch in &patches {
        client.patch(&path, patch).await;
    }
    assert_eq!(
        client.get(&path).await["data"].as_object().unwrap().len(),
        20
    );
}

#[tokio::test]
async fn an_eviction_deletes_its_pod() {
    let client = Client::start().await;
    let pods = "/api/v1/namespaces/default/pods";
    let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a"}, "spec": {
        "containers": [{"name": "c", "image": "i:1"}]}});
    client.create(pods, &pod).await;
    let eviction = |name: &str| json!({"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": name}});
    let path = format!("{pods}/a/eviction");
    let (code, _) = client
        .send(Method::POST, &path, "application/json", &eviction("b"))
        .await;
    assert_eq!(code, 400);
    client.create(&path, &eviction("a")).await;
    client
        .wait(&format!("{pods}/a"), |pod| pod["code"] == 404)
        .await;
}

#[tokio::test]
async fn a_secret_that_is_no_base64_is_refused_in_the_words_of_the_real_server_and_its_values_are_not_told()
 {
    let client = Client::start().await;
    let secrets = "/api/v1/namespaces/default/secrets";
    let secret = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s", "namespace": "default"}, "data": {"a": "not base64!", "p": "aHVudGVyMg=="}});
    let (code, refused) = client
        .send(
            Method::PATCH,
            &format!("{secrets}/s?fieldManager=a"),
            APPLY,
            &secret,
        )
        .await;
    let message = "failed to convert new object (default/s; /v1, Kind=Secret) to proper version: unable to convert \
        unstructured object to /v1, Kind=Secret: error decoding from json: illegal base64 data at input byte 3";
    assert_eq!(
        (code, &refused["message"], refused.get("reason")),
        (500, &json!(message), None)
    );
    let quota = json!({"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "q"}, "spec": {"hard": {"pods": "1x"}}});
    let path = "/api/v1/namespaces/default/resourcequotas/q?fieldManager=a";
    let (code, refused) = client.send(Method::PATCH, path, APPLY, &quota).await;
    let why = "/v1, Kind=ResourceQuota: quantities must match the regular expression";
    assert!(
        code == 500 && refused["message"].as_str().unwrap().contains(why),
        "{refused}"
    );
    let (code, refused) = client
        .send(Method::POST, secrets, "application/json", &secret)
        .await;
    let message = "Secret in version \"v1\" cannot be handled as a Secret: illegal base64 data at input byte 3";
    assert_eq!((code, &refused["message"]), (400, &json!(message)));
}
