//! From what is newest to what is stored.

use std::fs;
use std::sync::Arc;
use std::time::Duration;

use lode_api::Status as _;
use lode_api::conditions::State;
use lode_object::meta;
use lode_runtime::{EventKind, Next};
use lode_stdx::Digest;
use serde_json::{Value, json};

use crate::drawer::{self, DrawerOrigin, Papers};
use crate::played::{NOW, Played, condition, eventually, named};

const HOUR: Next = Next::After(Duration::from_hours(1));

/// Starts with a drawer `desk` that holds two papers.
async fn desk(spec: &Value) -> (Arc<Papers>, Played<DrawerOrigin>) {
    let papers = Arc::new(Papers::default());
    papers.write("a.yaml", "one");
    papers.write("b.yaml", "two");
    let played = drawer::play(&papers).await;
    played.apply("desk", &drawer::spec(spec)).await;
    (papers, played)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_first_attempt_stores_an_artifact_and_says_so() {
    let (papers, played) = desk(&json!({})).await;
    assert_eq!(played.run("desk").await, HOUR);

    let live = played.live("desk").await.unwrap();
    assert!(live.metadata.has_finalizer(meta::FINALIZER));
    assert_eq!(
        live.status.observed_generation(),
        Some(live.metadata.generation)
    );
    let artifact = live.status.artifact.as_ref().unwrap();
    assert_eq!(&*artifact.path, "drawer/default/desk/2.tar.gz");
    assert_eq!(
        &*artifact.url,
        "http://store.example/drawer/default/desk/2.tar.gz"
    );
    assert_eq!(&*artifact.last_update_time, NOW);
    assert_eq!(artifact.metadata.get("papers").map(|it| &**it), Some("2"));
    let bytes = fs::read(played.artifacts.served().join(&*artifact.path)).unwrap();
    assert_eq!(*artifact.digest, *Digest::of(&bytes).to_string());
    assert_eq!(artifact.size, Some(bytes.len() as i64));
    assert_eq!(papers.taken(), ["a.yaml", "b.yaml"]);

    let text = format!("stored artifact for revision '{}'", artifact.revision);
    for name in ["Ready", "ArtifactInStorage"] {
        let said = Some((State::True, "Succeeded".to_owned(), text.clone()));
        assert_eq!(condition(&live, name), said, "{name}");
    }
    assert_eq!(live.status.conditions.iter().count(), 2);
    let news = (
        EventKind::Normal,
        "NewArtifact".to_owned(),
        "stored 2 papers".to_owned(),
    );
    assert_eq!(played.events("desk").await, [news]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_new_is_neither_brought_nor_written() {
    let (papers, played) = desk(&json!({})).await;
    let first = played.ran("desk").await;
    papers.taken();
    assert_eq!(played.run("desk").await, HOUR);
    let second = played.live("desk").await.unwrap();
    assert_eq!(
        first.metadata.resource_version,
        second.metadata.resource_version
    );
    assert_eq!((papers.looks(), papers.taken()), (2, Vec::new()));
    assert_eq!(played.events("desk").await.len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_becomes_a_new_artifact_in_place_of_the_old_one() {
    let (papers, played) = desk(&json!({})).await;
    let first = played.ran("desk").await;
    papers.taken();
    papers.write("b.yaml", "two and a half");
    papers.write("c.yaml", "three");

    let second = played.ran("desk").await;
    let [old, new] = [&first, &second].map(|object| object.status.artifact.as_ref().unwrap());
    assert_ne!(old.revision, new.revision);
    assert_ne!(old.digest, new.digest);
    assert_eq!(played.files("desk"), ["3.tar.gz"], "the old one is removed");
    assert_eq!(
        papers.taken(),
        ["b.yaml", "c.yaml"],
        "the rest comes from the artifact before"
    );
    let digest = new.digest.parse().unwrap();
    let owner = lode_store::Owner::new("drawer", "default", "desk", &second.metadata.uid);
    let tree = played.artifacts.tree(&owner.unwrap(), &new.path, digest);
    let tree = tree.unwrap();
    let names: Vec<_> = tree.entries().map(|(path, _)| path.to_string()).collect();
    assert_eq!(names, ["a.yaml", "b.yaml", "c.yaml"]);
    let messages = played.events("desk").await;
    let messages: Vec<_> = messages.iter().map(|(_, _, text)| &**text).collect();
    assert!(messages.contains(&"stored 3 papers"), "{messages:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_revision_made_otherwise_is_made_again() {
    let (_, played) = desk(&json!({})).await;
    played.run("desk").await;
    let ignore = drawer::spec(&json!({"ignore": ".txt"}));
    played.apply("desk", &ignore).await;
    let live = played.ran("desk").await;
    assert_eq!(live.status.observed_ignore.as_deref(), Some(".txt"));
    assert_eq!(
        live.status.observed_generation(),
        Some(live.metadata.generation)
    );
    assert_eq!(
        played.events("desk").await.len(),
        1,
        "the same files are no news"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_an_origin_ignores_is_not_even_read() {
    let (papers, played) = desk(&json!({"ignore": "b.yaml"})).await;
    played.run("desk").await;
    assert_eq!(papers.taken(), ["a.yaml"]);
    assert_eq!(played.files("desk"), ["1.tar.gz"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_artifact_may_be_one_file() {
    let (_, played) = desk(&json!({"paper": "a.yaml"})).await;
    let live = played.ran("desk").await;
    let artifact = live.status.artifact.as_ref().unwrap();
    assert_eq!(&*artifact.path, "drawer/default/desk/a.yaml");
    assert_eq!(*artifact.digest, *Digest::of(b"one").to_string());
    let file = played.artifacts.served().join(&*artifact.path);
    assert_eq!(fs::read(file).unwrap(), b"one");
    assert_eq!(played.run("desk").await, HOUR, "and it is intact");
    assert_eq!(
        played.live("desk").await.unwrap().metadata.resource_version,
        live.metadata.resource_version
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_artifact_is_made_again_without_a_word() {
    let (papers, played) = desk(&json!({})).await;
    let first = played.ran("desk").await;
    papers.taken();
    let path = &first.status.artifact.as_ref().unwrap().path;
    fs::remove_file(played.artifacts.served().join(&**path)).unwrap();
    let second = played.ran("desk").await;
    assert_eq!(papers.taken(), ["a.yaml", "b.yaml"]);
    assert_eq!(played.files("desk"), ["2.tar.gz"]);
    assert_eq!(
        first.metadata.resource_version,
        second.metadata.resource_version
    );
    assert_eq!(played.events("desk").await.len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_damaged_artifact_is_told_and_made_again() {
    let (_, played) = desk(&json!({})).await;
    let first = played.ran("desk").await;
    let artifact = first.status.artifact.as_ref().unwrap();
    let file = played.artifacts.served().join(&*artifact.path);
    fs::write(&file, "something else").unwrap();
    played.run("desk").await;
    let bytes = fs::read(&file).unwrap();
    assert_eq!(*artifact.digest, *Digest::of(&bytes).to_string());
    let events = played.events("desk").await;
    let warning = events.iter().find(|(kind, ..)| *kind == EventKind::Warning);
    assert_eq!(warning.unwrap().1, "ArtifactVerificationFailed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_source_without_an_interval_is_looked_at_once() {
    let (papers, played) = desk(&json!({"interval": ""})).await;
    assert_eq!(played.run("desk").await, Next::Idle);
    assert_eq!(papers.looks(), 1);
    assert_eq!(played.files("desk").len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_suspended_source_is_left_alone_and_keeps_its_artifact() {
    let (papers, played) = desk(&json!({})).await;
    played.run("desk").await;
    papers.write("c.yaml", "three");
    let suspended = drawer::spec(&json!({"suspend": true}));
    played.apply("desk", &suspended).await;
    assert_eq!(played.run("desk").await, Next::Idle);

    let live = played.live("desk").await.unwrap();
    assert_eq!(papers.looks(), 1);
    assert_eq!(played.files("desk"), ["2.tar.gz"]);
    let ready = live.status.conditions.get("Ready").unwrap();
    assert_eq!(ready.status, State::True);
    assert_eq!(ready.observed_generation, Some(live.metadata.generation));

    let resumed = drawer::spec(&json!({"suspend": false}));
    played.apply("desk", &resumed).await;
    assert_eq!(played.run("desk").await, HOUR);
    assert_eq!(played.files("desk"), ["3.tar.gz"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_is_answered_by_one_write_of_the_status() {
    let (papers, played) = desk(&json!({})).await;
    played.run("desk").await;
    papers.taken();
    let asked = json!({"reconcile.fluxcd.io/requestedAt": "now"});
    let spec = drawer::spec(&json!({}));
    played.apply_as("desk", &asked, &spec).await;
    let live = played.ran("desk").await;
    assert_eq!(live.status.last_handled_reconcile_at(), Some("now"));
    assert_eq!(papers.taken(), [""; 0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_edit_ends_an_attempt_that_still_waits() {
    let (papers, played) = desk(&json!({})).await;
    papers.stick();
    played.mirrored("desk").await;
    let frame = played.frame.clone();
    let run = tokio::spawn(async move {
        use lode_runtime::Controller as _;
        frame.reconcile(&named("desk")).await
    });
    eventually(async || papers.looks() == 1).await;

    let edited = drawer::spec(&json!({"ignore": ".txt"}));
    played.apply("desk", &edited).await;
    let end = tokio::time::timeout(Duration::from_secs(30), run).await;
    assert_eq!(end.unwrap().unwrap(), Next::Idle, "the edit asks for a run");
    let live = played.live("desk").await.unwrap();
    assert_eq!(condition(&live, "FetchFailed"), None);
    assert_eq!(live.status.artifact, None);
}
