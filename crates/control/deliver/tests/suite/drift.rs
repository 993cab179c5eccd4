//! Objects that stray from what was applied: brought back, told and left, or left for a while.

use lode_deliver::{
    DeliveryEnd, DeliveryState, DeliveryTerms, DriftMode, HealthExprs, hold_last_applied, touch_up,
};
use lode_runtime::Failure;
use serde_json::json;

use super::world::{MAP, Toy, World, map, refused};

/// Delivers a blue map and has somebody paint it red.
async fn painted(world: &World, toy: &Toy<'_>, state: &mut DeliveryState) {
    toy.deliver(state, "one", Some(&[map("a", "blue")]))
        .await
        .unwrap();
    paint(world, state).await;
    toy.heard();
}

async fn paint(world: &World, state: &DeliveryState) {
    let red = json!({"data": {"color": "red"}});
    world.edit(MAP, "a", &red).await;
    world.until_worth_a_run(state).await;
}

async fn touched_up(
    world: &World,
    toy: &Toy<'_>,
    state: &mut DeliveryState,
    under: impl for<'t> FnOnce(DeliveryTerms<'t>) -> DeliveryTerms<'t>,
) -> Result<DeliveryEnd, Failure> {
    let inventory = toy.inventory();
    let exprs = HealthExprs::default();
    let terms = under(world.terms("one", inventory.as_deref(), &exprs));
    state.load(&terms).await;
    touch_up(&terms, toy, state).await
}

async fn color(world: &World) -> String {
    let live = world.live(MAP, "a").await.unwrap();
    live["data"]["color"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_edit_is_undone_and_told_with_its_author() {
    let world = World::start().await;
    let (toy, mut state) = (Toy::new(&world), DeliveryState::default());
    painted(&world, &toy, &mut state).await;
    let end = touched_up(&world, &toy, &mut state, |terms| terms).await;
    assert_eq!(end.unwrap(), DeliveryEnd::TouchedUp);
    assert_eq!(color(&world).await, "blue");
    let heard = toy.heard();
    assert!(
        heard[0].starts_with("one: ConfigMap/default/a .data.color changed by kubectl-edit at "),
        "{heard:?}"
    );
    assert_eq!(heard[1], "one: ConfigMap/default/a configured");
    assert_eq!((heard.len(), toy.rebuilt()), (2, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_warned_edit_is_told_once_and_left() {
    let world = World::start().await;
    let (toy, mut state) = (Toy::new(&world), DeliveryState::default());
    painted(&world, &toy, &mut state).await;
    for told in [1, 0] {
        touched_up(&world, &toy, &mut state, |terms| DeliveryTerms {
            drift: DriftMode::Warn,
            ..terms
        })
        .await
        .unwrap();
        assert_eq!(toy.heard().len(), told);
        assert_eq!(state.drifts_left().len(), 1);
    }
    assert_eq!(color(&world).await, "red");

    let blue = json!({"data": {"color": "blue"}});
    world.edit(MAP, "a", &blue).await;
    world.until_worth_a_run(&state).await;
    touched_up(&world, &toy, &mut state, |terms| DeliveryTerms {
        drift: DriftMode::Warn,
        ..terms
    })
    .await
    .unwrap();
    assert!(state.drifts_left().is_empty(), "{:?}", state.drifts_left());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_restart_the_objects_are_built_once_more() {
    let world = World::start().await;
    let (toy, mut state) = (Toy::new(&world), DeliveryState::default());
    painted(&world, &toy, &mut state).await;

    let mut state = DeliveryState::default();
    let end = toy.deliver(&mut state, "one", None).await.unwrap();
    assert!(matches!(end, DeliveryEnd::Done { .. }), "{end:?}");
    assert_eq!(color(&world).await, "blue");
    assert_eq!(toy.rebuilt(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_revision_that_fails_does_not_let_go_of_the_one_before() {
    let world = World::start().await;
    let (toy, mut state) = (Toy::new(&world), DeliveryState::default());
    painted(&world, &toy, &mut state).await;
    let objects = [map("a", "green"), refused()];
    let failure = toy
        .deliver(&mut state, "two", Some(&objects))
        .await
        .unwrap_err();
    assert!(failure.message.contains("Service/default/bad"), "{failure}");
    assert_eq!(color(&world).await, "blue");

    paint(&world, &state).await;
    let inventory = toy.inventory();
    let exprs = HealthExprs::default();
    let terms = world.terms("three", inventory.as_deref(), &exprs);
    hold_last_applied(&terms, &toy, &mut state).await;
    assert_eq!(
        color(&world).await,
        "blue",
        "a build that fails is no other"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_never_applied_is_not_held() {
    let world = World::start().await;
    let (toy, mut state) = (Toy::new(&world), DeliveryState::default());
    let exprs = HealthExprs::default();
    let terms = world.terms("one", None, &exprs);
    hold_last_applied(&terms, &toy, &mut state).await;
    assert_eq!((toy.heard(), toy.rebuilt()), (Vec::new(), 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_object_that_is_fought_over_waits_unless_somebody_asks() {
    let world = World::start().await;
    let (toy, mut state) = (Toy::new(&world), DeliveryState::default());
    painted(&world, &toy, &mut state).await;
    for _ in 0..2 {
        touched_up(&world, &toy, &mut state, |terms| terms)
            .await
            .unwrap();
        assert!(state.contested().is_empty());
        paint(&world, &state).await;
    }
    touched_up(&world, &toy, &mut state, |terms| terms)
        .await
        .unwrap();
    assert_eq!(
        (color(&world).await, state.contested().len()),
        ("blue".to_owned(), 1)
    );
    assert!(state.next_revert().is_some());

    // While it waits, its change is worth no run.
    world
        .edit(MAP, "a", &json!({"data": {"color": "red"}}))
        .await;
    touched_up(&world, &toy, &mut state, |terms| terms)
        .await
        .unwrap();
    assert_eq!(color(&world).await, "red");
    toy.deliver_under(&mut state, "one", None, |terms| DeliveryTerms {
        is_asked: true,
        ..terms
    })
    .await
    .unwrap();
    assert_eq!(color(&world).await, "blue");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deleted_object_comes_back() {
    let world = World::start().await;
    let (toy, mut state) = (Toy::new(&world), DeliveryState::default());
    toy.deliver(
        &mut state,
        "one",
        Some(&[map("a", "blue"), map("b", "blue")]),
    )
    .await
    .unwrap();
    toy.heard();
    let objects = world.sandbox.objects();
    objects.delete(MAP, "default", "a").await.unwrap();
    world.until_worth_a_run(&state).await;
    touched_up(&world, &toy, &mut state, |terms| terms)
        .await
        .unwrap();
    assert_eq!(
        toy.heard(),
        [
            "one: ConfigMap/default/a deleted by unknown, brought back",
            "one: ConfigMap/default/a created"
        ]
    );
    assert_eq!(color(&world).await, "blue");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_foreign_field_is_no_drift() {
    let world = World::start().await;
    let (toy, mut state) = (Toy::new(&world), DeliveryState::default());
    toy.deliver(&mut state, "one", Some(&[map("a", "blue")]))
        .await
        .unwrap();
    toy.heard();
    world.edit(MAP, "a", &json!({"data": {"size": "1"}})).await;
    let writes = world.writes();
    touched_up(&world, &toy, &mut state, |terms| terms)
        .await
        .unwrap();
    assert_eq!((world.writes(), toy.heard()), (writes, Vec::new()));
    let live = world.live(MAP, "a").await.unwrap();
    assert_eq!(live["data"], json!({"color": "blue", "size": "1"}));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_delivery_undoes_edits_as_well() {
    let world = World::start().await;
    let (toy, mut state) = (Toy::new(&world), DeliveryState::default());
    painted(&world, &toy, &mut state).await;
    toy.deliver(&mut state, "one", None).await.unwrap();
    assert_eq!(color(&world).await, "blue");
    assert_eq!(
        (toy.heard().len(), toy.rebuilt()),
        (2, 0),
        "from what was kept"
    );
}
