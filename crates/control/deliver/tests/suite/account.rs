//! An owner that acts as a service account: nothing is reported of what the account may not see itself.

use std::time::Duration;

use lode_apply::Applier;
use lode_deliver::{DeliveryEnd, DeliveryState, DeliveryTerms, HealthChecks, in_short};
use serde_json::{Value, json};

use super::world::{MAP, Toy, World, map, reference};

const GROUP: &str = "rbac.authorization.k8s.io";

/// Makes an account that may do so much with config maps, and returns who applies as it.
async fn account(world: &World, rules: Value) -> Applier {
    let metadata = json!({"name": "builder", "namespace": "default"});
    for object in [
        json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata}),
        json!({"apiVersion": format!("{GROUP}/v1"), "kind": "Role", "metadata": metadata, "rules": rules}),
        json!({"apiVersion": format!("{GROUP}/v1"), "kind": "RoleBinding", "metadata": metadata,
            "roleRef": {"apiGroup": GROUP, "kind": "Role", "name": "builder"},
            "subjects": [{"kind": "ServiceAccount", "name": "builder", "namespace": "default"}]}),
    ] {
        let objects = world.sandbox.objects();
        objects.apply("admin", &object).await.unwrap();
    }
    world
        .applier
        .acting_for("default", Some("builder"))
        .unwrap()
}

fn rule(verbs: &[&str], names: &[&str]) -> Value {
    json!({"apiGroups": [""], "resources": ["configmaps"], "verbs": verbs, "resourceNames": names})
}

/// The terms of an owner that acts as an account and waits for somebody else's map.
fn terms<'t>(terms: DeliveryTerms<'t>, applier: &'t Applier) -> DeliveryTerms<'t> {
    let references: &'static [_] = Box::leak(Box::new([reference(MAP, "theirs")]));
    DeliveryTerms {
        applier,
        checks: HealthChecks::Named(references),
        ..terms
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_account_may_not_get_is_not_told_whether_it_exists_or_not() {
    let world = World::start().await;
    let writes = rule(&["create", "patch", "delete", "get"], &["a"]);
    let may_create = rule(&["create"], &[]);
    let applier = account(&world, json!([writes, may_create])).await;
    let applier: &'static Applier = Box::leak(Box::new(applier));
    let mut told = Vec::new();
    for is_there in [false, true] {
        if is_there {
            let objects = world.sandbox.objects();
            let theirs = map("theirs", "red");
            objects.apply("somebody", &theirs).await.unwrap();
        }
        let (toy, mut state) = (Toy::new(&world), DeliveryState::default());
        let failure = toy
            .deliver_under(&mut state, "one", Some(&[map("a", "blue")]), |under| {
                terms(under, applier)
            })
            .await
            .unwrap_err();
        assert_eq!(failure.reason, "HealthCheckFailed");
        told.push(failure.message);
    }
    assert!(
        told[0].starts_with("can't determine status for ConfigMap/default/theirs: "),
        "{told:?}"
    );
    assert_eq!(told[0], told[1]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_account_may_get_by_its_name_alone_is_read_from_time_to_time() {
    let world = World::start().await;
    let writes = rule(&["create", "patch", "delete", "get"], &["a", "theirs"]);
    let may_create = rule(&["create"], &[]);
    let applier = account(&world, json!([writes, may_create])).await;
    let applier: &'static Applier = Box::leak(Box::new(applier));
    let (toy, mut state) = (Toy::new(&world), DeliveryState::default());
    let before = tokio::time::Instant::now();
    let end = toy
        .deliver_under(&mut state, "one", Some(&[map("a", "blue")]), |under| {
            terms(under, applier)
        })
        .await
        .unwrap();
    let DeliveryEnd::Parked { until, awaited } = end else {
        panic!("not parked: {end:?}")
    };
    assert_eq!(in_short(&awaited), "ConfigMap/default/theirs: NotFound");
    assert!(until - before < Duration::from_secs(10), "it is polled");
    assert!(!state.is_worth_a_run(&world.applier, &[].into()));
}
