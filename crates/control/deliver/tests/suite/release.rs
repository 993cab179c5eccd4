//! An owner of another kind, with steps of its own: its objects carry other labels, are written as they were rendered,
//! and are brought back by a patch.

use std::sync::Arc;

use lode_apply::{Applier, Correction, Desired, OnFault, Options, Preflight, Set};
use lode_deliver::{
    BuiltObjects, DeliveryState, DeliveryTerms, DriftMode, HealthExprs, RemovalStanding, WaitEnd,
    WaitPurpose, WaitTarget, await_gone, await_objects, bring_in, touch_up, write_beside,
};
use lode_merge::{FieldManager, OwnFields};
use lode_object::{Object, OwnerLabels};
use serde_json::{Value, json};

use super::world::{MAP, SET, Toy, World, homeless, map, refused};

const MANAGER: &str = "helm-controller";
const LABELS: OwnerLabels = OwnerLabels {
    name: "helm.toolkit.fluxcd.io/name",
    namespace: "helm.toolkit.fluxcd.io/namespace",
};

/// Returns who applies for releases, beside who applies for the others.
fn applier(world: &World) -> Applier {
    let manager = FieldManager {
        name: MANAGER.to_owned(),
        own: OwnFields::Written,
    };
    let cache = world.applier.cache().beside(manager, LABELS);
    let options = Options {
        manager: MANAGER.to_owned(),
        overrides: Vec::new(),
        custom_stage_kinds: Vec::new(),
        preflight: Preflight::Never,
        parallel: 4,
    };
    world.applier.beside(Arc::new(cache), options)
}

fn built(objects: &[Value]) -> BuiltObjects {
    let rendered = |object: &Value| {
        let mut object = object.clone();
        object["metadata"]["labels"] = json!({LABELS.name: "app", LABELS.namespace: "default"});
        Desired::rendered(Object::parse(object).unwrap(), "t.yaml", "default")
    };
    BuiltObjects {
        set: Set::in_order(objects.iter().map(rendered).collect()),
        text_digest: String::new(),
    }
}

/// Returns the terms of an owner whose edited objects are patched.
fn terms<'a>(
    world: &'a World,
    applier: &'a Applier,
    exprs: &'a HealthExprs,
    drift: DriftMode,
) -> DeliveryTerms<'a> {
    DeliveryTerms {
        applier,
        drift,
        correction: Correction::Patch,
        on_fault: OnFault::GoOn,
        ..world.terms("one", None, exprs)
    }
}

fn target(desired: &Desired, is_labelled: bool) -> WaitTarget {
    WaitTarget {
        id: desired.id.clone(),
        gvk: desired.gvk.clone(),
        is_labelled,
    }
}

async fn managers(world: &World, name: &str) -> Vec<String> {
    let live = world.live(MAP, name).await.unwrap();
    let entries = live["metadata"]["managedFields"].as_array().unwrap();
    let word = |entry: &Value, key: &str| entry[key].as_str().unwrap().to_owned();
    let mut managers: Vec<String> = entries
        .iter()
        .map(|entry| format!("{}/{}", word(entry, "manager"), word(entry, "operation")))
        .collect();
    managers.sort();
    managers
}

async fn until_worth_a_run(applier: &Applier, state: &DeliveryState) {
    let changes = applier.cache().changes();
    let worth = async {
        loop {
            let changed = changes.next().await;
            let ids = changed.into_values().flatten().collect();
            if state.is_worth_a_run(applier, &ids) {
                return;
            }
        }
    };
    let long = std::time::Duration::from_secs(30);
    tokio::time::timeout(long, worth).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_edit_is_undone_by_a_patch_and_a_deletion_by_a_creation() {
    let world = World::start().await;
    let (applier, exprs) = (applier(&world), HealthExprs::default());
    let (toy, mut state) = (Toy::new(&world), DeliveryState::default());
    let terms = terms(&world, &applier, &exprs, DriftMode::Correct);
    let objects = built(&[map("a", "blue"), map("b", "blue")]);
    bring_in(&terms, &toy, &mut state, objects, "i".to_owned())
        .await
        .unwrap();
    assert_eq!((state.inputs(), state.revision()), ("i", "one"));
    assert_eq!(managers(&world, "a").await, ["helm-controller/Apply"]);

    let red = json!({"data": {"color": "red", "more": "1"}});
    world.edit(MAP, "a", &red).await;
    let gone = world.sandbox.objects();
    gone.delete(MAP, "default", "b").await.unwrap();
    until_worth_a_run(&applier, &state).await;
    // Both are seen once the second event is, which may come a moment later.
    for _ in 0..100 {
        touch_up(&terms, &toy, &mut state).await.unwrap();
        if world.live(MAP, "b").await.is_some() {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }

    let live = world.live(MAP, "a").await.unwrap();
    assert_eq!(live["data"], json!({"color": "blue", "more": "1"}));
    let both = [
        "helm-controller/Apply",
        "helm-controller/Update",
        "kubectl-edit/Update",
    ];
    assert_eq!(managers(&world, "a").await, both);
    assert_eq!(managers(&world, "b").await, ["helm-controller/Update"]);
    assert_eq!(toy.rebuilt(), 0);

    let writes = world.writes();
    touch_up(&terms, &toy, &mut state).await.unwrap();
    assert_eq!(world.writes(), writes, "they are as they were");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn edits_that_are_nobody_s_concern_are_not_kept_for() {
    let world = World::start().await;
    let (applier, exprs) = (applier(&world), HealthExprs::default());
    let (toy, mut state) = (Toy::new(&world), DeliveryState::default());
    let terms = terms(&world, &applier, &exprs, DriftMode::Ignore);
    let objects = built(&[map("a", "blue")]);
    bring_in(&terms, &toy, &mut state, objects, "i".to_owned())
        .await
        .unwrap();
    world
        .edit(MAP, "a", &json!({"data": {"color": "red"}}))
        .await;
    until_worth_a_run(&applier, &state).await;
    assert!(!state.is_worth_a_look(), "nothing is waited for");
    assert_eq!(toy.heard(), ["one: ConfigMap/default/a created"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_comes_after_a_refused_object_is_written_too_where_that_is_said() {
    let world = World::start().await;
    let (applier, exprs) = (applier(&world), HealthExprs::default());
    let (toy, mut state) = (Toy::new(&world), DeliveryState::default());
    let objects = || built(&[refused(), map("a", "blue")]);
    let stops = DeliveryTerms {
        on_fault: OnFault::Stop,
        ..terms(&world, &applier, &exprs, DriftMode::Ignore)
    };
    let end = bring_in(&stops, &toy, &mut state, objects(), "i".to_owned()).await;
    assert!(end.is_err());
    assert!(world.live(MAP, "a").await.is_none());

    let goes_on = terms(&world, &applier, &exprs, DriftMode::Ignore);
    let end = bring_in(&goes_on, &toy, &mut state, objects(), "i".to_owned()).await;
    let error = end.unwrap_err().to_string();
    assert!(
        error.starts_with("Service/default/bad apply failed"),
        "{error}"
    );
    assert!(world.live(MAP, "a").await.is_some());
    assert_eq!(state.inputs(), "", "they are of no one revision");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_owner_waits_for_objects_of_its_own_choice() {
    let world = World::start().await;
    let (applier, exprs) = (applier(&world), HealthExprs::default());
    let (toy, mut state) = (Toy::new(&world), DeliveryState::default());
    let terms = terms(&world, &applier, &exprs, DriftMode::Ignore);
    let set = built(&[map("a", "blue"), homeless("db")]);
    let objects: Vec<_> = set
        .set
        .objects()
        .iter()
        .map(|desired| target(desired, true))
        .collect();
    bring_in(&terms, &toy, &mut state, set, "i".to_owned())
        .await
        .unwrap();

    let map = await_objects(&terms, &mut state, WaitPurpose::Step, &objects[..1]).await;
    assert_eq!(map.unwrap(), WaitEnd::Ready);
    let set = await_objects(&terms, &mut state, WaitPurpose::Step, &objects[1..]).await;
    let WaitEnd::Waiting { awaited, .. } = set.unwrap() else {
        panic!("its Pods want a node which there is not");
    };
    assert_eq!(&*awaited[0].id.kind, SET.1);

    let short = DeliveryTerms {
        timeout: std::time::Duration::ZERO,
        ..terms
    };
    let mut other = DeliveryState::default();
    let late = await_objects(&short, &mut other, WaitPurpose::Step, &objects[1..]).await;
    let WaitEnd::Refused { text, reasons } = late.unwrap() else {
        panic!("the time is over");
    };
    assert_eq!(
        text,
        "timeout waiting for: [StatefulSet/default/db status: 'InProgress']"
    );
    assert!(reasons.contains("status: 'InProgress': "), "{reasons}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_written_beside_is_not_remembered_but_can_be_waited_for() {
    let world = World::start().await;
    let (applier, exprs) = (applier(&world), HealthExprs::default());
    let mut state = DeliveryState::default();
    let terms = terms(&world, &applier, &exprs, DriftMode::Ignore);
    let object = Object::parse(map("hook", "blue")).unwrap();
    let bare = Desired::rendered(object, "t.yaml", "default");
    let targets = [target(&bare, false)];
    let stale = [(bare.id.clone(), "v1".into())];
    let outcome = write_beside(&terms, &mut state, &mut Set::in_order(vec![bare])).await;
    assert!(outcome.is_complete() && !state.has_objects());

    // It carries no label of an owner.
    let ready = async {
        while await_objects(&terms, &mut state, WaitPurpose::Step, &targets)
            .await
            .unwrap()
            != WaitEnd::Ready
        {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(30), ready)
        .await
        .unwrap();
    let left = await_gone(&applier, &stale, std::time::Duration::ZERO, &mut state).await;
    assert!(
        matches!(left.unwrap(), RemovalStanding::TimedOut(_)),
        "nobody has deleted it"
    );
    world
        .sandbox
        .objects()
        .delete(MAP, "default", "hook")
        .await
        .unwrap();
    let left = await_gone(&applier, &stale, std::time::Duration::ZERO, &mut state).await;
    assert_eq!(left.unwrap(), RemovalStanding::Gone);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn objects_of_which_nothing_is_remembered_are_compared_once() {
    let world = World::start().await;
    let (applier, exprs) = (applier(&world), HealthExprs::default());
    let (toy, mut state) = (Toy::new(&world), DeliveryState::default());
    let terms = terms(&world, &applier, &exprs, DriftMode::Correct);
    let objects = || built(&[map("a", "blue"), map("b", "blue")]);
    bring_in(&terms, &toy, &mut state, objects(), "i".to_owned())
        .await
        .unwrap();
    toy.heard();
    world
        .edit(MAP, "a", &json!({"data": {"color": "red"}}))
        .await;

    let mut state = DeliveryState::default();
    state.assume(&objects().set, "i".to_owned());
    state.watch(&applier).await.unwrap();
    touch_up(&terms, &toy, &mut state).await.unwrap();
    let heard = toy.heard();
    assert_eq!(heard.len(), 2, "{heard:?}");
    assert!(
        heard[0].contains("ConfigMap/default/a .data.color changed by kubectl-edit"),
        "{heard:?}"
    );
    assert_eq!(world.live(MAP, "a").await.unwrap()["data"]["color"], "blue");

    let (writes, reads) = (world.writes(), world.reads());
    touch_up(&terms, &toy, &mut state).await.unwrap();
    assert_eq!(
        (world.writes(), world.reads()),
        (writes, reads),
        "they are known now"
    );
}
