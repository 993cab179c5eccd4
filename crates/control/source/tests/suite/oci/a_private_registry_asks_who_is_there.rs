//! A registry that is not open to all: Secrets, accounts and their pull secrets.

use lode_sandbox::{REGISTRY_PASSWORD, RegistryAccess};
use serde_json::json;

use super::Stage;
use crate::played::{condition, reason};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pull_secret_opens_a_registry_of_names_and_passwords() {
    let stage = Stage::start(RegistryAccess::Basic).await;
    stage.push("latest", &[("a", "a")]);
    stage.apply(&json!({})).await;
    let live = stage.played.ran("app").await;
    let (_, _, text) = condition(&live, "FetchFailed").unwrap();
    assert!(
        text.ends_with("UNAUTHORIZED: authentication required"),
        "{text}"
    );

    let host = stage.registry.host();
    stage
        .pull_secret("other", "registry.example", REGISTRY_PASSWORD)
        .await;
    stage.apply(&json!({"secretRef": {"name": "other"}})).await;
    let live = stage.played.ran("app").await;
    assert_eq!(reason(&live, "FetchFailed"), "OCIArtifactPullFailed");
    assert!(
        stage
            .registry
            .take_requests()
            .iter()
            .all(|it| !it.has_credentials)
    );

    stage.pull_secret("auth", &host, REGISTRY_PASSWORD).await;
    stage.apply(&json!({"secretRef": {"name": "auth"}})).await;
    let live = stage.played.ran("app").await;
    assert!(live.status.artifact.is_some());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pull_secret_opens_a_registry_of_tokens() {
    let stage = Stage::start(RegistryAccess::Token).await;
    stage.push_to("private/app", "latest", &[("a", "a")]);
    stage.apply_for("app", "private/app", &json!({})).await;
    let live = stage.played.ran("app").await;
    assert_eq!(reason(&live, "FetchFailed"), "OCIArtifactPullFailed");

    stage
        .pull_secret("auth", &stage.registry.host(), REGISTRY_PASSWORD)
        .await;
    stage
        .apply_for(
            "app",
            "private/app",
            &json!({"secretRef": {"name": "auth"}}),
        )
        .await;
    let live = stage.played.ran("app").await;
    assert!(live.status.artifact.is_some());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_account_has_pull_secrets() {
    let stage = Stage::start(RegistryAccess::Basic).await;
    stage.push("latest", &[("a", "a")]);
    let account = json!({
        "apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "puller"},
        "imagePullSecrets": [{"name": "auth"}],
    });
    stage.apply(&json!({"serviceAccountName": "puller"})).await;
    let text = async || {
        let live = stage.played.ran("app").await;
        condition(&live, "FetchFailed").unwrap().2
    };
    assert_eq!(
        text().await,
        "failed to get credential: serviceaccount 'default/puller' not found"
    );
    stage.played.make(&account).await;
    assert_eq!(
        text().await,
        "failed to get credential: failed to get image pull secret for serviceaccount 'default/puller': \
         secret 'default/auth' not found"
    );
    stage
        .pull_secret("auth", &stage.registry.host(), REGISTRY_PASSWORD)
        .await;
    let live = stage.played.ran("app").await;
    assert!(live.status.artifact.is_some());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_missing_secret_is_told_and_nobody_is_asked() {
    let stage = Stage::open().await;
    for (field, expected) in [
        (
            "secretRef",
            "failed to get credential: failed to get secret 'default/nothere': secrets \"nothere\" not found",
        ),
        (
            "proxySecretRef",
            "failed to get proxy address: secret 'default/nothere' not found",
        ),
    ] {
        stage.apply(&json!({field: {"name": "nothere"}})).await;
        let live = stage.played.ran("app").await;
        let (_, reason, text) = condition(&live, "FetchFailed").unwrap();
        assert_eq!((&*reason, &*text), ("AuthenticationFailed", expected));
    }
    stage
        .apply(&json!({"certSecretRef": {"name": "nothere"}}))
        .await;
    let live = stage.played.ran("app").await;
    let (_, reason, text) = condition(&live, "FetchFailed").unwrap();
    assert_eq!(reason, "AuthenticationFailed");
    let expected = "failed to generate transport for 'oci://";
    assert!(
        text.starts_with(expected) && text.ends_with("secret 'default/nothere' not found"),
        "{text}"
    );
    assert_eq!(stage.registry.take_requests(), []);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn certificates_that_are_none_are_told() {
    let stage = Stage::open().await;
    stage
        .played
        .make(&json!({
            "apiVersion": "v1", "kind": "Secret", "metadata": {"name": "ca"}, "data": {"ca.crt": "aHVudGVyMg=="},
        }))
        .await;
    stage.apply(&json!({"certSecretRef": {"name": "ca"}})).await;
    let live = stage.played.ran("app").await;
    let (_, reason, text) = condition(&live, "FetchFailed").unwrap();
    assert_eq!(reason, "AuthenticationFailed");
    assert!(
        text.starts_with("failed to generate transport") && !text.contains("hunter2"),
        "{text}"
    );
}
