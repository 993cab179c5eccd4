//! Lists of custom kinds merge as their definitions say, if requested.

use lode_kustomize::{Compat, Options, build};
use lode_tree::{RepoPath, Tree};

const DEFINITION: &str = "apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata:
  name: rings.ex.io
spec:
  group: ex.io
  names: {kind: Ring, plural: rings}
  scope: Namespaced
  versions:
  - name: v1
    schema:
      openAPIV3Schema:
        properties:
          spec:
            properties:
              gems:
                type: array
                x-kubernetes-list-type: map
                x-kubernetes-list-map-keys: [cut, color]
                items: {type: object}
              marks: {type: array, x-kubernetes-list-type: set, items: {type: string}}
              notes: {type: array, x-kubernetes-list-type: atomic, items: {type: string}}
              owners: {type: array, items: {type: object}}
";

const RING: &str = "apiVersion: ex.io/v1
kind: Ring
metadata:
  name: one
spec:
  gems:
  - {cut: oval, color: red, size: 1}
  - {cut: oval, color: blue, size: 2}
  marks: [a, b]
  notes: [x]
  owners: [{name: ann}]
";

const PATCH: &str = "apiVersion: ex.io/v1
kind: Ring
metadata:
  name: one
spec:
  gems:
  - {cut: oval, color: blue, size: 3}
  marks: [b, c]
  notes: [y]
  owners: [{name: bob}]
";

const REPLACED: &str = "[{color: blue, cut: oval, size: 3}] [b, c] [y] [{name: bob}]";
const MERGED: &str = "[{color: red, cut: oval, size: 1}, {color: blue, cut: oval, size: 3}] [b, c, a] [y] [{name: bob}]";

/// Builds `top` over these files and returns the lists of the ring, in one line.
fn lists(files: &[(&str, &str)], custom_lists: bool) -> String {
    let mut all = vec![
        ("ring/ring.yaml", RING),
        ("crd/crd.yaml", DEFINITION),
        ("top/patch.yaml", PATCH),
    ];
    all.extend([
        ("ring/kustomization.yaml", "resources: [ring.yaml]\n"),
        ("crd/kustomization.yaml", "resources: [crd.yaml]\n"),
    ]);
    all.extend(files);
    let tree = Tree::from_iter(all);
    let options = Options {
        custom_lists,
        ..Options::default()
    };
    let build = build(&tree, &RepoPath::parse("top").unwrap(), &options).unwrap();
    let ring = build
        .objects
        .iter()
        .find(|object| &*object.id().kind == "Ring")
        .unwrap();
    let list = |name: &str| {
        let node = ring.node.at(&["spec", name]).unwrap();
        let value = node.to_value(lode_yaml::Dialect::V3).unwrap().to_string();
        value.replace('"', "").replace(',', ", ").replace(':', ": ")
    };
    ["gems", "marks", "notes", "owners"].map(list).join(" ")
}

#[test]
fn definitions_of_the_build_and_its_bases_count() {
    for (resources, with_definition) in [
        ("[../crd, ../ring]", true),
        ("[../ring, ../crd]", true),
        ("[../ring]", false),
    ] {
        let kustomization = format!("resources: {resources}\npatches: [{{path: patch.yaml}}]\n");
        let files = [("top/kustomization.yaml", kustomization.as_str())];
        assert_eq!(lists(&files, false), REPLACED, "{resources}");
        assert_eq!(
            lists(&files, true),
            if with_definition { MERGED } else { REPLACED },
            "{resources}"
        );
    }
}

#[test]
fn a_base_knows_nothing_of_what_stands_beside_it() {
    let files = [
        ("top/kustomization.yaml", "resources: [../crd, patched]\n"),
        (
            "top/patched/kustomization.yaml",
            "resources: [../../ring]\npatches: [{path: patch.yaml}]\n",
        ),
        ("top/patched/patch.yaml", PATCH),
    ];
    assert_eq!(lists(&files, true), REPLACED);
}

#[test]
fn a_schema_that_is_brought_along_has_the_last_word() {
    let schema = r#"{"definitions": {"io.ex.v1.Ring": {
        "x-kubernetes-group-version-kind": [{"group": "ex.io", "version": "v1", "kind": "Ring"}],
        "properties": {"spec": {"properties": {"owners": {"type": "array", "items": {"type": "object"},
            "x-kubernetes-patch-strategy": "merge", "x-kubernetes-patch-merge-key": "name"}}}}}}}"#;
    let files = [
        (
            "top/kustomization.yaml",
            "resources: [../crd, ../ring]\nopenapi: {path: schema.json}\npatches: [{path: patch.yaml}]\n",
        ),
        ("top/schema.json", schema),
    ];
    let want = "[{color: blue, cut: oval, size: 3}] [b, c] [y] [{name: bob}, {name: ann}]";
    assert_eq!(
        (lists(&files, true).as_str(), lists(&files, false).as_str()),
        (want, want)
    );
}

#[test]
fn what_defines_nothing_is_passed_over() {
    for broken in [
        "spec: {}\n",
        "spec: {group: ex.io, names: {kind: Ring}, versions: [{name: v1}]}\n",
        "",
    ] {
        let broken = format!(
            "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {{name: broken}}\n{broken}"
        );
        let files = [
            (
                "top/kustomization.yaml",
                "resources: [broken.yaml, ../ring]\npatches: [{path: patch.yaml}]\n",
            ),
            ("top/broken.yaml", broken.as_str()),
        ];
        assert_eq!(lists(&files, true), REPLACED, "{broken}");
    }
}

#[test]
fn kustomize_is_the_answer_unless_another_is_asked_for() {
    let options = Options::default();
    assert_eq!(
        (options.compat, options.custom_lists),
        (Compat::Kustomize5_8, false)
    );
}
