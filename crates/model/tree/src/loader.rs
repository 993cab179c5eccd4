//! [`Loader`]: where a computation reads files and folders, whatever stands behind it.
//!
//! A [`Tree`] is one; a folder of the disk, read as it is asked for, can be another.

use crate::path::{Error as PathError, RepoPath};
use crate::tree::{Blob, Child, Error, Tree};

/// Reads files and folders below one root.
pub trait Loader: Sync {
    /// Returns a file's content, links followed.
    ///
    /// # Errors
    /// No such file, a folder, a bad link, or a file too large to be carried.
    fn read(&self, path: &RepoPath) -> Result<Blob, Error>;

    /// Returns the id of a file's content; a loader that knows it need not read the file.
    ///
    /// # Errors
    /// As [`Loader::read`].
    fn id(&self, path: &RepoPath) -> Result<[u8; 32], Error> {
        self.read(path).map(|blob| blob.id)
    }

    /// Returns the names directly in a folder, sorted; names that are bad links are left out.
    ///
    /// # Errors
    /// No such folder, a file, or a bad link.
    fn list(&self, folder: &RepoPath) -> Result<Vec<(Box<str>, Child)>, Error>;

    /// Follows symbolic links in every part of `path` and returns where it really leads and what is there.
    ///
    /// # Errors
    /// The path leads nowhere, in a circle or out of the root.
    fn canonical(&self, path: &RepoPath) -> Result<(RepoPath, Child), Error>;

    /// Returns the path that a file in `folder` means by `text`. What names paths inside a loader is content, and
    /// content must not lead from one of several roots into another.
    ///
    /// # Errors
    /// The path leaves its root, or cannot be said.
    fn resolve(&self, folder: &RepoPath, text: &str) -> Result<RepoPath, PathError> {
        folder.join(text)
    }

    /// Brings something remote below the root and returns where it is.
    ///
    /// # Errors
    /// Always, unless a loader says otherwise: what is remote needs a caller who fetches it.
    fn fetch(&self, url: &str) -> Result<RepoPath, Error> {
        Err(Error::Remote(url.into()))
    }
}

impl Loader for Tree {
    fn read(&self, path: &RepoPath) -> Result<Blob, Error> {
        Self::read(self, path)
    }

    fn id(&self, path: &RepoPath) -> Result<[u8; 32], Error> {
        Self::id(self, path)
    }

    fn list(&self, folder: &RepoPath) -> Result<Vec<(Box<str>, Child)>, Error> {
        Self::list(self, folder)
    }

    fn canonical(&self, path: &RepoPath) -> Result<(RepoPath, Child), Error> {
        Self::canonical(self, path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tree_fetches_nothing() {
        let tree = Tree::from_iter([("a", "1")]);
        let loader: &dyn Loader = &tree;
        assert_eq!(
            &*loader.read(&RepoPath::parse("a").unwrap()).unwrap().bytes,
            b"1"
        );
        assert_eq!(
            loader.fetch("https://host/x"),
            Err(Error::Remote("https://host/x".into()))
        );
    }
}
