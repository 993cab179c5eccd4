//! A build that a change does not affect equals the one that would be built again.

use std::collections::BTreeSet;

use cases::Archive;
use lode_kustomize::{Build, Error, Options, Order, Restrictions, build, rebuild};
use lode_tree::{Blob, Entry, RepoPath, Tree};
use sha2::{Digest as _, Sha256};

use crate::corpus::repositories;

/// One of this many overlays is checked.
const OVERLAYS_STEP: usize = 60;
/// Most files of a repository changed for one overlay.
const FILES_MAX: usize = 20;

#[test]
fn what_is_not_touched_is_not_built() {
    let tree = Tree::from_iter([
        ("app/kustomization.yaml", "resources: [cm.yaml]\n"),
        (
            "app/cm.yaml",
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: one}\n",
        ),
    ]);
    let at = |path: &str| RepoPath::parse(path).unwrap();
    let again = || build(&tree, &at("app"), &Options::default());
    let first = again().unwrap();
    let untouched = BTreeSet::from([at("README.md"), at("app/other.yaml"), at("app.yaml")]);
    let refuse = || -> Result<Build, Error> { panic!("was built") };
    assert_eq!(
        rebuild(first.clone(), &untouched, refuse).unwrap(),
        (first.clone(), false)
    );
    for path in [
        "app/cm.yaml",
        "app/kustomization.yaml",
        "app/Kustomization",
        "app",
    ] {
        assert_eq!(
            rebuild(first.clone(), &BTreeSet::from([at(path)]), again).unwrap(),
            (first.clone(), true),
            "{path}"
        );
    }
}

#[test]
fn an_untouched_build_is_the_same_anew() {
    let Some(archive) = Archive::open(cases::KUSTOMIZE) else {
        return;
    };
    let (mut kept, mut touched) = (0, 0);
    for (tree, folders) in repositories(&archive) {
        for folder in folders.iter().step_by(OVERLAYS_STEP) {
            let Ok(before) = built(&tree, folder) else {
                continue;
            };
            for (path, changed) in changes(&tree, folder) {
                if before.reads.is_touched_by(&BTreeSet::from([path.clone()])) {
                    touched += 1;
                } else {
                    kept += 1;
                    assert_eq!(
                        built(&changed, folder).as_ref(),
                        Ok(&before),
                        "{folder} after {path}"
                    );
                    assert!(before.reads.holds_in(&changed), "{folder} after {path}");
                }
            }
        }
    }
    println!("{kept} changes kept a build, {touched} touched it");
    assert!(kept > 500 && touched > 50, "{kept} kept, {touched} touched");
}

fn built(tree: &Tree, folder: &RepoPath) -> Result<Build, Error> {
    let options = Options {
        restrictions: Restrictions::None,
        order: Order::None,
        ..Options::default()
    };
    build(tree, folder, &options)
}

/// Returns the tree with one file changed, one removed and one added next to it, for files near a
/// folder and far away.
fn changes(tree: &Tree, folder: &RepoPath) -> Vec<(RepoPath, Tree)> {
    let files = tree
        .entries()
        .filter(|(_, entry)| matches!(entry, Entry::File { .. }));
    let (near, far): (Vec<_>, Vec<_>) = files
        .map(|(path, _)| path)
        .partition(|path| path.is_in(folder));
    let step = far.len() / FILES_MAX + 1;
    let chosen = near
        .into_iter()
        .take(FILES_MAX)
        .chain(far.into_iter().step_by(step));
    chosen.flat_map(|path| variants(tree, path)).collect()
}

fn variants(tree: &Tree, path: &RepoPath) -> Vec<(RepoPath, Tree)> {
    let mut all = Vec::new();
    let mut removed = tree.clone();
    removed.retain(|known, _| known != path);
    all.push((path.clone(), removed));
    let mut changed = tree.clone();
    let mut bytes = tree.read(path).unwrap().bytes.to_vec();
    bytes.push(b'#');
    changed.insert(path.clone(), file(&bytes));
    all.push((path.clone(), changed));
    for name in ["kustomization.yml", "new.yaml"] {
        let beside = path.parent().unwrap_or_default().join(name).unwrap();
        let mut added = tree.clone();
        added.insert(beside.clone(), file(b"kind: Kustomization\n"));
        all.push((beside, added));
    }
    all
}

fn file(bytes: &[u8]) -> Entry {
    Entry::File {
        blob: Blob {
            id: Sha256::digest(bytes).into(),
            bytes: bytes.into(),
        },
        executable: false,
    }
}
