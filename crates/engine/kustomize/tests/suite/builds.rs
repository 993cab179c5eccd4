//! Small folders of our own, one for each special case of a kustomization, built by kustomize 5.8.1
//! in its own order: the exact bytes, or that the build fails. Recorded in `tests/data/`.

use lode_kustomize::{Options, build};
use lode_tree::{RepoPath, Tree};
use serde_json::Value;

use crate::corpus::Tally;

#[test]
fn corners_come_out_as_kustomize_makes_them() {
    let tally = built(include_str!("../data/builds.jsonl"));
    tally.show("corners");
    assert!(tally.all > 200, "the cases are gone");
    assert_eq!(tally.same, tally.all);
}

/// Scopes by group, version and kind, including those from a document of the build; block texts
/// with every chomping and indentation indicator, and random ones, passed through patches,
/// replacements, lists and generators.
#[test]
fn scopes_and_block_texts_come_out_as_kustomize_makes_them() {
    let tally = built(include_str!("../data/scopes-and-blocks.jsonl"));
    tally.show("scopes and block texts");
    assert!(tally.all > 80, "the cases are gone");
    assert_eq!(tally.different, Vec::<String>::new());
}

fn built(cases: &str) -> Tally {
    let mut tally = Tally::default();
    for line in cases.lines() {
        let case: Value = serde_json::from_str(line).unwrap();
        let files = case["files"].as_object().unwrap().iter();
        let tree: Tree = files
            .map(|(path, text)| (path.as_str(), text.as_str().unwrap()))
            .collect();
        let outcome = build(&tree, &RepoPath::parse("app").unwrap(), &Options::default());
        tally.count(
            case["name"].as_str().unwrap(),
            outcome,
            case["output"].as_str(),
        );
    }
    tally
}
