//! Invariants of every tree and plan.

use lode_render::{LIMITS, Plan, Substitution, render};
use lode_stdx::budget::Budget;
use lode_tree::Tree;

use crate::costs::alone;

#[test]
fn the_same_again_gives_the_same_again() {
    let _alone = alone();
    let tree = Tree::from_iter([
        (
            "a/kustomization.yaml",
            "resources: [cm.yaml, ../b]\nnamePrefix: p-\n",
        ),
        (
            "a/cm.yaml",
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: one}\n",
        ),
        ("b/kustomization.yml", "resources: [sa.yaml]\n"),
        (
            "b/sa.yaml",
            "apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: two}\n",
        ),
    ]);
    let plan = Plan {
        path: "a".into(),
        target_namespace: Some("n".into()),
        ..Plan::default()
    };
    let first = render(&tree, &plan, &Budget::new(LIMITS)).unwrap();
    assert_eq!(first, render(&tree, &plan, &Budget::new(LIMITS)).unwrap());
    assert!(first.reads.holds_in(&tree));
    let mut touched = tree.clone();
    touched.retain(|path, _| path.as_str() != "b/sa.yaml");
    assert!(!first.reads.holds_in(&touched));
}

#[test]
fn no_secret_is_ever_shown() {
    let _alone = alone();
    let tree = Tree::from_iter([(
        "a/s.yaml",
        "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\nstringData: {x: $hunter2}\n",
    )]);
    let vars = [("token".to_owned(), "hunter2".to_owned())].into();
    let substitute = Some(Substitution {
        vars,
        strict: true,
        ..Substitution::default()
    });
    let plan = Plan {
        path: "a".into(),
        substitute,
        ..Plan::default()
    };
    let shown = format!(
        "{plan:?} {:?}",
        render(&tree, &plan, &Budget::new(LIMITS)).unwrap()
    );
    assert!(!shown.contains("hunter2"), "{shown}");
}

#[test]
fn errors_show_no_value() {
    let _alone = alone();
    let object = |data: &str| {
        format!(
            "apiVersion: v1\nkind: Secret\nmetadata: {{name: s}}\nstringData: {{x: '{data}'}}\n"
        )
    };
    for (data, value) in [
        ("${token}", "a: hunter2: b\n- ["),
        ("${token:hunter2", ""),
        ("${hunter2!}", ""),
    ] {
        let tree = Tree::from_iter([("a/s.yaml", object(data))]);
        let vars = [("token".to_owned(), value.to_owned())].into();
        let substitute = Some(Substitution {
            vars,
            strict: true,
            always: true,
            ..Substitution::default()
        });
        let plan = Plan {
            path: "a".into(),
            substitute,
            ..Plan::default()
        };
        let error = render(&tree, &plan, &Budget::new(LIMITS)).unwrap_err();
        assert!(!format!("{error} {error:?}").contains("hunter2"), "{error}");
        assert!(
            error.to_string().starts_with("Secret/s (a/s.yaml:4): "),
            "{error}"
        );
    }
}
