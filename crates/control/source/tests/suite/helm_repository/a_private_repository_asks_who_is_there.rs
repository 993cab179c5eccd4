//! A repository that is not open to all.

use lode_sandbox::{CHARTS_PASSWORD, CHARTS_USER};
use serde_json::{Value, json};

use super::Stage;
use crate::played::condition;

fn secret(name: &str, data: &Value) -> Value {
    json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "stringData": data})
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_name_and_password_open_it() {
    let stage = Stage::start().await;
    stage.list("/private-x", &["1.0.0"]);
    let url = json!({"url": stage.charts.url("/private-x")});
    stage.apply(&url).await;
    let live = stage.played.ran("charts").await;
    let (_, _, text) = condition(&live, "FetchFailed").unwrap();
    assert!(
        text.ends_with("/private-x/index.yaml : 401 Unauthorized"),
        "{text}"
    );

    let login = json!({"username": CHARTS_USER, "password": CHARTS_PASSWORD});
    stage.played.make(&secret("auth", &login)).await;
    let with = json!({"url": url["url"], "secretRef": {"name": "auth"}});
    stage.apply(&with).await;
    assert!(stage.played.ran("charts").await.status.artifact.is_some());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_wrong_with_a_secret_is_told_without_it() {
    let stage = Stage::start().await;
    stage.list("", &["1.0.0"]);
    stage
        .played
        .make(&secret("half", &json!({"password": "hunter2"})))
        .await;
    stage
        .played
        .make(&secret("no-ca", &json!({"ca.crt": "hunter2"})))
        .await;
    for (field, name, expected) in [
        (
            "secretRef",
            "nothere",
            "failed to get authentication secret 'default/nothere': secrets \"nothere\" not found",
        ),
        (
            "certSecretRef",
            "nothere",
            "failed to get TLS authentication secret 'default/nothere': secrets \"nothere\" not found",
        ),
        (
            "secretRef",
            "half",
            "failed to detect authentication methods: secret 'default/half': malformed basic auth - has 'password' but \
             missing 'username'",
        ),
        (
            "certSecretRef",
            "half",
            "failed to construct Helm client's TLS config: secret 'default/half' must contain either 'ca.crt' or both \
             'tls.crt' and 'tls.key'",
        ),
    ] {
        stage.apply(&json!({field: {"name": name}})).await;
        let live = stage.played.ran("charts").await;
        let (_, reason, text) = condition(&live, "FetchFailed").unwrap();
        assert_eq!((&*reason, &*text), ("AuthenticationFailed", expected));
    }
    let encrypted = stage.charts.url("").replace("http:", "https:");
    let spec = json!({"url": encrypted, "certSecretRef": {"name": "no-ca"}});
    stage.apply(&spec).await;
    let live = stage.played.ran("charts").await;
    let (_, reason, text) = condition(&live, "FetchFailed").unwrap();
    assert_eq!(reason, "AuthenticationFailed");
    assert!(!text.contains("hunter2"), "{text}");
    assert_eq!(stage.charts.take_requests(), []);
}
