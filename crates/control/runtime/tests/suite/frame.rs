//! The steps around an attempt.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use lode_api::kustomization::Spec;
use lode_api::{Kustomization, Status as _};
use lode_object::{Id, NamespacedName, meta};
use lode_runtime::{
    Backoff, Controller as _, Draft, Ended, Failure, Frame, Next, Progress, Queue, Reconcile,
    Removal, Report, Retry, Told, Use,
};
use serde_json::{Value, json};
use tokio::sync::Notify;
use tokio::time::{Instant, timeout};

use super::{KIND, Played};

const NOTHING: Value = Value::Null;

/// Acts as its fields say, and records its calls.
#[derive(Default)]
struct Toy {
    fails_with: Mutex<Option<Failure>>,
    /// If set, an attempt waits until it is told to continue.
    go_on: Option<Notify>,
    asked: Mutex<Vec<String>>,
}

impl Toy {
    fn note(&self, what: impl Into<String>) {
        self.asked.lock().unwrap().push(what.into());
    }

    fn asked(&self) -> Vec<String> {
        std::mem::take(&mut *self.asked.lock().unwrap())
    }
}

impl Reconcile for Toy {
    type Spec = Spec;
    type State = u32;
    type Facts = ();
    type Done = &'static str;
    const NAME: &'static str = "toy";

    async fn attempt(
        &self,
        _: &Arc<Kustomization>,
        runs: &mut u32,
        (): &(),
    ) -> Result<&'static str, Failure> {
        *runs += 1;
        self.note(format!("attempt {runs}"));
        if let Some(go_on) = &self.go_on {
            go_on.notified().await;
        }
        let failure = self.fails_with.lock().unwrap().clone();
        failure.map_or(Ok("done"), Err)
    }

    fn progress(&self, (): &()) -> Progress {
        Progress {
            doing: "Playing".to_owned(),
            ready: "in progress",
        }
    }

    fn patience(&self, _: &Kustomization, _: &u32) -> Option<Instant> {
        Some(Instant::now() + Duration::from_millis(50))
    }

    fn report(&self, ended: Ended<'_, Self>, end: Result<&'static str, Failure>) -> Report<Spec> {
        let draft = Draft::new(ended.object, ended.now);
        let (draft, told) = match end {
            Ok(done) => (
                draft.succeeded("Played", done),
                Told::normal("Played", done),
            ),
            Err(failure) => {
                let told = Told::warning(failure.reason, failure.message.clone());
                (draft.failed(&failure, "Playing"), told)
            }
        };
        let next = Next::After(Duration::from_mins(1));
        Report {
            status: Some(draft.status),
            told: vec![told.at("r1")],
            took: None,
            next,
        }
    }

    async fn remove(&self, _: &Arc<Kustomization>, _: &mut u32) -> Result<Removal, Failure> {
        self.note("remove");
        match &*self.fails_with.lock().unwrap() {
            Some(failure) => Err(failure.clone()),
            None => Ok(Removal::Done),
        }
    }

    async fn removed(&self, _: &Kustomization) -> Option<Told> {
        self.note("removed");
        None
    }

    fn uses(&self, object: &Kustomization) -> Vec<Use> {
        let name = NamespacedName::new(&object.metadata.namespace, &object.spec.source_ref.name);
        vec![Use::new("GitRepository", name)]
    }

    fn look(&self, _: &NamespacedName, runs: &u32, ids: &HashSet<Id>) {
        self.note(format!("look after {runs}, {} changed", ids.len()));
    }
}

fn app() -> NamespacedName {
    NamespacedName::new("default", "app")
}

/// Creates a frame with a toy kind, and waits until it knows the object `app`.
async fn framed(played: &Played, toy: Toy) -> (Arc<Frame<Toy>>, Arc<Queue<NamespacedName>>) {
    let queue = Arc::new(Queue::new(Backoff::default()));
    let frame = Frame::new(played.own.clone(), queue.clone(), toy);
    tokio::spawn(frame.clone().follow());
    assert_eq!(
        timeout(Duration::from_secs(30), queue.next())
            .await
            .unwrap(),
        Some(app())
    );
    (frame, queue)
}

fn ready(object: &Kustomization) -> (String, String) {
    let ready = object.status.conditions().get("Ready").unwrap();
    (ready.reason.to_string(), ready.message.to_string())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_object_gets_a_finalizer_a_status_and_an_event_and_the_state_is_kept() {
    let played = Played::start().await;
    played.make(&NOTHING, &NOTHING).await;
    let (frame, _) = framed(&played, Toy::default()).await;

    assert_eq!(
        frame.reconcile(&app()).await,
        Next::After(Duration::from_mins(1))
    );
    let live = played.live().await.unwrap();
    assert!(live.metadata.has_finalizer(meta::FINALIZER));
    assert_eq!(ready(&live), ("Played".to_owned(), "done".to_owned()));
    assert_eq!(
        live.status.observed_generation(),
        Some(live.metadata.generation)
    );
    frame.reconcile(&app()).await;
    let looks = [
        "attempt 1",
        "look after 1, 0 changed",
        "attempt 2",
        "look after 2, 0 changed",
    ];
    assert_eq!(frame.kind().asked(), looks);

    let event = async {
        loop {
            let events = played
                .sandbox
                .objects()
                .list(("v1", "Event"), "default")
                .await
                .unwrap();
            if let Some(event) = events.into_iter().find(|event| event["reason"] == "Played") {
                return event;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let event = timeout(Duration::from_secs(30), event).await.unwrap();
    let revision = &event["metadata"]["annotations"]["kustomize.toolkit.fluxcd.io/revision"];
    assert_eq!(
        (&event["message"], revision),
        (&json!("done"), &json!("r1"))
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_suspended_is_not_attempted() {
    let played = Played::start().await;
    let made = played.make(&NOTHING, &json!({"suspend": true})).await;
    let (frame, _) = framed(&played, Toy::default()).await;
    assert_eq!(frame.reconcile(&app()).await, Next::Idle);
    assert_eq!(frame.kind().asked(), ["look after 0, 0 changed"]);
    let live = played.live().await.unwrap();
    assert_eq!(
        live.status.observed_generation(),
        Some(made.metadata.generation)
    );
    assert!(live.status.conditions().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_told_of_an_end_that_nobody_wants() {
    let played = Played::start().await;
    played.make(&NOTHING, &NOTHING).await;
    let fails_with = Mutex::new(Some(Failure::dropped()));
    let (frame, _) = framed(
        &played,
        Toy {
            fails_with,
            ..Toy::default()
        },
    )
    .await;
    assert_eq!(frame.reconcile(&app()).await, Next::Idle);
    assert!(played.live().await.unwrap().status.conditions().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_attempt_that_takes_long_says_so_and_then_how_it_ended() {
    let played = Played::start().await;
    played.make(&NOTHING, &NOTHING).await;
    let toy = Toy {
        go_on: Some(Notify::new()),
        ..Toy::default()
    };
    let (frame, _) = framed(&played, toy).await;
    let running = frame.clone();
    let run = tokio::spawn(async move { running.reconcile(&app()).await });
    let told = async {
        loop {
            let live = played.live().await.unwrap();
            if live.status.conditions().get("Reconciling").is_some() {
                return live;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let told = timeout(Duration::from_secs(30), told).await.unwrap();
    let reconciling = told.status.conditions().get("Reconciling").unwrap();
    assert_eq!(&*reconciling.message, "Playing");
    assert_eq!(
        ready(&told),
        ("Progressing".to_owned(), "in progress".to_owned())
    );

    frame.kind().go_on.as_ref().unwrap().notify_one();
    run.await.unwrap();
    let live = played.live().await.unwrap();
    assert_eq!(ready(&live).0, "Played");
    assert!(live.status.conditions().get("Reconciling").is_none());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_object_goes_once_its_things_are_removed_and_stays_while_they_cannot_be() {
    let played = Played::start().await;
    played
        .make(&json!({"finalizers": [meta::FINALIZER]}), &NOTHING)
        .await;
    let fails_with = Mutex::new(Some(Failure::new("PruneFailed", "no")));
    let (frame, queue) = framed(
        &played,
        Toy {
            fails_with,
            ..Toy::default()
        },
    )
    .await;
    queue.done(&app(), Next::Idle);
    played
        .sandbox
        .objects()
        .delete(KIND, "default", "app")
        .await
        .unwrap();
    assert_eq!(
        timeout(Duration::from_secs(30), queue.next())
            .await
            .unwrap(),
        Some(app())
    );

    assert_eq!(frame.reconcile(&app()).await, Next::Backoff);
    assert!(played.live().await.is_some());
    *frame.kind().fails_with.lock().unwrap() = None;
    assert_eq!(frame.reconcile(&app()).await, Next::Idle);
    assert!(played.live().await.is_none());
    let asked = frame.kind().asked();
    let removals: Vec<_> = asked
        .iter()
        .filter(|what| what.starts_with("remove"))
        .collect();
    assert_eq!(removals, ["remove", "remove", "removed"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_of_what_is_used_wakes_its_users_alone() {
    let played = Played::start().await;
    played.make(&NOTHING, &NOTHING).await;
    let (frame, queue) = framed(&played, Toy::default()).await;
    queue.done(&app(), Next::Idle);
    frame.wake(&Use::new(
        "GitRepository",
        NamespacedName::new("default", "other"),
    ));
    frame.wake(&Use::new("Bucket", app()));
    assert_eq!(queue.len(), 0);
    frame.wake(&Use::new("GitRepository", app()));
    assert_eq!(queue.len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn words_that_are_hidden_reach_no_condition() {
    let played = Played::start().await;
    let object = played.make(&NOTHING, &NOTHING).await;
    let failure = Failure::new("Bad", "pa55w0rd is refused").with(Retry::Interval);
    let fails_with = Mutex::new(Some(failure));
    let (frame, _) = framed(
        &played,
        Toy {
            fails_with,
            ..Toy::default()
        },
    )
    .await;
    played
        .own
        .hide_words(&lode_runtime::name_of(&object), vec!["pa55w0rd".into()]);
    frame.reconcile(&app()).await;
    assert_eq!(ready(&played.live().await.unwrap()).1, "* is refused");
}
