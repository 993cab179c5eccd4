//! An artifact has several layers, and one of them is meant.

use serde_json::json;

use super::{LAYER, Stage, of_layers, tar_gz};
use crate::played::{condition, names};

/// Media type of a layer that is one text.
const TEXT: &str = "text/plain";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_layer_is_chosen_by_its_media_type() {
    let stage = Stage::open().await;
    let layers = [(TEXT, b"hello".to_vec()), (LAYER, tar_gz(&[("a", "a")]))];
    stage.registry.push("app", "latest", &of_layers(&layers));
    stage
        .apply(&json!({"layerSelector": {"mediaType": LAYER}}))
        .await;
    let live = stage.played.ran("app").await;
    assert_eq!(names(&*stage.played.tree("app").await), ["a"]);
    let observed = live.status.observed_layer_selector.unwrap();
    assert_eq!(observed.media_type.as_deref(), Some(LAYER));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_layer_may_be_kept_as_it_is_and_another_choice_makes_another_artifact() {
    let stage = Stage::open().await;
    let layers = [(TEXT, b"hello".to_vec()), (LAYER, tar_gz(&[("a", "a")]))];
    stage.registry.push("app", "latest", &of_layers(&layers));
    stage
        .apply(&json!({"layerSelector": {"mediaType": TEXT, "operation": "copy"}}))
        .await;
    let first = stage.played.ran("app").await;
    assert_eq!(stage.played.bytes("app").await, b"hello");

    stage
        .apply(&json!({"layerSelector": {"mediaType": LAYER, "operation": "copy"}}))
        .await;
    let second = stage.played.ran("app").await;
    assert_eq!(stage.played.bytes("app").await, layers[1].1);
    let artifacts = [first, second].map(|live| live.status.artifact.unwrap());
    assert_eq!(artifacts[0].revision, artifacts[1].revision);
    assert_ne!(artifacts[0].digest, artifacts[1].digest);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_layer_that_is_not_there_is_named() {
    let stage = Stage::open().await;
    stage.push("latest", &[("a", "a")]);
    stage
        .apply(&json!({"layerSelector": {"mediaType": "application/none"}}))
        .await;
    let live = stage.played.ran("app").await;
    let (_, reason, text) = condition(&live, "FetchFailed").unwrap();
    assert_eq!(reason, "OCIArtifactLayerOperationFailed");
    assert_eq!(
        text,
        "failed to find layer with media type 'application/none' in artifact"
    );
    stage.registry.push("app", "latest", &of_layers(&[]));
    stage.apply(&json!({})).await;
    let live = stage.played.ran("app").await;
    let (_, _, text) = condition(&live, "FetchFailed").unwrap();
    assert_eq!(text, "no layers found in artifact");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_layer_that_is_no_archive_cannot_be_unpacked() {
    let stage = Stage::open().await;
    stage
        .registry
        .push("app", "latest", &of_layers(&[(TEXT, b"hello".to_vec())]));
    stage.apply(&json!({})).await;
    let live = stage.played.ran("app").await;
    let (_, reason, text) = condition(&live, "FetchFailed").unwrap();
    assert_eq!(reason, "OCIArtifactLayerOperationFailed");
    assert!(
        text.starts_with("failed to extract layer contents from artifact: "),
        "{text}"
    );
}
