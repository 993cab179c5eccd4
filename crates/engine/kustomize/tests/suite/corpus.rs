//! The location of the shared corpus, reading its archive into trees, and counting.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::PathBuf;

use lode_kustomize::{Build, Error};
use lode_tree::{Blob, Entry, RepoPath, Tree};
use sha2::{Digest as _, Sha256};

const WINDOW_LOG: u32 = 27;

/// Everything in the kustomize archive: files and links by path.
pub(crate) struct Archive {
    pub(crate) files: BTreeMap<String, Vec<u8>>,
    pub(crate) links: BTreeMap<String, String>,
}

/// The results of one set of cases.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) all: usize,
    pub(crate) same: usize,
    pub(crate) different: Vec<String>,
}

impl Archive {
    /// Reads the archive, or reports that it is missing.
    pub(crate) fn open() -> Option<Self> {
        let path = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../../../../shared/corpus/kustomize/cases.tar.zst"
        );
        let path = PathBuf::from(path);
        if !path.exists() {
            println!("{} is not here: nothing compared", path.display());
            return None;
        }
        let mut decoder = zstd::Decoder::new(File::open(path).unwrap()).unwrap();
        decoder.window_log_max(WINDOW_LOG).unwrap();
        let mut archive = Self {
            files: BTreeMap::new(),
            links: BTreeMap::new(),
        };
        for entry in tar::Archive::new(decoder).entries().unwrap() {
            let mut entry = entry.unwrap();
            let path = entry
                .path()
                .unwrap()
                .to_string_lossy()
                .trim_start_matches("./")
                .to_owned();
            if let Some(target) = entry.link_name().unwrap() {
                archive
                    .links
                    .insert(path, target.to_string_lossy().into_owned());
            } else if entry.header().entry_type().is_file() {
                let mut bytes = Vec::new();
                entry.read_to_end(&mut bytes).unwrap();
                archive.files.insert(path, bytes);
            }
        }
        Some(archive)
    }

    pub(crate) fn text(&self, path: &str) -> Option<String> {
        self.files
            .get(path)
            .map(|bytes| String::from_utf8(bytes.clone()).unwrap())
    }

    /// Returns the contents of a folder as a tree.
    pub(crate) fn tree(&self, folder: &str) -> Tree {
        let mut tree = Tree::default();
        for (path, bytes) in below(&self.files, folder) {
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
        for (path, target) in below(&self.links, folder) {
            put(&mut tree, path, Entry::Link(target.as_str().into()));
        }
        tree
    }
}

impl Tally {
    /// Compares a build with the expected result; `None` means it must fail.
    pub(crate) fn count(
        &mut self,
        name: &str,
        outcome: Result<Build, Error>,
        expected: Option<&str>,
    ) {
        self.all += 1;
        match (outcome.and_then(|build| build.text()), expected) {
            (Err(error), None) => {
                self.same += 1;
                println!("{name} fails: {error}");
            }
            (Ok(text), Some(expected)) if text == expected => self.same += 1,
            (Ok(text), Some(expected)) => self
                .different
                .push(format!("{name}: {}", difference(expected, &text))),
            (Ok(_), None) => self
                .different
                .push(format!("{name}: builds, but must fail")),
            (Err(error), Some(_)) => self.different.push(format!("{name}: {error}")),
        }
    }

    pub(crate) fn show(&self, set: &str) {
        self.different.iter().for_each(|line| println!("{line}"));
        println!("{set}: {} of {} as kustomize", self.same, self.all);
    }
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
    let tree = |repository: &str| archive.tree(&format!("kustomize/overlays/input/{repository}"));
    folders
        .into_iter()
        .map(|(repository, folders)| (tree(&repository), folders))
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
