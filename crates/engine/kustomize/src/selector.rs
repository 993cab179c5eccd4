//! Which resources a target names: anchored patterns and label selectors.

use std::collections::BTreeSet;

use lode_yaml::Node;
use regex::Regex;

use crate::resource::{Identity, Resource};

/// Largest compiled pattern, in bytes: patterns come from the outside.
const PATTERN_SIZE_MAX: usize = 1 << 20;

/// Which objects a patch or replacement applies to. Empty fields say nothing; the others are anchored regular
/// expressions, the last two label selectors.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Target {
    /// API group.
    pub group: String,
    /// API version.
    pub version: String,
    /// Kind.
    pub kind: String,
    /// Name, before or after the build changed it.
    pub name: String,
    /// Namespace, before or after the build changed it.
    pub namespace: String,
    /// Selector on labels.
    pub label_selector: String,
    /// Selector on annotations.
    pub annotation_selector: String,
}

/// A pattern that is no regular expression or selector.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: \"{pattern}\" is no valid pattern")]
pub(crate) struct Invalid {
    /// The field.
    pub(crate) field: &'static str,
    /// The pattern.
    pub(crate) pattern: String,
}

/// A target ready to be asked.
pub(crate) struct Selector {
    group: Option<Anchored>,
    version: Option<Anchored>,
    kind: Option<Anchored>,
    name: Option<Anchored>,
    namespace: Option<Anchored>,
    labels: Vec<Requirement>,
    annotations: Vec<Requirement>,
}

/// One part of a label selector.
#[derive(Debug, PartialEq, Eq)]
enum Requirement {
    Exists(String),
    Absent(String),
    In(String, BTreeSet<String>),
    NotIn(String, BTreeSet<String>),
}

impl Selector {
    pub(crate) fn new(target: &Target) -> Result<Self, Invalid> {
        Ok(Self {
            group: anchored("target.group", &target.group)?,
            version: anchored("target.version", &target.version)?,
            kind: anchored("target.kind", &target.kind)?,
            name: anchored("target.name", &target.name)?,
            namespace: anchored("target.namespace", &target.namespace)?,
            labels: requirements("target.labelSelector", &target.label_selector)?,
            annotations: requirements("target.annotationSelector", &target.annotation_selector)?,
        })
    }

    /// Tells whether the target names a resource, by what it is called or was called when it was read.
    pub(crate) fn fits(&self, resource: &Resource) -> bool {
        let gvk = resource.gvk();
        if !(fits(self.kind.as_ref(), &gvk.kind)
            && fits(self.group.as_ref(), &gvk.group)
            && fits(self.version.as_ref(), &gvk.version))
        {
            return false;
        }
        let (now, before) = (resource.current(), resource.original());
        let either = |pattern: Option<&Anchored>, of: fn(&Identity) -> &str| {
            fits(pattern, of(&now)) || fits(pattern, of(&before))
        };
        either(self.name.as_ref(), |name| &name.name)
            && either(self.namespace.as_ref(), |name| &name.namespace)
            && holds(&self.labels, resource, "labels")
            && holds(&self.annotations, resource, "annotations")
    }
}

/// A pattern that must fit the whole text. Most are plain names, which need no compiling.
#[derive(Debug)]
pub(crate) enum Anchored {
    Text(Box<str>),
    Pattern(Regex),
}

impl Anchored {
    pub(crate) fn is_match(&self, text: &str) -> bool {
        match self {
            Self::Text(whole) => **whole == *text,
            Self::Pattern(pattern) => pattern.is_match(text),
        }
    }
}

/// Reads a pattern that must fit the whole text; an empty one fits anything.
pub(crate) fn anchored(field: &'static str, pattern: &str) -> Result<Option<Anchored>, Invalid> {
    match pattern {
        "" => Ok(None),
        _ if is_plain(pattern) => Ok(Some(Anchored::Text(pattern.into()))),
        _ => match regex(&format!("^(?:{pattern})$")) {
            Ok(pattern) => Ok(Some(Anchored::Pattern(pattern))),
            Err(_) => Err(Invalid { field, pattern: pattern.to_owned() }),
        },
    }
}

/// Tells whether a pattern fits itself and nothing else.
pub(crate) fn is_plain(pattern: &str) -> bool {
    pattern.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '/'))
}

/// Compiles a pattern within bounds.
pub(crate) fn regex(pattern: &str) -> Result<Regex, regex::Error> {
    regex::RegexBuilder::new(pattern).size_limit(PATTERN_SIZE_MAX).build()
}

fn fits(pattern: Option<&Anchored>, text: &str) -> bool {
    pattern.is_none_or(|pattern| pattern.is_match(text))
}

fn holds(requirements: &[Requirement], resource: &Resource, field: &str) -> bool {
    let map = resource.node.at(&["metadata", field]);
    let value = |key: &str| map.and_then(|map| map.get(key)).and_then(Node::text);
    requirements.iter().all(|requirement| match requirement {
        Requirement::Exists(key) => value(key).is_some(),
        Requirement::Absent(key) => value(key).is_none(),
        Requirement::In(key, values) => value(key).is_some_and(|value| values.contains(value)),
        Requirement::NotIn(key, values) => value(key).is_none_or(|value| !values.contains(value)),
    })
}

/// Reads Kubernetes' selector language: `a`, `!a`, `a=b`, `a==b`, `a!=b`, `a in (b, c)`, `a notin (b)`, by commas.
fn requirements(field: &'static str, text: &str) -> Result<Vec<Requirement>, Invalid> {
    split_outside_parentheses(text)
        .into_iter()
        .filter(|part| !part.is_empty())
        .map(|part| requirement(part).ok_or_else(|| Invalid { field, pattern: text.to_owned() }))
        .collect()
}

fn split_outside_parentheses(text: &str) -> Vec<&str> {
    let (mut parts, mut start, mut depth) = (Vec::new(), 0, 0_usize);
    for (at, c) in text.char_indices() {
        match c {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => {
                parts.push(text[start..at].trim());
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(text[start..].trim());
    parts
}

fn requirement(part: &str) -> Option<Requirement> {
    if let Some((key, value)) = part.split_once("!=") {
        return Some(Requirement::NotIn(key_text(key)?, BTreeSet::from([value.trim().to_owned()])));
    }
    if let Some((key, value)) = part.split_once("==").or_else(|| part.split_once('=')) {
        return Some(Requirement::In(key_text(key)?, BTreeSet::from([value.trim().to_owned()])));
    }
    if let Some((head, values)) = part.split_once('(') {
        let values = values.strip_suffix(')')?.split(',').map(|value| value.trim().to_owned()).collect();
        let (key, operator) = head.trim().rsplit_once(' ')?;
        return match operator {
            "in" => Some(Requirement::In(key_text(key)?, values)),
            "notin" => Some(Requirement::NotIn(key_text(key)?, values)),
            _ => None,
        };
    }
    match part.strip_prefix('!') {
        Some(key) => Some(Requirement::Absent(key_text(key)?)),
        None => Some(Requirement::Exists(key_text(part)?)),
    }
}

fn key_text(key: &str) -> Option<String> {
    let key = key.trim();
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '/');
    (!key.is_empty() && key.chars().all(allowed)).then(|| key.to_owned())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use lode_yaml::Place;

    fn web() -> Resource {
        let value = json!({
            "apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": {"name": "web", "namespace": "shop", "labels": {"app": "web", "tier": "front"}},
        });
        Resource::new(Node::from_value(&value), Place::default())
    }

    #[test]
    fn patterns_fit_whole_names() {
        for (pattern, want) in [("web", true), ("we", false), ("w.*|x", true), ("", true)] {
            let target = Target { name: pattern.into(), kind: "Deployment".into(), ..Target::default() };
            assert_eq!(Selector::new(&target).unwrap().fits(&web()), want, "{pattern}");
        }
        let target = Target { name: "(".into(), ..Target::default() };
        assert!(Selector::new(&target).is_err());
    }

    #[test]
    fn label_selectors_speak_kubernetes() {
        for (selector, want) in [
            ("app=web", true),
            ("app==web,tier!=back", true),
            ("app in (api, web), tier", true),
            ("app notin (web)", false),
            ("!app", false),
            ("!other", true),
        ] {
            let target = Target { label_selector: selector.into(), ..Target::default() };
            assert_eq!(Selector::new(&target).unwrap().fits(&web()), want, "{selector}");
        }
        for selector in ["a b", "a in b", "(a)"] {
            let target = Target { label_selector: selector.into(), ..Target::default() };
            assert!(Selector::new(&target).is_err(), "{selector}");
        }
    }
}
