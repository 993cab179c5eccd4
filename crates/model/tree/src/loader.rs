//! [`Loader`]: where a computation reads files and folders from.
//!
//! A [`Tree`] is a loader; a folder of the disk, read on demand, can be another.

use std::sync::Arc;

use crate::path::{Error as PathError, RepoPath};
use crate::tree::{Blob, Child, Error, Tree};

/// Reads files and folders below one root.
pub trait Loader: Sync {
    /// Returns a file's content, following links.
    ///
    /// # Errors
    /// There is no such file, it is a folder, a link is bad, or the file is too large.
    fn read(&self, path: &RepoPath) -> Result<Blob, Error>;

    /// Returns the id of a file's content; a loader that knows the id need not read the file.
    ///
    /// # Errors
    /// As [`Loader::read`].
    fn id(&self, path: &RepoPath) -> Result<[u8; 32], Error> {
        self.read(path).map(|blob| blob.id)
    }

    /// Returns the bytes of a file, where their id does not matter.
    ///
    /// # Errors
    /// As [`Loader::read`].
    fn bytes(&self, path: &RepoPath) -> Result<Arc<[u8]>, Error> {
        self.read(path).map(|blob| blob.bytes)
    }

    /// Returns the names directly in a folder, sorted; bad links are left out.
    ///
    /// # Errors
    /// There is no such folder, it is a file, or a link is bad.
    fn list(&self, folder: &RepoPath) -> Result<Vec<(Box<str>, Child)>, Error>;

    /// Resolves symbolic links in every part of `path` and returns the real path and what is there.
    ///
    /// # Errors
    /// The path leads nowhere, in a circle or out of the root.
    fn canonical(&self, path: &RepoPath) -> Result<(RepoPath, Child), Error>;

    /// Returns the path that `text` means in a file of `folder`. A loader may hold several roots,
    /// and content of one must not lead into another.
    ///
    /// # Errors
    /// The path leaves its root, or is not valid.
    fn resolve(&self, folder: &RepoPath, text: &str) -> Result<RepoPath, PathError> {
        folder.join(text)
    }

    /// Makes a remote folder available below the root and returns its path.
    ///
    /// # Errors
    /// Always, unless a loader overrides it: remote content must be fetched by a caller that can.
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
