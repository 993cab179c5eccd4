//! [`BuildPlace`]: what a PATH on the command line names, ready to be read.
//!
//! It is a folder of the disk, a folder in a `tar.gz`, or a folder of a repository. Remote bases
//! that a kustomization on the disk names are fetched on demand and mounted below a folder that no
//! disk has. Each of them is a root of its own: no path and no link leads from one to another or to
//! the disk.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, bail};
use lode_net::Egress;
use lode_spool::Spool;
use lode_stdx::{Lock, budget::Budget};
use lode_tree::{Blob, Child, Error, Loader, PathError, RepoPath, Tree};

use super::disk::Disk;
use super::remote::RemoteSpec;
use super::root::Root;
use crate::report::Told;

/// Endings of archives.
const ARCHIVES: [&str; 2] = [".tar.gz", ".tgz"];
/// The folder below which fetched repositories are mounted. A disk may have a folder of this name,
/// but not with these contents.
const FETCHED: &str = "lodestone-fetched";

/// Where to build.
pub(super) enum BuildPlace {
    /// A folder of the disk with links resolved, and the root that its files may be read from.
    Disk {
        /// The folder within it.
        folder: PathBuf,
        /// The root that reads must not leave.
        root: Option<Root>,
        /// Where connections to its remote bases may lead.
        egress: Egress,
    },
    /// A folder of an archive or a repository.
    Tree {
        /// All its files.
        tree: Tree,
        /// The folder within it.
        folder: RepoPath,
    },
}

impl BuildPlace {
    /// Finds what a text names. Files of the disk are read below `root`, or below the default root;
    /// without any, a build that may read any file below its root is refused.
    pub(super) fn find(
        text: &str,
        root: Option<&Path>,
        reads_any_file: bool,
        egress: &Egress,
    ) -> anyhow::Result<Self> {
        if let Some((archive, folder)) = in_archive(text) {
            let file = File::open(archive).with_context(|| format!("open {archive}"))?;
            let tree = lode_store::read_archive(
                file,
                &mut Spool::new(std::env::temp_dir()),
                &Budget::new(lode_store::BUDGET),
            );
            let tree = tree.with_context(|| format!("read {archive}"))?;
            return Self::in_tree(tree, folder);
        }
        if !Path::new(text).exists()
            && let Some(spec) = RemoteSpec::parse(text)?
        {
            let tree = spec
                .fetch(egress)
                .with_context(|| format!("fetch {}", spec.url))?;
            return Self::in_tree(tree, &spec.folder);
        }
        let path = Path::new(text);
        if !path.exists() {
            bail!("{text}: no such folder");
        }
        if !path.is_dir() {
            bail!("{text}: is a file: name the folder of its kustomization");
        }
        let folder = fs::canonicalize(path).with_context(|| format!("{text}: follow links"))?;
        let root = Root::find(&folder, root)?;
        if root.is_none() && reads_any_file {
            bail!(Told::new(
                format!("{text}: the root folder of the source is unknown"),
                "name it with --root DIR; in a Git checkout, and below the current folder, it is not needed"
            ));
        }
        Ok(Self::Disk {
            folder,
            root,
            egress: egress.clone(),
        })
    }

    /// Returns the top folder of the place's files, as its loader names it.
    pub(super) fn top(&self) -> RepoPath {
        match self {
            Self::Disk { folder, root, .. } => {
                let top = root.as_ref().map_or(&**folder, Root::path);
                Disk::path(top).unwrap_or_default()
            }
            Self::Tree { .. } => RepoPath::root(),
        }
    }

    /// Returns a loader for the place's files, and the folder as the loader names it.
    pub(super) fn loader(self) -> anyhow::Result<(Box<dyn Loader>, RepoPath)> {
        match self {
            Self::Disk {
                folder,
                root,
                egress,
            } => {
                let named = Disk::path(&folder);
                let named = named
                    .with_context(|| format!("{}: the name is not allowed", folder.display()))?;
                Ok((
                    Box::new(WithFetched {
                        disk: Disk::new(root),
                        egress,
                        trees: Lock::default(),
                    }),
                    named,
                ))
            }
            Self::Tree { tree, folder } => Ok((Box::new(tree), folder)),
        }
    }

    fn in_tree(tree: Tree, folder: &str) -> anyhow::Result<Self> {
        let folder = RepoPath::parse_rooted(folder)?;
        Ok(Self::Tree { tree, folder })
    }
}

fn in_archive(text: &str) -> Option<(&str, &str)> {
    let (archive, folder) = text.split_once("//").unwrap_or((text, ""));
    let is_archive =
        ARCHIVES.iter().any(|ending| archive.ends_with(ending)) && Path::new(archive).is_file();
    is_archive.then_some((archive, folder))
}

/// The disk, with the fetched repositories mounted.
struct WithFetched {
    disk: Disk,
    egress: Egress,
    /// By repository and reference; the number is the name of the folder.
    trees: Lock<BTreeMap<String, (usize, Arc<Tree>)>>,
}

/// A path in a fetched repository.
struct Inside {
    tree: Arc<Tree>,
    /// Where the repository is mounted.
    top: RepoPath,
    /// The path below that.
    path: RepoPath,
}

impl WithFetched {
    /// Returns the path in a fetched repository, if the path is in one.
    fn fetched(&self, path: &RepoPath) -> Option<Inside> {
        let rest = path.as_str().strip_prefix(FETCHED)?.strip_prefix('/')?;
        let (number, inside) = rest.split_once('/').unwrap_or((rest, ""));
        let number: usize = number.parse().ok()?;
        let trees = self.trees.lock();
        let (_, tree) = trees.values().find(|(known, _)| *known == number)?;
        let top = RepoPath::parse(&format!("{FETCHED}/{number}")).ok()?;
        Some(Inside {
            tree: tree.clone(),
            top,
            path: RepoPath::parse(inside).ok()?,
        })
    }
}

impl Loader for WithFetched {
    fn read(&self, path: &RepoPath) -> Result<Blob, Error> {
        match self.fetched(path) {
            Some(inside) => inside.tree.read(&inside.path),
            None => self.disk.read(path),
        }
    }

    fn list(&self, folder: &RepoPath) -> Result<Vec<(Box<str>, Child)>, Error> {
        match self.fetched(folder) {
            Some(inside) => inside.tree.list(&inside.path),
            None => self.disk.list(folder),
        }
    }

    fn canonical(&self, path: &RepoPath) -> Result<(RepoPath, Child), Error> {
        let Some(inside) = self.fetched(path) else {
            return self.disk.canonical(path);
        };
        let (real, child) = inside.tree.canonical(&inside.path)?;
        let real = inside
            .top
            .join(real.as_str())
            .map_err(|_| Error::NotFound(path.clone()))?;
        Ok((real, child))
    }

    fn resolve(&self, folder: &RepoPath, text: &str) -> Result<RepoPath, PathError> {
        match self.fetched(folder) {
            // Joined below the repository's top, so a path that leaves it cannot be expressed.
            Some(inside) => inside.top.join(inside.path.join(text)?.as_str()),
            None => match self.disk.resolve(folder, text)? {
                path if self.fetched(&path).is_some() => Err(PathError::Escapes(text.to_owned())),
                path => Ok(path),
            },
        }
    }

    fn fetch(&self, url: &str) -> Result<RepoPath, Error> {
        let refused = |reason: String| Error::Fetch {
            url: url.into(),
            reason: reason.into(),
        };
        let spec = RemoteSpec::parse(url).map_err(|error| refused(format!("{error:#}")))?;
        let spec = spec.ok_or_else(|| Error::Remote(url.into()))?;
        // Locked while fetching, so that a base that several kustomizations name is fetched once.
        let mut trees = self.trees.lock();
        let key = spec.repository();
        let number = if let Some((number, _)) = trees.get(&key) {
            *number
        } else {
            let tree = spec
                .fetch(&self.egress)
                .map_err(|error| refused(format!("{error:#}")))?;
            let number = trees.len();
            trees.insert(key, (number, Arc::new(tree)));
            number
        };
        let folder = RepoPath::parse(&spec.folder).map_err(|error| refused(error.to_string()))?;
        RepoPath::parse(&format!("{FETCHED}/{number}/{folder}"))
            .map_err(|error| refused(error.to_string()))
    }
}
