//! [`Disk`]: the files of this machine as a build reads them, each on demand.
//!
//! Paths start at `/`, so that every file has one name. A disk with a [`Root`] reads nothing
//! outside of it: a path is checked as written, and again after its links are resolved. Without a
//! root only kustomize's own rules apply: bases may be anywhere, files only below the kustomization
//! that names them.

use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use lode_disk::regular;
use lode_stdx::{Digest, read};
use lode_tree::{Blob, Child, Error, Loader, PathError, RepoPath};

use super::root::Root;

/// The files of this machine, or of one folder of it.
pub(crate) struct Disk {
    root: Option<Root>,
}

impl Disk {
    /// Creates a disk; with a root, nothing outside of it is read.
    pub(crate) fn new(root: Option<Root>) -> Self {
        Self { root }
    }

    /// Returns a path of the disk with links resolved, as builds name it.
    pub(crate) fn path(path: &Path) -> Option<RepoPath> {
        named(&fs::canonicalize(path).ok()?)
    }

    /// Returns where a path leads after links are resolved, unless that is outside the root.
    fn inside(&self, path: &RepoPath) -> Result<PathBuf, Error> {
        let written = real(path);
        let Some(root) = &self.root else {
            return fs::canonicalize(written).map_err(|error| refusal(path, &error));
        };
        // A path outside the root is not looked up at all: the error would reveal whether it
        // exists.
        if !root.holds(&written) {
            return Err(unreadable(path, root.refusal(None)));
        }
        let found = fs::canonicalize(&written).map_err(|error| refusal(path, &error))?;
        self.held(path, found)
    }

    /// Opens a file. What was opened must be inside the root: a link may be swapped at any time.
    fn open(&self, path: &RepoPath) -> Result<File, Error> {
        let written = real(path);
        if self.root.as_ref().is_some_and(|root| !root.holds(&written)) {
            self.inside(path)?;
        }
        let opened = regular::open(&written);
        // What is outside is refused as such, whatever it is.
        match opened.as_ref().ok().and_then(regular::path_of) {
            Some(found) => self.held(path, found)?,
            None => self.inside(path)?,
        };
        opened.map_err(|error| refusal(path, &error))
    }

    /// Returns where a path leads if that is inside the root.
    fn held(&self, path: &RepoPath, found: PathBuf) -> Result<PathBuf, Error> {
        let Some(root) = self.root.as_ref().filter(|root| !root.holds(&found)) else {
            return Ok(found);
        };
        let Some((link, target)) = leaving(&real(path), root) else {
            return Err(unreadable(path, root.refusal(None)));
        };
        let link = named(&link).unwrap_or_else(|| path.clone());
        Err(unreadable(&link, root.refusal(Some((&target, &found)))))
    }
}

/// Longest file.
const SIZE_MAX: u64 = lode_yaml::TEXT_MAX as u64;

impl Loader for Disk {
    fn read(&self, path: &RepoPath) -> Result<Blob, Error> {
        let bytes = self.bytes(path)?;
        Ok(Blob {
            id: *Digest::of(&bytes).as_bytes(),
            bytes,
        })
    }

    fn bytes(&self, path: &RepoPath) -> Result<Arc<[u8]>, Error> {
        let file = self.open(path)?;
        let size = file
            .metadata()
            .map_err(|error| refusal(path, &error))?
            .len();
        let too_large = || Error::TooLarge {
            path: path.clone(),
            size,
        };
        if size > SIZE_MAX {
            return Err(too_large());
        }
        let bytes = read::expected(file, size, SIZE_MAX).map_err(|error| match error {
            read::Error::TooLong { .. } => too_large(),
            read::Error::Io(error) => refusal(path, &error),
        })?;
        Ok(bytes.into())
    }

    fn list(&self, folder: &RepoPath) -> Result<Vec<(Box<str>, Child)>, Error> {
        let children =
            fs::read_dir(self.inside(folder)?).map_err(|error| refusal(folder, &error))?;
        let mut names: Vec<(Box<str>, Child)> = Vec::new();
        for child in children.filter_map(Result::ok) {
            // No manifest can refer to a name that is not UTF-8.
            let Ok(name) = child.file_name().into_string() else {
                continue;
            };
            let Ok(path) = folder.join(&name) else {
                continue;
            };
            let Ok(kind) = child.file_type() else {
                continue;
            };
            let found = if kind.is_symlink() {
                self.behind_link(&path)
            } else {
                Some(child_of(kind))
            };
            names.extend(found.map(|found| (name.into(), found)));
        }
        names.sort();
        Ok(names)
    }

    fn canonical(&self, path: &RepoPath) -> Result<(RepoPath, Child), Error> {
        let found = self.inside(path)?;
        let about = fs::metadata(&found).map_err(|error| refusal(path, &error))?;
        let named = named(&found).ok_or_else(|| Error::NotFound(path.clone()))?;
        Ok((named, child_of(about.file_type())))
    }

    /// Resolves like the system, where `..` of the top folder is that folder; access is checked
    /// later.
    fn resolve(&self, folder: &RepoPath, text: &str) -> Result<RepoPath, PathError> {
        let mut at = folder.clone();
        for part in text.split('/') {
            at = match part {
                ".." => at.parent().unwrap_or_default(),
                // A path that begins with a slash is absolute.
                "" if text.starts_with('/') => return Err(PathError::Absolute(text.to_owned())),
                part => at.join(part)?,
            };
        }
        Ok(at)
    }
}

impl Disk {
    /// Skips dangling links. A link that leads outside is listed, so that reading it fails with the
    /// reason.
    fn behind_link(&self, path: &RepoPath) -> Option<Child> {
        match self.canonical(path) {
            Ok((_, child)) => Some(child),
            Err(Error::NotFound(_)) => None,
            Err(_) => Some(Child::File),
        }
    }
}

/// Returns the first link of a path that leaves the root, with its target as written.
fn leaving(path: &Path, root: &Root) -> Option<(PathBuf, PathBuf)> {
    let mut at = PathBuf::new();
    for part in path.components() {
        at.push(part);
        let Ok(target) = fs::read_link(&at) else {
            continue;
        };
        // Links above the root lead to the root.
        if root.holds(&at) && fs::canonicalize(&at).is_ok_and(|found| !root.holds(&found)) {
            return Some((at, target));
        }
    }
    None
}

fn child_of(kind: fs::FileType) -> Child {
    if kind.is_dir() {
        Child::Folder
    } else {
        Child::File
    }
}

fn real(path: &RepoPath) -> PathBuf {
    Path::new("/").join(path.as_str())
}

fn named(path: &Path) -> Option<RepoPath> {
    RepoPath::parse_rooted(path.to_str()?).ok()
}

fn unreadable(path: &RepoPath, reason: String) -> Error {
    Error::Unreadable {
        path: path.clone(),
        reason: reason.into(),
    }
}

fn refusal(path: &RepoPath, error: &io::Error) -> Error {
    match error.kind() {
        ErrorKind::NotFound => Error::NotFound(path.clone()),
        ErrorKind::IsADirectory => Error::IsFolder(path.clone()),
        ErrorKind::NotADirectory => Error::IsFile(path.clone()),
        _ => unreadable(path, error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::os::unix::fs::symlink;

    use super::*;

    fn folder() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("base")).unwrap();
        fs::write(folder.path().join("base/a.yaml"), "a").unwrap();
        for (link, target) in [
            ("to-base", "base"),
            ("to-file", "base/a.yaml"),
            ("lost", "nowhere"),
            ("loop", "loop"),
        ] {
            symlink(target, folder.path().join(link)).unwrap();
        }
        folder
    }

    fn rooted(folder: &Path) -> (Disk, RepoPath) {
        let root = Root::find(&folder.canonicalize().unwrap(), Some(folder)).unwrap();
        (Disk::new(root), Disk::path(folder).unwrap())
    }

    #[test]
    fn links_are_followed_and_named_by_where_they_lead() {
        let folder = folder();
        let root = Disk::path(folder.path()).unwrap();
        let at = |name: &str| root.join(name).unwrap();
        for disk in [Disk::new(None), rooted(folder.path()).0] {
            assert_eq!(&*disk.read(&at("to-base/a.yaml")).unwrap().bytes, b"a");
            assert_eq!(
                disk.canonical(&at("to-base")).unwrap(),
                (at("base"), Child::Folder)
            );
            assert_eq!(
                disk.canonical(&at("to-file")).unwrap(),
                (at("base/a.yaml"), Child::File)
            );
            let names = disk.list(&root).unwrap();
            let names: Vec<&str> = names.iter().map(|(name, _)| &**name).collect();
            assert_eq!(
                names,
                ["base", "loop", "to-base", "to-file"],
                "links that lead nowhere are left out"
            );
        }
    }

    #[test]
    fn what_cannot_be_read_says_why() {
        let folder = folder();
        let root = Disk::path(folder.path()).unwrap();
        let at = |name: &str| root.join(name).unwrap();
        let disk = Disk::new(None);
        assert_eq!(disk.read(&at("none")), Err(Error::NotFound(at("none"))));
        assert_eq!(disk.read(&at("base")), Err(Error::IsFolder(at("base"))));
        assert_eq!(disk.read(&at("lost")), Err(Error::NotFound(at("lost"))));
        assert!(matches!(
            disk.read(&at("loop")),
            Err(Error::Unreadable { .. })
        ));
        assert_eq!(
            disk.list(&at("base/a.yaml")),
            Err(Error::IsFile(at("base/a.yaml")))
        );
        File::create(folder.path().join("big"))
            .unwrap()
            .set_len(lode_yaml::TEXT_MAX as u64 + 1)
            .unwrap();
        assert!(matches!(disk.read(&at("big")), Err(Error::TooLarge { .. })));
    }

    #[test]
    fn neither_a_path_nor_a_link_leaves_the_root() {
        let folder = tempfile::tempdir().unwrap();
        let top = folder.path().join("top");
        fs::create_dir_all(top.join("a")).unwrap();
        fs::create_dir(folder.path().join("beside")).unwrap();
        fs::write(folder.path().join("beside/key"), "secret").unwrap();
        for (link, target) in [
            ("up", "../../beside"),
            ("file", "../../beside/key"),
            ("chain", "up/key"),
            ("abs", "/etc"),
        ] {
            symlink(target, top.join("a").join(link)).unwrap();
        }
        let (disk, root) = rooted(&top);
        let at = |name: &str| root.join(name).unwrap();

        for path in ["a/file", "a/up/key", "a/chain", "a/abs/hosts"] {
            let error = disk.read(&at(path)).unwrap_err();
            let text = error.to_string();
            assert!(
                text.contains("symbolic link to") && text.contains("--root"),
                "{text}"
            );
            assert_eq!(disk.canonical(&at(path)), Err(error.clone()));
            assert_eq!(disk.list(&at(path)), Err(error));
        }
        for path in ["../beside/key", "../beside/none", "../../../etc/hosts"] {
            let outside = at(path);
            let text = disk.read(&outside).unwrap_err().to_string();
            assert!(
                text.contains("is outside of") && text.contains("--root"),
                "{text}"
            );
        }
        // A listing shows that the entry exists, but not what it is.
        let names = disk.list(&at("a")).unwrap();
        assert!(
            names.iter().all(|(_, child)| *child == Child::File),
            "{names:?}"
        );
        assert_eq!(names.len(), 4);
    }
}
