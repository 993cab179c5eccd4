//! Writes go only to the object that was examined, and never to a newer one.

use std::sync::Arc;
use std::time::Duration;

use lode_api::Kustomization;
use lode_object::{NamespacedName, meta};
use lode_runtime::{Next, Told, name_of};
use lode_sandbox::{Fault, Requests};
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
    let remade = played.make(&NOTHING, &NOTHING).await;
    assert_ne!(looked_at.metadata.uid, remade.metadata.uid);

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

    played.own.write_status(&remade, &status).await.unwrap();
    assert!(
        played
            .live()
            .await
            .unwrap()
            .status
            .last_applied_revision
            .is_some(),
        "the examined object is reported"
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn our_finalizer_joins_those_of_others_once() {
    let played = Played::start().await;
    let others = json!({"finalizers": ["example.com/stay"]});
    let made = played.make(&others, &NOTHING).await;
    let with = played.own.with_finalizer(&made).await.unwrap();
    let both = ["example.com/stay".into(), meta::FINALIZER.into()];
    assert_eq!(with.metadata.finalizers, both);
    let again = played.own.with_finalizer(&with).await.unwrap();
    assert!(Arc::ptr_eq(&with, &again), "no write");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_finalizer_of_an_object_that_is_gone_needs_no_removal() {
    let played = Played::start().await;
    let made = played.make(&NOTHING, &NOTHING).await;
    let objects = played.sandbox.objects();
    objects.delete(KIND, "default", "app").await.unwrap();
    played.own.without_finalizer(&made).await.unwrap();
    let error = played.own.with_finalizer(&made).await.unwrap_err();
    assert!(error.is_not_found(), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_status_that_says_the_same_is_not_written() {
    let played = Played::start().await;
    let made = played.make(&NOTHING, &NOTHING).await;
    played.own.write_status(&made, &made.status).await.unwrap();
    let live = played.live().await.unwrap();
    assert_eq!(
        made.metadata.resource_version,
        live.metadata.resource_version
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_answer_to_a_write_is_known_before_the_watch_tells() {
    let played = Played::start().await;
    played.make(&NOTHING, &NOTHING).await;
    played.mirrored().await;
    let known = played.own.objects().get(&app()).unwrap();
    let written = played.own.with_finalizer(&known).await.unwrap();
    let latest = played.own.latest(&known).unwrap();
    assert!(latest.metadata.has_finalizer(meta::FINALIZER));
    assert_eq!(latest.metadata.uid, written.metadata.uid);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_object_that_took_the_name_is_not_the_latest_of_the_one_before() {
    let played = Played::start().await;
    let before = played.make(&NOTHING, &NOTHING).await;
    let objects = played.sandbox.objects();
    objects.delete(KIND, "default", "app").await.unwrap();
    let after = played.make(&NOTHING, &NOTHING).await;
    played.mirrored().await;
    assert!(played.own.latest(&before).is_none());
    assert!(played.own.latest(&after).is_some());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_write_that_failed_is_postponed_by_its_cause() {
    let played = Played::start().await;
    let made = played.make(&NOTHING, &NOTHING).await;
    let writes = Requests {
        verb: "patch",
        resource: "kustomizations",
        ..Requests::default()
    };
    for (fault, next) in [
        (Fault::Conflict, Next::After(Duration::from_millis(500))),
        (Fault::Denied, Next::Backoff),
    ] {
        played.sandbox.faults().strike(1, writes, fault);
        let error = played.own.with_finalizer(&made).await.unwrap_err();
        assert_eq!(played.own.postpone(&made, &error), next, "{fault:?}");
    }

    let objects = played.sandbox.objects();
    objects.delete(KIND, "default", "app").await.unwrap();
    let error = played.own.with_finalizer(&made).await.unwrap_err();
    assert_eq!(played.own.postpone(&made, &error), Next::Idle, "it is gone");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_carries_the_facts_and_the_annotations_that_are_meant_for_events() {
    let played = Played::start().await;
    let annotations = json!({"annotations": {
        "event.toolkit.fluxcd.io/cluster": "one",
        "example.com/other": "two",
    }});
    let made = played.make(&annotations, &NOTHING).await;
    let told = Told::warning("Bad", "it broke").at("r1");
    played
        .own
        .emit(&made, told.with("digest", "").with("token", "t"));

    let events = played.events().await;
    let event = &events[0];
    assert_eq!(event["type"], "Warning");
    assert_eq!(event["reason"], "Bad");
    assert_eq!(event["involvedObject"]["uid"], *made.metadata.uid);
    let facts = json!({
        "event.toolkit.fluxcd.io/cluster": "one",
        "kustomize.toolkit.fluxcd.io/revision": "r1",
        "kustomize.toolkit.fluxcd.io/token": "t",
    });
    assert_eq!(
        event["metadata"]["annotations"], facts,
        "an empty fact is left out"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hidden_words_appear_in_no_message_of_their_object() {
    let played = Played::start().await;
    let made = played.make(&NOTHING, &NOTHING).await;
    let hide = |words: &[&str]| {
        let words = words.iter().map(|word| (*word).into()).collect();
        played.own.hide_words(&app(), words);
    };
    hide(&["db-prod"]);
    hide(&["db-prod-1", "x"]);
    let discreet =
        |name: &NamespacedName| played.own.discreet(name, "db-prod-1, db-prod".to_owned());
    assert_eq!(discreet(&app()), "*, *", "the longest first");
    let other = NamespacedName::new("default", "other");
    assert_eq!(discreet(&other), "db-prod-1, db-prod");

    played
        .own
        .emit(&made, Told::normal("Applied", "created db-prod-1"));
    assert_eq!(played.events().await[0]["message"], "created *");
    played.own.forget(&app());
    assert_eq!(discreet(&app()), "db-prod-1, db-prod");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn how_long_reconciles_take_is_counted_until_the_object_is_gone() {
    let played = Played::start().await;
    let made: Arc<Kustomization> = played.make(&NOTHING, &NOTHING).await;
    let name = name_of(&made);
    played.own.observe(&name, Duration::from_secs(1));
    let line = "gotk_reconcile_duration_seconds_count{kind=\"Kustomization\",name=\"app\",namespace=\"default\"} 1";
    assert!(played.own.metrics().text().contains(line));
    played.own.forget(&name);
    assert!(!played.own.metrics().text().contains(line));
}

fn app() -> NamespacedName {
    NamespacedName::new("default", "app")
}
