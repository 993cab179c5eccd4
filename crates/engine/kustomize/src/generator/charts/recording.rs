//! [`Recording`]: a loader that records what was read through it.

use lode_stdx::Lock;
use lode_tree::{Blob, Child, Error, Loader, PathError, ReadSet, RepoPath};

use crate::input::source::BuildSource;

/// A loader that records what was read through it.
pub(super) struct Recording<'l> {
    loader: &'l dyn Loader,
    reads: Lock<ReadSet>,
}

impl<'l> Recording<'l> {
    pub(super) fn new(source: &BuildSource<'l>) -> Self {
        Self {
            loader: source.loader,
            reads: Lock::default(),
        }
    }

    /// Returns what was read.
    pub(super) fn into_reads(self) -> ReadSet {
        self.reads.into_inner()
    }
}

impl Loader for Recording<'_> {
    fn read(&self, path: &RepoPath) -> Result<Blob, Error> {
        let mut reads = self.reads.lock();
        // A link on the way may lead elsewhere later.
        reads.canonical(self.loader, path)?;
        reads.read(self.loader, path)
    }

    fn list(&self, folder: &RepoPath) -> Result<Vec<(Box<str>, Child)>, Error> {
        let mut reads = self.reads.lock();
        reads.canonical(self.loader, folder)?;
        reads.list(self.loader, folder)
    }

    fn canonical(&self, path: &RepoPath) -> Result<(RepoPath, Child), Error> {
        self.reads.lock().canonical(self.loader, path)
    }

    fn resolve(&self, folder: &RepoPath, text: &str) -> Result<RepoPath, PathError> {
        self.loader.resolve(folder, text)
    }
}
