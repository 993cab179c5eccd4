//! Invariants of field sets and typed values, on a thousand generated ones.

use lode_merge::{
    filter::Filter,
    set::{Element, Set},
    typed::{Duplicates, Typed, reconcile},
};
use lode_schema::{Schema, TypeRef, plain};
use serde_json::{Map, Value, json};

const CASES: u64 = 1000;

/// Numbers that look random and are the same in every run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }

    fn set(&mut self, depth: u64) -> Value {
        let keys = [
            "f:a",
            "f:b",
            r#"k:{"name":"x"}"#,
            "v:1",
            "v:\"y\"",
            "i:0",
            ".",
        ];
        let nodes = (0..self.roll(4)).filter(|_| depth < 4).map(|_| {
            let key = keys[self.roll(keys.len() as u64) as usize];
            (
                key.to_owned(),
                if key == "." {
                    json!({})
                } else {
                    self.set(depth + 1)
                },
            )
        });
        Value::Object(nodes.collect())
    }

    /// Returns an object of the type below.
    fn object(&mut self) -> Value {
        let mut object = Map::new();
        for (field, value) in [
            ("text", json!(format!("t{}", self.roll(3)))),
            (
                "labels",
                (0..self.roll(3))
                    .map(|_| (format!("l{}", self.roll(3)), json!("v")))
                    .collect::<Map<_, _>>()
                    .into(),
            ),
            (
                "set",
                distinct((0..self.roll(4)).map(|_| json!(self.roll(5)))),
            ),
            (
                "whole",
                (0..self.roll(3)).map(|_| json!(self.roll(2))).collect(),
            ),
            (
                "items",
                distinct_by_name((0..self.roll(4)).map(|_| self.item())),
            ),
        ] {
            // An empty merged list exists afterwards, and nobody owns it.
            let unowned = field != "whole" && value.as_array().is_some_and(Vec::is_empty);
            if self.roll(4) > 0 && !unowned {
                object.insert(field.to_owned(), value);
            }
        }
        Value::Object(object)
    }

    fn item(&mut self) -> Value {
        let mut item = json!({"name": format!("n{}", self.roll(4))});
        if self.roll(2) == 0 {
            item["value"] = json!(self.roll(3));
        }
        item
    }
}

fn distinct(items: impl Iterator<Item = Value>) -> Value {
    let mut out: Vec<Value> = Vec::new();
    items.for_each(|item| {
        if !out.contains(&item) {
            out.push(item);
        }
    });
    out.into()
}

fn distinct_by_name(items: impl Iterator<Item = Value>) -> Value {
    let mut out: Vec<Value> = Vec::new();
    items.for_each(|item| {
        if out.iter().all(|other| other["name"] != item["name"]) {
            out.push(item);
        }
    });
    out.into()
}

fn schema() -> (Schema, TypeRef) {
    let item = json!({"map": {"fields": [{"name": "name", "type": {"scalar": "string"}}, {"name": "value", "type": {"scalar": "numeric"}}]}});
    let list = |relationship: &str, element: Value| json!({"list": {"elementRelationship": relationship, "elementType": element}});
    let mut items = list("associative", item);
    items["list"]["keys"] = json!(["name"]);
    let schema = plain::read(&json!({"types": [{"name": "object", "map": {"fields": [
        {"name": "text", "type": {"scalar": "string"}},
        {"name": "labels", "type": {"map": {"elementType": {"scalar": "string"}}}},
        {"name": "set", "type": list("associative", json!({"scalar": "numeric"}))},
        {"name": "whole", "type": list("atomic", json!({"scalar": "numeric"}))},
        {"name": "items", "type": items},
    ]}}]}))
    .unwrap();
    let ty = schema.named("object").unwrap();
    (schema, ty)
}

#[test]
fn sets_obey_the_laws_of_sets() {
    let mut dice = Dice(1);
    for _ in 0..CASES {
        let (a, b) = (dice.set(0), dice.set(0));
        let (a, b) = (Set::read(&a).unwrap(), Set::read(&b).unwrap());
        let (mut ab, mut ba) = (a.clone(), b.clone());
        ab.unite(b.clone());
        ba.unite(a.clone());
        assert_eq!(ab, ba, "union has no order");
        assert_eq!(
            a.intersection(&b),
            b.intersection(&a),
            "nor has an intersection"
        );
        let mut rest = a.clone();
        rest.subtract(&b);
        assert!(
            rest.intersection(&b).is_empty(),
            "what is taken away is gone"
        );
        let mut whole = a.intersection(&b);
        whole.unite(rest.clone());
        assert_eq!(whole, a, "what both have and what is left is all");
        let mut below = a.clone();
        below.subtract_below(&b);
        let mut fewer = below.clone();
        fewer.subtract(&rest);
        assert!(fewer.is_empty(), "taking away what is below leaves no more");
        let mut filtered = a.clone();
        Filter::Except(b.clone()).apply(&mut filtered);
        assert_eq!(filtered, below);
    }
}

#[test]
fn sets_are_what_is_read_again() {
    let mut dice = Dice(2);
    for _ in 0..CASES {
        let value = dice.set(0);
        let set = Set::read(&value).unwrap();
        let text: Value = serde_json::from_str(&set.to_json()).unwrap();
        assert_eq!(
            (
                Set::read(&set.to_value()).unwrap(),
                Set::read(&text).unwrap()
            ),
            (set.clone(), set.clone())
        );
        let mut again = Set::default();
        set.for_each(|path| {
            assert!(set.has(path));
            again.insert(path);
        });
        assert_eq!(again, set);
        assert!(!set.has(&[Element::Field("never")]) && !set.has(&[]));
        let leaves = set.leaves();
        leaves.for_each(|path| assert!(set.has(path)));
        assert_eq!(leaves.leaves(), leaves);
    }
}

#[test]
fn what_was_applied_is_there_and_nothing_of_it_differs() {
    let (schema, ty) = schema();
    let mut dice = Dice(3);
    for _ in 0..CASES {
        let (live, config) = (dice.object(), dice.object());
        let (live, config) = (
            Typed::new(&live, &schema, ty),
            Typed::new(&config, &schema, ty),
        );
        assert_eq!(
            (
                live.validate(Duplicates::Refused),
                config.validate(Duplicates::Refused)
            ),
            (Ok(()), Ok(()))
        );
        let merged = live.with(live.merge(&config).unwrap());
        let again = merged.with(merged.merge(&config).unwrap());
        assert!(merged.equals(&again.value), "twice is as once");
        let changed = live.compare(&merged);
        assert!(changed.removed.is_empty(), "nothing goes");
        let mut added = changed.added;
        added.unite(changed.modified);
        let mut owned = config.field_set();
        owned.ensure_named(&schema, Some(ty));
        added.subtract(&owned);
        assert!(
            added.is_empty(),
            "only what is applied changes: {}",
            added.to_json()
        );
        assert!(live.compare(&live).is_same());
    }
}

#[test]
fn what_differs_one_way_differs_the_other() {
    let (schema, ty) = schema();
    let mut dice = Dice(4);
    for _ in 0..CASES {
        let (a, b) = (dice.object(), dice.object());
        let (a, b) = (Typed::new(&a, &schema, ty), Typed::new(&b, &schema, ty));
        let (there, back) = (a.compare(&b), b.compare(&a));
        assert_eq!(
            (&there.added, &there.removed, &there.modified),
            (&back.removed, &back.added, &back.modified)
        );
        for (one, other) in [
            (&there.added, &there.removed),
            (&there.added, &there.modified),
            (&there.removed, &there.modified),
        ] {
            assert!(
                one.intersection(other).is_empty(),
                "no field is in two sets"
            );
        }
    }
}

#[test]
fn what_is_owned_can_be_taken_out_and_away() {
    let (schema, ty) = schema();
    let mut dice = Dice(5);
    for _ in 0..CASES {
        let value = dice.object();
        let object = Typed::new(&value, &schema, ty);
        let set = object.field_set();
        let whole = object.extract(&set.leaves());
        let kept = object.with(whole);
        assert_eq!(kept.field_set(), set, "{value}: {}", kept.value);
        assert!(
            object
                .with(object.remove(&set))
                .field_set()
                .intersection(&set.leaves())
                .is_empty()
        );
        let mut fitting = set.clone();
        reconcile(&mut fitting, &schema, ty);
        assert_eq!(fitting, set, "a set of today fits");
    }
}
