//! Small folders of our own, one for each special case of a kustomization, built by kustomize 5.8.1
//! in its own order: the exact bytes, or that the build fails. Recorded in `tests/data/`.

use cases::Score;
use lode_kustomize::{Options, build};
use lode_tree::{RepoPath, Tree};
use serde_json::Value;

use crate::corpus::count;

#[test]
fn corners_come_out_as_kustomize_makes_them() {
    let score = Score::of_all("corners", 200);
    check(score, &recorded(include_str!("../data/builds.jsonl")));
}

/// Scopes by group, version and kind, including those from a document of the build; block texts
/// with every chomping and indentation indicator, and random ones, passed through patches,
/// replacements, lists and generators.
#[test]
fn scopes_and_block_texts_come_out_as_kustomize_makes_them() {
    let score = Score::of_all("scopes and block texts", 80);
    check(
        score,
        &recorded(include_str!("../data/scopes-and-blocks.jsonl")),
    );
}

#[test]
fn folders_that_show_the_usual_come_out_as_kustomize_makes_them() {
    check(Score::of_all("own builds", 18), &cases::own_builds());
}

fn recorded(text: &str) -> Vec<Value> {
    cases::parse_lines("recorded builds", text)
}

fn check(mut score: Score, cases: &[Value]) {
    for case in cases {
        let files = case["files"].as_object().unwrap().iter();
        let tree: Tree = files
            .map(|(path, text)| (path.as_str(), text.as_str().unwrap()))
            .collect();
        let outcome = build(&tree, &RepoPath::parse("app").unwrap(), &Options::default());
        let name = case["name"].as_str().unwrap();
        count(&mut score, name, outcome, case["output"].as_str());
    }
    score.finish();
}
