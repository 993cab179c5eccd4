//! Builds with replacements and variables, recorded with kustomize: exact bytes, or that a build
//! fails.

use cases::Score;
use lode_kustomize::{Options, Order, build};
use lode_tree::{RepoPath, Tree};

use crate::corpus::count;

#[test]
fn recorded_builds_come_out_the_same() {
    let mut score = Score::of_all("replacements and variables", 1);
    let options = Options {
        order: Order::None,
        ..Options::default()
    };
    let mut input = String::new();
    let recorded = include_str!("../data/replacing.jsonl");
    for case in cases::parse_lines("replacing.jsonl", recorded) {
        if let Some(resources) = case["resources"].as_str() {
            resources.clone_into(&mut input);
        }
        let kustomization = format!(
            "resources: [in.yaml]\n{}",
            case["kustomization"].as_str().unwrap()
        );
        let files = case["files"].as_object().into_iter().flatten();
        let files = files.map(|(path, text)| (path.as_str(), text.as_str().unwrap()));
        let own = [
            ("kustomization.yaml", kustomization.as_str()),
            ("in.yaml", input.as_str()),
        ];
        let tree: Tree = own.into_iter().chain(files).collect();
        let outcome = build(&tree, &RepoPath::default(), &options);
        let name = case["name"].as_str().unwrap();
        count(&mut score, name, outcome, case["output"].as_str());
    }
    score.finish();
}
