//! External input never causes a panic, and refusals have a message.

use lode_merge::{
    decide, diff, digest, json, observe,
    set::{Element, Set},
    strategic,
    write::{self, Endpoint, Request},
};
use lode_schema::{Builder, Kinds, builtin, openapi, plain, structural};
use serde_json::{Value, json};

const CASES: u64 = 3000;

/// Numbers that look random and are the same in every run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % sides
    }

    fn pick<'w>(&mut self, words: &[&'w str]) -> &'w str {
        words[self.roll(words.len())]
    }

    fn value(&mut self, keys: &[&str], depth: usize) -> Value {
        match self.roll(if depth > 5 { 6 } else { 11 }) {
            0 => Value::Null,
            1 => json!(self.roll(2) == 0),
            2 => json!(self.roll(3)),
            3 => json!(1.5),
            4 => json!(self.pick(keys)),
            5 => json!("delete"),
            6 | 7 => (0..self.roll(4))
                .map(|_| self.value(keys, depth + 1))
                .collect(),
            _ => {
                let entries = (0..self.roll(5))
                    .map(|_| (self.pick(keys).to_owned(), self.value(keys, depth + 1)));
                Value::Object(entries.collect())
            }
        }
    }

    fn object(&mut self, kind: (&str, &str), keys: &[&str]) -> Value {
        let mut object = self.value(keys, 0);
        if !object.is_object() || self.roll(8) == 0 {
            object = json!({"metadata": object});
        }
        object["apiVersion"] = kind.0.into();
        object["kind"] = kind.1.into();
        object
    }
}

/// Fields of the kinds below, and directives.
const KEYS: [&str; 24] = [
    "metadata",
    "managedFields",
    "labels",
    "annotations",
    "spec",
    "template",
    "containers",
    "name",
    "image",
    "env",
    "ports",
    "containerPort",
    "protocol",
    "status",
    "conditions",
    "type",
    "replicas",
    "selector",
    "$patch",
    "$retainKeys",
    "$setElementOrder/containers",
    "$deleteFromPrimitiveList/finalizers",
    "finalizers",
    "data",
];
const KINDS: [(&str, &str); 4] = [
    ("apps/v1", "Deployment"),
    ("v1", "Pod"),
    ("v1", "ConfigMap"),
    ("v1", "Service"),
];

#[test]
fn writes_of_anything_come_to_an_end() {
    let mut dice = Dice(11);
    let (mut taken, mut refused) = (0, 0);
    for case in 0..CASES {
        let kind = KINDS[case as usize % KINDS.len()];
        let ty = builtin().kinds.get(kind.0, kind.1).unwrap();
        let to = Endpoint::new(&builtin().schema, ty, kind.0, kind.1);
        let (live, new) = (dice.object(kind, &KEYS), dice.object(kind, &KEYS));
        let request = Request {
            manager: dice.pick(&["", "one", "kubectl"]),
            force: dice.roll(2) == 0,
            now: "2026-01-01T00:00:00Z",
        };
        match write::apply(Some(&live), &new, &to, request) {
            Ok(_) => taken += 1,
            Err(refusal) => {
                assert!(!refusal.message.is_empty() && refusal.code >= 400);
                refused += 1;
            }
        }
        let updated = write::update(Some(&live), &new, &to, request);
        let _ = (
            decide(&live, &new, "one", Some((&builtin().schema, ty))),
            decide(&live, &new, "one", None),
        );
        let _ = (
            observe(&updated, "one", &[]),
            diff::between(&live, &new),
            digest(&live),
        );
    }
    assert!(
        taken > CASES / 50 && refused > CASES / 50,
        "{taken} taken, {refused} refused"
    );
}

#[test]
fn patches_of_anything_come_to_an_end() {
    let mut dice = Dice(12);
    let ty = builtin().kinds.get("apps/v1", "Deployment").unwrap();
    for _ in 0..CASES {
        let (a, b, c) = (
            dice.value(&KEYS, 0),
            dice.value(&KEYS, 0),
            dice.value(&KEYS, 0),
        );
        let _ = strategic::apply(&a, &b, &builtin().schema, ty);
        let _ = strategic::two_way(&a, &b, &builtin().schema, ty);
        let _ = strategic::three_way(&a, &b, &c, (&builtin().schema, ty));
        let mut target = a;
        json::apply_merge_patch(&mut target, &b);
    }
}

#[test]
fn sets_of_anything_are_read_or_refused() {
    let mut dice = Dice(13);
    let keys = [
        "f:a",
        "f:",
        "k:{}",
        "k:{\"a\":null}",
        "v:[]",
        "v:1e400",
        "i:99999999999999999999",
        "r:x",
        ".",
        "",
        "é:",
        "f",
    ];
    for _ in 0..CASES {
        let value = dice.value(&keys, 0);
        if let Ok(set) = Set::read(&value) {
            assert_eq!(Set::read(&set.to_value()).unwrap(), set);
        }
        let _ = Element::parse(dice.pick(&keys));
    }
}

#[test]
fn schemas_of_anything_are_read_or_refused() {
    let mut dice = Dice(14);
    let keys = [
        "type",
        "object",
        "array",
        "string",
        "properties",
        "items",
        "additionalProperties",
        "$ref",
        "allOf",
        "default",
        "required",
        "x-kubernetes-list-type",
        "map",
        "types",
        "name",
        "fields",
        "elementType",
        "namedType",
        "scalar",
        "list",
    ];
    for _ in 0..CASES {
        let value = dice.value(&keys, 0);
        let _ = openapi::read(&value, &mut Builder::default(), &mut Kinds::default());
        let _ = (
            structural::read(&value, &builtin().schema),
            plain::read(&value),
        );
    }
}
