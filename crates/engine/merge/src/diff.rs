//! The difference between two objects, field by field.
//!
//! [`against_desired`] compares only the fields of the desired object, [`between`] both sides. List
//! items are matched by a distinguishing field if there is one (`name`, `mountPath`, …), otherwise
//! by position. Secrets are masked first. Left out: fields that the server maintains (`status`,
//! `metadata.managedFields`, …).

use lode_object::Secrecy;
use serde_json::{Map, Value};

use crate::{
    mask,
    order::equal as same,
    path::{Path, Step},
    quantity,
    zero::is_zero,
};

/// One field that differs.
#[derive(Debug, Clone, PartialEq)]
pub struct Difference {
    /// The path of the field.
    pub path: Path,
    /// The desired or former value; `None` for nothing.
    pub desired: Option<Value>,
    /// The current value; `None` for nothing.
    pub live: Option<Value>,
}

impl Difference {
    /// Returns the difference as it may be shown for an object built with values from Secrets: only
    /// those words of its path and values that appear in the source. Values that were already
    /// masked stay masked.
    #[must_use]
    pub fn told(self, secrecy: &Secrecy) -> Self {
        if secrecy.words().is_none() {
            return self;
        }
        let is_masked = |value: &Value| {
            [mask::SAME, mask::BEFORE, mask::AFTER]
                .iter()
                .any(|sign| value == sign)
        };
        let both = self.desired.is_some() && self.live.is_some();
        let told = |value: Option<Value>, sign: &str| {
            value.map(|value| {
                let open = is_masked(&value) || secrecy.may_tell(&value);
                if open {
                    value
                } else {
                    if both { sign } else { mask::SAME }.into()
                }
            })
        };
        Self {
            path: self.path.told(secrecy),
            desired: told(self.desired, mask::BEFORE),
            live: told(self.live, mask::AFTER),
        }
    }
}

/// Returns the fields of `desired` that differ in `live`; fields that only `live` has do not count.
///
/// Quantities are compared by size; a null is ignored, and a zero value (`false`, `""`, `{}`)
/// equals an absent one, since the server stores them that way.
#[must_use]
pub fn against_desired(desired: &Value, live: &Value) -> Vec<Difference> {
    run(desired, live, false)
}

/// Returns every field in which two objects differ.
#[must_use]
pub fn between(before: &Value, after: &Value) -> Vec<Difference> {
    run(before, after, true)
}

fn run(desired: &Value, live: &Value, both_sides: bool) -> Vec<Difference> {
    let mut walk = DiffWalk {
        both_sides,
        path: Path::default(),
        found: Vec::new(),
    };
    if mask::is_secret(desired) || mask::is_secret(live) {
        let (mut desired, mut live) = (desired.clone(), live.clone());
        mask::mask_pair(&mut desired, &mut live);
        walk.root(&desired, &live);
    } else {
        walk.root(desired, live);
    }
    walk.found
}

struct DiffWalk {
    /// Whether fields that only the live side has count.
    both_sides: bool,
    path: Path,
    found: Vec<Difference>,
}

impl DiffWalk {
    fn root(&mut self, desired: &Value, live: &Value) {
        let (Some(desired), Some(live)) = (desired.as_object(), live.as_object()) else {
            return self.pair(Some(desired), Some(live));
        };
        for key in self
            .keys(desired, live)
            .filter(|key| *key != "status")
            .collect::<Vec<_>>()
        {
            let (desired, live) = (desired.get(key), live.get(key));
            match (
                key,
                desired.and_then(Value::as_object),
                live.and_then(Value::as_object),
            ) {
                ("metadata", Some(desired), Some(live)) => self.metadata(desired, live),
                _ => self.step(Step::Field(key.into()), desired, live),
            }
        }
    }

    fn metadata(&mut self, desired: &Map<String, Value>, live: &Map<String, Value>) {
        self.path.push(Step::Field("metadata".into()));
        for key in self
            .keys(desired, live)
            .filter(|key| !SERVER_KEPT.contains(key))
            .collect::<Vec<_>>()
        {
            self.step(Step::Field(key.into()), desired.get(key), live.get(key));
        }
        self.path.pop();
    }

    fn step(&mut self, step: Step, desired: Option<&Value>, live: Option<&Value>) {
        self.path.push(step);
        self.pair(desired, live);
        self.path.pop();
    }

    fn pair(&mut self, desired: Option<&Value>, live: Option<&Value>) {
        match (desired, live) {
            (Some(Value::Object(desired)), Some(Value::Object(live))) => {
                for key in self.keys(desired, live).collect::<Vec<_>>() {
                    self.step(Step::Field(key.into()), desired.get(key), live.get(key));
                }
            }
            (Some(Value::Array(desired)), Some(Value::Array(live))) => self.lists(desired, live),
            (Some(desired), Some(live)) if self.equal(desired, live) => {}
            (None | Some(Value::Null), _) if !self.both_sides => {}
            (Some(desired), None | Some(Value::Null)) if !self.both_sides && is_zero(desired) => {}
            (desired, live) => {
                let (desired, live) = (desired.cloned(), live.cloned());
                self.found.push(Difference {
                    path: self.path.clone(),
                    desired,
                    live,
                });
            }
        }
    }

    fn lists(&mut self, desired: &[Value], live: &[Value]) {
        let Some(key) = distinguishing_key(desired, live) else {
            for index in 0..desired.len().max(live.len()) {
                self.item(index, desired.get(index), live.get(index));
            }
            return;
        };
        for item in desired {
            let value = &item[key];
            let found = live.iter().find(|live| same(&live[key], value));
            self.step(
                Step::Item {
                    key,
                    value: value.clone(),
                },
                Some(item),
                found,
            );
        }
        let is_new = |item: &&Value| {
            !desired
                .iter()
                .any(|desired| same(&desired[key], &item[key]))
        };
        for item in live
            .iter()
            .filter(|_| self.both_sides)
            .filter(is_new)
            .collect::<Vec<_>>()
        {
            self.step(
                Step::Item {
                    key,
                    value: item[key].clone(),
                },
                None,
                Some(item),
            );
        }
    }

    /// Compares two items by position. An additional item on the live side counts: a list without
    /// keys is one value.
    fn item(&mut self, index: usize, desired: Option<&Value>, live: Option<&Value>) {
        self.path.push(Step::Index(index));
        if desired.is_none() {
            self.found.push(Difference {
                path: self.path.clone(),
                desired: None,
                live: live.cloned(),
            });
        } else {
            self.pair(desired, live);
        }
        self.path.pop();
    }

    fn keys<'v>(
        &self,
        desired: &'v Map<String, Value>,
        live: &'v Map<String, Value>,
    ) -> impl Iterator<Item = &'v str> {
        let new = live.keys().filter(|key| !desired.contains_key(*key));
        desired
            .keys()
            .chain(new.take(if self.both_sides { usize::MAX } else { 0 }))
            .map(String::as_str)
    }

    fn equal(&self, desired: &Value, live: &Value) -> bool {
        let is_sized =
            |step: &Step| matches!(step, Step::Field(name) if QUANTITIES.contains(&&**name));
        same(desired, live)
            || !self.both_sides
                && self.path.steps().iter().any(is_sized)
                && quantity::same(desired, live)
    }
}

/// Returns the field that every item of both lists has, with a unique value within its list.
fn distinguishing_key(desired: &[Value], live: &[Value]) -> Option<&'static str> {
    if desired.is_empty() && live.is_empty() {
        return None;
    }
    KEYS.into_iter()
        .find(|key| [desired, live].iter().all(|items| tells_apart(items, key)))
}

fn tells_apart(items: &[Value], key: &str) -> bool {
    let mut values: Vec<String> = Vec::with_capacity(items.len());
    for item in items {
        match item.get(key) {
            Some(Value::String(text)) => values.push(text.clone()),
            Some(Value::Number(number)) => values.push(number.to_string()),
            _ => return false,
        }
    }
    values.sort_unstable();
    values.windows(2).all(|pair| pair[0] != pair[1])
}

/// Fields that distinguish list items, the most common ones first.
const KEYS: [&str; 11] = [
    "name",
    "mountPath",
    "containerPort",
    "port",
    "type",
    "key",
    "uid",
    "ip",
    "topologyKey",
    "devicePath",
    "id",
];
/// Metadata that the server maintains.
const SERVER_KEPT: [&str; 6] = [
    "managedFields",
    "resourceVersion",
    "generation",
    "uid",
    "creationTimestamp",
    "selfLink",
];
/// Fields below which values are quantities.
const QUANTITIES: [&str; 8] = [
    "limits",
    "requests",
    "capacity",
    "hard",
    "sizeLimit",
    "averageValue",
    "allocatable",
    "storage",
];

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn shown(differences: &[Difference]) -> Vec<String> {
        let side = |value: &Option<Value>| value.as_ref().map_or("-".to_owned(), Value::to_string);
        differences
            .iter()
            .map(|d| format!("{} {} {}", d.path, side(&d.desired), side(&d.live)))
            .collect()
    }

    fn deployment(image: &str) -> Value {
        json!({"spec": {"template": {"spec": {"containers": [{"name": "app", "image": image}]}}}})
    }

    #[test]
    fn a_changed_image_is_named_by_its_container() {
        let mut live = deployment("web:2");
        let containers = live
            .pointer_mut("/spec/template/spec/containers")
            .and_then(Value::as_array_mut)
            .unwrap();
        containers.insert(0, json!({"name": "injected", "image": "x"}));
        let desired = deployment("web:1");
        let image = r#".spec.template.spec.containers[name=app].image "web:1" "web:2""#;
        assert_eq!(shown(&against_desired(&desired, &live)), [image]);
        let injected =
            r#".spec.template.spec.containers[name=injected] - {"image":"x","name":"injected"}"#;
        assert_eq!(shown(&between(&desired, &live)), [image, injected]);
    }

    #[test]
    fn lists_without_a_key_are_compared_by_place() {
        let (desired, live) = (
            json!({"args": ["a", "b"]}),
            json!({"args": ["a", "c", "d"]}),
        );
        assert_eq!(
            shown(&against_desired(&desired, &live)),
            [r#".args[1] "b" "c""#, r#".args[2] - "d""#]
        );
        let twice = json!({"m": [{"name": "v", "mountPath": "/a"}, {"name": "v", "mountPath": "/b", "readOnly": true}]});
        let live =
            json!({"m": [{"name": "v", "mountPath": "/b"}, {"name": "v", "mountPath": "/a"}]});
        assert_eq!(
            shown(&against_desired(&twice, &live)),
            [".m[mountPath=/b].readOnly true -"]
        );
    }

    #[test]
    fn spellings_of_nothing_and_of_sizes_are_no_difference() {
        let desired = json!({"a": null, "b": {}, "c": [], "limits": {"cpu": "1000m"}, "n": 1});
        let live = json!({"limits": {"cpu": "1"}, "n": 1.0, "extra": 1});
        assert_eq!(
            shown(&against_desired(&desired, &live)),
            Vec::<String>::new()
        );
    }

    #[test]
    fn what_the_server_keeps_is_left_out() {
        let before = json!({"metadata": {"name": "a", "uid": "1", "resourceVersion": "1", "labels": {"x.y/z": "1"}}, "status": {"a": 1}});
        let after = json!({"metadata": {"name": "a", "managedFields": [], "generation": 2}, "status": {"a": 2}});
        assert_eq!(
            shown(&between(&before, &after)),
            [r#".metadata.labels {"x.y/z":"1"} -"#]
        );
    }

    #[test]
    fn nothing_of_a_secret_shows() {
        let secret =
            |value: &str| json!({"kind": "Secret", "data": {"same": "c2FtZQ==", "key": value}});
        let found = between(&secret("b25l"), &secret("dHdv"));
        assert_eq!(shown(&found), [r#".data.key "*** (before)" "*** (after)""#]);
    }

    #[test]
    fn of_an_object_built_with_secrets_only_words_of_the_source_show() {
        let object = |url: &str, color: &str| {
            json!({"kind": "ConfigMap", "metadata": {"name": "m"},
            "data": {"url": url, "color": color}})
        };
        let id = lode_object::Id {
            namespace: "".into(),
            name: "m".into(),
            group: "".into(),
            kind: "ConfigMap".into(),
        };
        let secrecy = Secrecy::built(lode_object::Words::of(&object("x${P}", "red")), &id);
        let mut live = object("xhunter2", "blue");
        live["data"]["hunter2"] = json!({"hunter2": 1});
        let found = between(&live, &object("yhunter2", "red"))
            .into_iter()
            .map(|one| one.told(&secrecy));
        let found: Vec<_> = found.collect();
        let expected = [
            r#".data.color "*** (before)" "red""#,
            r#".data.* "***" -"#,
            r#".data.url "*** (before)" "*** (after)""#,
        ];
        assert_eq!(shown(&found), expected);
    }

    #[test]
    fn an_object_does_not_differ_from_itself() {
        let object = json!({"a": [1, {"b": [null]}, []], "kind": "Secret", "data": "odd"});
        assert!(
            between(&object, &object).is_empty() && against_desired(&object, &object).is_empty()
        );
    }
}
