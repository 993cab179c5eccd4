//! The cases of kustomize's own tests: exact bytes, or that a build fails.

use cases::{Archive, Score};
use lode_kustomize::{Options, Order, Restrictions, build};
use lode_tree::RepoPath;

use crate::corpus::{count, tree};

/// Measured; may only rise.
const FLOOR: usize = 234;
const LEGACY_FLOOR: usize = 192;

#[test]
fn builds_equal_those_of_kustomize() {
    let Some(archive) = Archive::open(cases::KUSTOMIZE) else {
        return;
    };
    let mut score = Score::new("krusty", FLOOR);
    let mut legacy = Score::new("krusty in legacy order", LEGACY_FLOOR);
    let root = "kustomize/krusty/";
    for path in archive
        .files
        .keys()
        .filter(|path| path.starts_with(root) && path.ends_with("/case.json"))
    {
        let folder = path.trim_end_matches("/case.json");
        let case: serde_json::Value = serde_json::from_str(archive.text(path).unwrap()).unwrap();
        let newest = format!("{folder}/expected-v5.8.1.");
        let replaced = archive.files.keys().any(|path| path.starts_with(&newest));
        let expected = if replaced {
            format!("{newest}yaml")
        } else {
            format!("{folder}/expected.yaml")
        };
        let expected = archive.text(&expected);
        // The recorder was a test, which has no version of its own.
        let expected = expected.map(|text| text.replace("kustomize-(devel)", "kustomize-v5.8.1"));
        let restrictions = match case["loadRestrictions"].as_str() {
            Some("LoadRestrictionsNone") => Restrictions::None,
            _ => Restrictions::RootOnly,
        };
        let order = if case["reorder"] == "none" {
            Order::None
        } else {
            Order::Legacy
        };
        let options = Options {
            restrictions,
            order,
            managed_by: case["addManagedBy"] == true,
            ..Options::default()
        };
        let input = tree(&archive, &format!("{folder}/input"));
        let at = RepoPath::parse_rooted(case["path"].as_str().unwrap()).unwrap();
        let name = folder.trim_start_matches(root);
        let outcome = build(&input, &at, &options);
        count(&mut score, name, outcome, expected.as_deref());
        if let Some(expected) = archive
            .text(&format!("{folder}/expected-legacy-order.yaml"))
            .filter(|_| !replaced)
        {
            let expected = expected.replace("kustomize-(devel)", "kustomize-v5.8.1");
            let options = Options {
                order: Order::Legacy,
                ..options
            };
            let outcome = build(&input, &at, &options);
            count(&mut legacy, name, outcome, Some(&expected));
        }
    }
    legacy.finish();
    score.finish();
}
