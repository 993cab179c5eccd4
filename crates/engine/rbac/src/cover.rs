//! Which rules are not covered by others: nobody may grant permissions he does not hold.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    request::User,
    rule::{ALL, Rule, has, has_or_star, path_covers, quoted},
};

/// Returns the message for a user who grants rules that are not all covered by his own.
pub(crate) fn objection(
    user: &User,
    held: &[&Rule],
    granted: &[Rule],
    missing: &[String],
) -> Option<String> {
    let uncovered: Vec<Rule> = granted
        .iter()
        .flat_map(split)
        .filter(|granted| !held.iter().any(|held| covers(held, granted)))
        .collect();
    if uncovered.is_empty() {
        return None;
    }

    let shown: BTreeSet<String> = compact(uncovered).iter().map(Rule::to_string).collect();
    let shown: Vec<String> = shown.into_iter().collect();
    let errors = if missing.is_empty() {
        String::new()
    } else {
        format!("; resolution errors: {}", listed(missing))
    };
    Some(format!(
        "user {:?} (groups={}) is attempting to grant RBAC permissions not currently held:\n{}{errors}",
        user.name,
        quoted(&user.groups),
        shown.join("\n"),
    ))
}

/// Splits a rule into rules with one value in each list, so that each is covered by one rule or by
/// none.
fn split(rule: &Rule) -> Vec<Rule> {
    let one = |text: &str| -> Box<[Box<str>]> { [text.into()].into() };
    let names: Vec<Box<[Box<str>]>> = match &*rule.names {
        [] => vec![Box::default()],
        names => names.iter().map(|name| one(name)).collect(),
    };
    let mut out = Vec::new();
    for group in &rule.groups {
        for resource in &rule.resources {
            for verb in &rule.verbs {
                out.extend(names.iter().map(|names| Rule {
                    groups: one(group),
                    resources: one(resource),
                    verbs: one(verb),
                    names: names.clone(),
                    paths: Box::default(),
                }));
            }
        }
    }

    let paths = rule
        .paths
        .iter()
        .flat_map(|path| rule.verbs.iter().map(move |verb| (path, verb)));
    out.extend(paths.map(|(path, verb)| Rule {
        paths: one(path),
        verbs: one(verb),
        ..Rule::default()
    }));
    out
}

/// Returns whether a rule covers another one, which has at most one value in each list.
fn covers(held: &Rule, granted: &Rule) -> bool {
    let names = held.names.is_empty()
        || !granted.names.is_empty() && granted.names.iter().all(|name| has(&held.names, name));
    granted
        .verbs
        .iter()
        .all(|verb| has_or_star(&held.verbs, verb))
        && granted
            .groups
            .iter()
            .all(|group| has_or_star(&held.groups, group))
        && granted
            .resources
            .iter()
            .all(|resource| resource_covered(&held.resources, resource))
        && granted
            .paths
            .iter()
            .all(|path| held.paths.iter().any(|own| path_covers(own, path)))
        && names
}

fn resource_covered(held: &[Box<str>], resource: &str) -> bool {
    let of_any = || {
        resource
            .split_once('/')
            .map(|(_, subresource)| format!("{ALL}/{subresource}"))
    };
    has_or_star(held, resource) || of_any().is_some_and(|own| has(held, &own))
}

/// Combines the verbs for the same resource again, for readability.
fn compact(rules: Vec<Rule>) -> Vec<Rule> {
    let mut verbs: BTreeMap<Rule, Vec<Box<str>>> = BTreeMap::new();
    let mut out = Vec::new();
    for rule in rules {
        if rule.paths.is_empty() {
            let own = rule.verbs.clone();
            verbs
                .entry(Rule {
                    verbs: Box::default(),
                    ..rule
                })
                .or_default()
                .extend(own);
        } else {
            out.push(rule);
        }
    }

    out.extend(verbs.into_iter().map(|(rule, verbs)| Rule {
        verbs: verbs.into(),
        ..rule
    }));
    out
}

fn listed(errors: &[String]) -> String {
    format!("[{}]", errors.join(" "))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn said(held: &Value, granted: &Value) -> Option<String> {
        let held = Rule::read_all(held);
        objection(
            &User::new("jane"),
            &held.iter().collect::<Vec<_>>(),
            &Rule::read_all(granted),
            &[],
        )
    }

    fn pods(verbs: &[&str], names: &[&str]) -> Value {
        json!([{"verbs": verbs, "apiGroups": [""], "resources": ["pods", "pods/log"], "resourceNames": names}])
    }

    #[test]
    fn what_is_held_may_be_granted_and_no_more() {
        assert_eq!(
            said(&pods(&["get", "list"], &[]), &pods(&["get"], &["a"])),
            None
        );
        assert_eq!(
            said(&pods(&["*"], &["a", "b"]), &pods(&["get"], &["b"])),
            None
        );
        assert!(said(&pods(&["*"], &["a"]), &pods(&["get"], &[])).is_some());
        assert!(said(&pods(&["get"], &[]), &pods(&["*"], &[])).is_some());
        let logs = json!([{"verbs": ["get"], "apiGroups": ["*"], "resources": ["*/log"]}]);
        assert_eq!(
            said(
                &logs,
                &json!([{"verbs": ["get"], "apiGroups": [""], "resources": ["pods/log"]}])
            ),
            None
        );
        let paths = |path: &str| json!([{"verbs": ["get"], "nonResourceURLs": [path]}]);
        assert_eq!(said(&paths("/a/*"), &paths("/a/b")), None);
        assert!(said(&paths("/a/b"), &paths("/a/*")).is_some());
    }

    #[test]
    fn verbs_for_one_thing_are_shown_together() {
        assert_eq!(
            said(
                &pods(&["watch"], &[]),
                &pods(&["get", "watch", "list"], &[])
            )
            .unwrap(),
            "user \"jane\" (groups=[]) is attempting to grant RBAC permissions not currently held:\n\
             {APIGroups:[\"\"], Resources:[\"pods\"], Verbs:[\"get\" \"list\"]}\n\
             {APIGroups:[\"\"], Resources:[\"pods/log\"], Verbs:[\"get\" \"list\"]}"
        );
    }
}
