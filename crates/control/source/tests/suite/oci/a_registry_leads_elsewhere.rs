//! A registry redirects to where nobody should be led.

use lode_sandbox::{REGISTRY_PASSWORD, Registry, RegistryAccess, WebFault};
use serde_json::json;

use super::Stage;
use crate::played::{condition, reason};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redirect_to_the_metadata_address_is_refused() {
    let stage = Stage::open().await;
    stage.push("latest", &[("a", "a")]);
    stage.apply(&json!({})).await;
    let to = "http://169.254.169.254/latest/meta-data".to_owned();
    stage.registry.fault("/blobs/", WebFault::Redirect(to));
    let live = stage.played.ran("app").await;
    let (_, reason, text) = condition(&live, "FetchFailed").unwrap();
    assert_eq!(reason, "AccessDenied", "{text}");
    assert!(live.status.artifact.is_none());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_address_that_the_policy_forbids_is_not_asked() {
    let stage = Stage::open().await;
    let spec = json!({"interval": "1h", "url": "oci://169.254.169.254/app", "insecure": true});
    stage.played.apply("app", &spec).await;
    let live = stage.played.ran("app").await;
    assert_eq!(reason(&live, "FetchFailed"), "AccessDenied");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redirect_takes_no_credentials_along() {
    let stage = Stage::start(RegistryAccess::Basic).await;
    stage.push("latest", &[("a", "a")]);
    let other = Registry::start(RegistryAccess::Open).await.unwrap();
    let artifact = super::of_layers(&[(super::LAYER, super::tar_gz(&[("a", "a")]))]);
    other.push("app", "latest", &artifact);
    let blob = lode_stdx::Digest::of(&artifact.layers[0].1);
    let to = format!("http://{}/v2/app/blobs/{blob}", other.host());
    stage.registry.fault("/blobs/", WebFault::Redirect(to));
    stage
        .pull_secret("auth", &stage.registry.host(), REGISTRY_PASSWORD)
        .await;
    stage.apply(&json!({"secretRef": {"name": "auth"}})).await;
    let live = stage.played.ran("app").await;
    assert!(live.status.artifact.is_some());
    let requests = other.take_requests();
    assert!(!requests.is_empty() && requests.iter().all(|it| !it.has_credentials));
}
