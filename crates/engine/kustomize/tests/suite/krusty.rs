//! The cases of kustomize's own tests: exact bytes, or that a build fails.

use lode_kustomize::{Options, Order, Restrictions, build};
use lode_tree::RepoPath;

use crate::corpus::{Archive, Tally};

/// Measured; may only rise.
const FLOOR: usize = 234;

#[test]
fn builds_equal_those_of_kustomize() {
    let Some(archive) = Archive::open() else {
        return;
    };
    let (mut tally, mut legacy) = (Tally::default(), Tally::default());
    let root = "kustomize/krusty/";
    for path in archive
        .files
        .keys()
        .filter(|path| path.starts_with(root) && path.ends_with("/case.json"))
    {
        let folder = path.trim_end_matches("/case.json");
        let case: serde_json::Value = serde_json::from_str(&archive.text(path).unwrap()).unwrap();
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
        let tree = archive.tree(&format!("{folder}/input"));
        let at = RepoPath::parse_rooted(case["path"].as_str().unwrap()).unwrap();
        let name = folder.trim_start_matches(root);
        tally.count(name, build(&tree, &at, &options), expected.as_deref());
        if let Some(expected) = archive
            .text(&format!("{folder}/expected-legacy-order.yaml"))
            .filter(|_| !replaced)
        {
            let expected = expected.replace("kustomize-(devel)", "kustomize-v5.8.1");
            legacy.count(
                name,
                build(
                    &tree,
                    &at,
                    &Options {
                        order: Order::Legacy,
                        ..options
                    },
                ),
                Some(&expected),
            );
        }
    }
    legacy.show("krusty in legacy order");
    tally.show("krusty");
    assert!(tally.same >= FLOOR, "krusty fell to {}", tally.same);
    assert!(
        legacy.same >= LEGACY_FLOOR,
        "krusty in legacy order fell to {}",
        legacy.same
    );
}

/// Measured; may only rise.
const LEGACY_FLOOR: usize = 192;
