//! The roles and bindings that every cluster starts with.
//!
//! Those that users and clients rely on: the roles to bind users to, and the permissions that
//! everybody has. Those for components of a control plane are missing, since these components do
//! not exist here.

use serde_json::{Value, json};

use crate::{
    policy::{GROUP, Policy},
    rule::Rule,
};

/// Returns the objects; aggregated roles include the rules they collect.
#[must_use]
pub fn objects() -> Vec<Value> {
    let mut objects = Vec::new();
    for line in lines() {
        read(line, &mut objects);
    }
    aggregate(&mut objects);
    objects
}

fn lines() -> impl Iterator<Item = &'static str> {
    DATA.lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
}

/// Adds the content of a line; returns whether it has any.
fn read(line: &str, objects: &mut Vec<Value>) -> Option<()> {
    let words: Vec<&str> = line.split_whitespace().collect();
    match &*words {
        ["role", name, words @ ..] => objects.push(role(name, words)),
        ["bind", name, "to", subjects @ ..] => objects.push(binding(name, subjects)?),
        [verbs, "path", paths @ ..] => add_rule(
            objects,
            &json!({"verbs": spelled(verbs), "nonResourceURLs": paths}),
        )?,
        [verbs, resources @ .., "in", groups] => {
            let groups: Vec<&str> = groups
                .split(',')
                .map(|group| if group == "core" { "" } else { group })
                .collect();
            add_rule(
                objects,
                &json!({"verbs": spelled(verbs), "apiGroups": groups, "resources": resources}),
            )?;
        }
        _ => return None,
    }
    Some(())
}

fn role(name: &str, words: &[&str]) -> Value {
    let label = |word: &str| {
        words
            .iter()
            .find_map(|own| own.strip_prefix(word))
            .map(|to| format!("{GROUP}/aggregate-to-{to}"))
    };
    let mut role = object("ClusterRole", name);
    role["rules"] = json!([]);
    if let Some(label) = label("for=") {
        role["metadata"]["labels"][label] = json!("true");
    }
    if let Some(label) = label("gathers=") {
        role["aggregationRule"] =
            json!({"clusterRoleSelectors": [{"matchLabels": {label: "true"}}]});
    }
    role
}

fn binding(role: &str, subjects: &[&str]) -> Option<Value> {
    let mut binding = object("ClusterRoleBinding", role);
    let subject = |subject: &&str| {
        let (kind, name) = subject.split_once(':')?;
        Some(json!({"apiGroup": GROUP, "kind": kind, "name": name}))
    };
    binding["roleRef"] = json!({"apiGroup": GROUP, "kind": "ClusterRole", "name": role});
    binding["subjects"] = subjects.iter().map(subject).collect::<Option<_>>()?;
    Some(binding)
}

fn object(kind: &str, name: &str) -> Value {
    json!({
        "apiVersion": format!("{GROUP}/v1"), "kind": kind,
        "metadata": {
            "name": name,
            "labels": {"kubernetes.io/bootstrapping": "rbac-defaults"},
            "annotations": {"rbac.authorization.kubernetes.io/autoupdate": "true"},
        },
    })
}

fn add_rule(objects: &mut [Value], rule: &Value) -> Option<()> {
    objects
        .last_mut()?
        .get_mut("rules")?
        .as_array_mut()?
        .push(rule.clone());
    Some(())
}

fn spelled(verbs: &str) -> Vec<&str> {
    const READ: [&str; 3] = ["get", "list", "watch"];
    const WRITE: [&str; 5] = ["create", "delete", "deletecollection", "patch", "update"];
    match verbs {
        "read" => READ.into(),
        "write" => WRITE.into(),
        "rw" => {
            let mut all = [&READ[..], &WRITE].concat();
            all.sort_unstable();
            all
        }
        other => other.split(',').collect(),
    }
}

/// Gives aggregated roles the rules they collect. Roles can build on each other, so it takes
/// several rounds.
fn aggregate(objects: &mut [Value]) {
    let mut policy: Policy = objects.iter().collect();
    for _ in 0..ROUNDS_MAX {
        let stale = policy.stale_aggregates().into_iter();
        let stale: Vec<(String, Value)> = stale
            .map(|(name, rules)| (name.to_owned(), rules.iter().map(Rule::to_value).collect()))
            .collect();
        for (name, rules) in stale {
            let mut roles = objects
                .iter_mut()
                .filter(|object| object["kind"] == "ClusterRole");
            if let Some(role) = roles.find(|role| role["metadata"]["name"] == *name) {
                role["rules"] = rules;
                policy.put(role);
            }
        }
    }
}

const DATA: &str = include_str!("../data/policy.txt");
/// Longest chain of roles that build on each other in the data.
const ROUNDS_MAX: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_says_something() {
        let mut objects = Vec::new();
        for line in lines() {
            assert!(read(line, &mut objects).is_some(), "{line}");
        }
        assert!(objects.len() > 15);
    }

    #[test]
    fn nothing_is_left_to_aggregate() {
        let policy: Policy = objects().iter().collect();
        assert_eq!(policy.stale_aggregates(), []);
    }
}
