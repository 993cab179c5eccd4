//! [`Rule`]: one rule of a role, and the requests it allows.

use std::fmt;

use serde_json::{Map, Value, json};

use crate::request::{Attributes, ResourceAttributes, Target};

/// One rule of a role.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rule {
    /// The verbs; `*` is every verb.
    pub verbs: Box<[Box<str>]>,
    /// The groups; `*` is every group.
    pub groups: Box<[Box<str>]>,
    /// The resources: `pods`, `pods/status`, `*/scale`, `*`.
    pub resources: Box<[Box<str>]>,
    /// The object names; empty for all.
    pub names: Box<[Box<str>]>,
    /// The paths without objects: `/version`, `/healthz/*`, `*`.
    pub paths: Box<[Box<str>]>,
}

impl Rule {
    /// Returns the rules from a role's `rules`.
    #[must_use]
    pub fn read_all(rules: &Value) -> Vec<Self> {
        rules
            .as_array()
            .into_iter()
            .flatten()
            .map(Self::read)
            .collect()
    }

    fn read(rule: &Value) -> Self {
        let texts = |key: &str| {
            let items = rule[key].as_array().into_iter().flatten();
            items.filter_map(Value::as_str).map(Box::from).collect()
        };
        Self {
            verbs: texts("verbs"),
            groups: texts("apiGroups"),
            resources: texts("resources"),
            names: texts("resourceNames"),
            paths: texts("nonResourceURLs"),
        }
    }

    /// Returns the rule in the form used in `rules`.
    #[must_use]
    pub fn to_value(&self) -> Value {
        let mut out = Map::from_iter([("verbs".to_owned(), json!(self.verbs))]);
        for (key, _, items) in self.lists() {
            if !items.is_empty() {
                out.insert(key.to_owned(), json!(items));
            }
        }
        Value::Object(out)
    }

    /// Returns whether the rule allows a request.
    pub(crate) fn allows(&self, attributes: &Attributes<'_>) -> bool {
        has_or_star(&self.verbs, attributes.verb)
            && match &attributes.target {
                Target::Resource(asked) => self.allows_resource(asked),
                Target::Path(path) => self.paths.iter().any(|own| path_covers(own, path)),
            }
    }

    fn allows_resource(&self, asked: &ResourceAttributes<'_>) -> bool {
        has_or_star(&self.groups, asked.group)
            && self
                .resources
                .iter()
                .any(|own| resource_matches(own, asked))
            && (self.names.is_empty() || has(&self.names, asked.name))
    }

    /// Returns its lists with their names in JSON and in messages.
    fn lists(&self) -> [(&'static str, &'static str, &[Box<str>]); 5] {
        [
            ("apiGroups", "APIGroups", &self.groups),
            ("resources", "Resources", &self.resources),
            ("nonResourceURLs", "NonResourceURLs", &self.paths),
            ("resourceNames", "ResourceNames", &self.names),
            ("verbs", "Verbs", &self.verbs),
        ]
    }
}

/// As messages show a rule: `{APIGroups:[""], Resources:["pods"], Verbs:["get"]}`.
impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = self
            .lists()
            .into_iter()
            .filter(|(_, _, items)| !items.is_empty());
        let shown: Vec<String> = shown
            .map(|(_, name, items)| format!("{name}:{}", quoted(items)))
            .collect();
        write!(f, "{{{}}}", shown.join(", "))
    }
}

/// Returns a list as Go's `%q` writes it.
pub(crate) fn quoted<T: fmt::Debug>(items: &[T]) -> String {
    let items: Vec<String> = items.iter().map(|item| format!("{item:?}")).collect();
    format!("[{}]", items.join(" "))
}

pub(crate) fn has(items: &[Box<str>], wanted: &str) -> bool {
    items.iter().any(|item| **item == *wanted)
}

pub(crate) fn has_or_star(items: &[Box<str>], wanted: &str) -> bool {
    items.iter().any(|item| **item == *ALL || **item == *wanted)
}

/// Returns whether a rule's path covers another path; a star is a wildcard only at the end.
pub(crate) fn path_covers(own: &str, path: &str) -> bool {
    own == path || own.ends_with('*') && path.starts_with(own.trim_end_matches('*'))
}

fn resource_matches(own: &str, asked: &ResourceAttributes<'_>) -> bool {
    if asked.subresource.is_empty() {
        return own == ALL || own == asked.resource;
    }
    let below = |parent: &str| {
        own.strip_prefix(parent)
            .and_then(|rest| rest.strip_prefix('/'))
    };
    own == ALL
        || below(asked.resource) == Some(asked.subresource)
        || below(ALL) == Some(asked.subresource)
}

/// The wildcard for everything.
pub(crate) const ALL: &str = "*";

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(rule: &Value) -> Rule {
        Rule::read(rule)
    }

    fn pods<'a>(subresource: &'a str, name: &'a str) -> Attributes<'a> {
        Attributes::resource(
            "get",
            ResourceAttributes {
                resource: "pods",
                subresource,
                name,
                ..ResourceAttributes::default()
            },
        )
    }

    #[test]
    fn a_resource_does_not_include_its_subresources() {
        let of = |resources: &[&str]| {
            rule(&json!({"verbs": ["get"], "apiGroups": [""], "resources": resources}))
        };
        let allowed = |resources: &[&str]| {
            ["", "status"].map(|subresource| of(resources).allows(&pods(subresource, "a")))
        };
        assert_eq!(allowed(&["pods"]), [true, false]);
        assert_eq!(allowed(&["pods/status"]), [false, true]);
        assert_eq!(allowed(&["*/status"]), [false, true]);
        assert_eq!(allowed(&["*"]), [true, true]);
        assert_eq!(allowed(&["pods/*"]), [false, false]);
    }

    #[test]
    fn names_limit_a_rule_and_a_list_has_no_name() {
        let rule = rule(
            &json!({"verbs": ["*"], "apiGroups": ["*"], "resources": ["pods"], "resourceNames": ["a"]}),
        );
        assert!(rule.allows(&pods("", "a")));
        assert!(!rule.allows(&pods("", "b")) && !rule.allows(&pods("", "")));
    }

    #[test]
    fn a_path_is_met_exactly_or_under_a_star() {
        let rule = rule(&json!({"verbs": ["get"], "nonResourceURLs": ["/healthz", "/apis/*"]}));
        let allowed = ["/healthz", "/healthz/ping", "/apis/apps", "/apis"]
            .map(|path| rule.allows(&Attributes::path("get", path)));
        assert_eq!(allowed, [true, false, true, false]);
        assert!(!rule.allows(&Attributes::path("post", "/healthz")) && !rule.allows(&pods("", "")));
    }

    #[test]
    fn a_rule_is_shown_as_go_shows_it_and_written_as_it_was_read() {
        let written = json!({"verbs": ["get", "list"], "apiGroups": [""], "resources": ["pods"], "resourceNames": ["a"]});
        let rule = rule(&written);
        assert_eq!(rule.to_value(), written);
        assert_eq!(
            rule.to_string(),
            r#"{APIGroups:[""], Resources:["pods"], ResourceNames:["a"], Verbs:["get" "list"]}"#
        );
    }
}
