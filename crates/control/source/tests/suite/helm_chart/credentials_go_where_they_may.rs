//! Credentials of a repository go to its own server, and elsewhere only if that is asked for.

use lode_sandbox::{CHARTS_PASSWORD, CHARTS_USER, Charts};
use serde_json::json;

use super::{Stage, packed};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_server_gets_them_only_if_the_user_says_so() {
    let stage = Stage::start().await;
    let other = Charts::start().await.unwrap();
    other.put("/private-x/app-1.0.0.tgz", packed("app", "1.0.0", &[]));
    let package = other.url("/private-x/app-1.0.0.tgz");
    let index = format!(
        "apiVersion: v1\nentries:\n  app:\n  - {{apiVersion: v2, name: app, version: 1.0.0, urls: ['{package}']}}\n"
    );
    stage.server.put("/private-x/index.yaml", index);
    let login = json!({"username": CHARTS_USER, "password": CHARTS_PASSWORD});
    stage
        .charts
        .make(&json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "auth"}, "stringData": login}))
        .await;
    stage
        .repository("/private-x", &json!({"secretRef": {"name": "auth"}}))
        .await;
    stage.chart(("HelmRepository", "charts"), &json!({})).await;
    let (state, reason, text) = stage.ready().await;
    assert_eq!((&*state, &*reason), ("False", "Unknown"));
    let said = format!(
        "failed to authenticate with the Helm repository: chart pull error: failed to download chart for remote \
         reference: failed to fetch {package} : 401 Unauthorized"
    );
    assert_eq!(text, format!("unknown build error: {said}"));
    let events = stage.charts.events("app").await;
    assert_eq!(
        (&*events[0].1, &*events[0].2),
        ("AuthenticationFailed", &*said)
    );
    assert!(other.take_requests().iter().all(|it| !it.has_credentials));

    let passed = json!({"secretRef": {"name": "auth"}, "passCredentials": true});
    stage.repository("/private-x", &passed).await;
    assert_eq!(stage.ready().await.0, "True");
}
