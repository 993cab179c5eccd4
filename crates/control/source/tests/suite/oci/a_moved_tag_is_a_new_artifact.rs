//! Somebody pushes again under the same tag.

use serde_json::json;

use super::Stage;
use crate::played::{condition, names};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tag_that_moves_is_pulled_again_and_the_address_leads_to_it() {
    let stage = Stage::open().await;
    stage.push("v1", &[("a", "a")]);
    stage.apply(&json!({"ref": {"tag": "v1"}})).await;
    stage.played.run("app").await;

    let revision = stage.push("v1", &[("b", "b")]);
    let live = stage.played.ran("app").await;
    let artifact = live.status.artifact.unwrap();
    assert_eq!(*artifact.revision, *revision);
    assert_eq!(names(&*stage.played.tree("app").await), ["b"]);
    let digest = revision.trim_start_matches("v1@");
    let files = stage.played.files("app");
    assert_eq!(
        files,
        ["latest.tar.gz".to_owned(), format!("{digest}.tar.gz")]
    );
    let folder = stage
        .played
        .artifacts
        .served()
        .join("ocirepository/default/app");
    let read = |name: &str| std::fs::read(folder.join(name)).unwrap();
    assert_eq!(read("latest.tar.gz"), read(&files[1]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_pulled_leaves_what_was_there() {
    let stage = Stage::open().await;
    let first = stage.push("v1", &[("a", "a")]);
    stage.apply(&json!({"ref": {"tag": "v1"}})).await;
    stage.played.run("app").await;

    let second = stage.push("v1", &[("b", "b")]);
    stage
        .registry
        .fault("/blobs/", lode_sandbox::WebFault::Altered);
    let live = stage.played.ran("app").await;
    assert_eq!(*live.status.artifact.as_deref().unwrap().revision, *first);
    let (_, reason, text) = condition(&live, "ArtifactOutdated").unwrap();
    let host = stage.registry.host();
    assert_eq!(
        (&*reason, text),
        (
            "NewRevision",
            format!("new revision '{second}' for '{host}/app:v1'")
        )
    );
    let (_, _, text) = condition(&live, "Reconciling").unwrap();
    assert!(
        text.starts_with("building artifact: new revision '"),
        "{text}"
    );

    stage.registry.heal();
    let live = stage.played.ran("app").await;
    assert_eq!(*live.status.artifact.as_deref().unwrap().revision, *second);
    assert!(condition(&live, "ArtifactOutdated").is_none());
}
