//! Small folders of our own, one for each corner of a kustomization, built by kustomize 5.8.1 in its own order: bytes,
//! or that the build fails. Recorded in `tests/data/builds.jsonl`.

use lode_kustomize::{Options, build};
use lode_tree::{RepoPath, Tree};
use serde_json::Value;

use crate::corpus::Tally;

#[test]
fn corners_come_out_as_kustomize_makes_them() {
    let mut tally = Tally::default();
    for line in include_str!("../data/builds.jsonl").lines() {
        let case: Value = serde_json::from_str(line).unwrap();
        let files = case["files"].as_object().unwrap().iter();
        let tree: Tree = files.map(|(path, text)| (path.as_str(), text.as_str().unwrap())).collect();
        let outcome = build(&tree, &RepoPath::parse("app").unwrap(), &Options::default());
        tally.count(case["name"].as_str().unwrap(), outcome, case["output"].as_str());
    }
    tally.show("corners");
    assert!(tally.all > 200, "the cases are gone");
    assert_eq!(tally.same, tally.all);
}
