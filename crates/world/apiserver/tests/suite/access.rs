//! Authorisation as clients experience it.

use hyper::Method;
use lode_apiserver::{Config, Server};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::client::Client;

const MAPS: &str = "/api/v1/namespaces/default/configmaps";
const BINDINGS: &str = "/apis/rbac.authorization.k8s.io/v1/namespaces/default/rolebindings";

async fn as_jane(client: &Client, path: &str) -> (u16, Value) {
    let (code, body) = client
        .raw(
            Method::GET,
            path,
            &[("impersonate-user", "jane")],
            &Value::Null,
        )
        .await;
    (code, serde_json::from_slice(&body).unwrap())
}

#[tokio::test]
async fn a_user_may_what_he_is_bound_to() {
    let client = Client::start().await;
    let (code, refused) = as_jane(&client, MAPS).await;
    assert_eq!(
        (code, refused["message"].as_str().unwrap()),
        (
            403,
            "configmaps is forbidden: User \"jane\" cannot list resource \"configmaps\" in API group \"\" in the \
             namespace \"default\""
        )
    );
    let binding = json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding",
        "metadata": {"name": "jane"}, "subjects": [{"kind": "User", "name": "jane"}],
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "view"}});
    client.create(BINDINGS, &binding).await;
    let begun = std::time::Instant::now();
    while as_jane(&client, MAPS).await.0 != 200 {
        assert!(begun.elapsed().as_secs() < 60, "the binding counts");
        tokio::task::yield_now().await;
    }
    assert_eq!(
        as_jane(&client, "/api/v1/namespaces/default/secrets")
            .await
            .0,
        403,
        "a viewer sees no secrets"
    );
    assert_eq!(
        as_jane(&client, "/api/v1/configmaps").await.0,
        403,
        "and nothing elsewhere"
    );
}

#[tokio::test]
async fn a_certificate_says_who_comes() {
    let client = Client::start_as("jane", &["ops"]).await;
    let review = json!({"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"});
    let found = client
        .create("/apis/authentication.k8s.io/v1/selfsubjectreviews", &review)
        .await;
    let user = &found["status"]["userInfo"];
    assert_eq!(user["username"], "jane");
    assert_eq!(user["groups"], json!(["ops", "system:authenticated"]));
    let (code, _) = client
        .send(Method::GET, MAPS, "application/json", &Value::Null)
        .await;
    assert_eq!(code, 403);
    let admin = Client::start_as("root", &["system:masters"]).await;
    assert_eq!(admin.get(MAPS).await["kind"], "ConfigMapList");
}

#[tokio::test]
async fn who_may_not_ask_is_told_so_before_a_body_is_read() {
    let server = Server::start(Config::default()).await.unwrap();
    for (head, code) in [
        (format!("POST {MAPS}"), 403),
        (format!("PUT {MAPS}/a"), 403),
        ("POST /apis/example.com/v1/things".to_owned(), 403),
        ("POST /nowhere".to_owned(), 403),
        // Authorised clients are answered without an unneeded body.
        ("GET /version".to_owned(), 200),
    ] {
        let mut stream = Client::stream(&server, None).await;
        let request = format!("{head} HTTP/1.1\r\nhost: x\r\ncontent-length: 3000000\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = [0; 12];
        let read = stream.read_exact(&mut answer);
        let answered = tokio::time::timeout(std::time::Duration::from_secs(20), read).await;
        answered
            .expect("answered although the body does not come")
            .unwrap();
        assert_eq!(
            String::from_utf8_lossy(&answer),
            format!("HTTP/1.1 {code}"),
            "{head}"
        );
    }
}
