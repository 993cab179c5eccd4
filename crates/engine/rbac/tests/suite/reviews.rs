//! Reviews: the response to the question in the request's body.

use lode_rbac::{User, review};
use serde_json::{Value, json};

use crate::{binding, person, policy, read_pods, role};

fn body(kind: &str, spec: &Value) -> Value {
    json!({"apiVersion": "authorization.k8s.io/v1", "kind": kind, "metadata": {}, "spec": spec})
}

fn get_pods(namespace: &str) -> Value {
    json!({"verb": "get", "resource": "pods", "namespace": namespace})
}

fn bot_reads() -> lode_rbac::Policy {
    policy(&[
        role("kc", "r", &read_pods()),
        binding("kc", "rb", "Role/r", &["ServiceAccount:kc/bot"]),
    ])
}

#[test]
fn a_review_of_oneself_is_answered_with_its_reason() {
    let asked = body(
        "SelfSubjectAccessReview",
        &json!({"resourceAttributes": get_pods("kc")}),
    );
    let bot = User::new("system:serviceaccount:kc:bot");
    let mut expected = asked.clone();
    expected["status"] = json!({
        "allowed": true, "reason": "RBAC: allowed by RoleBinding \"rb/kc\" of Role \"r\" to ServiceAccount \"bot/kc\"",
    });
    assert_eq!(
        review::self_access(&bot_reads(), &bot, &asked).unwrap(),
        expected
    );
    let answer = review::self_access(&bot_reads(), &person("jane"), &asked).unwrap();
    assert_eq!(answer["status"], json!({"allowed": false}));
    let path = body(
        "SelfSubjectAccessReview",
        &json!({"nonResourceAttributes": {"verb": "get", "path": "/version"}}),
    );
    assert_eq!(
        review::self_access(&bot_reads(), &person("jane"), &path).unwrap()["status"]["allowed"],
        true
    );
}

#[test]
fn a_review_of_another_asks_for_him_and_his_groups() {
    let asked = |spec: &Value| {
        let mut spec = spec.clone();
        spec["resourceAttributes"] = get_pods("kc");
        review::access(&bot_reads(), &body("SubjectAccessReview", &spec)).unwrap()["status"]["allowed"].clone()
    };
    assert_eq!(
        asked(&json!({"user": "system:serviceaccount:kc:bot"})),
        true
    );
    assert_eq!(
        asked(&json!({"user": "jane", "groups": ["system:masters"]})),
        true
    );
    assert_eq!(asked(&json!({"user": "jane", "groups": ["dev"]})), false);
}

#[test]
fn a_review_says_one_thing_about_somebody() {
    let message = |spec: Value| {
        review::access(&bot_reads(), &body("SubjectAccessReview", &spec))
            .unwrap_err()
            .message
    };
    assert_eq!(
        message(json!({})),
        "SubjectAccessReview.authorization.k8s.io \"\" is invalid: [spec.resourceAttributes: Invalid value: null: \
         exactly one of nonResourceAttributes or resourceAttributes must be specified, spec.user: Invalid value: \"\": \
         at least one of user or group must be specified]"
    );
    let both =
        json!({"user": "a", "resourceAttributes": {}, "nonResourceAttributes": {"path": "/"}});
    assert!(message(both).ends_with("cannot be specified in combination with resourceAttributes"));
    let mut named = body(
        "SubjectAccessReview",
        &json!({"user": "a", "resourceAttributes": {}}),
    );
    named["metadata"] = json!({"name": "x"});
    assert!(
        review::access(&bot_reads(), &named)
            .unwrap_err()
            .message
            .ends_with("must be empty")
    );
}

#[test]
fn a_local_review_stays_in_its_namespace() {
    let asked = |own: &str, named: &str| {
        let spec =
            json!({"user": "system:serviceaccount:kc:bot", "resourceAttributes": get_pods(named)});
        let mut body = body("LocalSubjectAccessReview", &spec);
        body["metadata"] = json!({"namespace": own});
        review::local_access(&bot_reads(), "kc", &body)
            .map_err(|status| (status.code, status.message))
    };
    assert_eq!(asked("kc", "kc").unwrap()["status"]["allowed"], true);
    assert!(
        asked("kc", "shop")
            .unwrap_err()
            .1
            .ends_with("must match metadata.namespace")
    );
    let (code, message) = asked("shop", "shop").unwrap_err();
    assert_eq!(
        (code, &*message),
        (
            400,
            "spec.resourceAttributes.namespace must match namespace: kc"
        )
    );
}

#[test]
fn the_rules_of_oneself_are_those_of_the_namespace_and_the_cluster() {
    let asked = body("SelfSubjectRulesReview", &json!({"namespace": "kc"}));
    let status = review::self_rules(
        &bot_reads(),
        &User::new("system:serviceaccount:kc:bot"),
        &asked,
    )
    .unwrap();
    assert_eq!(
        status["status"],
        json!({"resourceRules": read_pods(), "nonResourceRules": [], "incomplete": false})
    );
    assert_eq!(status["spec"], json!({}));
    let nowhere = body("SelfSubjectRulesReview", &json!({}));
    assert_eq!(
        review::self_rules(&bot_reads(), &person("a"), &nowhere)
            .unwrap_err()
            .message,
        "no namespace on request"
    );
    let broken = policy(&[binding("kc", "b", "Role/gone", &["User:jane"])]);
    let status = review::self_rules(&broken, &User::new("jane"), &asked).unwrap();
    assert_eq!(
        status["status"]["evaluationError"],
        "role.rbac.authorization.k8s.io \"gone\" not found"
    );
}

#[test]
fn who_i_am_is_told_without_what_is_not_known() {
    let asked = json!({"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"});
    let mut admin = User::new("admin").with_groups(["system:masters", "system:authenticated"]);
    admin.uid = "admin-uid".to_owned();
    assert_eq!(
        review::self_subject(&admin, &asked)["status"],
        json!({"userInfo": {
            "username": "admin", "uid": "admin-uid", "groups": ["system:masters", "system:authenticated"],
        }})
    );
    assert_eq!(
        review::self_subject(&User::new("a"), &asked)["status"],
        json!({"userInfo": {"username": "a"}})
    );
}
