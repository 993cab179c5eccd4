//! Which manager changed a field, read from `metadata.managedFields`.
//!
//! A manager that changes a field owns it afterwards; one that removes a field leaves no trace of
//! it, so the result says whether it is known or the best guess.

use serde_json::{Map, Value};

use crate::{
    fields::{self, Element, ManagerEntry, Operation},
    order,
    path::{Path, Step},
};

/// A manager other than ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Who {
    /// Its name.
    pub manager: Box<str>,
    /// How it wrote.
    pub operation: Operation,
    /// The subresource it wrote to; may be empty.
    pub subresource: Box<str>,
    /// When its set of fields last changed (RFC 3339); may be empty.
    pub time: Box<str>,
    /// Whether it owns one of the fields; otherwise it is only the last manager that wrote
    /// anything.
    pub owns: bool,
}

/// Returns the manager other than `ours` that owns one of `paths`, the latest if several; if none
/// does, the latest that wrote anything except a status.
#[must_use]
pub fn owner_of(live: &Value, ours: &str, paths: &[Path]) -> Option<Who> {
    let foreign = || fields::entries(live).filter(|entry| entry.manager != ours);
    let owns = |entry: &ManagerEntry<'_>| paths.iter().any(|path| owns(entry.fields, path.steps()));
    if let Some(owner) = foreign().filter(owns).max_by_key(|entry| entry.time) {
        return Some(who(&owner, true));
    }
    let guess = foreign()
        .filter(|entry| entry.subresource != "status")
        .max_by_key(|entry| entry.time)?;
    Some(who(&guess, false))
}

fn who(entry: &ManagerEntry<'_>, owns: bool) -> Who {
    Who {
        manager: entry.manager.into(),
        operation: entry.operation,
        subresource: entry.subresource.into(),
        time: entry.time.into(),
        owns,
    }
}

/// Returns whether a set owns the value at the path, something below it, or a whole value that
/// contains it.
fn owns(node: &Map<String, Value>, steps: &[Step]) -> bool {
    let Some((step, rest)) = steps.split_first() else {
        return true;
    };
    node.iter()
        .filter(|(key, _)| names(key, step))
        .any(|(_, child)| match child.as_object() {
            Some(child) if !fields::is_leaf(child) => owns(child, rest),
            _ => true,
        })
}

/// Returns whether an element may name the step. A list position says nothing about keys or values,
/// so it may be any.
fn names(key: &str, step: &Step) -> bool {
    let Ok(Some(element)) = fields::element(key) else {
        return false;
    };
    match (element, step) {
        (Element::Field(owned), Step::Field(name)) => owned == &**name,
        (element @ Element::Key(_), Step::Item { key, value }) => element
            .value_of(key)
            .is_some_and(|owned| order::equal(owned, value)),
        (Element::Index(owned), Step::Index(index)) => usize::try_from(owned) == Ok(*index),
        (Element::Key(_) | Element::Item(_), Step::Index(_)) => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn live() -> Value {
        let entry = |manager: &str, operation: &str, time: &str, fields: Value| json!({"manager": manager, "operation": operation, "time": time, "fieldsV1": fields});
        let mut status = entry(
            "kubelet",
            "Update",
            "2026-01-09T00:00:00Z",
            json!({"f:status": {"f:x": {}}}),
        );
        status["subresource"] = "status".into();
        json!({"metadata": {"managedFields": [
            entry("lode", "Apply", "2026-01-08T00:00:00Z", json!({"f:spec": {"f:image": {}}})),
            entry("kubectl-edit", "Update", "2026-01-02T00:00:00Z",
                json!({"f:spec": {"f:containers": {"k:{\"name\":\"app\"}": {"f:image": {}}}, "f:selector": {}}})),
            entry("hpa", "Update", "2026-01-03T00:00:00Z", json!({"f:spec": {"f:replicas": {}}})),
            status,
        ]}})
    }

    fn ask(steps: &[Step]) -> (String, bool) {
        let who = owner_of(&live(), "lode", &[Path::new(steps.to_vec())]).unwrap();
        (who.manager.into(), who.owns)
    }

    #[test]
    fn the_owner_of_the_field_is_named() {
        let field = |name: &str| Step::Field(name.into());
        let app = Step::Item {
            key: "name",
            value: "app".into(),
        };
        assert_eq!(
            ask(&[
                field("spec"),
                field("containers"),
                app.clone(),
                field("image")
            ]),
            ("kubectl-edit".into(), true)
        );
        assert_eq!(
            ask(&[field("spec"), field("containers"), app]),
            ("kubectl-edit".into(), true)
        );
        assert_eq!(
            ask(&[field("spec"), field("selector"), field("deep")]),
            ("kubectl-edit".into(), true)
        );
        assert_eq!(
            ask(&[field("spec"), field("replicas")]),
            ("hpa".into(), true)
        );
    }

    #[test]
    fn a_removed_field_leaves_a_guess() {
        assert_eq!(ask(&[Step::Field("data".into())]), ("hpa".into(), false));
        assert_eq!(owner_of(&json!({}), "lode", &[]), None);
    }
}
