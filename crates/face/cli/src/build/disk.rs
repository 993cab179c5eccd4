//! [`Disk`]: the files of this machine as a build reads them, each when it is asked for.
//!
//! The root is `/`, so that bases above the folder being built can be read; which of them may be is the build's rule.

use std::fs::{self, File, Metadata};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use lode_stdx::{Digest, read};
use lode_tree::{Blob, Child, Error, Loader, RepoPath};

/// The disk below `/`.
pub(super) struct Disk;

impl Disk {
    /// Returns a path of the disk, links followed, as builds name it.
    pub(super) fn path(path: &Path) -> Option<RepoPath> {
        RepoPath::parse_rooted(fs::canonicalize(path).ok()?.to_str()?).ok()
    }
}

impl Loader for Disk {
    fn read(&self, path: &RepoPath) -> Result<Blob, Error> {
        let file = File::open(real(path)).map_err(|error| refusal(path, &error))?;
        let about = file.metadata().map_err(|error| refusal(path, &error))?;
        if about.is_dir() {
            return Err(Error::IsFolder(path.clone()));
        }
        let too_large = || Error::TooLarge { path: path.clone(), size: about.len() };
        if about.len() > lode_yaml::TEXT_MAX as u64 {
            return Err(too_large());
        }
        let bytes = read::all(file, lode_yaml::TEXT_MAX as u64).map_err(|error| match error {
            read::Error::TooLong { .. } => too_large(),
            read::Error::Io(error) => refusal(path, &error),
        })?;
        Ok(Blob { id: *Digest::of(&bytes).as_bytes(), bytes: bytes.into() })
    }

    fn list(&self, folder: &RepoPath) -> Result<Vec<(Box<str>, Child)>, Error> {
        let children = fs::read_dir(real(folder)).map_err(|error| refusal(folder, &error))?;
        // A name that is no text, and a link that leads nowhere, are nothing a manifest could name.
        let mut names: Vec<(Box<str>, Child)> = children
            .filter_map(Result::ok)
            .filter_map(|child| {
                let kind = child.file_type().ok()?;
                let is_folder =
                    if kind.is_symlink() { fs::metadata(child.path()).ok()?.is_dir() } else { kind.is_dir() };
                Some((child.file_name().to_str()?.into(), if is_folder { Child::Folder } else { Child::File }))
            })
            .collect();
        names.sort();
        Ok(names)
    }

    fn canonical(&self, path: &RepoPath) -> Result<(RepoPath, Child), Error> {
        let real = fs::canonicalize(real(path)).map_err(|error| refusal(path, &error))?;
        let about: Metadata = fs::metadata(&real).map_err(|error| refusal(path, &error))?;
        let named = real.to_str().and_then(|text| RepoPath::parse_rooted(text).ok());
        let named = named.ok_or_else(|| Error::NotFound(path.clone()))?;
        Ok((named, if about.is_dir() { Child::Folder } else { Child::File }))
    }
}

fn real(path: &RepoPath) -> PathBuf {
    Path::new("/").join(path.as_str())
}

fn refusal(path: &RepoPath, error: &io::Error) -> Error {
    match error.kind() {
        ErrorKind::NotFound => Error::NotFound(path.clone()),
        ErrorKind::IsADirectory => Error::IsFolder(path.clone()),
        ErrorKind::NotADirectory => Error::IsFile(path.clone()),
        _ => Error::Unreadable { path: path.clone(), reason: error.to_string().into() },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("base")).unwrap();
        fs::write(folder.path().join("base/a.yaml"), "a").unwrap();
        for (link, target) in [("to-base", "base"), ("to-file", "base/a.yaml"), ("lost", "nowhere"), ("loop", "loop")] {
            std::os::unix::fs::symlink(target, folder.path().join(link)).unwrap();
        }
        folder
    }

    #[test]
    fn links_are_followed_and_named_by_where_they_lead() {
        let folder = folder();
        let root = Disk::path(folder.path()).unwrap();
        let at = |name: &str| root.join(name).unwrap();
        assert_eq!(&*Disk.read(&at("to-base/a.yaml")).unwrap().bytes, b"a");
        assert_eq!(Disk.canonical(&at("to-base")).unwrap(), (at("base"), Child::Folder));
        assert_eq!(Disk.canonical(&at("to-file")).unwrap(), (at("base/a.yaml"), Child::File));
        let names = Disk.list(&root).unwrap();
        let names: Vec<&str> = names.iter().map(|(name, _)| &**name).collect();
        assert_eq!(names, ["base", "to-base", "to-file"], "links that lead nowhere are left out");
    }

    #[test]
    fn what_cannot_be_read_says_why() {
        let folder = folder();
        let root = Disk::path(folder.path()).unwrap();
        let at = |name: &str| root.join(name).unwrap();
        assert_eq!(Disk.read(&at("none")), Err(Error::NotFound(at("none"))));
        assert_eq!(Disk.read(&at("base")), Err(Error::IsFolder(at("base"))));
        assert_eq!(Disk.read(&at("lost")), Err(Error::NotFound(at("lost"))));
        assert!(matches!(Disk.read(&at("loop")), Err(Error::Unreadable { .. })));
        assert_eq!(Disk.list(&at("base/a.yaml")), Err(Error::IsFile(at("base/a.yaml"))));
        File::create(folder.path().join("big")).unwrap().set_len(lode_yaml::TEXT_MAX as u64 + 1).unwrap();
        assert!(matches!(Disk.read(&at("big")), Err(Error::TooLarge { .. })));
    }
}
