//! Compares strategic merges with recorded ones, stored with the crate's test suite.

use std::fmt::Write as _;

use lode_stdx::budget::Budget;
use lode_yaml::{Nodes, Origins};
use serde_json::Value;

use super::*;
use crate::tests::{self as recorded, Outcome, node, text};

fn merged(object: &str, patch: &str, options: Options) -> Result<Option<Node>, Error> {
    merge(
        node(object, Dialect::V3),
        &node(patch, Dialect::V3),
        Schema::builtin(),
        (options, &Budget::unlimited()),
    )
}

#[test]
fn merges_do_what_kustomize_was_seen_to_do() {
    let cases = recorded::cases(include_str!("../../../tests/merge/strategic.txt"));
    assert_eq!(cases.len(), 61);
    for case in cases {
        let lists = if case.name.ends_with("(append)") {
            Lists::Append
        } else {
            Lists::Prepend
        };
        let outcome = match merged(
            case.object,
            case.patch,
            Options {
                lists,
                infer: false,
            },
        ) {
            Ok(Some(node)) => Outcome::Result(text(&node)),
            Ok(None) => Outcome::Deleted,
            Err(_) => Outcome::Error,
        };
        assert_eq!(outcome, case.outcome, "{}", case.name);
    }
}

#[test]
fn every_row_of_merge_keys_is_known() {
    let Some(rows) = recorded::file("merge-keys.json") else {
        return;
    };
    let rows: Vec<Value> = serde_json::from_str(&rows).unwrap();
    let known = include_str!("../../../tests/merge/fields.txt");
    assert_eq!(rows.len(), 54);
    for row in rows {
        let keys: Vec<&str> = match (&row["listMapKeys"], &row["mergeKey"]) {
            (Value::Array(keys), _) => keys.iter().map(|key| key.as_str().unwrap()).collect(),
            (_, Value::String(key)) => vec![key],
            _ => Vec::new(),
        };
        let wanted = format!("/{} [{}]", row["field"].as_str().unwrap(), keys.join(" "));
        let is_known = known.lines().any(|line| line.ends_with(&wanted));
        let merges = row["strategy"]
            .as_str()
            .is_some_and(|words| words.split(',').any(|word| word == "merge"));
        // This one is a plain value marked as a list, which changes nothing.
        let is_value = row["definition"]
            .as_str()
            .unwrap()
            .ends_with(".LabelSelectorRequirement");
        assert!(is_known || is_value || !merges, "{row}");
    }
}

#[test]
fn what_the_patch_sets_stands_where_the_patch_says_so() {
    let read = |text: &str, source| {
        Nodes::new(
            text.as_bytes(),
            Dialect::V3,
            Origins {
                source,
                lines_above: 0,
            },
        )
        .next()
        .unwrap()
        .unwrap()
    };
    let object = "kind: Pod\napiVersion: v1\nspec:\n  a: 1\n  containers:\n  - name: x\n    image: y\n  b: 2\n";
    let patch =
        "spec:\n  b: 3\n  containers:\n  - name: x\n    image: z\n  - name: n\n  c: {d: 4}\n";
    let merged = merge(
        read(object, 1),
        &read(patch, 2),
        Schema::builtin(),
        (Options::default(), &Budget::unlimited()),
    )
    .unwrap()
    .unwrap();
    let place = |node: Option<&Node>| {
        let place = node.unwrap().place;
        (place.source, place.line)
    };
    let spec = merged.get("spec");
    let containers = spec.and_then(|spec| spec.get("containers")).unwrap();
    let [first, second] = containers.items().unwrap() else {
        panic!("{containers:?}")
    };
    assert_eq!(place(spec), (1, 4));
    assert_eq!(place(merged.at(&["spec", "a"])), (1, 4));
    assert_eq!(place(merged.at(&["spec", "b"])), (2, 2));
    assert_eq!(place(merged.at(&["spec", "c", "d"])), (2, 7));
    assert_eq!(
        (
            place(Some(containers)),
            place(Some(first)),
            place(first.get("image"))
        ),
        ((1, 6), (1, 6), (2, 5))
    );
    assert_eq!(
        (place(Some(second)), place(second.get("name"))),
        ((2, 6), (2, 6))
    );
}

#[test]
fn an_error_names_the_way_and_the_line_of_the_patch_and_no_value() {
    let error = merged("a: {b: {}}", "a:\n  b: hunter2\n", Options::default()).unwrap_err();
    assert_eq!(
        (error.to_string().as_str(), error.place.line),
        ("/a/b: found a mapping, the patch has a plain value", 2)
    );
}

#[test]
fn lists_of_unknown_type_merge_by_name_where_asked() {
    let infer = Options {
        infer: true,
        ..Options::default()
    };
    let got =
        |object: &str, patch: &str| merged(object, patch, infer).map(|node| text(&node.unwrap()));
    assert_eq!(
        got("a: [{name: x, b: 1}]", "a: [{name: y}]").unwrap(),
        "a:\n- name: \"y\"\n- b: 1\n  name: x\n"
    );
    assert_eq!(got("a: [1]", "a: [2]").unwrap(), "a:\n- 2\n");
    assert_eq!(
        got("a: [{name: x}]", "a: [{b: 1}]").unwrap_err().cause,
        StrategicCause::NoKey
    );
}

#[test]
fn a_text_that_older_yaml_takes_for_more_gets_quotes_that_its_successor_keeps() {
    let twice = |first: &str| {
        let once = merged("a: x\nb: {c: x}\n", first, Options::default())
            .unwrap()
            .unwrap();
        let then = node("b: {d: 2}\n", Dialect::V3);
        text(
            &merge(
                once,
                &then,
                Schema::builtin(),
                (Options::default(), &Budget::unlimited()),
            )
            .unwrap()
            .unwrap(),
        )
    };
    assert_eq!(twice("b: {d: on}\n"), "a: x\nb:\n  c: x\n  d: \"2\"\n");
    assert_eq!(twice("b: {d: word}\n"), "a: x\nb:\n  c: x\n  d: 2\n");
}

#[test]
fn long_lists_merge_in_one_pass() {
    let entries = |skip: usize| {
        let mut text =
            "kind: Pod\napiVersion: v1\nspec:\n  containers:\n  - name: c\n    env:\n".to_owned();
        for number in (0..20_000).skip(skip) {
            let _ = writeln!(text, "    - {{name: v{number}, value: a}}");
        }
        text
    };
    let started = std::time::Instant::now();
    let merged = merged(&entries(0), &entries(1), Options::default())
        .unwrap()
        .unwrap();
    let env = merged
        .at(&["spec", "containers"])
        .and_then(Node::items)
        .and_then(|items| items[0].get("env"));
    assert_eq!(env.and_then(Node::items).map(<[_]>::len), Some(20_000));
    assert!(started.elapsed().as_secs() < 20, "{:?}", started.elapsed());
}

#[test]
fn deep_nesting_ends_in_an_error() {
    let mut deep = Node::mapping();
    for _ in 0..DEPTH_MAX + 2 {
        let mut above = Node::mapping();
        above.insert("a", deep);
        deep = above;
    }
    let error = merge(
        deep.clone(),
        &deep,
        Schema::builtin(),
        (Options::default(), &Budget::unlimited()),
    )
    .unwrap_err();
    assert_eq!(error.cause, StrategicCause::TooDeep);
}
