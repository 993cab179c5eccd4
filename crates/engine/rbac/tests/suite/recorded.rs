//! Refusals and reviews recorded on a real API server.

use std::path::Path;

use lode_rbac::{Attributes, Resource, User, review};
use serde_json::{Value, json};

use crate::{person, policy};

/// Returns a recorded file, or reports that it is missing.
fn recorded(name: &str) -> Option<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../../shared/corpus/apiserver");
    if !folder.is_dir() {
        println!("no recorded cases at {}: nothing checked", folder.display());
        return None;
    }
    Some(std::fs::read_to_string(folder.join(name)).unwrap())
}

/// Returns the target of a recorded request; the verb follows from its method.
fn resource<'a>(parts: &[&'a str]) -> Resource<'a> {
    match *parts {
        ["api", "v1", "namespaces", namespace, resource] => Resource {
            namespace,
            resource,
            ..Resource::default()
        },
        ["api", "v1", "namespaces", namespace, resource, name] => Resource {
            namespace,
            resource,
            name,
            ..Resource::default()
        },
        ["api", "v1", resource] => Resource {
            resource,
            ..Resource::default()
        },
        _ => panic!("{parts:?}"),
    }
}

#[test]
fn refusals_are_worded_as_recorded() {
    let Some(text) = recorded("http_core.jsonl") else {
        return;
    };
    let (policy, mut right, mut total) = (policy(&[]), 0, 0);
    for line in text.lines() {
        let step: Value = serde_json::from_str(line).unwrap();
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
        total += 1;
        right += usize::from(refusal == step["resp"]);
        assert_eq!(refusal, step["resp"], "{}", step["path"]);
    }
    println!("refusals: {right} of {total}");
    assert!(total >= 4);
}

#[test]
fn the_paths_that_a_user_may_see_are_those_kubectl_listed() {
    let Some(text) = recorded("kubectl_stdout.txt") else {
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
