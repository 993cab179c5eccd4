//! The end of an owner: its objects go, and are waited for if that is asked.

use std::time::Duration;

use lode_deliver::{
    DeliveryState, RemovalStanding, StaleObject, await_gone, delete_objects, stale,
};
use lode_object::NamespacedName;
use serde_json::json;

use super::world::{MAP, Toy, World, map};

const LONG: Duration = Duration::from_mins(1);

/// Delivers two maps, and returns what is to be deleted.
async fn delivered(toy: &Toy<'_>, state: &mut DeliveryState) -> Vec<StaleObject> {
    toy.deliver(state, "one", Some(&[map("a", "blue"), map("b", "blue")]))
        .await
        .unwrap();
    stale(&toy.inventory().unwrap())
}

fn owner() -> NamespacedName {
    NamespacedName::new("default", "app")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn objects_go_last_applied_first() {
    let world = World::start().await;
    let (toy, mut state) = (Toy::new(&world), DeliveryState::default());
    let stale = delivered(&toy, &mut state).await;
    let pruned = delete_objects(&world.applier, &owner(), &stale, &mut state)
        .await
        .unwrap();
    assert_eq!(
        lode_apply::change_log(&pruned.changes),
        "ConfigMap/default/b deleted\nConfigMap/default/a deleted"
    );
    assert!(pruned.kept.is_empty());
    assert_eq!(world.live(MAP, "a").await, None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_belongs_to_another_owner_stays() {
    let world = World::start().await;
    let (toy, mut state) = (Toy::new(&world), DeliveryState::default());
    let stale = delivered(&toy, &mut state).await;
    let other = NamespacedName::new("default", "other");
    let pruned = delete_objects(&world.applier, &other, &stale, &mut state)
        .await
        .unwrap();
    assert!(pruned.changes.is_empty() && pruned.kept.is_empty());
    assert!(world.live(MAP, "a").await.is_some());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_object_with_a_finalizer_is_waited_for() {
    let world = World::start().await;
    let (toy, mut state) = (Toy::new(&world), DeliveryState::default());
    let stale = delivered(&toy, &mut state).await;
    let held = json!({"metadata": {"finalizers": ["example.com/stay"]}});
    world.edit(MAP, "a", &held).await;
    delete_objects(&world.applier, &owner(), &stale, &mut state)
        .await
        .unwrap();
    let standing = await_gone(&world.applier, &stale, LONG, &mut state)
        .await
        .unwrap();
    assert!(
        matches!(standing, RemovalStanding::Going(left) if left <= LONG),
        "{standing:?}"
    );
    assert!(state.awaits_removal());

    world
        .edit(MAP, "a", &json!({"metadata": {"finalizers": null}}))
        .await;
    // The mark of its deletion may wake us before its end does.
    let mut standing = standing;
    while standing != RemovalStanding::Gone {
        world.until_worth_a_run(&state).await;
        standing = await_gone(&world.applier, &stale, LONG, &mut state)
            .await
            .unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wait_for_the_end_has_an_end() {
    let world = World::start().await;
    let (toy, mut state) = (Toy::new(&world), DeliveryState::default());
    let stale = delivered(&toy, &mut state).await;
    let standing = await_gone(&world.applier, &stale, Duration::ZERO, &mut state)
        .await
        .unwrap();
    let RemovalStanding::TimedOut(id) = standing else {
        panic!("the objects are there, and the time is over: {standing:?}");
    };
    assert_eq!(&*id.kind, "ConfigMap");
}
