//! Folders of real repositories, to the byte.

use std::collections::BTreeMap;

use lode_kustomize::{Options, Order, Restrictions, build};

use crate::corpus::{Archive, Tally, folder_of};

/// Measured; may only rise.
const FLOOR: usize = 811;

#[test]
fn builds_equal_those_of_kustomize() {
    let Some(archive) = Archive::open() else { return };
    let mut tally = Tally::default();
    let mut trees = BTreeMap::new();
    let options = Options { restrictions: Restrictions::None, order: Order::None, ..Options::default() };
    let expected = "kustomize/overlays/expected/";
    for path in archive.files.keys().filter(|path| path.starts_with(expected)) {
        let name = path.trim_start_matches(expected).trim_end_matches(".yaml");
        let Some((repository, folder)) = folder_of(&archive, name) else { continue };
        let tree = trees
            .entry(repository.clone())
            .or_insert_with(|| archive.tree(&format!("kustomize/overlays/input/{repository}")));
        tally.count(name, build(tree, &folder, &options), archive.text(path).as_deref());
    }
    tally.show("overlays");
    assert!(tally.same >= FLOOR, "overlays fell to {}", tally.same);
}
