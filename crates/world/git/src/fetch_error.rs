//! Errors of fetches.

use std::io;

use lode_stdx::budget::Exceeded;

use crate::admission::Refused;
use crate::transport_error::TransportError;

/// Why there is no snapshot.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// The server gave no usable response.
    #[error(transparent)]
    Remote(#[from] TransportError),
    /// There is no such commit, or no reference leads to it.
    #[error("commit \"{0}\" not found")]
    Commit(String),
    /// The reference does not lead to a commit.
    #[error("the reference does not lead to a commit")]
    NoCommit,
    /// A folder of a sparse checkout does not exist.
    #[error("folder \"{0}\" of the sparse checkout does not exist in the repository")]
    Sparse(String),
    /// A name that is not allowed.
    #[error("the repository holds a file name that is not allowed: {0}")]
    FileName(String),
    /// A symbolic link whose target is not UTF-8.
    #[error("the repository holds a symbolic link that cannot be read: {0}")]
    Link(String),
    /// Files, names or work that exceed the budget.
    #[error("the repository {0}")]
    Exceeded(#[from] Exceeded),
    /// Something exceeds a limit.
    #[error("the repository holds more than {limit} {what}, the limit")]
    Limit {
        /// What exceeds it.
        what: &'static str,
        /// The limit.
        limit: u64,
    },
    /// The operation did not end in time, although the server answered.
    #[error("unpacking did not end in time")]
    Slow,
    /// An object is missing although the server should have sent it.
    #[error("the server left out an object of the commit")]
    Missing,
    /// Objects that cannot be read.
    #[error("the objects received cannot be read")]
    Corrupt,
    /// The computation can never start.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// The computation ended early, because of a defect or because the process is stopping.
    #[error("unpacking ended early, by a fault of ours or because we are stopping")]
    Broken,
    /// The cache cannot be written.
    #[error("cannot keep objects on disk: {0}")]
    Cache(#[source] io::Error),
}
