//! What changes a digest and what does not, on objects generated from a fixed seed.

use lode_merge::{content_digest, content_equal, digest, own_digest};
use serde_json::{Map, Value, json};

const ROUNDS: u64 = 300;

/// A small random number generator (`SplitMix64`), so that a failing round can be repeated.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) % bound as u64) as usize
    }

    fn value(&mut self, depth: usize) -> Value {
        match self.below(if depth == 0 { 4 } else { 6 }) {
            0 => json!(self.below(5)),
            1 => json!(format!("t{}", self.below(5))),
            2 => json!(self.below(2) == 0),
            3 => json!({}),
            4 => (0..=self.below(3))
                .map(|i| (format!("f{i}"), self.value(depth - 1)))
                .collect::<Map<_, _>>()
                .into(),
            _ => (0..=self.below(2))
                .map(|i| {
                    let mut item: Map<_, _> = [("name".to_owned(), json!(format!("n{i}")))]
                        .into_iter()
                        .collect();
                    item.insert("v".to_owned(), self.value(depth - 1));
                    Value::Object(item)
                })
                .collect(),
        }
    }
}

/// Returns the set that owns all of a value, as the server would record it: maps and named lists
/// are recorded down to the leaves.
fn set_of(value: &Value) -> Value {
    match value {
        Value::Object(map) => map
            .iter()
            .map(|(key, value)| (format!("f:{key}"), set_of(value)))
            .collect::<Map<_, _>>()
            .into(),
        Value::Array(items) => {
            let item = |item: &Value| {
                let mut set = set_of(item);
                set["."] = json!({});
                (format!("k:{{\"name\":{}}}", item["name"]), set)
            };
            items.iter().map(item).collect::<Map<_, _>>().into()
        }
        _ => json!({}),
    }
}

/// Returns the JSON pointers of all leaves.
fn leaves(value: &Value, at: &str, found: &mut Vec<String>) {
    match value {
        Value::Object(map) if !map.is_empty() => {
            map.iter()
                .for_each(|(key, value)| leaves(value, &format!("{at}/{key}"), found));
        }
        Value::Array(items) if !items.is_empty() => {
            items
                .iter()
                .enumerate()
                .for_each(|(i, value)| leaves(value, &format!("{at}/{i}"), found));
        }
        _ => found.push(at.to_owned()),
    }
}

fn live(random: &mut Random) -> Value {
    let spec = json!({"a": random.value(3), "b": random.value(3), "c": {"d": random.value(2)}});
    let labels = json!({"app": "web", "tier": format!("t{}", random.below(3))});
    let own = json!({"f:metadata": {"f:labels": set_of(&labels)}, "f:spec": set_of(&spec)});
    json!({
        "apiVersion": "example.com/v1", "kind": "Thing", "spec": spec, "status": {"n": 1},
        "metadata": {"name": "x", "labels": labels, "resourceVersion": "1", "managedFields": [
            {"manager": "lode", "operation": "Apply", "time": "2026-01-01T00:00:00Z", "fieldsV1": own},
            {"manager": "ctl", "operation": "Update", "subresource": "status", "fieldsV1": {"f:status": {"f:n": {}}}},
        ]},
    })
}

fn each(check: impl Fn(u64, &mut Random, Value)) {
    for seed in 0..ROUNDS {
        let mut random = Random(seed);
        let live = live(&mut random);
        check(seed, &mut random, live);
    }
}

fn own(live: &Value) -> [u8; 16] {
    own_digest(live, "lode").unwrap()
}

#[test]
fn what_others_do_elsewhere_leaves_our_digest() {
    each(|seed, random, live| {
        let mut after = live.clone();
        after["status"] = random.value(3);
        after["metadata"]["resourceVersion"] = "2".into();
        after["metadata"]["generation"] = 5.into();
        after["metadata"]["annotations"] = json!({"seen": "yes"});
        after["metadata"]["labels"]["foreign"] = "1".into();
        after["metadata"]["managedFields"][0]["time"] = "2026-02-02T00:00:00Z".into();
        after["spec"]["foreign"] = random.value(3);
        let foreign = json!({"manager": "other", "operation": "Update", "fieldsV1": {"f:spec": {"f:foreign": {}}}});
        after["metadata"]["managedFields"]
            .as_array_mut()
            .unwrap()
            .insert(0, foreign);
        assert_eq!(own(&live), own(&after), "seed {seed}");
        assert!(!content_equal(&live, &after));
    });
}

#[test]
fn a_changed_or_removed_value_of_ours_changes_our_digest() {
    each(|seed, random, live| {
        let mut paths = Vec::new();
        leaves(&live["spec"], "/spec", &mut paths);
        paths.push("/metadata/labels/tier".to_owned());
        let path = &paths[random.below(paths.len())];
        let mut changed = live.clone();
        *changed.pointer_mut(path).unwrap() = "changed".into();
        assert_ne!(own(&live), own(&changed), "seed {seed} {path}");
        assert_ne!(
            content_digest(&live),
            content_digest(&changed),
            "seed {seed} {path}"
        );
        let (parent, key) = path.rsplit_once('/').unwrap();
        let mut removed = live.clone();
        if let Some(parent) = removed.pointer_mut(parent).unwrap().as_object_mut() {
            parent.remove(key);
            assert_ne!(own(&live), own(&removed), "seed {seed} {path}");
        }
    });
}

#[test]
fn a_stolen_field_changes_our_digest_though_its_value_stays() {
    each(|seed, _, live| {
        let mut stolen = live.clone();
        let set = stolen["metadata"]["managedFields"][0]["fieldsV1"]["f:spec"]
            .as_object_mut()
            .unwrap();
        set.remove("f:a");
        assert_ne!(own(&live), own(&stolen), "seed {seed}");
        assert_eq!(
            content_digest(&live),
            content_digest(&stolen),
            "the content is the same"
        );
    });
}

#[test]
fn a_field_added_below_an_empty_map_of_ours_is_foreign() {
    let live = |volume: Value, foreign: Value| {
        json!({"spec": {"emptyDir": volume}, "metadata": {"managedFields": [
            {"manager": "lode", "operation": "Apply", "fieldsV1": {"f:spec": {"f:emptyDir": {}}}},
            {"manager": "other", "operation": "Update", "fieldsV1": {"f:spec": foreign}},
        ]}})
    };
    let before = live(json!({}), json!({}));
    let added = live(
        json!({"sizeLimit": "1Gi"}),
        json!({"f:emptyDir": {"f:sizeLimit": {}}}),
    );
    assert_eq!(own(&before), own(&added));
    let unowned = live(json!({"sizeLimit": "1Gi"}), json!({}));
    assert_ne!(
        own(&before),
        own(&unowned),
        "an atomic value that grew is a change"
    );
}

#[test]
fn who_applied_nothing_has_no_digest() {
    let entry = |operation: &str, subresource: &str| {
        let entry = json!({"manager": "lode", "operation": operation, "subresource": subresource, "fieldsV1": {}});
        json!({"metadata": {"managedFields": [entry]}})
    };
    assert!(own_digest(&entry("Apply", ""), "lode").is_some());
    for live in [
        json!({}),
        entry("Update", ""),
        entry("Apply", "status"),
        entry("Apply", ""),
    ] {
        let manager = if live == entry("Apply", "") {
            "other"
        } else {
            "lode"
        };
        assert_eq!(own_digest(&live, manager), None);
    }
}

#[test]
fn content_and_its_digest_tell_the_same() {
    each(|seed, random, live| {
        let mut other = live.clone();
        match random.below(4) {
            0 => other["spec"]["a"] = random.value(1),
            1 => other["metadata"]["labels"] = random.value(1),
            2 => other["metadata"]["annotations"] = json!({}),
            _ => other["status"] = random.value(1),
        }
        let same = content_digest(&live) == content_digest(&other);
        assert_eq!(content_equal(&live, &other), same, "seed {seed}");
        assert_eq!(content_equal(&other, &live), same, "seed {seed}");
    });
}

#[test]
fn an_empty_selector_is_not_an_absent_one() {
    assert_ne!(
        content_digest(&json!({"spec": {"selector": {}}})),
        content_digest(&json!({"spec": {}}))
    );
    assert_eq!(
        content_digest(&json!({"metadata": {"labels": null}})),
        content_digest(&json!({"metadata": {}}))
    );
}

#[test]
fn a_digest_is_the_same_on_every_machine() {
    let shown = digest(&json!({"b": [1, 1.5, "x", null, true], "a": {}}))
        .map(|byte| format!("{byte:02x}"))
        .concat();
    assert_eq!(shown, "25f8abb3dc3db4d773e82ef9494b2cdb");
    assert_eq!(digest(&json!(1)), digest(&json!(1.0)));
    let different = [
        json!([]),
        json!({}),
        json!(null),
        json!(""),
        json!(0),
        json!(false),
        json!([[]]),
        json!(["", ""]),
        json!(0.5),
    ];
    for (i, a) in different.iter().enumerate() {
        assert!(different[..i].iter().all(|b| digest(a) != digest(b)), "{a}");
    }
}
