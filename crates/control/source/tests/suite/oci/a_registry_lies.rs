//! A registry hands out something else than it says.

use lode_sandbox::WebFault;
use serde_json::json;

use super::Stage;
use crate::played::condition;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_layer_or_manifest_of_another_content_is_not_stored() {
    let stage = Stage::open().await;
    stage.push("latest", &[("a", "a")]);
    stage.apply(&json!({})).await;
    for (part, fault, expected) in [
        ("/blobs/", WebFault::Altered, "has the digest sha256:"),
        (
            "/blobs/",
            WebFault::Longer(7),
            "has another size than its manifest says",
        ),
        (
            "/blobs/",
            WebFault::Shorter(7),
            "has another size than its manifest says",
        ),
        (
            "/manifests/sha256:",
            WebFault::Altered,
            "has the digest sha256:",
        ),
    ] {
        stage.registry.fault(part, fault.clone());
        let live = stage.played.ran("app").await;
        let (_, _, text) = condition(&live, "FetchFailed").unwrap();
        assert!(text.contains(expected), "{fault:?}: {text}");
        assert!(live.status.artifact.is_none());
        assert_eq!(stage.played.files("app"), [""; 0]);
        stage.registry.heal();
    }
    assert!(stage.played.ran("app").await.status.artifact.is_some());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_manifest_that_promises_too_much_is_not_begun() {
    let stage = Stage::open().await;
    let digest = stage.registry.put_blob("app", b"small");
    let layer = json!({"mediaType": "x", "digest": digest.to_string(), "size": 1_u64 << 40});
    let manifest = json!({"schemaVersion": 2, "layers": [layer]}).to_string();
    let media = "application/vnd.oci.image.manifest.v1+json";
    stage
        .registry
        .put_manifest("app", Some("latest"), (media, manifest.as_bytes()));
    stage.apply(&json!({})).await;
    let live = stage.played.ran("app").await;
    let (_, reason, text) = condition(&live, "FetchFailed").unwrap();
    assert_eq!(reason, "OCIArtifactLayerOperationFailed");
    assert!(text.contains("the limit"), "{text}");
    assert!(
        stage
            .registry
            .take_requests()
            .iter()
            .all(|it| !it.path.contains("/blobs/"))
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn annotations_that_no_status_can_hold_fail_the_artifact() {
    let stage = Stage::open().await;
    let mut artifact = super::of_layers(&[(super::LAYER, super::tar_gz(&[("a", "a")]))]);
    artifact
        .annotations
        .push(("x".to_owned(), "y".repeat(100_000)));
    stage.registry.push("app", "latest", &artifact);
    stage.apply(&json!({})).await;
    let live = stage.played.ran("app").await;
    let (_, _, text) = condition(&live, "FetchFailed").unwrap();
    assert!(text.contains("annotations of 100001 bytes"), "{text}");
}
