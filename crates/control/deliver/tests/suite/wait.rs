//! Waiting: parked with what is waited for, woken by its change, ended by its time.

use std::time::Duration;

use lode_api::shared::CustomHealthCheck;
use lode_deliver::{
    Awaited, DeliveryEnd, DeliveryState, DeliveryTerms, HealthChecks, HealthExprs, in_short,
};
use lode_runtime::Failure;
use serde_json::json;

use super::world::{MAP, SET, Toy, World, homeless, map, reference};

/// What keeps the Pods of a homeless set from running.
const WHY: &str = "0 of 3 ready: Pod db-0: node(s) didn't match Pod's node affinity/selector";

fn all(terms: DeliveryTerms<'_>) -> DeliveryTerms<'_> {
    DeliveryTerms {
        checks: HealthChecks::All,
        ..terms
    }
}

fn parked(end: Result<DeliveryEnd, Failure>) -> Vec<Awaited> {
    match end.unwrap() {
        DeliveryEnd::Parked { awaited, .. } => awaited,
        end => panic!("not parked: {end:?}"),
    }
}

/// Delivers a set without a node for its Pods, until that is known.
async fn parked_set(toy: &Toy<'_>, state: &mut DeliveryState) -> Vec<Awaited> {
    let objects = [homeless("db"), map("a", "blue")];
    loop {
        let end = toy.deliver_under(state, "one", Some(&objects), all).await;
        let awaited = parked(end);
        if awaited[0].reason.contains("Pod") {
            return awaited;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_set_without_a_node_is_waited_for_with_its_reason() {
    let world = World::start().await;
    let (toy, mut state) = (Toy::new(&world), DeliveryState::default());
    let awaited = parked_set(&toy, &mut state).await;
    assert_eq!(awaited.len(), 1, "the map is ready at once: {awaited:?}");
    assert!(awaited[0].reason.starts_with(WHY), "{awaited:?}");
    let short = in_short(&awaited);
    assert!(
        short.starts_with("StatefulSet/default/db: 0 of 3 ready"),
        "{short}"
    );

    // Nothing changes: nothing is worth a run, and what is waited for stays in the same words.
    assert!(!state.is_worth_a_run(&world.applier, &[].into()));
    state.attempt_mut().unwrap().tell(&short);
    assert_eq!(state.attempt().unwrap().tell_at(&short), None);
    let writes = world.writes();
    let objects = [homeless("db"), map("a", "blue")];
    let end = toy
        .deliver_under(&mut state, "one", Some(&objects), all)
        .await;
    assert_eq!((parked(end), world.writes()), (awaited, writes));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reason_that_changes_is_due_to_be_told_by_the_clock() {
    let world = World::start().await;
    let (toy, mut state) = (Toy::new(&world), DeliveryState::default());
    let short = in_short(&parked_set(&toy, &mut state).await);
    state.attempt_mut().unwrap().tell(&short);
    let by_health = state.next_by_clock();

    // More are wanted now: those are other words, and the set is no nearer to being ready.
    let scaled = json!({"spec": {"replicas": 5}});
    world.edit(SET, "db", &scaled).await;
    let told = async {
        let changes = world.applier.cache().changes();
        loop {
            changes.next().await;
            if state.next_by_clock() != by_health {
                return state.next_by_clock();
            }
        }
    };
    let due = tokio::time::timeout(Duration::from_secs(10), told).await;
    assert!(due.unwrap().is_some());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wait_ends_when_its_objects_are_ready() {
    let world = World::start().await;
    let (toy, mut state) = (Toy::new(&world), DeliveryState::default());
    parked_set(&toy, &mut state).await;
    let scaled = json!({"spec": {"replicas": 0}});
    world.edit(SET, "db", &scaled).await;
    world.until_worth_a_run(&state).await;
    let mut none = homeless("db");
    none["spec"]["replicas"] = json!(0);
    let end = toy
        .deliver_to_its_end(&mut state, "one", &[none, map("a", "blue")], all)
        .await
        .unwrap();
    assert!(
        matches!(
            end,
            DeliveryEnd::Done {
                health: Some(_),
                ..
            }
        ),
        "{end:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wait_that_is_over_says_what_for_in_flux_s_form() {
    let world = World::start().await;
    let (toy, mut state) = (Toy::new(&world), DeliveryState::default());
    let objects = [homeless("db")];
    let failure = toy
        .deliver_to_its_end(&mut state, "one", &objects, |terms| DeliveryTerms {
            timeout: Duration::from_secs(2),
            ..all(terms)
        })
        .await
        .unwrap_err();
    assert_eq!(failure.reason, "HealthCheckFailed");
    let text = failure.message.split_once(": ").unwrap().1;
    let form = format!("timeout waiting for: [StatefulSet/default/db status: 'InProgress': {WHY}");
    assert!(text.starts_with(&form) && text.ends_with(']'), "{text}");
    assert!(state.attempt().is_none(), "it is over");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_an_object_built_from_secrets_waits_for_is_not_told() {
    let world = World::start().await;
    let (toy, mut state) = (Toy::new(&world), DeliveryState::default());
    let secret = json!({"apiVersion": "v1", "kind": "Secret",
        "metadata": {"name": "s", "namespace": "default"}});
    let end = toy
        .deliver_under(&mut state, "one", Some(&[secret]), |terms| {
            never("v1", "Secret", terms)
        })
        .await;
    assert_eq!(in_short(&parked(end)), "Secret/default/s: InProgress");
}

/// Waits for a map of somebody else.
fn named(terms: DeliveryTerms<'_>) -> DeliveryTerms<'_> {
    let references: &'static [_] = Box::leak(Box::new([reference(MAP, "theirs")]));
    DeliveryTerms {
        checks: HealthChecks::Named(references),
        ..terms
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn objects_that_are_named_may_be_anybody_s() {
    let world = World::start().await;
    let (toy, mut state) = (Toy::new(&world), DeliveryState::default());
    let objects = [map("a", "blue")];
    let end = toy
        .deliver_under(&mut state, "one", Some(&objects), named)
        .await;
    assert_eq!(in_short(&parked(end)), "ConfigMap/default/theirs: NotFound");

    let theirs = map("theirs", "red");
    let objects = world.sandbox.objects();
    objects.apply("somebody", &theirs).await.unwrap();
    world.until_worth_a_run(&state).await;
    let end = toy
        .deliver_to_its_end(&mut state, "one", &[map("a", "blue")], named)
        .await
        .unwrap();
    assert!(matches!(end, DeliveryEnd::Done { .. }), "{end:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kind_that_is_not_served_cannot_be_waited_for() {
    let world = World::start().await;
    let (toy, mut state) = (Toy::new(&world), DeliveryState::default());
    let references: &'static [_] =
        Box::leak(Box::new([reference(("example.com/v1", "Gizmo"), "one")]));
    let failure = toy
        .deliver_under(&mut state, "one", Some(&[map("a", "blue")]), |terms| {
            DeliveryTerms {
                checks: HealthChecks::Named(references),
                ..terms
            }
        })
        .await
        .unwrap_err();
    assert!(
        failure
            .message
            .contains("can't determine status for Gizmo/default/one"),
        "{failure}"
    );
}

/// Terms under which no object of a kind ever becomes ready.
fn never<'t>(api_version: &str, kind: &str, terms: DeliveryTerms<'t>) -> DeliveryTerms<'t> {
    let check = CustomHealthCheck {
        api_version: api_version.into(),
        kind: Some(kind.into()),
        current: "kind == 'Other'".into(),
        ..CustomHealthCheck::default()
    };
    let exprs: &'static HealthExprs = Box::leak(Box::new(HealthExprs::compile(&[check]).unwrap()));
    DeliveryTerms {
        exprs,
        ..all(terms)
    }
}

/// Terms under which a map is what its data says: `Done`, `Broken`, or on its way.
fn by_phase(terms: DeliveryTerms<'_>) -> DeliveryTerms<'_> {
    let check = CustomHealthCheck {
        api_version: "v1".into(),
        kind: Some("ConfigMap".into()),
        current: "data.color == 'done'".into(),
        failed: Some("data.color == 'broken'".into()),
        ..CustomHealthCheck::default()
    };
    let exprs: &'static HealthExprs = Box::leak(Box::new(HealthExprs::compile(&[check]).unwrap()));
    DeliveryTerms {
        exprs,
        ..all(terms)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_object_that_an_expression_speaks_for_is_read_once_for_each_version() {
    let world = World::start().await;
    let (toy, mut state) = (Toy::new(&world), DeliveryState::default());
    let objects = [map("a", "blue")];
    let end = toy
        .deliver_under(&mut state, "one", Some(&objects), by_phase)
        .await;
    assert_eq!(parked(end).len(), 1);
    let reads = world.reads();
    for _ in 0..3 {
        let end = toy
            .deliver_under(&mut state, "one", Some(&objects), by_phase)
            .await;
        assert_eq!(parked(end).len(), 1);
    }
    assert_eq!(world.reads(), reads, "nothing has changed");

    let objects = [map("a", "done")];
    let end = toy
        .deliver_under(&mut state, "two", Some(&objects), by_phase)
        .await
        .unwrap();
    assert!(
        matches!(
            end,
            DeliveryEnd::Done {
                health: Some(_),
                ..
            }
        ),
        "{end:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_object_that_cannot_become_ready_ends_the_wait() {
    let world = World::start().await;
    let (toy, mut state) = (Toy::new(&world), DeliveryState::default());
    let objects = [map("a", "broken"), map("b", "blue")];
    let failure = toy
        .deliver_under(&mut state, "one", Some(&objects), by_phase)
        .await
        .unwrap_err();
    let text = failure.message.split_once(": ").unwrap().1;
    assert!(
        text.starts_with(
            "failed early due to stalled resources: [ConfigMap/default/a status: 'Failed'"
        ),
        "{text}"
    );
    assert!(!text.contains("ConfigMap/default/b"), "{text}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_owner_does_not_wait_for_itself() {
    let world = World::start().await;
    let (toy, mut state) = (Toy::new(&world), DeliveryState::default());
    let schema = json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true});
    let definition = json!({"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": "toys.toys.example.com"}, "spec": {"group": "toys.example.com", "scope": "Namespaced",
        "names": {"kind": "Toy", "listKind": "ToyList", "plural": "toys", "singular": "toy"},
        "versions": [{"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": schema}}]}});
    let objects = world.sandbox.objects();
    let long = Duration::from_secs(30);
    objects.define(&definition, long).await.unwrap();
    let itself = |name: &str| {
        json!({"apiVersion": "toys.example.com/v1", "kind": "Toy",
            "metadata": {"name": name, "namespace": "default"}})
    };
    let end = toy
        .deliver_under(
            &mut state,
            "one",
            Some(&[itself("app"), itself("other")]),
            |terms| never("toys.example.com/v1", "Toy", terms),
        )
        .await;
    let awaited = parked(end);
    assert_eq!(awaited.len(), 1, "{awaited:?}");
    assert_eq!(&*awaited[0].id.name, "other");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_look_that_fails_ends_neither_the_wait_nor_its_time() {
    let world = World::start().await;
    let (toy, mut state) = (Toy::new(&world), DeliveryState::default());
    let objects = [map("a", "blue")];
    let reads = lode_sandbox::Requests {
        verb: "get",
        resource: "configmaps",
        ..Default::default()
    };
    let faults = world.sandbox.faults();
    faults.strike(usize::MAX, reads, lode_sandbox::Fault::Broken);
    let failure = toy
        .deliver_under(&mut state, "one", Some(&objects), by_phase)
        .await
        .unwrap_err();
    assert_eq!(failure.retry, lode_runtime::Retry::Backoff, "{failure}");
    let since = state.attempt().unwrap().since();
    faults.lift();
    let end = toy
        .deliver_under(&mut state, "one", Some(&objects), by_phase)
        .await;
    assert_eq!(parked(end).len(), 1);
    assert_eq!(state.attempt().unwrap().since(), since);
}
