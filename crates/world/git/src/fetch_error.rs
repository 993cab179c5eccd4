//! Why there is no snapshot.

use std::io;

use lode_stdx::budget::Exceeded;

use crate::admission::Refused;
use crate::transport_error::TransportError;

/// Why there is no snapshot.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// The server gave no usable answer.
    #[error(transparent)]
    Remote(#[from] TransportError),
    /// No such commit, or none that its references lead to.
    #[error("commit \"{0}\" not found")]
    Commit(String),
    /// The reference leads to something else than a commit.
    #[error("the reference leads to no commit")]
    NoCommit,
    /// A folder of a sparse checkout does not exist.
    #[error("folder \"{0}\" of the sparse checkout does not exist in the repository")]
    Sparse(String),
    /// A name that no file may have.
    #[error("the repository holds a file name that is not allowed: {0}")]
    FileName(String),
    /// A symbolic link whose target is no text.
    #[error("the repository holds a symbolic link that cannot be read: {0}")]
    Link(String),
    /// Files, names or work that cost more than the budget has.
    #[error("the repository {0}")]
    Exceeded(#[from] Exceeded),
    /// More than we take.
    #[error("the repository holds more than {limit} {what}, the limit")]
    Limit {
        /// What there is too much of.
        what: &'static str,
        /// The limit.
        limit: u64,
    },
    /// The operation did not end in time, the answers having come.
    #[error("unpacking did not end in time")]
    Slow,
    /// An object is not there though the server should have sent it.
    #[error("the server left out an object of the commit")]
    Missing,
    /// Objects that cannot be read.
    #[error("the objects received cannot be read")]
    Corrupt,
    /// What computes may never begin.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// What computes ended early, by a fault of ours or because the process is stopping.
    #[error("unpacking ended early, by a fault of ours or because we are stopping")]
    Broken,
    /// The cache cannot be written.
    #[error("cannot keep objects on disk: {0}")]
    Cache(#[source] io::Error),
}
