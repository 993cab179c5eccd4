//! Tests of replacements without a build.

use lode_object::GroupVersionKind;
use lode_stdx::budget::{Budget, Limits, Meter};
use lode_yaml::{Dialect, Node, Nodes, Origins};
use serde_json::{Value, json};

use super::names::{Matcher, Names};
use super::{Replacement, apply};
use crate::error::Fault;
use crate::object::resource::{Identity, Resource};

#[test]
fn a_value_set_stands_where_the_path_stands() {
    let mut resources = read("a: {b: 1, c: {d: 2}}\nmetadata: {name: x}\n");
    let text = "- sourceValue: '5'\n  targets:\n  - select: {name: x}\n    options: {create: true}\n    fieldPaths:\n    - a.b\n    - a.e\n    - a.c\n";
    let entries = Nodes::new(
        text.as_bytes(),
        Dialect::V2,
        Origins {
            source: 9,
            lines_above: 0,
        },
    )
    .next()
    .unwrap();
    apply(
        &mut resources,
        &Replacement::read_file(&entries.unwrap()).unwrap(),
        &Budget::unlimited(),
    )
    .unwrap();
    let line = |path: [&str; 2]| {
        let place = resources[0].node.at(&path).unwrap().place;
        (place.source, place.line)
    };
    assert_eq!(
        [line(["a", "b"]), line(["a", "e"]), line(["a", "c"])],
        [(9, 6), (9, 7), (9, 8)]
    );
    assert_eq!(
        resources[0].node.to_value(Dialect::V3).unwrap()["a"],
        json!({"b": 5, "c": 5, "e": 5})
    );
}

#[test]
fn a_name_set_is_found_at_once_and_the_old_one_is_forgotten() {
    let objects = "kind: A\nmetadata: {name: old}\n---\nkind: B\nmetadata: {name: b}\n";
    let rename = "- sourceValue: new\n  targets: [{select: {kind: A}}]\n";
    let copy = |name: &str| {
        format!(
            "- source: {{name: {name}}}\n  targets: [{{select: {{kind: B}}, fieldPaths: [metadata.name]}}]\n"
        )
    };
    assert!(build(objects, &format!("{rename}{}", copy("new"))).is_ok());
    let error = build(objects, &format!("{rename}{}", copy("old"))).unwrap_err();
    assert_eq!(error, "no object is the source (name old)");
}

#[test]
fn failures_name_the_object_and_the_path_and_no_value() {
    let objects = "kind: A\nmetadata: {name: a, namespace: n}\nsecret: hunter2\nlist: [hunter2]\n";
    let source = |rest: &str| format!("- source: {{kind: A, {rest}}}\n  targets: []\n");
    let target = |rest: &str| {
        format!("- sourceValue: hunter2\n  targets: [{{select: {{kind: A}}, {rest}}}]\n")
    };
    for (entry, want) in [
        (
            source("name: x"),
            "no object is the source (kind A, name x)",
        ),
        (
            source("fieldPath: x.y"),
            "A/n/a has no field \"x.y\", which is the source",
        ),
        (
            source("fieldPath: secret.y"),
            "A/n/a has no field \"secret.y\", which is the source: \"y\" wants a mapping",
        ),
        (
            source("fieldPath: secret, options: {delimiter: t, index: 2}"),
            "A/n/a: field \"secret\" has 2 parts, there is none at index 2",
        ),
        (
            source("fieldPath: list, options: {delimiter: t}"),
            "A/n/a: field \"list\" is not a text that a delimiter could split",
        ),
        (target("fieldPaths: [x]"), "A/n/a has no field \"x\""),
        (
            target("fieldPaths: [list.1]"),
            "A/n/a has no field \"list.1\": there is no item 1, only 1",
        ),
        (
            target("fieldPaths: [secret.0]"),
            "A/n/a has no field \"secret.0\": \"0\" wants a list",
        ),
        (
            target("fieldPaths: [list], options: {delimiter: t}"),
            "A/n/a: field \"list\" is not a text that a delimiter could split",
        ),
        (
            "- sourceValue: a\n".to_owned(),
            "replacement: it needs targets",
        ),
        (
            "- targets: []\n".to_owned(),
            "replacement: it needs source or sourceValue",
        ),
        (
            "- sourceValue: a\n  targets: [{}]\n".to_owned(),
            "replacement: a target needs select",
        ),
        ("hello".to_owned(), "replacements: a mapping expected"),
        (
            "- sourceValue: a\n  targets: [{select: {name: (}}]\n".to_owned(),
            "target: name: \"(\" is not a valid pattern",
        ),
    ] {
        let error = build(objects, &entry).unwrap_err();
        assert_eq!(error, want, "{entry}");
    }
}

#[test]
fn values_that_double_with_each_replacement_come_to_an_end() {
    let objects = "kind: A\nmetadata: {name: a}\nx: {y: some text}\n";
    let entry = "- source: {kind: A, fieldPath: x}\n  targets: [{select: {kind: A}, fieldPaths: [x.z], options: {create: true}}]\n\
                 - source: {kind: A, fieldPath: x}\n  targets: [{select: {kind: A}, fieldPaths: [x.u], options: {create: true}}]\n";
    let error = build(objects, &entry.repeat(40)).unwrap_err();
    assert!(error.contains("needs more than"), "{error}");
    let objects = "kind: A\nmetadata: {name: a}\nx: {z: {}}\nw: {z: {}}\n";
    let copy = |from: &str, to: &str| {
        format!(
            "- source: {{kind: A, fieldPath: {from}}}\n  targets: [{{select: {{kind: A}}, fieldPaths: [{to}.z]}}]\n"
        )
    };
    let entries = format!("{}{}", copy("x", "w"), copy("w", "x")).repeat(100);
    let error = build(objects, &entries).unwrap_err();
    assert!(error.contains("nested deeper than"), "{error}");
}

#[test]
fn many_replacements_on_many_objects_ask_few_objects_each() {
    let count = 3000;
    let mut resources = Vec::new();
    for at in 0..count {
        resources.extend(read(&format!(
            "kind: A\nmetadata: {{name: a{at}}}\nspec: {{v: {at}}}\n"
        )));
    }
    let entry = |at: usize| {
        format!(
            "- source: {{kind: A, name: a{at}, fieldPath: spec.v}}\n  targets: [{{select: {{kind: A, name: a{}}}, fieldPaths: [spec.v]}}]\n",
            at + 1
        )
    };
    let entries: String = (0..count - 1).map(entry).collect();
    let replacements = Replacement::read_file(&nodes(&entries).remove(0)).unwrap();
    let budget = Budget::unlimited();
    let names = Names::new(&resources, &Meter::new(&budget)).unwrap();
    let target = &replacements[7].targets[0];
    assert_eq!(
        names.candidates(&Matcher::new(target, &budget).unwrap()),
        [8]
    );
    apply(&mut resources, &replacements, &budget).unwrap();
    assert_eq!(
        resources[count - 1]
            .node
            .at(&["spec", "v"])
            .and_then(Node::text),
        Some("0")
    );
}

#[test]
fn an_error_names_the_replacement_its_source_and_the_field() {
    let objects = "kind: A\nmetadata: {name: a}\nx: {y: 1}\n---\nkind: B\nmetadata: {name: b}\n";
    let entries = "- sourceValue: '1'\n  targets: [{select: {kind: A}, fieldPaths: [x.y]}]\n\
                   - source: {kind: A, fieldPath: x.y}\n  targets: [{select: {kind: B}, fieldPaths: [x.z]}]\n";
    let replacements = Replacement::read_file(&nodes(entries).remove(0)).unwrap();
    let error = apply(&mut read(objects), &replacements, &Budget::unlimited()).unwrap_err();
    let want = "replacement: number 2, from field \"x.y\" of kind A: B/b has no field \"x.z\"";
    assert_eq!(shown(error.into_fault()), want);
}

fn shown(fault: Fault) -> String {
    match fault {
        Fault::At(_, cause) => cause.to_string(),
        other => format!("{other:?}"),
    }
}

fn read(text: &str) -> Vec<Resource> {
    nodes(text).into_iter().map(resource).collect()
}

fn build(input: &str, replacements: &str) -> Result<Vec<Value>, String> {
    let budget = Budget::new(Limits {
        bytes: 16 << 20,
        ..Limits::UNLIMITED
    });
    let mut resources = read(input);
    for document in nodes(replacements) {
        let replacements = Replacement::read_file(&document).map_err(shown)?;
        apply(&mut resources, &replacements, &budget).map_err(|error| error.to_string())?;
    }
    let nodes: Vec<Node> = resources
        .into_iter()
        .map(|resource| resource.node)
        .collect();
    Ok(values(&nodes))
}

/// Moves kustomize's bookkeeping annotations into the fields used here.
fn resource(node: Node) -> Resource {
    let place = node.place;
    let mut resource = Resource::new(node, place);
    let list = |field: &str| {
        let list = resource.annotation(&format!("internal.config.kubernetes.io/previous{field}"));
        list.map(|list| list.split(',').map(Box::from).collect::<Vec<Box<str>>>())
            .unwrap_or_default()
    };
    let past = list("Names")
        .into_iter()
        .zip(list("Kinds"))
        .zip(list("Namespaces"));
    let api_version = resource.api_version().to_owned();
    resource.past = past
        .map(|((name, kind), namespace)| Identity {
            gvk: GroupVersionKind::new(&api_version, &kind),
            namespace,
            name,
        })
        .collect();
    resource
}

fn nodes(text: &str) -> Vec<Node> {
    let nodes: Result<Vec<Node>, _> =
        Nodes::new(text.as_bytes(), Dialect::V3, Origins::default()).collect();
    nodes
        .unwrap()
        .into_iter()
        .filter(|node| !node.is_null())
        .collect()
}

fn values(nodes: &[Node]) -> Vec<Value> {
    nodes
        .iter()
        .map(|node| {
            node.to_value(Dialect::V3)
                .unwrap_or_else(|error| error.to_string().into())
        })
        .collect()
}
