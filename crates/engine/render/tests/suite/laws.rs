//! Laws that hold for every tree and plan.

use lode_render::{Plan, render};
use lode_tree::Tree;

#[test]
fn the_same_again_gives_the_same_again() {
    let tree = Tree::from_iter([
        ("a/kustomization.yaml", "resources: [cm.yaml, ../b]\nnamePrefix: p-\n"),
        ("a/cm.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: one}\n"),
        ("b/kustomization.yml", "resources: [sa.yaml]\n"),
        ("b/sa.yaml", "apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: two}\n"),
    ]);
    let plan = Plan { path: "a".into(), target_namespace: Some("n".into()), ..Plan::default() };
    let first = render(&tree, &plan).unwrap();
    assert_eq!(first, render(&tree, &plan).unwrap());
    assert!(first.reads.holds_in(&tree));
    let mut touched = tree.clone();
    touched.retain(|path, _| path.as_str() != "b/sa.yaml");
    assert!(!first.reads.holds_in(&touched));
}
