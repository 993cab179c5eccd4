//! Which resources a target selects: anchored patterns and label selectors.

use std::collections::BTreeSet;

use lode_object::Selector;
use lode_stdx::budget::{Budget, Exceeded, Meter};
use lode_yaml::Node;

use crate::config::fieldspec::width;
use crate::config::pattern::{BoundedPattern, Refused};
use crate::object::resource::{Identity, Resource};

/// An invalid target.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Invalid {
    /// A malformed regular expression or selector.
    #[error("{field}: \"{pattern}\" is not a valid pattern")]
    Pattern {
        /// The field.
        field: &'static str,
        /// The pattern.
        pattern: String,
    },
    /// The budget is exceeded.
    #[error(transparent)]
    Exceeded(#[from] Exceeded),
}

/// A compiled target.
pub(crate) struct TargetMatcher {
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

impl TargetMatcher {
    pub(crate) fn new(target: &Selector, budget: &Budget) -> Result<Self, Invalid> {
        let anchored = |field, pattern| anchored(field, pattern, budget);
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

    /// Returns whether the target selects a resource, by its current or original name.
    pub(crate) fn fits(&self, resource: &Resource, meter: &Meter<'_>) -> Result<bool, Exceeded> {
        meter.steps(FITS_STEPS + resource.name_bytes() / BYTES_PER_STEP)?;
        let gvk = resource.gvk();
        for (pattern, text) in [
            (&self.kind, &gvk.kind),
            (&self.group, &gvk.group),
            (&self.version, &gvk.version),
        ] {
            if !fits(pattern.as_ref(), text, meter)? {
                return Ok(false);
            }
        }

        let (now, before) = (resource.current(), resource.original());
        let either = |pattern: Option<&Anchored>, of: fn(&Identity) -> &str| {
            Ok(fits(pattern, of(&now), meter)? || fits(pattern, of(&before), meter)?)
        };
        Ok(either(self.name.as_ref(), |name| &name.name)?
            && either(self.namespace.as_ref(), |name| &name.namespace)?
            && holds(&self.labels, resource, "labels", meter)?
            && holds(&self.annotations, resource, "annotations", meter)?)
    }
}

/// A pattern that must match the whole text. Most are plain names, which need no compiling.
#[derive(Debug)]
pub(crate) enum Anchored {
    Text(Box<str>),
    Pattern(BoundedPattern),
}

impl Anchored {
    pub(crate) fn is_match(&self, text: &str, meter: &Meter<'_>) -> Result<bool, Exceeded> {
        match self {
            Self::Text(whole) => Ok(**whole == *text),
            Self::Pattern(pattern) => pattern.is_match(text, meter),
        }
    }
}

/// Reads a pattern that must match the whole text; an empty one matches anything.
pub(crate) fn anchored(
    field: &'static str,
    pattern: &str,
    budget: &Budget,
) -> Result<Option<Anchored>, Invalid> {
    match pattern {
        "" => Ok(None),
        _ if is_plain(pattern) => Ok(Some(Anchored::Text(pattern.into()))),
        _ => match BoundedPattern::new(&format!("^(?:{pattern})$"), budget) {
            Ok(pattern) => Ok(Some(Anchored::Pattern(pattern))),
            Err(Refused::Invalid) => Err(Invalid::Pattern {
                field,
                pattern: pattern.to_owned(),
            }),
            Err(Refused::Exceeded(exceeded)) => Err(exceeded.into()),
        },
    }
}

/// Returns whether a pattern matches only itself.
pub(crate) fn is_plain(pattern: &str) -> bool {
    pattern
        .chars()
        .all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '/'))
}

/// Bytes of a name that are compared in one step.
const BYTES_PER_STEP: u64 = 64;

/// Steps to compare one object, without patterns and selectors.
const FITS_STEPS: u64 = 8;

fn fits(pattern: Option<&Anchored>, text: &str, meter: &Meter<'_>) -> Result<bool, Exceeded> {
    pattern.map_or(Ok(true), |pattern| pattern.is_match(text, meter))
}

fn holds(
    requirements: &[Requirement],
    resource: &Resource,
    field: &str,
    meter: &Meter<'_>,
) -> Result<bool, Exceeded> {
    if requirements.is_empty() {
        return Ok(true);
    }
    let map = resource.node.at(&["metadata", field]);
    meter.steps((1 + map.map_or(0, width)) * requirements.len() as u64)?;
    let value = |key: &str| map.and_then(|map| map.get(key)).and_then(Node::text);
    Ok(requirements.iter().all(|requirement| match requirement {
        Requirement::Exists(key) => value(key).is_some(),
        Requirement::Absent(key) => value(key).is_none(),
        Requirement::In(key, values) => value(key).is_some_and(|value| values.contains(value)),
        Requirement::NotIn(key, values) => value(key).is_none_or(|value| !values.contains(value)),
    }))
}

/// Reads Kubernetes' selector language: `a`, `!a`, `a=b`, `a==b`, `a!=b`, `a in (b, c)`, `a notin (b)`, by commas.
fn requirements(field: &'static str, text: &str) -> Result<Vec<Requirement>, Invalid> {
    split_outside_parentheses(text)
        .into_iter()
        .filter(|part| !part.is_empty())
        .map(|part| {
            requirement(part).ok_or_else(|| Invalid::Pattern {
                field,
                pattern: text.to_owned(),
            })
        })
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
        return Some(Requirement::NotIn(
            key_text(key)?,
            BTreeSet::from([value.trim().to_owned()]),
        ));
    }
    if let Some((key, value)) = part.split_once("==").or_else(|| part.split_once('=')) {
        return Some(Requirement::In(
            key_text(key)?,
            BTreeSet::from([value.trim().to_owned()]),
        ));
    }
    if let Some((head, values)) = part.split_once('(') {
        let values = values
            .strip_suffix(')')?
            .split(',')
            .map(|value| value.trim().to_owned())
            .collect();
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

    fn fits(target: &Selector) -> Result<bool, Invalid> {
        let budget = Budget::unlimited();
        Ok(TargetMatcher::new(target, &budget)?.fits(&web(), &Meter::new(&budget))?)
    }

    #[test]
    fn asking_an_object_of_a_long_name_costs_more() {
        let (mut long, budget) = (web(), Budget::unlimited());
        long.set_name("n".repeat(64_000));
        let target = Selector {
            kind: "Deployment".into(),
            namespace: "other".into(),
            ..Selector::default()
        };
        let selector = TargetMatcher::new(&target, &budget).unwrap();
        assert_eq!(selector.fits(&long, &Meter::new(&budget)), Ok(false));
        assert!(budget.spent().steps > 1_000, "{:?}", budget.spent());
    }

    #[test]
    fn patterns_fit_whole_names() {
        for (pattern, want) in [("web", true), ("we", false), ("w.*|x", true), ("", true)] {
            let target = Selector {
                name: pattern.into(),
                kind: "Deployment".into(),
                ..Selector::default()
            };
            assert_eq!(fits(&target), Ok(want), "{pattern}");
        }
        let target = Selector {
            name: "(".into(),
            ..Selector::default()
        };
        assert!(fits(&target).is_err());
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
            let target = Selector {
                label_selector: selector.into(),
                ..Selector::default()
            };
            assert_eq!(fits(&target), Ok(want), "{selector}");
        }
        for selector in ["a b", "a in b", "(a)"] {
            let target = Selector {
                label_selector: selector.into(),
                ..Selector::default()
            };
            assert!(fits(&target).is_err(), "{selector}");
        }
    }
}
