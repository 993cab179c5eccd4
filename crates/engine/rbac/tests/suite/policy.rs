//! Who is allowed what as roles and bindings are added and removed.

use lode_rbac::{Attributes, Policy, ResourceAttributes, User};
use serde_json::json;

use crate::{binding, may, person, pods, policy, read_pods, role};

#[test]
fn a_role_counts_in_its_namespace_and_a_cluster_role_where_it_is_bound() {
    let reader = role("shop", "reader", &read_pods());
    let objects = [
        reader,
        binding("shop", "jane", "Role/reader", &["User:jane"]),
        binding("shop", "bob", "ClusterRole/view", &["User:bob"]),
        binding("", "ann", "ClusterRole/view", &["User:ann"]),
    ];
    let policy = policy(&objects);
    let places = |name: &str| {
        ["shop", "other", ""].map(|space| may(&policy, &person(name), "list", pods(space)))
    };
    assert_eq!(places("jane"), [true, false, false]);
    assert_eq!(places("bob"), [true, false, false]);
    assert_eq!(places("ann"), [true, true, true]);
    assert_eq!(places("eve"), [false, false, false]);
}

#[test]
fn groups_and_service_accounts_are_bound_as_users_are() {
    let objects = [
        role("shop", "reader", &read_pods()),
        binding(
            "shop",
            "team",
            "Role/reader",
            &["Group:dev", "ServiceAccount:shop/bot"],
        ),
        binding("shop", "near", "Role/reader", &["ServiceAccount:near"]),
        binding(
            "",
            "nowhere",
            "ClusterRole/cluster-admin",
            &["ServiceAccount:lost", "Robot:r2"],
        ),
    ];
    let policy = policy(&objects);
    let may = |user: &User| may(&policy, user, "get", pods("shop"));
    assert!(may(&User::new("x").with_groups(["ops", "dev"])));
    assert!(may(&User::new("system:serviceaccount:shop:bot")));
    assert!(
        may(&User::new("system:serviceaccount:shop:near")),
        "the binding's namespace is meant"
    );
    assert!(
        !may(&User::new("system:serviceaccount:other:bot"))
            && !may(&User::new("bot"))
            && !may(&User::new("dev"))
    );
    assert!(!may(&User::new("system:serviceaccount::lost")) && !may(&User::new("r2")));
}

#[test]
fn the_privileged_group_may_everything_without_a_reason() {
    let decision = Policy::default().allowed(
        &User::new("root").with_groups(["system:masters"]),
        &Attributes::path("delete", "/anything"),
    );
    assert_eq!((decision.allowed, &*decision.reason), (true, ""));
}

#[test]
fn a_reason_names_binding_role_and_subject() {
    let objects = [
        role("shop", "reader", &read_pods()),
        binding(
            "shop",
            "b",
            "Role/reader",
            &["User:x", "ServiceAccount:shop/bot"],
        ),
        binding("", "all", "ClusterRole/view", &["Group:dev"]),
    ];
    let policy = policy(&objects);
    let reason = |user: &User| {
        policy
            .allowed(user, &Attributes::resource("get", pods("shop")))
            .reason
    };
    assert_eq!(
        reason(&User::new("system:serviceaccount:shop:bot")),
        r#"RBAC: allowed by RoleBinding "b/shop" of Role "reader" to ServiceAccount "bot/shop""#
    );
    assert_eq!(
        reason(&User::new("jane").with_groups(["dev"])),
        r#"RBAC: allowed by ClusterRoleBinding "all" of ClusterRole "view" to Group "dev""#
    );
}

#[test]
fn a_binding_without_its_role_is_told_in_the_refusal() {
    let objects = [
        binding("", "a", "ClusterRole/gone", &["User:jane"]),
        binding("shop", "b", "Role/gone", &["User:jane"]),
        binding("shop", "c", "Role/gone", &["User:jane"]),
    ];
    let error = policy(&objects)
        .authorize(&person("jane"), &Attributes::resource("get", pods("shop")))
        .unwrap_err();
    assert_eq!(
        error.message,
        "pods is forbidden: User \"jane\" cannot get resource \"pods\" in API group \"\" in the namespace \"shop\": \
         RBAC: [clusterrole.rbac.authorization.k8s.io \"gone\" not found, \
         role.rbac.authorization.k8s.io \"gone\" not found]"
    );
}

#[test]
fn what_is_removed_or_replaced_no_longer_counts() {
    let (reader, bound) = (
        role("shop", "reader", &read_pods()),
        binding("shop", "b", "Role/reader", &["User:jane"]),
    );
    let mut policy = policy(&[reader.clone(), bound.clone()]);
    let jane = |policy: &Policy| may(policy, &person("jane"), "get", pods("shop"));
    assert!(jane(&policy));
    policy.put(&binding("shop", "b", "Role/reader", &["User:bob"]));
    assert!(!jane(&policy) && may(&policy, &person("bob"), "get", pods("shop")));
    policy.put(&bound);
    policy.put(&role("shop", "reader", &json!([])));
    assert!(!jane(&policy));
    policy.put(&reader);
    assert!(jane(&policy));
    policy.remove(&bound);
    assert!(!jane(&policy));
    policy.put(&bound);
    policy.remove(&reader);
    assert!(!jane(&policy));
}

#[test]
fn a_role_without_a_namespace_does_not_count_for_the_cluster() {
    let mut lost = role("", "reader", &read_pods());
    lost["kind"] = json!("Role");
    let mut bound = binding("", "b", "ClusterRole/cluster-admin", &["User:jane"]);
    bound["kind"] = json!("RoleBinding");
    let policy = policy(&[lost, bound]);
    assert!(
        !may(&policy, &person("jane"), "get", pods(""))
            && !may(&policy, &person("jane"), "get", pods("shop"))
    );
}

#[test]
fn aggregated_roles_gather_in_rounds_until_nothing_is_stale() {
    let mut own = role(
        "",
        "crontabs",
        &json!([{"verbs": ["get"], "apiGroups": ["x.io"], "resources": ["crontabs"]}]),
    );
    own["metadata"]["labels"] = json!({"rbac.authorization.k8s.io/aggregate-to-view": "true"});
    let mut policy = policy(&[own]);
    let mut changed = Vec::new();
    for _ in 0..4 {
        let stale: Vec<_> = policy
            .stale_aggregates()
            .into_iter()
            .map(|(name, rules)| (name.to_owned(), rules))
            .collect();
        for (name, rules) in stale {
            let mut written = role(
                "",
                &name,
                &rules.iter().map(lode_rbac::Rule::to_value).collect(),
            );
            let found = lode_rbac::bootstrap::objects()
                .into_iter()
                .find(|object| object["metadata"]["name"] == *name);
            written["aggregationRule"] = found.as_ref().unwrap()["aggregationRule"].clone();
            written["metadata"] = found.unwrap()["metadata"].clone();
            policy.put(&written);
            changed.push(name);
        }
    }
    assert_eq!(changed, ["view", "edit", "admin"]);
    policy.put(&binding("shop", "b", "ClusterRole/admin", &["User:jane"]));
    let crontabs = ResourceAttributes {
        group: "x.io",
        resource: "crontabs",
        namespace: "shop",
        ..ResourceAttributes::default()
    };
    assert!(
        may(&policy, &person("jane"), "get", crontabs)
            && !may(&policy, &person("jane"), "update", crontabs)
    );
}

#[test]
fn everybody_sees_how_the_server_is_and_who_is_known_what_it_serves() {
    let policy = policy(&[]);
    let sees =
        |user: &User, path: &str| policy.allowed(user, &Attributes::path("get", path)).allowed;
    let nobody = User::new("system:anonymous").with_groups(["system:unauthenticated"]);
    let paths = [
        "/version",
        "/healthz",
        "/apis",
        "/apis/apps/v1",
        "/openapi/v3",
        "/metrics",
    ];
    assert_eq!(
        paths.map(|path| sees(&nobody, path)),
        [true, true, false, false, false, false]
    );
    assert_eq!(
        paths.map(|path| sees(&person("jane"), path)),
        [true, true, true, true, true, false]
    );
    let review = ResourceAttributes {
        group: "authorization.k8s.io",
        resource: "selfsubjectaccessreviews",
        ..ResourceAttributes::default()
    };
    assert!(
        may(&policy, &person("jane"), "create", review) && !may(&policy, &nobody, "create", review)
    );
}

#[test]
fn editors_write_workloads_and_admins_roles_as_well() {
    let bound = |role: &str| {
        binding(
            "shop",
            role,
            &format!("ClusterRole/{role}"),
            &[&format!("User:{role}")],
        )
    };
    let policy = policy(&["view", "edit", "admin"].map(bound));
    let deployments = ResourceAttributes {
        group: "apps",
        resource: "deployments",
        namespace: "shop",
        ..ResourceAttributes::default()
    };
    let secrets = ResourceAttributes {
        resource: "secrets",
        namespace: "shop",
        ..ResourceAttributes::default()
    };
    let roles = ResourceAttributes {
        group: "rbac.authorization.k8s.io",
        resource: "roles",
        ..deployments
    };
    let row = |name: &str| {
        [
            ("get", deployments),
            ("get", secrets),
            ("create", deployments),
            ("create", roles),
        ]
        .map(|(verb, resource)| may(&policy, &person(name), verb, resource))
    };
    assert_eq!(row("view"), [true, false, false, false]);
    assert_eq!(row("edit"), [true, true, true, false]);
    assert_eq!(row("admin"), [true, true, true, true]);
}
