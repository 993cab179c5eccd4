//! Writes go only to the object that was examined, and never to a newer one.

use lode_object::meta;
use serde_json::{Value, json};

use super::{KIND, Played};

const NOTHING: Value = Value::Null;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_status_is_not_told_of_an_object_that_took_the_name() {
    let played = Played::start().await;
    let looked_at = played.make(&NOTHING, &NOTHING).await;
    played
        .sandbox
        .objects()
        .delete(KIND, "default", "app")
        .await
        .unwrap();
    let anew = played.make(&NOTHING, &NOTHING).await;
    assert_ne!(looked_at.metadata.uid, anew.metadata.uid);

    let mut status = looked_at.status.clone();
    status.last_applied_revision = Some("main@sha1:of-the-one-before".into());
    let refused = played
        .own
        .write_status(&looked_at, &status)
        .await
        .unwrap_err();
    assert!(refused.is(409), "{refused}");
    assert_eq!(
        played.live().await.unwrap().status.last_applied_revision,
        None
    );

    played.own.write_status(&anew, &status).await.unwrap();
    assert!(
        played
            .live()
            .await
            .unwrap()
            .status
            .last_applied_revision
            .is_some(),
        "the object that was looked at is told"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_status_is_told_although_somebody_else_changed_the_object_meanwhile() {
    let played = Played::start().await;
    let looked_at = played.make(&NOTHING, &NOTHING).await;
    let note = json!({"metadata": {"annotations": {"somebody": "was here"}}});
    played.patch(&note).await;
    let mut status = looked_at.status.clone();
    status.last_applied_revision = Some("main@sha1:1".into());
    played.own.write_status(&looked_at, &status).await.unwrap();
    let live = played.live().await.unwrap();
    assert_eq!(
        live.status.last_applied_revision.as_deref(),
        Some("main@sha1:1")
    );
    assert_eq!(live.metadata.annotation("somebody"), Some("was here"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_finalizer_of_somebody_else_that_came_meanwhile_stays() {
    let played = Played::start().await;
    let looked_at = played
        .make(&json!({"finalizers": [meta::FINALIZER]}), &NOTHING)
        .await;
    let both = json!({"metadata": {"finalizers": [meta::FINALIZER, "example.com/stay"]}});
    played.patch(&both).await;

    let refused = played.own.without_finalizer(&looked_at).await.unwrap_err();
    assert!(refused.is(409), "{refused}");
    assert!(
        played
            .live()
            .await
            .unwrap()
            .metadata
            .has_finalizer("example.com/stay")
    );

    let now = played.live().await.unwrap();
    played.own.without_finalizer(&now).await.unwrap();
    let left = played.live().await.unwrap().metadata.finalizers;
    assert_eq!(left, ["example.com/stay".into()], "only ours goes");
}
