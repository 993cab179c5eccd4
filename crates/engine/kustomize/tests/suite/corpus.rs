//! The location of the shared corpus, reading its archive into trees, and counting.

use std::collections::BTreeMap;

use cases::{Archive, Score};
use lode_kustomize::{Build, Error};
use lode_tree::{Blob, Entry, RepoPath, Tree};
use sha2::{Digest as _, Sha256};

/// Counts a build that must come out as expected; nothing expected: it must fail.
pub(crate) fn count(
    score: &mut Score,
    name: &str,
    outcome: Result<Build, Error>,
    expected: Option<&str>,
) {
    let outcome = outcome.and_then(|build| build.text());
    let is_right = match (&outcome, expected) {
        (Ok(text), Some(expected)) => text == expected,
        (Err(_), None) => true,
        _ => false,
    };
    score.add(is_right, || match (outcome, expected) {
        (Ok(text), Some(expected)) => format!("{name}: {}", difference(expected, &text)),
        (Ok(_), None) => format!("{name}: builds, but must fail"),
        (Err(error), _) => format!("{name}: {error}"),
    });
}

/// Returns what lies below a folder of the archive as a tree.
pub(crate) fn tree(archive: &Archive, folder: &str) -> Tree {
    let mut tree = Tree::default();
    for (path, bytes) in below(&archive.files, folder) {
        let blob = Blob {
            id: Sha256::digest(bytes).into(),
            bytes: bytes.as_slice().into(),
        };
        put(
            &mut tree,
            path,
            Entry::File {
                blob,
                executable: false,
            },
        );
    }
    for (path, target) in below(&archive.links, folder) {
        put(&mut tree, path, Entry::Link(target.as_str().into()));
    }
    tree
}

/// Returns each repository of the overlays as a tree, with the folders built in it.
pub(crate) fn repositories(archive: &Archive) -> Vec<(Tree, Vec<RepoPath>)> {
    let expected = "kustomize/overlays/expected/";
    let mut folders: BTreeMap<String, Vec<RepoPath>> = BTreeMap::new();
    for path in archive
        .files
        .keys()
        .filter(|path| path.starts_with(expected))
    {
        let name = path.trim_start_matches(expected).trim_end_matches(".yaml");
        let Some((repository, folder)) = folder_of(archive, name) else {
            continue;
        };
        folders.entry(repository).or_default().push(folder);
    }
    folders
        .into_iter()
        .map(|(repository, folders)| {
            let input = format!("kustomize/overlays/input/{repository}");
            (tree(archive, &input), folders)
        })
        .collect()
}

/// Finds the folder for an expectation's name: `__` stands for a slash, but a name may also contain
/// `__` itself.
pub(crate) fn folder_of(archive: &Archive, name: &str) -> Option<(String, RepoPath)> {
    let (repository, _) = name.split_once("__")?;
    let root = format!("kustomize/overlays/input/{repository}/");
    archive
        .files
        .range(root.clone()..)
        .map(|(path, _)| path)
        .take_while(|path| path.starts_with(&root))
        .filter_map(|path| path[root.len()..].rsplit_once('/'))
        .find(|(folder, _)| format!("{repository}__{}", folder.replace('/', "__")) == name)
        .and_then(|(folder, _)| Some((repository.to_owned(), RepoPath::parse(folder).ok()?)))
}

fn put(tree: &mut Tree, path: &str, entry: Entry) {
    if let Ok(path) = RepoPath::parse(path) {
        tree.insert(path, entry);
    }
}

fn below<'m, T>(
    map: &'m BTreeMap<String, T>,
    folder: &'m str,
) -> impl Iterator<Item = (&'m str, &'m T)> {
    map.range(folder.to_owned()..)
        .take_while(move |(path, _)| path.starts_with(folder))
        .filter_map(move |(path, value)| {
            Some((path.strip_prefix(folder)?.strip_prefix('/')?, value))
        })
}

fn difference(want: &str, got: &str) -> String {
    let mut lines = want.lines().zip(got.lines()).enumerate();
    match lines.find(|(_, (want, got))| want != got) {
        Some((line, (want, got))) => format!("line {}: want {want:?}, got {got:?}", line + 1),
        None => format!(
            "{} lines wanted, {} came",
            want.lines().count(),
            got.lines().count()
        ),
    }
}
