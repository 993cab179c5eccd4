//! The steps around an attempt.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use lode_api::kustomization::{KustomizationStatus, Spec};
use lode_api::{Kustomization, Status as _};
use lode_object::{Id, NamespacedName, meta};
use lode_runtime::{
    Backoff, Change, Controller as _, Draft, Ended, Failure, Frame, Next, Progress, Queue,
    Reconcile, Removal, Report, Retry, Told, Use,
};
use lode_sandbox::{Fault, Requests};
use serde_json::{Value, json};
use tokio::sync::Notify;
use tokio::time::{Instant, timeout};

use super::{KIND, PATIENCE, Played};

const NOTHING: Value = Value::Null;

/// Acts as its fields say, and records its calls.
#[derive(Default)]
struct Toy {
    fails_with: Mutex<Option<Failure>>,
    /// If set, an attempt waits until it may continue.
    go_on: Option<Notify>,
    /// Where set, a removal takes so long.
    removal_takes: Mutex<Option<Duration>>,
    /// Whether a change of an object matters to those who use it.
    matters: bool,
    /// Whether objects only describe something.
    is_static: AtomicBool,
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
            ready: Some("in progress".into()),
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

    fn is_static(&self, _: &Kustomization) -> bool {
        self.is_static.load(Ordering::Relaxed)
    }

    async fn remove(&self, _: &Arc<Kustomization>, _: &mut u32) -> Result<Removal, Failure> {
        self.note("remove");
        let failure = self.fails_with.lock().unwrap().clone();
        let takes = *self.removal_takes.lock().unwrap();
        let removal = takes.map_or(Removal::Done, Removal::Wait);
        failure.map_or(Ok(removal), Err)
    }

    async fn removed(&self, _: &Kustomization) -> Option<Told> {
        self.note("removed");
        None
    }

    fn uses(&self, object: &Kustomization) -> Vec<Use> {
        let name = NamespacedName::new(&object.metadata.namespace, &object.spec.source_ref.name);
        let source = Use::new("GitRepository", name);
        let others = object.spec.depends_on.iter().map(|other| {
            let name = NamespacedName::new(&object.metadata.namespace, &other.name);
            Use::new("Kustomization", name)
        });
        others.chain([source]).collect()
    }

    fn matters(&self, _: &Change<Kustomization>) -> bool {
        self.matters
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
async fn what_only_describes_something_is_left_alone() {
    let played = Played::start().await;
    played.make(&NOTHING, &NOTHING).await;
    let toy = Toy {
        is_static: AtomicBool::new(true),
        ..Toy::default()
    };
    let (frame, _) = framed(&played, toy).await;
    assert_eq!(frame.reconcile(&app()).await, Next::Idle);
    assert_eq!(frame.kind().asked(), ["look after 0, 0 changed"]);
    let live = played.live().await.unwrap();
    assert!(!live.metadata.has_finalizer(meta::FINALIZER));
    assert_eq!(live.status, KustomizationStatus::default());
    assert_eq!(frame.reconcile(&app()).await, Next::Idle);
    let again = played.live().await.unwrap();
    assert_eq!(
        live.metadata.resource_version,
        again.metadata.resource_version
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_becomes_a_description_loses_what_was_made_for_it() {
    let played = Played::start().await;
    played.make(&NOTHING, &NOTHING).await;
    let (frame, _) = framed(&played, Toy::default()).await;
    frame.reconcile(&app()).await;
    let live = played.live().await.unwrap();
    assert!(live.metadata.has_finalizer(meta::FINALIZER));

    frame.kind().is_static.store(true, Ordering::Relaxed);
    frame.kind().asked();
    assert_eq!(frame.reconcile(&app()).await, Next::Idle);
    let live = played.live().await.unwrap();
    assert!(!live.metadata.has_finalizer(meta::FINALIZER));
    assert_eq!(live.status, KustomizationStatus::default());
    let asked = frame.kind().asked();
    assert_eq!(asked[..2], ["remove", "removed"]);
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

    let objects = played.sandbox.objects();
    objects.delete(super::KIND, "default", "app").await.unwrap();
    played.mirrored().await;
    assert_eq!(frame.reconcile(&app()).await, Next::Idle);
    assert!(played.events().await.is_empty());
    assert!(
        played.live().await.is_some(),
        "what was not removed is left to the next run"
    );
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_attempted_for_a_name_without_an_object() {
    let played = Played::start().await;
    played.make(&NOTHING, &NOTHING).await;
    let (frame, _) = framed(&played, Toy::default()).await;
    let nobody = NamespacedName::new("default", "nobody");
    assert_eq!(frame.reconcile(&nobody).await, Next::Idle);
    assert!(frame.kind().asked().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_object_that_was_made_again_has_no_state_of_the_one_before() {
    let played = Played::start().await;
    played.make(&NOTHING, &NOTHING).await;
    let (frame, queue) = framed(&played, Toy::default()).await;
    frame.reconcile(&app()).await;
    queue.done(&app(), Next::Idle);
    let objects = played.sandbox.objects();
    objects.delete(KIND, "default", "app").await.unwrap();
    played.mirrored().await;
    frame.reconcile(&app()).await;
    assert!(played.live().await.is_none());
    frame.kind().asked();

    played.make(&NOTHING, &NOTHING).await;
    played.mirrored().await;
    frame.reconcile(&app()).await;
    assert_eq!(frame.kind().asked()[0], "attempt 1");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_removal_that_takes_long_keeps_the_object_and_is_looked_at_again() {
    let played = Played::start().await;
    let ours = json!({"finalizers": [meta::FINALIZER]});
    played.make(&ours, &NOTHING).await;
    let takes = Duration::from_secs(5);
    let toy = Toy {
        removal_takes: Mutex::new(Some(takes)),
        ..Toy::default()
    };
    let (frame, _) = framed(&played, toy).await;
    let objects = played.sandbox.objects();
    objects.delete(KIND, "default", "app").await.unwrap();
    played.mirrored().await;
    assert_eq!(frame.reconcile(&app()).await, Next::After(takes));
    assert!(played.live().await.is_some());

    *frame.kind().removal_takes.lock().unwrap() = None;
    assert_eq!(frame.reconcile(&app()).await, Next::Idle);
    assert!(played.live().await.is_none());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_somebody_else_holds_and_we_never_made_is_not_removed_by_us() {
    let played = Played::start().await;
    let others = json!({"finalizers": ["example.com/stay"]});
    played.make(&others, &NOTHING).await;
    let objects = played.sandbox.objects();
    objects.delete(KIND, "default", "app").await.unwrap();
    let (frame, _) = framed(&played, Toy::default()).await;
    assert_eq!(frame.reconcile(&app()).await, Next::Idle);
    assert_eq!(frame.kind().asked(), ["look after 0, 0 changed"]);
    let left = played.live().await.unwrap().metadata.finalizers;
    assert_eq!(left, ["example.com/stay".into()]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_attempted_before_the_finalizer_is_written() {
    let played = Played::start().await;
    played.make(&NOTHING, &NOTHING).await;
    let (frame, _) = framed(&played, Toy::default()).await;
    let writes = Requests {
        verb: "patch",
        resource: "kustomizations",
        ..Requests::default()
    };
    played.sandbox.faults().strike(1, writes, Fault::Denied);
    assert_eq!(frame.reconcile(&app()).await, Next::Backoff);
    assert_eq!(frame.kind().asked(), ["look after 0, 0 changed"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_waits_for_the_status_that_it_is_about() {
    let played = Played::start().await;
    let ours = json!({"finalizers": [meta::FINALIZER]});
    played.make(&ours, &NOTHING).await;
    let (frame, _) = framed(&played, Toy::default()).await;
    let writes = Requests {
        verb: "patch",
        resource: "kustomizations/status",
        ..Requests::default()
    };
    played.sandbox.faults().strike(1, writes, Fault::Denied);
    assert_eq!(frame.reconcile(&app()).await, Next::Backoff);
    assert!(played.events().await.is_empty());
    frame.reconcile(&app()).await;
    assert_eq!(played.events().await.len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_changes_between_two_runs_is_looked_at_with_the_state() {
    let played = Played::start().await;
    played.make(&NOTHING, &NOTHING).await;
    let (frame, queue) = framed(&played, Toy::default()).await;
    frame.reconcile(&app()).await;
    queue.done(&app(), Next::Idle);
    frame.kind().asked();
    let id = Id::parse_inventory("default_a__ConfigMap").unwrap();
    frame.look(&app(), [id].into());
    assert_eq!(frame.kind().asked(), ["look after 1, 1 changed"]);
    let nobody = NamespacedName::new("default", "nobody");
    frame.look(&nobody, HashSet::new());
    assert!(frame.kind().asked().is_empty(), "nothing is known of it");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_edit_moves_an_object_from_one_source_to_another() {
    let played = Played::start().await;
    played.make(&NOTHING, &NOTHING).await;
    let (frame, queue) = framed(&played, Toy::default()).await;
    queue.done(&app(), Next::Idle);
    let other = json!({"sourceRef": {"kind": "GitRepository", "name": "other"}});
    played.make(&NOTHING, &other).await;
    let edited = timeout(PATIENCE, queue.next()).await.unwrap();
    assert_eq!(edited, Some(app()), "an edit is worth a run");
    queue.done(&app(), Next::Idle);

    frame.wake(&Use::new("GitRepository", app()));
    assert_eq!(queue.len(), 0, "the source of before");
    let other = NamespacedName::new("default", "other");
    frame.wake(&Use::new("GitRepository", other));
    assert_eq!(queue.len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_that_matters_wakes_those_of_the_kind_that_use_the_object() {
    let played = Played::start().await;
    let itself = json!({"dependsOn": [{"name": "app"}]});
    played.make(&NOTHING, &itself).await;
    let toy = Toy {
        matters: true,
        ..Toy::default()
    };
    let (_, queue) = framed(&played, toy).await;
    queue.done(&app(), Next::Idle);
    let made = played.live().await.unwrap();
    let mut status = made.status.clone();
    status.last_applied_revision = Some("r1".into());
    played.own.write_status(&made, &status).await.unwrap();
    // Our own write is worth no run by itself; it is the use that wakes.
    let woken = timeout(PATIENCE, queue.next()).await.unwrap();
    assert_eq!(woken, Some(app()));
}
