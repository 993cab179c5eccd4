//! Refusals and reviews recorded on a real API server.

use cases::Score;
use lode_rbac::{Attributes, ResourceAttributes, User, review};
use serde_json::json;

use crate::{person, policy};

/// Returns the target of a recorded request; the verb follows from its method.
fn resource<'a>(parts: &[&'a str]) -> ResourceAttributes<'a> {
    match *parts {
        ["api", "v1", "namespaces", namespace, resource] => ResourceAttributes {
            namespace,
            resource,
            ..ResourceAttributes::default()
        },
        ["api", "v1", "namespaces", namespace, resource, name] => ResourceAttributes {
            namespace,
            resource,
            name,
            ..ResourceAttributes::default()
        },
        ["api", "v1", resource] => ResourceAttributes {
            resource,
            ..ResourceAttributes::default()
        },
        _ => panic!("{parts:?}"),
    }
}

#[test]
fn refusals_are_worded_as_recorded() {
    let policy = policy(&[]);
    let mut score = Score::of_all("refusals", 4);
    for step in cases::lines("apiserver/http_core.jsonl") {
        let message = step["resp"]["message"].as_str().unwrap_or_default();
        if step["status"] != 403 || !message.contains("cannot") {
            continue;
        }
        let user = match step["token"].as_str() {
            None => User::new("system:anonymous").with_groups(["system:unauthenticated"]),
            Some(_) => person("jane"),
        };
        let parts: Vec<&str> = step["path"]
            .as_str()
            .unwrap()
            .trim_start_matches('/')
            .split('/')
            .collect();
        let asked = resource(&parts);
        let verb = match (step["method"].as_str().unwrap(), asked.name) {
            ("POST", _) => "create",
            (_, "") => "list",
            _ => "get",
        };
        let refusal = policy
            .authorize(&user, &Attributes::resource(verb, asked))
            .unwrap_err()
            .to_value();
        score.check(&step["path"], &refusal, &step["resp"]);
    }
    score.finish();
}

#[test]
fn the_paths_that_a_user_may_see_are_those_kubectl_listed() {
    let Some(text) = cases::text("apiserver/kubectl_stdout.txt") else {
        return;
    };
    let shown = text
        .split("### ")
        .find_map(|part| part.strip_prefix("kubectl auth can-i --list\n"))
        .unwrap();
    let body = json!({"spec": {"namespace": "kc"}});
    let answer = review::self_rules(&policy(&[]), &person("admin"), &body).unwrap();
    let rules = answer["status"]["nonResourceRules"].as_array().unwrap();
    let ours: Vec<&str> = rules
        .iter()
        .flat_map(|rule| rule["nonResourceURLs"].as_array().unwrap())
        .map(|path| path.as_str().unwrap())
        .collect();
    for line in shown.lines() {
        let path = line
            .split_whitespace()
            .next()
            .unwrap()
            .trim_matches(['[', ']']);
        let count = |of: &[&str]| of.iter().filter(|own| **own == path).count();
        let listed = shown
            .lines()
            .filter(|line| line.contains(&format!("[{path}]")))
            .count();
        assert_eq!(count(&ours), listed, "{path}");
    }
}
