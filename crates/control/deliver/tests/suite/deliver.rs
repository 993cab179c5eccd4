//! The way of a set into the cluster: the order of its steps, and what is true after an end at any of them.

use lode_deliver::{DeliveryEnd, DeliveryState};
use serde_json::json;

use super::world::{MAP, Toy, World, map, refused};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_set_is_written_and_an_unchanged_one_costs_no_write() {
    let world = World::start().await;
    let (toy, mut state) = (Toy::new(&world), DeliveryState::default());
    let objects = [map("a", "blue"), map("b", "blue")];
    toy.deliver(&mut state, "one", Some(&objects))
        .await
        .unwrap();
    assert_eq!(
        toy.heard(),
        [
            "ahead: 2",
            "one: ConfigMap/default/a created, ConfigMap/default/b created"
        ]
    );
    assert_eq!(world.live(MAP, "b").await.unwrap()["data"]["color"], "blue");
    assert_eq!(state.inputs(), "inputs of one");
    assert_eq!(
        (state.revision(), state.text_digest()),
        ("one", "digest of one")
    );

    let writes = world.writes();
    let end = toy.deliver(&mut state, "two", None).await.unwrap();
    assert!(
        matches!(end, DeliveryEnd::Done { health: None, .. }),
        "{end:?}"
    );
    assert_eq!((world.writes(), toy.heard()), (writes, Vec::new()));
    assert_eq!(
        (state.inputs(), state.revision(), state.text_digest()),
        ("inputs of two", "two", "digest of one"),
        "the same objects are of another revision"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_created_before_the_inventory_names_it() {
    let world = World::start().await;
    let (toy, mut state) = (Toy::new(&world), DeliveryState::default());
    toy.refuse_inventory();
    let failure = toy
        .deliver(&mut state, "one", Some(&[map("a", "blue")]))
        .await
        .unwrap_err();
    assert!(failure.message.contains("somebody else wrote"), "{failure}");
    assert_eq!(world.live(MAP, "a").await, None);
    assert_eq!(state.inputs(), "", "nothing was applied");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_named_any_more_goes_last() {
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
    toy.deliver(&mut state, "two", Some(&[map("b", "red"), map("c", "red")]))
        .await
        .unwrap();
    assert_eq!(
        toy.heard(),
        [
            "ahead: 3",
            "two: ConfigMap/default/b configured, ConfigMap/default/c created",
            "two: ConfigMap/default/a deleted"
        ]
    );
    assert_eq!(toy.names(), ["b", "c"]);
    assert_eq!(world.live(MAP, "a").await, None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_prune_what_is_not_named_any_more_stays_and_is_forgotten() {
    let world = World::start().await;
    let (toy, mut state) = (Toy::new(&world), DeliveryState::default());
    toy.deliver(
        &mut state,
        "one",
        Some(&[map("a", "blue"), map("b", "blue")]),
    )
    .await
    .unwrap();
    toy.deliver_under(&mut state, "two", Some(&[map("b", "blue")]), |terms| {
        lode_deliver::DeliveryTerms {
            prune: false,
            ..terms
        }
    })
    .await
    .unwrap();
    assert_eq!(toy.names(), ["b"]);
    assert!(world.live(MAP, "a").await.is_some());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_deleted_stays_in_the_inventory() {
    let world = World::start().await;
    let (toy, mut state) = (Toy::new(&world), DeliveryState::default());
    toy.deliver(
        &mut state,
        "one",
        Some(&[map("a", "blue"), map("b", "blue")]),
    )
    .await
    .unwrap();
    let deletions = lode_sandbox::Requests {
        verb: "delete",
        ..Default::default()
    };
    world
        .sandbox
        .faults()
        .strike(1, deletions, lode_sandbox::Fault::Denied);
    let failure = toy
        .deliver(&mut state, "two", Some(&[map("b", "blue")]))
        .await
        .unwrap_err();
    assert_eq!(failure.reason, "PruneFailed");
    assert_eq!(toy.names(), ["b", "a"]);
    assert_eq!(
        state.inputs(),
        "",
        "the cluster has more than the revision says"
    );

    toy.deliver(&mut state, "two", Some(&[map("b", "blue")]))
        .await
        .unwrap();
    assert_eq!(
        (toy.names(), world.live(MAP, "a").await),
        (vec!["b".to_owned()], None)
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refused_set_leaves_what_was_there() {
    let world = World::start().await;
    let (toy, mut state) = (Toy::new(&world), DeliveryState::default());
    toy.deliver(&mut state, "one", Some(&[map("a", "blue")]))
        .await
        .unwrap();
    let failure = toy
        .deliver(&mut state, "two", Some(&[map("a", "red"), refused()]))
        .await
        .unwrap_err();
    assert!(failure.message.contains("Service/default/bad"), "{failure}");
    assert_eq!(world.live(MAP, "a").await.unwrap()["data"]["color"], "blue");
    assert_eq!(
        (state.inputs(), state.revision()),
        ("inputs of one", "one"),
        "nothing was written"
    );
    assert_eq!(toy.names(), ["a"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_written_before_a_failure_is_in_the_inventory_and_told() {
    let world = World::start().await;
    let (toy, mut state) = (Toy::new(&world), DeliveryState::default());
    let writes = lode_sandbox::Requests {
        resource: "configmaps",
        name: "b",
        ..Default::default()
    };
    world
        .sandbox
        .faults()
        .strike(usize::MAX, writes, lode_sandbox::Fault::Denied);
    let objects = [map("a", "blue"), map("b", "blue")];
    let failure = toy
        .deliver(&mut state, "one", Some(&objects))
        .await
        .unwrap_err();
    assert!(
        failure.message.contains("ConfigMap/default/b")
            && failure.message.ends_with("\nConfigMap/default/a created"),
        "{failure}"
    );
    assert_eq!(state.inputs(), "", "the records are of no one revision");
    assert_eq!(toy.names(), ["a"], "what is not there is nobody's");

    world.sandbox.faults().lift();
    toy.deliver(&mut state, "one", Some(&objects))
        .await
        .unwrap();
    assert_eq!(state.inputs(), "inputs of one");
    assert!(world.live(MAP, "b").await.is_some());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_definition_comes_before_its_objects() {
    let world = World::start().await;
    let (toy, mut state) = (Toy::new(&world), DeliveryState::default());
    let schema = json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true});
    let definition = json!({"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": "gadgets.example.com"}, "spec": {"group": "example.com", "scope": "Namespaced",
        "names": {"kind": "Gadget", "listKind": "GadgetList", "plural": "gadgets", "singular": "gadget"},
        "versions": [{"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": schema}}]}});
    let gadget = json!({"apiVersion": "example.com/v1", "kind": "Gadget",
        "metadata": {"name": "one", "namespace": "default"}});
    let end = toy
        .deliver_to_its_end(&mut state, "one", &[gadget, definition], |terms| terms)
        .await
        .unwrap();
    assert!(matches!(end, DeliveryEnd::Done { .. }), "{end:?}");
    let log = toy.heard().join("\n");
    let created = log.split_once("one: ").unwrap().1;
    assert_eq!(
        created, "CustomResourceDefinition/gadgets.example.com created, Gadget/default/one created",
        "told at once, when all is written"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restart_finds_everything_as_it_was() {
    let world = World::start().await;
    let toy = Toy::new(&world);
    let objects = [map("a", "blue")];
    toy.deliver(&mut DeliveryState::default(), "one", Some(&objects))
        .await
        .unwrap();
    toy.heard();
    let writes = world.writes();

    let mut state = DeliveryState::default();
    toy.deliver(&mut state, "one", None).await.unwrap();
    assert!(state.has_objects());
    assert_eq!((world.writes(), toy.rebuilt()), (writes, 0));
    assert_eq!(
        (toy.names(), toy.heard()),
        (vec!["a".to_owned()], Vec::new())
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_field_that_cannot_change_is_replaced_only_where_that_is_asked_for() {
    let world = World::start().await;
    let (toy, mut state) = (Toy::new(&world), DeliveryState::default());
    let fixed = |color: &str| {
        let mut map = map("a", color);
        map["immutable"] = json!(true);
        [map]
    };
    toy.deliver(&mut state, "one", Some(&fixed("blue")))
        .await
        .unwrap();
    let failure = toy
        .deliver(&mut state, "two", Some(&fixed("red")))
        .await
        .unwrap_err();
    assert!(failure.message.contains("immutable"), "{failure}");

    let uid = world.live(MAP, "a").await.unwrap()["metadata"]["uid"].clone();
    toy.deliver_under(&mut state, "two", Some(&fixed("red")), |terms| {
        lode_deliver::DeliveryTerms {
            force: true,
            ..terms
        }
    })
    .await
    .unwrap();
    let live = world.live(MAP, "a").await.unwrap();
    assert_eq!(live["data"]["color"], "red");
    assert_ne!(live["metadata"]["uid"], uid, "it is another object");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kinds_of_which_nothing_is_left_are_not_watched_any_more() {
    let world = World::start().await;
    let (toy, mut state) = (Toy::new(&world), DeliveryState::default());
    let service = json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "s", "namespace": "default"},
        "spec": {"ports": [{"port": 80}]}});
    let watched = || world.applier.cache().size().0;
    let before = watched();
    toy.deliver(&mut state, "one", Some(&[map("a", "blue"), service]))
        .await
        .unwrap();
    assert_eq!(watched() - before, 2);
    toy.deliver(&mut state, "two", Some(&[map("a", "blue")]))
        .await
        .unwrap();
    assert_eq!(watched() - before, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_away_is_asked_again_soon() {
    let world = World::start().await;
    let (toy, mut state) = (Toy::new(&world), DeliveryState::default());
    toy.deliver(&mut state, "one", Some(&[map("a", "blue")]))
        .await
        .unwrap();
    let faults = world.sandbox.faults();
    let writes = lode_sandbox::Requests {
        verb: "patch",
        ..Default::default()
    };
    faults.strike(usize::MAX, writes, lode_sandbox::Fault::Broken);
    let failure = toy
        .deliver(&mut state, "two", Some(&[map("a", "red")]))
        .await
        .unwrap_err();
    assert_eq!(failure.retry, lode_runtime::Retry::Backoff, "{failure}");
    let since = state.attempt().unwrap().since();
    faults.lift();
    toy.deliver(&mut state, "two", Some(&[map("a", "red")]))
        .await
        .unwrap();
    assert!(since.elapsed() < std::time::Duration::from_mins(1));
    assert_eq!(world.live(MAP, "a").await.unwrap()["data"]["color"], "red");
}
