//! Builds with replacements and variables, recorded with kustomize: exact bytes, or that a build
//! fails.

use lode_kustomize::{Options, Order, build};
use lode_tree::{RepoPath, Tree};
use serde_json::Value;

use crate::corpus::Tally;

#[test]
fn recorded_builds_come_out_the_same() {
    let mut tally = Tally::default();
    let options = Options {
        order: Order::None,
        ..Options::default()
    };
    let mut input = String::new();
    let lines = include_str!("../data/replacing.jsonl").lines();
    for line in lines.filter(|line| !line.starts_with('#')) {
        let case: Value = serde_json::from_str(line).unwrap();
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
        tally.count(
            case["name"].as_str().unwrap(),
            outcome,
            case["output"].as_str(),
        );
    }
    tally.show("replacements and variables");
    assert_eq!(tally.different, Vec::<String>::new());
}
