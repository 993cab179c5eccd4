//! What brings a live object back to what was applied: a JSON patch of its differences alone.
//!
//! Pure: the live object and what the server would make of an apply in, operations out. Fields that somebody added are
//! no difference, because the server keeps them.

use lode_object::Value;
use serde_json::json;

use crate::desired::Desired;
use crate::ignore::Rule;

/// A JSON patch, and what kinds of changes it has.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Patch {
    /// The operations, as they are sent.
    pub(crate) operations: Vec<Value>,
}

/// How many changes of each kind bring an object back.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Operations {
    /// Fields that are added.
    pub additions: usize,
    /// Fields that get another value.
    pub changes: usize,
    /// Fields that are removed.
    pub removals: usize,
}

/// Parts of an object that the server maintains, or that identify it.
const LEFT_OUT: [&str; 4] = ["apiVersion", "kind", "metadata", "status"];
/// Parts of the metadata that are compared.
const LABELLED: [&str; 2] = ["labels", "annotations"];

impl Patch {
    /// Returns what makes `live` into `wanted`, without the fields that rules leave to others.
    pub(crate) fn between(live: &Value, wanted: &Value, desired: &Desired, rules: &[Rule]) -> Self {
        let mut patch = Self::default();
        let keys = |value: &Value| -> Vec<String> {
            let map = value.as_object().into_iter().flatten();
            map.map(|(key, _)| key.clone()).collect()
        };
        let mut roots: Vec<String> = keys(live).into_iter().chain(keys(wanted)).collect();
        roots.sort_unstable();
        roots.dedup();

        for field in LABELLED {
            let at = |object: &Value| object.get("metadata").and_then(|it| it.get(field)).cloned();
            patch.field(
                &format!("/metadata/{field}"),
                at(live).as_ref(),
                at(wanted).as_ref(),
            );
        }
        // Controllers of the cluster add some of their own.
        patch
            .operations
            .retain(|operation| operation["op"] != "remove");
        for root in roots
            .iter()
            .filter(|root| !LEFT_OUT.contains(&root.as_str()))
        {
            patch.field(&child("", root), live.get(root), wanted.get(root));
        }

        let rules = rules.iter().filter(|rule| rule.selects(desired));
        let left: Vec<&str> = rules.flat_map(Rule::paths).collect();
        patch
            .operations
            .retain(|operation| !left.iter().any(|path| is_within(operation, path)));
        patch
    }

    /// Returns how many changes of each kind it has.
    pub(crate) fn counts(&self) -> Operations {
        let of = |word: &str| self.operations.iter().filter(|it| it["op"] == word).count();
        Operations {
            additions: of("add"),
            changes: of("replace"),
            removals: of("remove"),
        }
    }

    /// Returns whether there is nothing to change.
    pub(crate) fn is_empty(&self) -> bool {
        self.operations.is_empty()
    }

    fn field(&mut self, path: &str, live: Option<&Value>, wanted: Option<&Value>) {
        match (live, wanted) {
            (Some(live), Some(wanted)) => self.value(path, live, wanted),
            (None, Some(wanted)) => self.add(path, wanted),
            (Some(_), None) => self.remove(path),
            (None, None) => {}
        }
    }

    fn value(&mut self, path: &str, live: &Value, wanted: &Value) {
        match (live, wanted) {
            _ if live == wanted => {}
            (Value::Object(before), Value::Object(after)) => {
                for key in before.keys().filter(|key| !after.contains_key(*key)) {
                    self.remove(&child(path, key));
                }
                for (key, wanted) in after {
                    self.field(&child(path, key), before.get(key), Some(wanted));
                }
            }
            (Value::Array(before), Value::Array(after)) => self.list(path, before, after),
            _ => {
                let operation = json!({"op": "replace", "path": path, "value": wanted});
                self.operations.push(operation);
            }
        }
    }

    fn list(&mut self, path: &str, before: &[Value], after: &[Value]) {
        // From the end, so that the positions before it stay.
        for index in (after.len()..before.len()).rev() {
            self.remove(&format!("{path}/{index}"));
        }
        for (index, (live, wanted)) in before.iter().zip(after).enumerate() {
            self.value(&format!("{path}/{index}"), live, wanted);
        }
        for wanted in after.iter().skip(before.len()) {
            self.add(&format!("{path}/-"), wanted);
        }
    }

    fn add(&mut self, path: &str, value: &Value) {
        self.operations
            .push(json!({"op": "add", "path": path, "value": value}));
    }

    fn remove(&mut self, path: &str) {
        self.operations.push(json!({"op": "remove", "path": path}));
    }
}

/// Returns the pointer of a member.
fn child(path: &str, key: &str) -> String {
    format!("{path}/{}", key.replace('~', "~0").replace('/', "~1"))
}

/// Returns whether an operation is about a field that a rule names, or about something in it. The empty pointer names
/// the whole object.
fn is_within(operation: &Value, path: &str) -> bool {
    let changed = operation["path"].as_str().unwrap_or_default();
    let rest = changed.strip_prefix(path);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use lode_object::{Object, Selector};

    use super::*;

    fn map(data: &Value) -> Value {
        let metadata = json!({"name": "a", "labels": {"team": "x"}, "resourceVersion": "7"});
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data})
    }

    fn between(live: &Value, wanted: &Value, ignored: &[&str]) -> Patch {
        let desired = Desired::rendered(Object::parse(wanted.clone()).unwrap(), "", "ns");
        let paths: Vec<String> = ignored.iter().map(ToString::to_string).collect();
        let rules = [Rule::new(0, &Selector::default(), &paths).unwrap()];
        Patch::between(live, wanted, &desired, &rules)
    }

    #[test]
    fn only_what_differs_is_changed() {
        let live = map(&json!({"color": "red", "more": "1", "same": "s"}));
        let wanted = map(&json!({"color": "blue", "size/x": "2", "same": "s"}));
        let patch = between(&live, &wanted, &[]);
        let want = [
            json!({"op": "remove", "path": "/data/more"}),
            json!({"op": "replace", "path": "/data/color", "value": "blue"}),
            json!({"op": "add", "path": "/data/size~1x", "value": "2"}),
        ];
        assert_eq!(patch.operations, want);
        let counts = Operations {
            additions: 1,
            changes: 1,
            removals: 1,
        };
        assert_eq!(patch.counts(), counts);
        assert!(between(&live, &live, &[]).is_empty());
    }

    #[test]
    fn what_the_server_maintains_is_no_difference() {
        let (live, mut wanted) = (map(&json!({"a": "1"})), map(&json!({"a": "1"})));
        wanted["metadata"]["resourceVersion"] = "8".into();
        wanted["status"] = json!({"ready": true});
        assert!(between(&live, &wanted, &[]).is_empty());
        wanted["metadata"]["labels"]["team"] = "y".into();
        let patch = between(&live, &wanted, &[]);
        assert_eq!(patch.operations[0]["path"], "/metadata/labels/team");
        wanted["metadata"]["labels"] = json!({});
        assert!(
            between(&live, &wanted, &[]).is_empty(),
            "somebody else's label"
        );
    }

    #[test]
    fn lists_are_compared_item_by_item() {
        let (live, wanted) = (map(&json!({"a": [1, 2, 3]})), map(&json!({"a": [1, 5]})));
        let paths = |patch: Patch| -> Vec<String> {
            let paths = patch.operations.iter().map(|it| it["path"].to_string());
            paths.collect()
        };
        assert_eq!(
            paths(between(&live, &wanted, &[])),
            ["\"/data/a/2\"", "\"/data/a/1\""]
        );
        assert_eq!(
            paths(between(&wanted, &live, &[])),
            ["\"/data/a/1\"", "\"/data/a/-\""]
        );
    }

    #[test]
    fn what_is_left_to_others_is_no_difference() {
        let live = map(&json!({"color": "red", "colors": "1"}));
        let wanted = map(&json!({"color": "blue", "colors": "2"}));
        let patch = between(&live, &wanted, &["/data/color"]);
        assert_eq!(patch.operations.len(), 1, "another field begins alike");
        assert!(between(&live, &wanted, &["/data"]).is_empty());
        assert!(between(&live, &wanted, &[""]).is_empty());
    }
}
