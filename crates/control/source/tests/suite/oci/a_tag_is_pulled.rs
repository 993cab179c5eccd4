//! A tag is pulled, and consumers find its files and what it was made from.

use std::time::Duration;

use lode_runtime::{EventKind, Next};
use serde_json::json;

use super::{LAYER, Stage, of_layers, tar_gz};
use crate::played::{condition, names};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tag_is_stored_under_its_digest() {
    let stage = Stage::open().await;
    let revision = stage.push("v1", &[("./app/cm.yaml", "a"), ("readme.md", "b")]);
    stage.apply(&json!({"ref": {"tag": "v1"}})).await;
    assert_eq!(
        stage.played.run("app").await,
        Next::After(Duration::from_hours(1))
    );

    let live = stage.played.live("app").await.unwrap();
    let artifact = live.status.artifact.as_deref().unwrap();
    assert_eq!(*artifact.revision, *revision);
    let digest = revision.trim_start_matches("v1@");
    let path = format!("ocirepository/default/app/{digest}.tar.gz");
    assert_eq!(*artifact.path, *path);
    assert_eq!(*artifact.url, *format!("http://store.example/{path}"));
    let latest = "http://store.example/ocirepository/default/app/latest.tar.gz";
    assert_eq!(live.status.url.as_deref(), Some(latest));
    assert_eq!(
        names(&*stage.played.tree("app").await),
        ["app/cm.yaml", "readme.md"]
    );

    let (_, reason, text) = condition(&live, "Ready").unwrap();
    assert_eq!(reason, "Succeeded");
    assert_eq!(text, format!("stored artifact for digest '{revision}'"));
    let host = stage.registry.host();
    let news = format!("stored artifact with revision '{revision}' from 'oci://{host}/app'");
    let events = stage.played.events("app").await;
    assert_eq!(
        events,
        [(EventKind::Normal, "NewArtifact".to_owned(), news)]
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn annotations_say_what_it_was_made_from() {
    let stage = Stage::open().await;
    let mut artifact = of_layers(&[(LAYER, tar_gz(&[("a", "a")]))]);
    for (key, text) in [
        ("org.opencontainers.image.source", "https://git.example/app"),
        ("org.opencontainers.image.revision", "main@sha1:4d"),
    ] {
        artifact.annotations.push((key.to_owned(), text.to_owned()));
    }
    stage.registry.push("app", "latest", &artifact);
    stage.apply(&json!({})).await;
    let live = stage.played.ran("app").await;
    let metadata = live.status.artifact.unwrap().metadata;
    assert_eq!(
        &*metadata["org.opencontainers.image.revision"],
        "main@sha1:4d"
    );
    let events = stage.played.events("app").await;
    let end = "origin source 'https://git.example/app', origin revision 'main@sha1:4d'";
    assert!(events[0].2.ends_with(end), "{events:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_tag_again_is_one_request_and_no_write() {
    let stage = Stage::open().await;
    stage.push("latest", &[("a", "a")]);
    stage.apply(&json!({})).await;
    let first = stage.played.ran("app").await;
    stage.registry.take_requests();
    let again = stage.played.ran("app").await;
    assert_eq!(
        first.metadata.resource_version,
        again.metadata.resource_version
    );
    let requests = stage.registry.take_requests();
    let asked: Vec<_> = requests.iter().map(|it| (&*it.method, &*it.path)).collect();
    assert_eq!(asked, [("HEAD", "/v2/app/manifests/latest")]);
}
