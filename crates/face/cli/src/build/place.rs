//! [`Place`]: what a PATH on the command line names, ready to be read.
//!
//! A folder of the disk, a folder inside a `tar.gz`, or a folder of a repository. Remote bases that a kustomization on
//! the disk names are fetched when they are asked for, and stand below a folder that no disk has.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context as _, bail};
use lode_tree::{Blob, Child, Error, Loader, RepoPath, Tree};

use super::disk::Disk;
use super::remote::Spec;

/// Endings of archives.
const ARCHIVES: [&str; 2] = [".tar.gz", ".tgz"];
/// The folder below which fetched repositories stand. A disk may have one of this name, but not with what is in it.
const FETCHED: &str = "lodestone-fetched";

/// Where to build.
pub(super) struct Place {
    pub(super) loader: Box<dyn Loader>,
    pub(super) folder: RepoPath,
}

impl Place {
    /// Finds what a text names.
    pub(super) fn find(text: &str) -> anyhow::Result<Self> {
        if let Some((archive, folder)) = in_archive(text) {
            let file = File::open(archive).with_context(|| format!("open {archive}"))?;
            let tree = lode_store::read_archive(file).with_context(|| format!("read {archive}"))?;
            return Self::in_tree(tree, folder);
        }
        if !Path::new(text).exists()
            && let Some(spec) = Spec::parse(text)?
        {
            let tree = spec.fetch().with_context(|| format!("fetch {}", spec.url))?;
            return Self::in_tree(tree, &spec.folder);
        }
        let path = Path::new(text);
        if !path.exists() {
            bail!("{text}: no such folder");
        }
        if !path.is_dir() {
            bail!("{text}: is a file: name the folder of its kustomization");
        }
        let folder = Disk::path(path).with_context(|| format!("{text}: the name is not allowed"))?;
        Ok(Self { loader: Box::new(WithFetched::default()), folder })
    }

    fn in_tree(tree: Tree, folder: &str) -> anyhow::Result<Self> {
        let folder = RepoPath::parse_rooted(folder)?;
        Ok(Self { loader: Box::new(tree), folder })
    }
}

fn in_archive(text: &str) -> Option<(&str, &str)> {
    let (archive, folder) = text.split_once("//").unwrap_or((text, ""));
    let is_archive = ARCHIVES.iter().any(|ending| archive.ends_with(ending)) && Path::new(archive).is_file();
    is_archive.then_some((archive, folder))
}

/// The disk, and what was fetched.
#[derive(Default)]
struct WithFetched {
    /// By the repository and reference they came from; the position is the folder's name.
    trees: Mutex<BTreeMap<String, (usize, Arc<Tree>)>>,
}

impl WithFetched {
    /// Returns the fetched tree that a path leads into, and the path in it.
    fn fetched(&self, path: &RepoPath) -> Option<(Arc<Tree>, RepoPath, RepoPath)> {
        let rest = path.as_str().strip_prefix(FETCHED)?.strip_prefix('/')?;
        let (number, inside) = rest.split_once('/').unwrap_or((rest, ""));
        let number: usize = number.parse().ok()?;
        let trees = self.trees.lock().unwrap_or_else(PoisonError::into_inner);
        let (_, tree) = trees.values().find(|(known, _)| *known == number)?;
        let root = RepoPath::parse(&format!("{FETCHED}/{number}")).ok()?;
        Some((tree.clone(), root, RepoPath::parse(inside).ok()?))
    }
}

impl Loader for WithFetched {
    fn read(&self, path: &RepoPath) -> Result<Blob, Error> {
        match self.fetched(path) {
            Some((tree, _, inside)) => tree.read(&inside).cloned(),
            None => Disk.read(path),
        }
    }

    fn list(&self, folder: &RepoPath) -> Result<Vec<(Box<str>, Child)>, Error> {
        match self.fetched(folder) {
            Some((tree, _, inside)) => tree.list(&inside),
            None => Disk.list(folder),
        }
    }

    fn canonical(&self, path: &RepoPath) -> Result<(RepoPath, Child), Error> {
        let Some((tree, root, inside)) = self.fetched(path) else { return Disk.canonical(path) };
        let (real, child) = tree.canonical(&inside)?;
        let real = root.join(real.as_str()).map_err(|_| Error::NotFound(path.clone()))?;
        Ok((real, child))
    }

    fn fetch(&self, url: &str) -> Result<RepoPath, Error> {
        let refused = |reason: String| Error::Fetch { url: url.into(), reason: reason.into() };
        let spec = Spec::parse(url).map_err(|error| refused(format!("{error:#}")))?;
        let spec = spec.ok_or_else(|| Error::Remote(url.into()))?;
        // Held while fetching: a base that several kustomizations name is fetched once.
        let mut trees = self.trees.lock().unwrap_or_else(PoisonError::into_inner);
        let key = spec.repository();
        let number = if let Some((number, _)) = trees.get(&key) {
            *number
        } else {
            let tree = spec.fetch().map_err(|error| refused(format!("{error:#}")))?;
            let number = trees.len();
            trees.insert(key, (number, Arc::new(tree)));
            number
        };
        RepoPath::parse(&format!("{FETCHED}/{number}/{}", spec.folder)).map_err(|error| refused(error.to_string()))
    }
}
