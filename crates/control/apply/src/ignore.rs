//! `spec.ignore`: fields that Git names but does not insist on (spec A7).
//!
//! A rule names JSON pointers and which objects it is about. When such a field differs in the cluster, it is left to
//! the manager that applies it, or else the live value is taken over into what is sent.

use lode_merge::fields::{self, Operation};
use lode_object::{Object, Selector, Value};
use regex::Regex;

use crate::desired::Desired;
use crate::error::Error;

/// One compiled rule.
#[derive(Debug)]
pub struct Rule {
    paths: Vec<String>,
    parts: [Option<Regex>; 5],
    labels: String,
    annotations: String,
}

impl Rule {
    /// Compiles rule number `index` of a spec.
    ///
    /// # Errors
    /// A part is no regular expression.
    pub fn new(index: usize, selector: &Selector, paths: &[String]) -> Result<Self, Error> {
        let part = |text: &str| -> Result<Option<Regex>, Error> {
            if text.is_empty() {
                return Ok(None);
            }
            let anchored = Regex::new(&format!("^(?:{text})$"));
            anchored
                .map(Some)
                .map_err(|error| Error::IgnoreRule(index, error.to_string()))
        };
        let Selector {
            group,
            version,
            kind,
            namespace,
            name,
            label_selector,
            annotation_selector,
        } = selector;
        Ok(Self {
            paths: paths.to_vec(),
            parts: [
                part(group)?,
                part(version)?,
                part(kind)?,
                part(namespace)?,
                part(name)?,
            ],
            labels: label_selector.clone(),
            annotations: annotation_selector.clone(),
        })
    }

    /// Returns the JSON pointers of the fields that it is about.
    pub(crate) fn paths(&self) -> impl Iterator<Item = &str> {
        self.paths.iter().map(String::as_str)
    }

    /// Returns whether it is about whole objects.
    pub(crate) fn is_of_all(&self) -> bool {
        self.paths.iter().any(String::is_empty)
    }

    /// Returns whether the rule is about this object.
    #[must_use]
    pub fn selects(&self, desired: &Desired) -> bool {
        let texts = [
            &desired.gvk.group,
            &desired.gvk.version,
            &desired.gvk.kind,
            &desired.id.namespace,
            &desired.id.name,
        ];
        if !self
            .parts
            .iter()
            .zip(texts)
            .all(|(part, text)| part.as_ref().is_none_or(|part| part.is_match(text)))
        {
            return false;
        }
        if self.labels.is_empty() && self.annotations.is_empty() {
            return true;
        }
        let Ok(object) = Object::parse(desired.value()) else {
            return false;
        };
        terms(&self.labels, |key| object.label(key))
            && terms(&self.annotations, |key| object.annotation(key))
    }
}

/// Returns the object with the fields that rules leave to others left to them; nothing when no rule has to do with it.
#[must_use]
pub(crate) fn left_to_others(
    rules: &[Rule],
    desired: &Desired,
    live: &Value,
    manager: &str,
) -> Option<Desired> {
    let mut value: Option<Value> = None;
    for path in rules
        .iter()
        .filter(|rule| rule.selects(desired))
        .flat_map(|rule| &rule.paths)
    {
        let value = value.get_or_insert_with(|| desired.value());
        let (wanted, found) = (value.pointer(path).cloned(), live.pointer(path));
        match (wanted, found) {
            (Some(wanted), Some(found)) if wanted != *found => {
                if applied_by_another(live, path, manager) {
                    remove(value, path);
                } else if let Some(place) = value.pointer_mut(path) {
                    *place = found.clone();
                }
            }
            _ => {}
        }
    }
    desired.with(value?)
}

fn applied_by_another(live: &Value, path: &str, manager: &str) -> bool {
    fields::entries(live)
        .filter(|entry| {
            entry.operation == Operation::Apply
                && entry.manager != manager
                && entry.subresource.is_empty()
        })
        .any(|entry| owns(entry.fields, live, path))
}

/// Walks a JSON pointer through a field set; list items are found by what the live item is.
fn owns(set: &serde_json::Map<String, Value>, live: &Value, path: &str) -> bool {
    let (mut set, mut at) = (set, live);
    for part in path.split('/').skip(1) {
        let part = part.replace("~1", "/").replace("~0", "~");
        let Some(next) = (match at {
            Value::Array(items) => part
                .parse::<usize>()
                .ok()
                .and_then(|index| items.get(index)),
            other => other.get(&part),
        }) else {
            return false;
        };
        let child = set.iter().find(|(key, _)| match fields::element(key) {
            Ok(Some(element)) => element
                .find(at)
                .is_some_and(|found| std::ptr::eq(found, next)),
            _ => false,
        });
        match child {
            Some((_, Value::Object(inner))) if inner.is_empty() => return true,
            Some((_, Value::Object(inner))) => (set, at) = (inner, next),
            _ => return false,
        }
    }
    true
}

fn remove(value: &mut Value, path: &str) {
    let Some((parent, last)) = path.rsplit_once('/') else {
        return;
    };
    let last = last.replace("~1", "/").replace("~0", "~");
    match value.pointer_mut(parent) {
        Some(Value::Object(map)) => drop(map.remove(&last)),
        Some(Value::Array(items)) => {
            if let Some(index) = last.parse().ok().filter(|index| *index < items.len()) {
                items.remove(index);
            }
        }
        _ => {}
    }
}

fn terms<'o>(selector: &str, value: impl Fn(&str) -> Option<&'o str>) -> bool {
    selector
        .split(',')
        .map(str::trim)
        .filter(|term| !term.is_empty())
        .all(|term| match term.split_once('=') {
            Some((key, wanted)) if key.ends_with('!') => {
                value(key.trim_end_matches('!')) != Some(wanted)
            }
            Some((key, wanted)) => value(key) == Some(wanted.trim_start_matches('=')),
            None => term
                .strip_prefix('!')
                .map_or_else(|| value(term).is_some(), |key| value(key).is_none()),
        })
}

#[cfg(test)]
mod tests {
    use lode_object::NamespacedName;
    use serde_json::json;

    use super::*;
    use crate::desired::Common;

    fn web() -> Desired {
        let object = json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web", "labels": {"app": "web"}},
            "spec": {"replicas": 1, "paused": false}});
        Desired::new(
            Object::parse(object).unwrap(),
            "",
            &NamespacedName::new("ns", "app"),
            &Common::default(),
        )
        .unwrap()
    }

    fn rule(kind: &str, labels: &str) -> Rule {
        let selector = Selector {
            kind: kind.into(),
            label_selector: labels.into(),
            ..Selector::default()
        };
        Rule::new(0, &selector, &["/spec/replicas".to_owned()]).unwrap()
    }

    #[test]
    fn the_live_value_is_taken_over_where_nobody_applies_it() {
        let live = json!({"spec": {"replicas": 5}});
        let left = left_to_others(
            &[rule("Deploy.*", "app=web")],
            &web(),
            &live,
            "kustomize-controller",
        )
        .unwrap();
        assert_eq!(left.value()["spec"]["replicas"], 5);
    }

    #[test]
    fn a_field_another_manager_applies_is_left_out() {
        let live = json!({"metadata": {"managedFields": [{"manager": "hpa", "operation": "Apply", "apiVersion": "apps/v1",
            "fieldsType": "FieldsV1", "fieldsV1": {"f:spec": {"f:replicas": {}}}}]}, "spec": {"replicas": 5}});
        let left = left_to_others(
            &[rule("Deployment", "")],
            &web(),
            &live,
            "kustomize-controller",
        )
        .unwrap();
        assert_eq!(left.value()["spec"], json!({"paused": false}));
    }

    #[test]
    fn rules_select_by_anchored_expressions_and_labels() {
        let live = json!({"spec": {"replicas": 5}});
        for rule in [
            rule("Deploy", ""),
            rule("Deployment", "app=other"),
            rule("Deployment", "!app"),
        ] {
            assert!(left_to_others(&[rule], &web(), &live, "kustomize-controller").is_none());
        }
        assert!(
            Rule::new(
                1,
                &Selector {
                    name: "(".into(),
                    ..Selector::default()
                },
                &[]
            )
            .is_err()
        );
    }
}
