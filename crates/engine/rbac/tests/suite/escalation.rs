//! Nobody can grant permissions he does not hold.

use lode_rbac::{Policy, User, Write};
use serde_json::{Value, json};

use crate::{binding, person, policy, read_pods, role};

/// Returns the message for a user who writes an object into `shop`.
fn said(
    policy: &Policy,
    user: &User,
    resource: &str,
    object: &Value,
    old: Option<&Value>,
) -> Option<(u16, String)> {
    let namespace = if resource.starts_with("cluster") {
        ""
    } else {
        "shop"
    };
    let write = Write {
        resource,
        namespace,
        name: "",
        object,
        old,
    };
    policy
        .may_grant(user, &write)
        .err()
        .map(|status| (status.code, status.message))
}

fn jane_with(rules: &Value) -> Policy {
    policy(&[
        role("shop", "held", rules),
        binding("shop", "held", "Role/held", &["User:jane"]),
        role("shop", "reader", &read_pods()),
    ])
}

#[test]
fn a_role_may_hold_what_its_writer_holds() {
    let (jane, reader) = (person("jane"), role("shop", "reader", &read_pods()));
    assert_eq!(
        said(&jane_with(&read_pods()), &jane, "roles", &reader, None),
        None
    );
    let (code, message) = said(&jane_with(&json!([])), &jane, "roles", &reader, None).unwrap();
    assert_eq!(
        (code, &*message),
        (
            403,
            "roles.rbac.authorization.k8s.io \"reader\" is forbidden: user \"jane\" (groups=[\"system:authenticated\"]) \
             is attempting to grant RBAC permissions not currently held:\n\
             {APIGroups:[\"\"], Resources:[\"pods\"], Verbs:[\"get\" \"list\"]}"
        )
    );
    let root = User::new("root").with_groups(["system:masters"]);
    assert_eq!(
        said(&jane_with(&json!([])), &root, "roles", &reader, None),
        None
    );
}

#[test]
fn escalate_and_bind_lift_the_limit_each_for_its_kind() {
    let verb = |verb: &str, resource: &str| {
        jane_with(
            &json!([{"verbs": [verb], "apiGroups": ["rbac.authorization.k8s.io"], "resources": [resource]}]),
        )
    };
    let (jane, reader) = (person("jane"), role("shop", "reader", &read_pods()));
    let bound = binding("shop", "b", "Role/reader", &["User:bob"]);
    assert_eq!(
        said(&verb("escalate", "roles"), &jane, "roles", &reader, None),
        None
    );
    assert!(said(&verb("bind", "roles"), &jane, "roles", &reader, None).is_some());
    assert_eq!(
        said(&verb("bind", "roles"), &jane, "rolebindings", &bound, None),
        None
    );
    assert!(
        said(
            &verb("escalate", "roles"),
            &jane,
            "rolebindings",
            &bound,
            None
        )
        .is_some()
    );
}

#[test]
fn a_binding_may_give_what_its_writer_holds() {
    let jane = person("jane");
    let bound = binding("shop", "b", "Role/reader", &["User:bob"]);
    assert_eq!(
        said(
            &jane_with(&read_pods()),
            &jane,
            "rolebindings",
            &bound,
            None
        ),
        None
    );
    let (_, message) = said(&jane_with(&json!([])), &jane, "rolebindings", &bound, None).unwrap();
    assert!(
        message.starts_with(
            "rolebindings.rbac.authorization.k8s.io \"b\" is forbidden: user \"jane\""
        ),
        "{message}"
    );
    let admin = binding("", "b", "ClusterRole/cluster-admin", &["User:jane"]);
    let (_, message) = said(
        &jane_with(&read_pods()),
        &jane,
        "clusterrolebindings",
        &admin,
        None,
    )
    .unwrap();
    assert!(
        message.ends_with(
            "{APIGroups:[\"*\"], Resources:[\"*\"], Verbs:[\"*\"]}\n{NonResourceURLs:[\"*\"], Verbs:[\"*\"]}"
        )
    );
}

#[test]
fn a_binding_to_a_role_that_is_not_there_is_not_found() {
    let bound = binding("shop", "b", "Role/gone", &["User:bob"]);
    let (code, message) = said(
        &jane_with(&read_pods()),
        &person("jane"),
        "rolebindings",
        &bound,
        None,
    )
    .unwrap();
    assert_eq!(
        (code, &*message),
        (404, "role.rbac.authorization.k8s.io \"gone\" not found")
    );
}

#[test]
fn only_who_may_everything_lets_a_role_gather_others() {
    let mut gathers = role("", "all", &json!([]));
    gathers["aggregationRule"] = json!({"clusterRoleSelectors": [{"matchLabels": {"a": "b"}}]});
    let (_, message) = said(
        &jane_with(&json!([])),
        &person("jane"),
        "clusterroles",
        &gathers,
        None,
    )
    .unwrap();
    assert!(
        message.ends_with("must have cluster-admin privileges to use the aggregationRule"),
        "{message}"
    );
    let plain = role("", "all", &json!([]));
    assert!(
        said(
            &jane_with(&json!([])),
            &person("jane"),
            "clusterroles",
            &plain,
            Some(&gathers)
        )
        .is_some()
    );
    let admin = policy(&[binding(
        "",
        "b",
        "ClusterRole/cluster-admin",
        &["User:jane"],
    )]);
    assert_eq!(
        said(&admin, &person("jane"), "clusterroles", &gathers, None),
        None
    );
}

#[test]
fn a_change_that_serves_deletion_grants_nothing() {
    let old = role("shop", "reader", &read_pods());
    let mut new = old.clone();
    new["metadata"]["finalizers"] = json!(["x/y"]);
    let (policy, jane) = (jane_with(&json!([])), person("jane"));
    assert_eq!(said(&policy, &jane, "roles", &new, Some(&old)), None);
    new["metadata"]["labels"] = json!({"a": "b"});
    assert!(said(&policy, &jane, "roles", &new, Some(&old)).is_some());
    assert_eq!(said(&policy, &jane, "configmaps", &new, None), None);
}
