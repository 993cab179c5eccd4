//! Folders of real repositories, to the byte.

use std::collections::BTreeMap;

use lode_kustomize::{Options, Order, Restrictions, build};
use lode_yaml::Dialect;

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

#[test]
fn builds_that_keep_comments_say_the_same() {
    let Some(archive) = Archive::open() else { return };
    let (mut objects, mut comments) = (0, 0);
    let mut trees = BTreeMap::new();
    let options =
        Options { restrictions: Restrictions::None, order: Order::None, comments: true, ..Options::default() };
    let expected = "kustomize/overlays/expected/";
    // Large ones are much alike.
    let folders = archive.files.iter().filter(|(path, bytes)| path.starts_with(expected) && bytes.len() < 200_000);
    for (path, _) in folders {
        let name = path.trim_start_matches(expected).trim_end_matches(".yaml");
        let Some((repository, folder)) = folder_of(&archive, name) else { continue };
        let tree = trees
            .entry(repository.clone())
            .or_insert_with(|| archive.tree(&format!("kustomize/overlays/input/{repository}")));
        for object in build(tree, &folder, &options).unwrap().objects {
            let mut text = String::new();
            object.write_commented(&mut text).unwrap();
            let again = lode_yaml::parse(text.as_bytes(), Dialect::V2).unwrap();
            assert_eq!(&again, object.to_object().unwrap().value(), "{name}: {object:?}");
            objects += 1;
            comments += usize::from(text.lines().any(|line| line.trim_start().starts_with('#')));
        }
    }
    println!("{objects} objects say the same, {comments} with comments");
    assert!(comments > 100, "only {comments} objects have comments");
}
